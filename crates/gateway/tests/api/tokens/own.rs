//! `/api/v1/tokens/self`: what every living token may do with itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Issued, TestGateway};

impl TestGateway {
    async fn rotate_self(&self, token: &Issued, body: &Value) -> Answer {
        self.call("POST", "/api/v1/tokens/self/rotate").token(&token.value).json(body).send().await
    }
}

#[tokio::test]
async fn every_living_token_sees_its_own_record() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for scope in ["read", "execute", "admin"] {
        for token in [gateway.token().scope(scope), gateway.token().scope(scope).only(&["docs"])] {
            let token = token.issue().await;
            let own = gateway.get("/api/v1/tokens/self").token(&token.value).send().await;
            assert_eq!(own.data(), gateway.record(&token).await);
            assert_eq!(own.data()["id"], token.id);
            assert!(own.data().get("token").is_none());
        }
    }
    gateway.get("/api/v1/tokens/self").send().await.assert_problem(401, "unauthorized");
    for (method, path) in [("DELETE", "/api/v1/tokens/self"), ("POST", "/api/v1/tokens/self/rotate")] {
        gateway.call(method, path).send().await.assert_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_token_that_rotates_itself_keeps_the_old_value_until_the_new_one_is_used() {
    let gateway = TestGateway::start().await;
    for body in [json!({}), json!({ "grace_seconds": 0 })] {
        let old = gateway.token().scope("read").issue().await;
        let answer = gateway.rotate_self(&old, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.data()["generation"], 2);
        let new = Issued::in_answer(&answer);
        gateway.advance(Duration::from_hours(48));
        assert!(gateway.is_alive(&old.value).await);
        assert!(gateway.is_alive(&new.value).await);
        assert!(!gateway.is_alive(&old.value).await);
    }
}

#[tokio::test]
async fn a_token_that_rotates_itself_may_give_the_old_value_a_grace() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().scope("read").issue().await;
    let new = Issued::in_answer(&gateway.rotate_self(&old, &json!({ "grace_seconds": 60 })).await);
    assert!(gateway.is_alive(&new.value).await);
    gateway.advance(Duration::from_secs(59));
    assert!(gateway.is_alive(&old.value).await);
    gateway.advance(Duration::from_secs(1));
    assert!(!gateway.is_alive(&old.value).await);
}

#[tokio::test]
async fn pitfall_14_an_honest_retry_after_a_lost_answer_gets_a_value_that_works() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().scope("read").issue().await;
    let lost = Issued::in_answer(&gateway.rotate_self(&old, &json!({})).await);
    let retried = Issued::in_answer(&gateway.rotate_self(&old, &json!({})).await);
    assert!(gateway.is_alive(&retried.value).await);
    assert!(!gateway.is_alive(&lost.value).await, "there are never two new values");
    assert_eq!(gateway.record(&old).await["generation"], 3);
}

#[tokio::test]
async fn pitfall_14_once_the_new_value_is_used_a_late_retry_with_the_old_one_kills_nothing() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().scope("read").issue().await;
    let winner = Issued::in_answer(&gateway.rotate_self(&old, &json!({ "grace_seconds": 60 })).await);
    assert!(gateway.is_alive(&winner.value).await);
    for body in [json!({}), json!({ "generation": 1 }), json!({ "generation": 2 })] {
        gateway.rotate_self(&old, &body).await.assert_problem(409, "conflict");
    }
    assert!(gateway.is_alive(&winner.value).await && gateway.is_alive(&old.value).await);
    assert_eq!(gateway.record(&old).await["generation"], 2);
}

#[tokio::test]
async fn pitfall_09_a_token_that_rotates_itself_can_narrow_and_not_widen() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    gateway.deploy("other").await;
    let token = gateway.token().only(&["docs"]).set("expires_at", "2026-02-01T00:00:00Z").issue().await;
    let before = gateway.world().await;
    for body in [
        json!({ "scope": "admin" }),
        json!({ "new_scope": "environments:admin" }),
        json!({ "environment_scope": { "type": "all" } }),
        json!({ "expires_at": "2026-02-01T00:00:00.000001Z" }),
        json!({ "expires_at": "never" }),
        json!({ "new_expires_at": "2030-01-01" }),
    ] {
        let answer = gateway.rotate_self(&token, &body).await;
        answer.assert_problem(403, "escalation");
        assert_eq!(answer.header("www-authenticate"), "", "{body}");
    }
    for body in [
        json!({ "allowed_environment_ids": ["docs", "other"] }),
        json!({ "environment_scope": { "type": "restricted", "environment_ids": ["docs", "nowhere"] } }),
    ] {
        let answer = gateway.rotate_self(&token, &body).await;
        answer.assert_problem(422, "invalid");
        assert!(
            answer.json()["errors"][0]["message"].as_str().unwrap().starts_with("there is no environment")
        );
    }
    assert_eq!(gateway.world().await, before);
    let narrow = json!({
        "scope": "read", "expires_at": "2026-01-15", "name": "narrow", "allowed_environment_ids": [docs],
    });
    let answer = gateway.rotate_self(&token, &narrow).await;
    let data = answer.data();
    assert_eq!(data["scope"], "environments:read");
    assert_eq!(data["expires_at"], "2026-01-16T00:00:00Z");
    // What was given up is not had again, also with the old value in its grace.
    for holder in [&Issued::in_answer(&answer), &token] {
        let back = gateway.rotate_self(holder, &json!({ "scope": "execute" })).await;
        assert!(matches!(back.status, 401 | 403), "{}", back.text());
    }
}

#[tokio::test]
async fn pitfall_06_the_weakest_token_revokes_itself() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let token = gateway.token().scope("read").only(&["docs"]).issue().await;
    gateway.as_admin("DELETE", "/api/v1/environments/docs").send().await.data();
    // No body and no content type, as the original product's clients send it.
    let answer = gateway.call("DELETE", "/api/v1/tokens/self").token(&token.value).send().await;
    let data = answer.data();
    assert_eq!((&data["status"], &data["revoked_by"]), (&json!("revoked"), &json!(token.id)));
    let again = gateway.call("DELETE", "/api/v1/tokens/self").token(&token.value).send().await;
    again.assert_problem(401, "invalid-token");
    let other = gateway.token().scope("read").issue().await;
    let call = gateway.call("DELETE", "/api/v1/tokens/self").token(&other.value);
    assert_eq!(call.json(&json!({ "reason": "done" })).send().await.data()["revocation_reason"], "done");
}

#[tokio::test]
async fn an_old_value_in_its_grace_may_revoke_the_token() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().scope("read").issue().await;
    let new = Issued::in_answer(&gateway.rotate_self(&old, &json!({ "grace_seconds": 60 })).await);
    gateway.call("DELETE", "/api/v1/tokens/self").token(&old.value).send().await.data();
    assert!(!gateway.is_alive(&new.value).await && !gateway.is_alive(&old.value).await);
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused_and_the_token_lives_on() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().scope("read").issue().await;
    let before = gateway.world().await;
    for (method, path, body, field) in [
        ("POST", "/api/v1/tokens/self/rotate", json!({ "scopes": [] }), "scopes"),
        ("POST", "/api/v1/tokens/self/rotate", json!({ "name": "" }), "name"),
        ("POST", "/api/v1/tokens/self/rotate", json!({ "grace_seconds": 604_801 }), "grace_seconds"),
        ("DELETE", "/api/v1/tokens/self", json!({ "reason": "" }), "reason"),
        ("DELETE", "/api/v1/tokens/self", json!({ "force": true }), "force"),
    ] {
        gateway.call(method, path).token(&token.value).json(&body).send().await.assert_invalid(field);
        let broken = gateway.call(method, path).token(&token.value).bytes("application/json", b"{".to_vec());
        broken.send().await.assert_problem(400, "bad-request");
        let text = gateway.call(method, path).token(&token.value).bytes("text/plain", b"{}".to_vec());
        text.send().await.assert_problem(415, "unsupported-media-type");
    }
    assert_eq!(gateway.world().await, before);
    assert!(gateway.is_alive(&token.value).await);
}
