//! `POST /api/v1/introspect` (RFC 7662).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Issued, TestGateway, unknown_value};

const FORM: &str = "application/x-www-form-urlencoded";

async fn introspect(gateway: &TestGateway, by: &Issued, value: &str) -> Value {
    let answer = ask(gateway, by, FORM, &format!("token={value}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

async fn ask(gateway: &TestGateway, by: &Issued, content_type: &str, body: &str) -> Answer {
    let call = gateway.call("POST", "/api/v1/introspect").token(&by.value);
    call.bytes(content_type, body.as_bytes().to_vec()).send().await
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[tokio::test]
async fn an_administrator_is_told_what_a_value_may_do() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    let organization = gateway.record(&gateway.admin).await["organization_id"].clone();
    let token = gateway.token().only(&["docs"]).set("expires_at", "2026-01-02T00:00:00.5Z").issue().await;
    assert_eq!(
        introspect(&gateway, &gateway.admin, &token.value).await,
        json!({
            "active": true,
            "scope": "environments:read environments:execute",
            "sub": token.id,
            "username": "test",
            "token_type": "Bearer",
            "exp": 1_767_312_000,
            "iat": 1_767_225_600,
            "organization_id": organization,
            "allowed_environments": [docs],
        })
    );
    let endless = gateway.token().scope("admin").issue().await;
    let told = introspect(&gateway, &gateway.admin, &endless.value).await;
    assert_eq!(told["scope"], "environments:read environments:execute environments:admin");
    assert!(
        told.get("exp").is_none() && told.get("allowed_environments").is_none_or(Value::is_null),
        "{told}"
    );
}

#[tokio::test]
async fn every_token_may_ask_about_itself() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for token in [gateway.token().scope("read"), gateway.token().scope("read").only(&["docs"])] {
        let token = token.issue().await;
        let told = introspect(&gateway, &token, &token.value).await;
        assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(token.id)));
    }
}

#[tokio::test]
async fn a_value_in_its_grace_is_told_with_what_it_has_left() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().scope("admin").issue().await;
    gateway.advance(Duration::from_secs(10));
    let path = format!("/api/v1/tokens/{}/rotate", old.id);
    let body = json!({ "grace_seconds": 60, "scope": "read" });
    let new = Issued::in_answer(&gateway.as_admin("POST", &path).json(&body).send().await);
    let told = introspect(&gateway, &gateway.admin, &old.value).await;
    assert_eq!((&told["scope"], &told["iat"]), (&json!("environments:read"), &json!(1_767_225_600)));
    let told = introspect(&gateway, &gateway.admin, &new.value).await;
    assert_eq!((&told["scope"], &told["iat"]), (&json!("environments:read"), &json!(1_767_225_610)));
    // Asking is no use of it: the old value lives on until there is one.
    gateway.advance(Duration::from_hours(1));
    assert_eq!(introspect(&gateway, &gateway.admin, &old.value).await["active"], true);
}

#[tokio::test]
async fn of_a_value_that_is_dead_unknown_or_none_only_that_is_told() {
    let gateway = TestGateway::start().await;
    let revoked = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    let expired = gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await;
    let rotated = gateway.token().issue().await;
    gateway.as_admin("POST", &format!("/api/v1/tokens/{}/rotate", rotated.id)).send().await.data();
    gateway.advance(Duration::from_hours(1));
    for value in [
        &revoked.value,
        &expired.value,
        &rotated.value,
        &unknown_value(1),
        "",
        "nonsense",
        "tf_",
        &revoked.id,
        "%00",
        "%ff",
    ] {
        assert_eq!(introspect(&gateway, &gateway.admin, value).await, inactive(), "{value}");
    }
}

#[tokio::test]
async fn who_does_not_dominate_a_token_is_told_that_it_is_inactive() {
    let gateway = TestGateway::start().await;
    for name in ["docs", "other"] {
        gateway.deploy(name).await;
    }
    let some = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let within = gateway.token().only(&["docs"]).issue().await;
    let outside = gateway.token().only(&["docs", "other"]).issue().await;
    assert_eq!(introspect(&gateway, &some, &within.value).await["active"], true);
    for value in [&outside.value, &gateway.admin.value] {
        assert_eq!(introspect(&gateway, &some, value).await, inactive());
    }
    for scope in ["read", "execute"] {
        let low = gateway.token().scope(scope).issue().await;
        assert_eq!(introspect(&gateway, &low, &within.value).await, inactive());
    }
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused() {
    let gateway = TestGateway::start_with(|settings| settings.limits.json_bytes_max = 1000).await;
    let admin = gateway.admin.clone();
    for body in ["", "tokens=x", "Token=x", "access_token=x"] {
        ask(&gateway, &admin, FORM, body).await.assert_invalid("token");
    }
    let form = format!("token={}", admin.value);
    for content_type in ["application/json", "text/plain", "", "multipart/form-data"] {
        ask(&gateway, &admin, content_type, &form).await.assert_problem(415, "unsupported-media-type");
    }
    let large = format!("{form}&x={}", "y".repeat(1000));
    ask(&gateway, &admin, FORM, &large).await.assert_problem(413, "too-large");
    // The standard's hint is allowed, and whatever else a client adds.
    let hinted = format!("token_type_hint=access_token&{form}&x=1");
    assert_eq!(
        ask(&gateway, &admin, "application/x-www-form-urlencoded; charset=utf-8", &hinted).await.json()["active"],
        true
    );
}

#[tokio::test]
async fn asking_takes_a_living_token() {
    let gateway = TestGateway::start().await;
    let body = format!("token={}", gateway.admin.value).into_bytes();
    let stranger = gateway.call("POST", "/api/v1/introspect").bytes(FORM, body.clone());
    stranger.send().await.assert_problem(401, "unauthorized");
    let bad = gateway.call("POST", "/api/v1/introspect").token(&unknown_value(1)).bytes(FORM, body);
    bad.send().await.assert_problem(401, "invalid-token");
}

#[tokio::test]
async fn a_store_that_fails_is_not_told_as_an_inactive_token() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    gateway.database().execute_batch("ALTER TABLE token_generations RENAME TO gone").unwrap();
    let answer = ask(&gateway, &gateway.admin, FORM, &format!("token={}", token.value)).await;
    answer.assert_problem(503, "unavailable");
}
