//! What is counted of a token's uses is what the log tells of them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Issued, TestGateway};

fn told_uses(events: &[Value]) -> BTreeMap<String, u64> {
    let mut told = BTreeMap::<String, u64>::new();
    for event in events {
        if let Some(token) = event["token_id"].as_str() {
            *told.entry(token.to_owned()).or_default() += event["uses"].as_u64().unwrap();
        }
    }
    told
}

#[tokio::test]
async fn the_counters_equal_the_log_for_a_mixed_load_and_after_a_restart() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let tokens: Vec<Issued> = join_all((0..3).map(|_| gateway.token().issue())).await;
    let reader = gateway.token().scope("read").issue().await;
    let calls = (0..120_usize).map(|number| {
        let token = &tokens[number % 3];
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        match number % 8 {
            0 => gateway.call("POST", "/e/docs/README.md").json(&json!({ "command": ["ls"] })),
            1 => gateway.call("POST", "/e/docs/README.md").json(&json!({ "command": ["rm"] })),
            2 => gateway.get("/e/docs/nothing"),
            3 => gateway.get("/api/v1/tokens"),
            4 => gateway.get("/api/v1/environments"),
            5 => gateway
                .call("POST", "/e/docs/mcp")
                .json(&list)
                .header("accept", "application/json, text/event-stream"),
            6 => gateway.get("/e/nowhere"),
            _ => gateway.get("/e/docs/guide"),
        }
        .token(&token.value)
        .send()
    });
    join_all(calls).await;
    let rotate = format!("/api/v1/tokens/{}/rotate", reader.id);
    let second = Issued::in_answer(&gateway.as_admin("POST", &rotate).json(&json!({})).send().await);
    for value in [&second.value, &reader.value, &second.value] {
        gateway.get("/e/docs/guide").token(value).send().await;
    }
    let assert_equal = async |gateway: &TestGateway| {
        let told = told_uses(&gateway.told().await);
        for (token, expected) in tokens.iter().map(|token| (token, 40)).chain([(&reader, 2)]) {
            assert_eq!(gateway.record(token).await["usage_count"], expected);
            assert_eq!(told[&token.id], expected);
            let usage = gateway.usage(token, "").await;
            let days: u64 =
                usage["days"].as_array().unwrap().iter().map(|day| day["count"].as_u64().unwrap()).sum();
            assert_eq!(days, expected);
        }
    };
    assert_equal(&gateway).await;
    assert_equal(&gateway.restart().await).await;
}

impl TestGateway {
    async fn usage(&self, token: &Issued, query: &str) -> Value {
        let path = format!("/api/v1/tokens/{}/usage{query}", token.id);
        self.as_admin("GET", &path).send().await.data()
    }
}

#[tokio::test]
async fn uses_are_shown_by_day_environment_and_address() {
    let gateway = TestGateway::start_with(|settings| settings.behind_proxy = true).await;
    let docs = gateway.deploy("docs").await;
    let token = gateway.token().issue().await;
    let ask = async |path: &str, from: &str| {
        let call = gateway.get(path).token(&token.value).header("x-forwarded-for", from);
        assert_eq!(call.header("user-agent", from).send().await.status, 200);
    };
    ask("/e/docs/guide", "192.0.2.1").await;
    ask("/e/docs/guide", "192.0.2.2").await;
    ask("/api/v1/environments", "192.0.2.1").await;
    gateway.advance(std::time::Duration::from_hours(24));
    for last in 3..=7 {
        ask("/e/docs/guide", &format!("192.0.2.{last}")).await;
        gateway.advance(std::time::Duration::from_secs(1));
    }
    let usage = gateway.usage(&token, "").await;
    let day = |date: &str, environment: Value, count: u64| json!({ "date": date, "environment_id": environment, "count": count });
    let today = day("2026-01-02", json!(docs), 5);
    let all = [day("2026-01-01", Value::Null, 1), day("2026-01-01", json!(docs), 2), today.clone()];
    assert_eq!(usage["days"], json!(all));
    let addresses = usage["addresses"].as_array().unwrap();
    let seen: Vec<&str> = addresses.iter().map(|from| from["address"].as_str().unwrap()).collect();
    assert_eq!(seen, ["192.0.2.7", "192.0.2.6", "192.0.2.5", "192.0.2.4", "192.0.2.3"]);
    assert_eq!(addresses[0]["user_agent"], "192.0.2.7");
    assert_eq!(addresses[0]["last_used_at"], "2026-01-02T00:00:04Z");
    assert_eq!(gateway.usage(&token, "?days=1").await["days"], json!([today]));
    let path = format!("/api/v1/tokens/{}/usage", token.id);
    for days in ["0", "401"] {
        gateway.as_admin("GET", &format!("{path}?days={days}")).send().await.assert_invalid("days");
    }
    let only = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let hidden = gateway.get(&path).token(&only.value).send().await;
    let missing = gateway.get("/api/v1/tokens/tok-aaaaaaaaaaab/usage").token(&only.value).send().await;
    hidden.assert_problem(404, "not-found");
    assert_eq!(hidden.without_request_id(), {
        let mut same = missing.without_request_id();
        same.body = hidden.body.clone();
        same
    });
}
