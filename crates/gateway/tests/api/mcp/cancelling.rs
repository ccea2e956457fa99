//! Cancelling: the command ends on the server, and its end is on record.

use serde_json::json;

use super::client::{Client, REVISIONS};
use crate::support::{Call, Issued, Napper, TestGateway, events, eventually};

const PAGE: &str = "---\ntools:\n  - command: [sleep, {}, ;]\n    timeout: 5m\n---\n";

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    gateway
}

fn sleep(client: &Client<'_>, napper: &Napper, with_progress: bool) -> Call {
    let arguments = json!({ "page": "", "command": ["sleep", napper.seconds()] });
    let mut params = json!({ "name": "run_command", "arguments": arguments });
    if with_progress {
        params["_meta"] = json!({ "progressToken": 1 });
    }
    client.request("tools/call", params)
}

async fn last_outcome(gateway: &TestGateway, runs: usize) -> serde_json::Value {
    let ended = async || {
        let ends = events(gateway.data(), "run.end");
        (ends.len() == runs).then(|| ends.last().map(|end| end.detail["outcome"].clone())).flatten()
    };
    eventually("the run's end event", ended).await
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_command() {
    let gateway = start().await;
    let mut runs = 0;
    for revision in REVISIONS {
        for with_progress in [false, true] {
            let napper = Napper::new();
            let client = Client::new(&gateway, &gateway.admin, revision);
            let running = tokio::spawn(sleep(&client, &napper, with_progress).send());
            napper.fall_asleep().await;
            running.abort();
            napper.be_gone().await;
            runs += 1;
            assert_eq!(last_outcome(&gateway, runs).await, "ended", "{revision}, progress: {with_progress}");
        }
    }
}

async fn cancel(client: &Client<'_>, session: &str) {
    let params = json!({ "requestId": 7, "reason": "changed my mind" });
    let message = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    let call = client.post(&message).header("mcp-protocol-version", client.revision);
    assert_eq!(call.header("mcp-session-id", session).send().await.status, 202);
}

#[tokio::test]
async fn a_notification_in_the_same_session_ends_the_command() {
    let gateway = start().await;
    let other: Issued = gateway.token().issue().await;
    let mut runs = 0;
    for revision in ["2025-06-18", "2025-11-25"] {
        for with_progress in [false, true] {
            let napper = Napper::new();
            let client = Client::new(&gateway, &gateway.admin, revision);
            let call = sleep(&client, &napper, with_progress).header("mcp-session-id", "session-1");
            let running = tokio::spawn(call.send());
            napper.fall_asleep().await;
            // Another session of the same token, and another token in a session of the same name.
            cancel(&client, "session-2").await;
            cancel(&Client::new(&gateway, &other, revision), "session-1").await;
            assert!(napper.is_asleep());
            cancel(&client, "session-1").await;
            napper.be_gone().await;
            assert!(running.await.unwrap().text().contains("cancelled"));
            runs += 1;
            assert_eq!(last_outcome(&gateway, runs).await, "ended");
        }
    }
}

#[tokio::test]
async fn a_gateway_that_stops_ends_what_runs_and_records_it() {
    let gateway =
        TestGateway::start_with(|settings| settings.limits.drain_time = std::time::Duration::ZERO).await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    let nappers = [Napper::new(), Napper::new()];
    for (napper, with_progress) in nappers.iter().zip([false, true]) {
        let client = Client::new(&gateway, &gateway.admin, "2025-11-25");
        tokio::spawn(sleep(&client, napper, with_progress).send());
        napper.fall_asleep().await;
    }
    let directory = gateway.stop().await;
    for napper in &nappers {
        assert!(!napper.is_asleep());
    }
    assert_eq!(events(&directory.path().join("data"), "run.end").len(), 2);
}
