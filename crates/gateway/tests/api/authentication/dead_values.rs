//! Values that are no longer valid: their holders are told why, and nobody else.

use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, Issued, TestGateway, unknown_value};

const EXPIRY: &str = "2026-01-01T01:00:00Z";

#[track_caller]
fn assert_told(answer: &Answer, description: &str) {
    answer.assert_problem(401, "invalid-token");
    let expected =
        format!(r#"Bearer realm="toolfront", error="invalid_token", error_description="{description}""#);
    assert_eq!(answer.header("www-authenticate"), expected);
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn rotated(gateway: &TestGateway, token: &Issued) -> Issued {
    let path = format!("/api/v1/tokens/{}/rotate", token.id);
    Issued::in_answer(&gateway.as_admin("POST", &path).send().await)
}

async fn revoke(gateway: &TestGateway, token: &Issued) -> Answer {
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id)).send().await
}

#[tokio::test]
async fn who_holds_a_dead_value_is_told_how_it_ended() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let expired = gateway.token().set("expires_at", EXPIRY).issue().await;
    let (revoked, old) = (gateway.token().issue().await, gateway.token().issue().await);
    let current = rotated(&gateway, &old).await;
    revoke(&gateway, &revoked).await.data();
    gateway.advance(Duration::from_hours(1));
    let before = gateway.world().await;
    for (value, description) in [
        (&expired.value, "the token has expired"),
        (&revoked.value, "the token was revoked"),
        (&old.value, "the token was rotated, this value is no longer valid"),
    ] {
        for path in ["/e/docs/guide", "/api/v1/tokens/self", "/api/v1/tokens", "/api/v1/authorize"] {
            assert_told(&gateway.get(path).token(value).send().await, description);
        }
        for (method, path) in [
            ("DELETE", "/api/v1/tokens/self"),
            ("POST", "/api/v1/tokens/self/rotate"),
            ("POST", "/api/v1/introspect"),
        ] {
            assert_told(&gateway.call(method, path).token(value).send().await, description);
        }
        let body = json!({ "command": ["ls"] });
        assert_told(&gateway.call("POST", "/e/docs").token(value).json(&body).send().await, description);
    }
    assert_eq!(gateway.world().await, before);
    assert_eq!(gateway.get("/e/docs/guide").token(&current.value).send().await.status, 200);
    for token in [&expired, &revoked] {
        assert_eq!(gateway.record(token).await["usage_count"], 0, "a refused value is not used");
    }
}

#[tokio::test]
async fn revoked_beats_rotated_and_rotated_beats_expired() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().set("expires_at", EXPIRY).issue().await;
    let ask = || gateway.get("/api/v1/tokens/self").token(&token.value).send();
    rotated(&gateway, &token).await;
    gateway.advance(Duration::from_hours(2));
    assert_told(&ask().await, "the token was rotated, this value is no longer valid");
    revoke(&gateway, &token).await.data();
    assert_told(&ask().await, "the token was revoked");
}

#[tokio::test]
async fn who_does_not_hold_the_right_value_is_told_only_that_there_is_none() {
    let gateway = TestGateway::start().await;
    let revoked = gateway.token().issue().await;
    revoke(&gateway, &revoked).await.data();
    let ask = |value: String| gateway.get("/api/v1/tokens/self").token(&value).send();
    assert_told(&ask(unknown_value(1)).await, "no such token");
    let checksum = "the token's checksum does not fit: it was mistyped or cut";
    let letters = "a token has only the letters a-z and A-Z and digits after tf_";
    let last = if revoked.value.ends_with('0') { "1" } else { "0" };
    for (value, description) in [
        (format!("{}{last}", &revoked.value[..42]), checksum),
        (revoked.value.replacen("tf_", "tf_x", 1)[..43].to_owned(), checksum),
        (revoked.value.to_uppercase().replacen("TF_", "tf_", 1), checksum),
        (format!("{}-", &revoked.value[..42]), letters),
        (format!("{}'", &revoked.value[..42]), letters),
        (revoked.value[..42].to_owned(), "a token has 43 characters, this has 42"),
        (format!("{}x", revoked.value), "a token has 43 characters, this has 44"),
        ("tf_".to_owned(), "a token has 43 characters, this has 3"),
        (revoked.value[3..].to_owned(), "a token begins with tf_"),
        (revoked.value.to_uppercase(), "a token begins with tf_"),
        ("tok-aaaaaaaaaaaa".to_owned(), "a token begins with tf_"),
        (revoked.id.clone(), "a token begins with tf_"),
        ("null".to_owned(), "a token begins with tf_"),
    ] {
        assert_told(&ask(value).await, description);
    }
}

#[tokio::test]
async fn a_token_is_valid_strictly_before_its_expiry() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().set("expires_at", EXPIRY).issue().await;
    let ask = || gateway.get("/api/v1/tokens/self").token(&token.value).send();
    gateway.advance(Duration::from_hours(1).saturating_sub(Duration::from_micros(1)));
    assert_eq!(ask().await.status, 200);
    assert_eq!(gateway.record(&token).await["status"], "active");
    gateway.advance(Duration::from_micros(1));
    assert_told(&ask().await, "the token has expired");
    let record = gateway.record(&token).await;
    assert_eq!((&record["status"], &record["is_active"]), (&json!("expired"), &json!(false)));
}

#[tokio::test]
async fn pitfall_20_a_lifetime_of_less_than_any_unit_is_not_an_endless_one() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().set("expires_at", "2026-01-01T00:00:00.000001Z").issue().await;
    let ask = || gateway.get("/api/v1/tokens/self").token(&token.value).send();
    let answer = ask().await;
    assert_eq!(answer.data()["expires_at"], "2026-01-01T00:00:00.000001Z");
    gateway.advance(Duration::from_micros(1));
    assert_told(&ask().await, "the token has expired");
    let before = gateway.world().await;
    for shorter in ["2026-01-01T00:00:00.0000019Z", "2026-01-01T00:00:00.000001999Z", "1970-01-01T00:00:00Z"]
    {
        let body = json!({ "name": "short", "scope": "read", "expires_at": shorter });
        let answer = gateway.as_admin("POST", "/api/v1/tokens").json(&body).send().await;
        assert_eq!(answer.assert_invalid("expires_at"), "the expiry lies in the past", "{shorter}");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn pitfall_16_a_look_up_in_flight_does_not_bring_a_revoked_token_back() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for _ in 0..5 {
        let token = gateway.token().issue().await;
        let calls = (0..20).map(|_| gateway.get("/e/docs/guide").token(&token.value).send());
        let (answers, revoked) =
            tokio::join!(futures_util::future::join_all(calls), revoke(&gateway, &token));
        revoked.data();
        for answer in answers {
            assert!(matches!(answer.status, 200 | 401), "{}", answer.text());
        }
        let calls = (0..20).map(|_| gateway.get("/e/docs/guide").token(&token.value).send());
        for answer in futures_util::future::join_all(calls).await {
            assert_told(&answer, "the token was revoked");
        }
    }
}
