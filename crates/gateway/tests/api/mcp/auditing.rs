//! What is on record of a command is the same, whichever way it was asked for.

use serde_json::{Value, json};

use super::client::{Client, REVISIONS};
use crate::support::{Event, TestGateway, events};

/// All but what differs from one run to the next.
fn lasting(mut event: Event) -> (String, Value) {
    for field in ["begin", "duration_ms"] {
        if let Some(detail) = event.detail.as_object_mut() {
            detail.remove(field);
        }
    }
    (event.action, event.detail)
}

#[tokio::test]
async fn a_command_is_recorded_as_over_http() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let token = gateway.token().issue().await;
    gateway.run(&token, "docs", &["echo", "12345"]).await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &token, revision);
        let arguments = json!({ "page": "README.md", "command": ["echo", "12345"] });
        let params = json!({ "name": "run_command", "arguments": arguments });
        let answer = client.send("tools/call", params).await;
        let recorded = events(gateway.data(), "run.");
        let id = Some(answer.header("x-request-id").to_owned());
        assert_eq!(recorded.last().unwrap().request_id, id);
    }
    let recorded: Vec<_> = events(gateway.data(), "run.").into_iter().map(lasting).collect();
    assert_eq!(recorded.len(), 2 * (1 + REVISIONS.len()));
    for pair in recorded.chunks(2) {
        assert_eq!(pair, &recorded[..2]);
    }
}

#[tokio::test]
async fn a_command_that_is_refused_leaves_no_run_on_record() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let reader = gateway.token().scope("read").issue().await;
    for revision in REVISIONS {
        for (token, command) in [(&reader, "ls"), (&gateway.admin, "rm")] {
            let arguments = json!({ "page": "README.md", "command": [command] });
            Client::new(&gateway, token, revision).tool("run_command", arguments).await;
        }
    }
    assert!(events(gateway.data(), "run.").is_empty());
}
