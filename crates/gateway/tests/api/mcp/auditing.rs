//! What is on record of a command is the same, whichever way it was asked for.

use serde_json::{Value, json};

use super::client::{Client, REVISIONS};
use crate::support::{Answer, Event, TestGateway, events};

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

/// What a request over MCP has left, but for the events that tell of others.
async fn told(gateway: &TestGateway, answer: &Answer) -> Vec<(String, String, u64)> {
    let listed = gateway.as_admin("GET", "/api/v1/audit?order=oldest&limit=1000").send().await.data();
    let id = answer.header("x-request-id");
    let own = listed.as_array().unwrap().iter().filter(|event| event["request_id"] == id);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    own.map(|event| (text(&event["action"]), text(&event["outcome"]), event["uses"].as_u64().unwrap()))
        .collect()
}

#[tokio::test]
async fn what_is_read_run_and_denied_over_mcp_is_told_as_over_http() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let (agent, reader) = (gateway.token().issue().await, gateway.token().scope("read").issue().await);
    let run = |command: &str| {
        let arguments = json!({ "page": "README.md", "command": [command] });
        ("tools/call", json!({ "name": "run_command", "arguments": arguments }))
    };
    for revision in REVISIONS {
        let page = json!({ "name": "read_page", "arguments": { "path": "guide.md" } });
        for (token, (method, params), expected) in [
            (&agent, ("tools/list", json!({})), &[("api.call", "allowed", 1)][..]),
            (&agent, ("tools/call", page), &[("page.read", "allowed", 1)]),
            (&agent, run("ls"), &[("run.begin", "allowed", 1), ("run.end", "allowed", 0)]),
            (&agent, run("rm"), &[("run.refuse", "refused", 1)]),
            (&reader, run("ls"), &[("access.deny", "scope", 1)]),
        ] {
            let answer = Client::new(&gateway, token, revision).send(method, params).await;
            let seen = told(&gateway, &answer).await;
            let seen: Vec<_> = seen
                .iter()
                .map(|(action, outcome, uses)| (action.as_str(), outcome.as_str(), *uses))
                .collect();
            assert_eq!(seen, expected, "{method} in {revision}: {}", answer.text());
        }
    }
}
