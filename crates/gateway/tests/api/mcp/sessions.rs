//! Nothing outlives a token: a session's id carries no right.

use serde_json::{Value, json};

use super::client::{Client, REVISIONS};
use crate::support::{Napper, TestGateway};

/// `$$1` is the shell's own `$1`.
const PAGE: &str = "---\ntools:\n  - command: [sleep, {}, ;]\n    timeout: 5m\n---\n";

fn initialize(revision: &str) -> Value {
    json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } })
}

#[tokio::test]
async fn pitfall_18_a_session_ends_with_its_token() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for revision in ["2025-06-18", "2025-11-25"] {
        let token = gateway.token().issue().await;
        let client = Client::new(&gateway, &token, revision);
        let begun = client.send("initialize", initialize(revision)).await;
        let session = begun.header("mcp-session-id").to_owned();
        assert_eq!(session.len(), 32, "{session}");
        let list =
            async || client.request("tools/list", json!({})).header("mcp-session-id", &session).send().await;
        assert_eq!(list().await.status, 200);
        gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id)).send().await.data();
        list().await.assert_problem(401, "invalid-token");
        // Nor does it let anybody in without a token, or say what another one may see.
        let nobody = Client { token: None, ..client };
        let answer = nobody.request("tools/list", json!({})).header("mcp-session-id", &session).send().await;
        answer.assert_problem(401, "unauthorized");
        let reader = gateway.token().scope("read").issue().await;
        let other = Client::new(&gateway, &reader, revision);
        let answer = other.request("tools/list", json!({})).header("mcp-session-id", &session).send().await;
        assert_eq!(answer.json()["result"]["tools"].as_array().map(Vec::len), Some(2));
    }
}

#[tokio::test]
async fn what_a_token_may_see_is_judged_anew_at_every_request() {
    let gateway = TestGateway::start().await;
    let id = gateway.deploy("docs").await;
    gateway.deploy("other").await;
    let token = gateway.token().only(&[&id]).issue().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &token, revision);
        assert_eq!(client.tools().await.len(), 3);
    }
    let narrowed = json!({ "scope": "read", "grace_seconds": 0 });
    let path = format!("/api/v1/tokens/{}/rotate", token.id);
    let rotated = gateway.as_admin("POST", &path).json(&narrowed).send().await;
    let rotated = crate::support::Issued::in_answer(&rotated);
    for revision in REVISIONS {
        assert_eq!(Client::new(&gateway, &token, revision).send("tools/list", json!({})).await.status, 401);
        assert_eq!(Client::new(&gateway, &rotated, revision).tools().await.len(), 2);
    }
}

#[tokio::test]
async fn pitfall_18_revoking_with_kill_ends_a_command_that_runs() {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    for revision in REVISIONS {
        let (token, napper) = (gateway.token().issue().await, Napper::new());
        let arguments = json!({ "page": "", "command": ["sleep", napper.seconds()] });
        let params = json!({ "name": "run_command", "arguments": arguments });
        let call = Client::new(&gateway, &token, revision).request("tools/call", params);
        let running = tokio::spawn(call.send());
        napper.fall_asleep().await;
        let revoke = gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id));
        revoke.json(&json!({ "kill": true })).send().await.data();
        let answer = running.await.unwrap().json();
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert!(super::client::text(&answer["result"]).contains("ended with it"), "{answer}");
        napper.be_gone().await;
    }
}
