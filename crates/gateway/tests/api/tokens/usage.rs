//! Uses are counted exactly: across values, requests at once, and restarts.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Issued, TestGateway};

async fn uses(gateway: &TestGateway, token: &Issued) -> Value {
    gateway.record(token).await["usage_count"].clone()
}

#[tokio::test]
async fn every_request_that_is_let_in_counts_and_none_that_is_not() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let token = gateway.token().scope("read").only(&["docs"]).issue().await;
    for (path, status) in [
        ("/e/docs/guide", 200),
        ("/e/docs/nothing", 404),
        ("/e/nowhere", 404),
        ("/api/v1/tokens", 403),
        ("/api/v1/environments", 200),
        ("/api/v1/authorize?environment=nowhere", 403),
    ] {
        assert_eq!(gateway.get(path).token(&token.value).send().await.status, status, "{path}");
    }
    assert_eq!(uses(&gateway, &token).await, 6, "what was refused for its action was let in");
    gateway.get("/healthz").token(&token.value).send().await;
    gateway.get("/nowhere").token(&token.value).send().await;
    assert_eq!(uses(&gateway, &token).await, 6, "nobody asked for the token there");
    let own = gateway.get("/api/v1/tokens/self").token(&token.value).send().await.data();
    assert_eq!(own["usage_count"], 7, "the call that asks is counted");
}

#[tokio::test]
async fn the_last_use_is_told_with_its_time_address_and_program() {
    let gateway = TestGateway::start_with(|settings| settings.behind_proxy = true).await;
    let token = gateway.token().issue().await;
    let call = |agent: Option<&str>, from: &str| {
        let call = gateway.get("/api/v1/environments").token(&token.value).header("x-forwarded-for", from);
        match agent {
            Some(agent) => call.header("user-agent", agent).send(),
            None => call.send(),
        }
    };
    gateway.advance(Duration::from_secs(1));
    call(Some("curl/8.9"), "203.0.113.7").await.json();
    let record = gateway.record(&token).await;
    assert_eq!(record["last_used_at"], "2026-01-01T00:00:01Z");
    assert_eq!(record["last_used_ip"], "203.0.113.7");
    assert_eq!(record["last_used_user_agent"], "curl/8.9");
    gateway.advance(Duration::from_secs(1));
    call(Some(&"x".repeat(300)), "2001:db8::7").await.json();
    let record = gateway.record(&token).await;
    assert_eq!(record["last_used_at"], "2026-01-01T00:00:02Z");
    assert_eq!(record["last_used_ip"], "2001:db8::7");
    assert_eq!(record["last_used_user_agent"], "x".repeat(200));
    call(None, "203.0.113.8").await.json();
    let record = gateway.record(&token).await;
    assert_eq!(record["last_used_user_agent"], Value::Null);
    assert_eq!(record["last_used_ip"], "203.0.113.8");
    assert_eq!(record["usage_count"], 3);
}

#[tokio::test]
async fn requests_at_once_are_all_counted() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let tokens = [gateway.token().issue().await, gateway.token().issue().await];
    for round in 1..=3 {
        let calls = (0..100).map(|number| {
            let value = &tokens[usize::from(number % 4 == 0)].value;
            gateway.get("/e/docs/notes.txt").token(value).send()
        });
        let (answers, _) = tokio::join!(join_all(calls), gateway.world());
        assert!(answers.iter().all(|answer| answer.status == 200));
        assert_eq!(uses(&gateway, &tokens[0]).await, 75 * round);
        assert_eq!(uses(&gateway, &tokens[1]).await, 25 * round);
    }
}

#[tokio::test]
async fn uses_are_told_for_each_value_and_summed_across_them() {
    let gateway = TestGateway::start().await;
    let first = gateway.token().issue().await;
    let body = json!({ "grace_seconds": 3600 });
    let ask = async |token: &Issued, times: usize| {
        for _ in 0..times {
            assert!(gateway.is_alive(&token.value).await);
        }
    };
    ask(&first, 3).await;
    let second = Issued::in_answer(&gateway.rotate(&gateway.admin, &first, &body).await);
    ask(&second, 2).await;
    ask(&first, 1).await;
    let third = gateway.rotate(&gateway.admin, &first, &body).await;
    assert_eq!(third.data()["usage_by_generation"], json!([4, 2, 0]));
    ask(&Issued::in_answer(&third), 5).await;
    let record = gateway.record(&first).await;
    assert_eq!(record["usage_by_generation"], json!([4, 2, 5]));
    assert_eq!(record["usage_count"], 11);
}

#[tokio::test]
async fn uses_survive_a_restart_and_go_on_being_counted() {
    let mut gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    for round in 1..=3_u64 {
        for _ in 0..7 {
            let call = gateway.get("/api/v1/environments").token(&token.value);
            assert_eq!(call.header("user-agent", &format!("round {round}")).send().await.status, 200);
        }
        // Nothing is asked for in between: the uses are in memory when the gateway is told to stop.
        gateway = gateway.restart().await;
        let record = gateway.record(&token).await;
        assert_eq!(record["usage_count"], 7 * round);
        assert_eq!(record["last_used_user_agent"], format!("round {round}"));
        assert_eq!(record["last_used_ip"], "127.0.0.1");
    }
}

#[tokio::test]
async fn an_introspected_value_is_not_used_by_that() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let form = format!("token={}", token.value).into_bytes();
    let call = gateway.as_admin("POST", "/api/v1/introspect");
    let answer = call.bytes("application/x-www-form-urlencoded", form).send().await;
    assert_eq!(answer.json()["active"], true);
    assert_eq!(uses(&gateway, &token).await, 0);
}
