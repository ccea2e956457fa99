//! `DELETE /api/v1/tokens/{id}`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Issued, TestGateway};

async fn revoke(gateway: &TestGateway, token: &Issued, body: Option<Value>) -> Answer {
    let call = gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id));
    match body {
        None => call.send().await,
        Some(body) => call.json(&body).send().await,
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_answer_on() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for body in [None, Some(json!({})), Some(json!({ "reason": null })), Some(json!({ "reason": "left" }))] {
        let token = gateway.token().issue().await;
        assert!(gateway.is_alive(&token.value).await);
        let answer = revoke(&gateway, &token, body.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let data = answer.data();
        assert_eq!((&data["status"], &data["is_active"]), (&json!("revoked"), &json!(false)));
        assert_eq!(data["revoked_at"], "2026-01-01T00:00:00Z");
        assert_eq!(data["revoked_by"], gateway.admin.id);
        assert_eq!(data["revocation_reason"], body.map_or(Value::Null, |body| body["reason"].clone()));
        assert!(data.get("token").is_none());
        for path in ["/e/docs/guide", "/api/v1/tokens/self", "/api/v1/environments"] {
            let answer = gateway.get(path).token(&token.value).send().await;
            answer.assert_problem(401, "invalid-token");
        }
        gateway.run(&token, "docs", &["ls"]).await.assert_problem(401, "invalid-token");
    }
}

#[tokio::test]
async fn revoking_again_answers_what_the_first_one_left() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let first = revoke(&gateway, &token, Some(json!({ "reason": " it leaked " }))).await.data();
    assert_eq!(first["revocation_reason"], "it leaked");
    gateway.advance(Duration::from_mins(1));
    let other = gateway.token().scope("admin").issue().await;
    for body in [json!({ "reason": "another" }), json!({})] {
        let path = format!("/api/v1/tokens/{}", token.id);
        let again = gateway.call("DELETE", &path).token(&other.value).json(&body).send().await;
        assert_eq!(again.data(), first);
    }
    assert_eq!(revoke(&gateway, &token, None).await.data(), first);
}

#[tokio::test]
async fn every_value_of_a_revoked_token_is_dead_in_its_grace_or_not_and_after_a_restart() {
    let gateway = TestGateway::start().await;
    let first = gateway.token().issue().await;
    let second = gateway.rotate(&gateway.admin, &first, &json!({ "grace_seconds": 3600 })).await;
    let second = Issued::in_answer(&second);
    assert!(gateway.is_alive(&first.value).await && gateway.is_alive(&second.value).await);
    revoke(&gateway, &first, None).await.data();
    assert!(!gateway.is_alive(&first.value).await && !gateway.is_alive(&second.value).await);
    let gateway = gateway.restart().await;
    for value in [&first.value, &second.value] {
        let answer = gateway.get("/api/v1/tokens/self").token(value).send().await;
        answer.assert_problem(401, "invalid-token");
        assert!(answer.header("www-authenticate").contains("the token was revoked"));
    }
}

#[tokio::test]
async fn an_expired_token_can_be_revoked() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await;
    gateway.advance(Duration::from_hours(2));
    assert_eq!(revoke(&gateway, &token, None).await.data()["status"], "revoked");
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused_and_the_token_lives_on() {
    let gateway = TestGateway::start_with(|settings| settings.limits.json_bytes_max = 4000).await;
    let token = gateway.token().issue().await;
    let before = gateway.world().await;
    for (body, field) in [
        (json!({ "reason": "" }), "reason"),
        (json!({ "reason": " \n" }), "reason"),
        (json!({ "reason": "x".repeat(501) }), "reason"),
        (json!({ "reason": "a\u{1b}b" }), "reason"),
        (json!({ "reason": 7 }), "body"),
        (json!({ "kill": "yes" }), "body"),
        (json!({ "why": "x" }), "why"),
        (json!([]), "body"),
    ] {
        revoke(&gateway, &token, Some(body)).await.assert_invalid(field);
    }
    let send = |content_type: &str, body: &[u8]| {
        let call = gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id));
        call.bytes(content_type, body.to_vec()).send()
    };
    send("application/json", b"{").await.assert_problem(400, "bad-request");
    send("text/plain", b"{}").await.assert_problem(415, "unsupported-media-type");
    send("application/json", &[b' '; 4001]).await.assert_problem(413, "too-large");
    assert_eq!(gateway.world().await, before);
    assert!(gateway.is_alive(&token.value).await);
    let longest = json!({ "reason": "x".repeat(500), "kill": true });
    revoke(&gateway, &token, Some(longest)).await.data();
}

#[tokio::test]
async fn revoking_another_token_takes_the_scope_admin_whatever_the_id() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    for id in [token.id.as_str(), "tok-aaaaaaaaaaaa", "x"] {
        let path = format!("/api/v1/tokens/{id}");
        gateway.call("DELETE", &path).send().await.assert_problem(401, "unauthorized");
        for scope in ["read", "execute"] {
            let low = gateway.token().scope(scope).issue().await;
            let answer = gateway.call("DELETE", &path).token(&low.value).send().await;
            answer.assert_problem(403, "insufficient-scope");
            assert!(answer.header("www-authenticate").contains(r#"scope="environments:admin""#));
        }
    }
    assert!(gateway.is_alive(&token.value).await);
    let absent = gateway.as_admin("DELETE", "/api/v1/tokens/tok-aaaaaaaaaaaa").send().await;
    absent.assert_problem(404, "not-found");
}

#[tokio::test]
async fn an_administrator_may_revoke_whoever_made_it() {
    let gateway = TestGateway::start().await;
    let made = gateway.token().scope("admin").issue().await;
    let path = format!("/api/v1/tokens/{}", gateway.admin.id);
    let data = gateway.call("DELETE", &path).token(&made.value).send().await.data();
    assert_eq!(data["revoked_by"], made.id);
    assert!(!gateway.is_alive(&gateway.admin.value).await);
    assert!(gateway.is_alive(&made.value).await, "what a token made outlives it");
}
