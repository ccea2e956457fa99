//! No escalation: a token gives only what it has, and an administrator of some environments touches only the
//! tokens that it dominates.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Issued, TestGateway};

/// A gateway with `docs`, `other` and `third`, and an administrator of the first two.
async fn with_an_administrator_of_some() -> (TestGateway, Issued) {
    let gateway = TestGateway::start().await;
    for name in ["docs", "other", "third"] {
        gateway.deploy(name).await;
    }
    let some = gateway.token().scope("admin").only(&["docs", "other"]).issue().await;
    (gateway, some)
}

fn asked(environments: &Value) -> Value {
    json!({ "name": "a", "scope": "read", "allowed_environment_ids": environments })
}

/// Gets, rotates and revokes it.
async fn touches(gateway: &TestGateway, by: &Issued, id: &str) -> [Answer; 3] {
    let call = |method: &str, below: &str| {
        gateway.call(method, &format!("/api/v1/tokens/{id}{below}")).token(&by.value).send()
    };
    [call("GET", "").await, call("POST", "/rotate").await, call("DELETE", "").await]
}

#[tokio::test]
async fn pitfall_09_an_administrator_of_some_environments_makes_tokens_within_them_only() {
    let (gateway, some) = with_an_administrator_of_some().await;
    for environments in [json!(["docs"]), json!(["other", "docs"])] {
        let answer = gateway.create(&some, &asked(&environments)).await;
        assert_eq!(answer.data()["created_by"], some.id);
    }
    let within = json!({ "name": "a", "scope": "admin", "allowed_environment_ids": ["docs"] });
    assert_eq!(gateway.create(&some, &within).await.status, 201);
    let before = gateway.world().await;
    for all in [json!({ "name": "a", "scope": "read" }), asked(&Value::Null)] {
        let answer = gateway.create(&some, &all).await;
        answer.assert_problem(403, "escalation");
        assert_eq!(answer.header("www-authenticate"), "");
    }
    // What it does not have is answered like what does not exist.
    let answers = [
        gateway.create(&some, &asked(&json!(["third"]))).await,
        gateway.create(&some, &asked(&json!(["fourth"]))).await,
    ];
    for (answer, name) in answers.iter().zip(["third", "fourth"]) {
        let told = answer.assert_invalid("allowed_environment_ids[0]");
        assert_eq!(told, format!("there is no environment {name:?}"));
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn pitfall_12_what_an_administrator_does_not_dominate_is_answered_like_what_does_not_exist() {
    let (gateway, some) = with_an_administrator_of_some().await;
    let hidden = [
        gateway.token().scope("read").issue().await,
        gateway.token().scope("read").only(&["third"]).issue().await,
        gateway.token().scope("read").only(&["docs", "third"]).issue().await,
        gateway.admin.clone(),
    ];
    let before = gateway.world().await;
    let absent = touches(&gateway, &some, "tok-aaaaaaaaaaaa").await;
    for answer in &absent {
        answer.assert_problem(404, "not-found");
    }
    for token in &hidden {
        for (answer, absent) in touches(&gateway, &some, &token.id).await.iter().zip(&absent) {
            assert_eq!(answer.without_request_id(), absent.without_request_id());
        }
        // Also with bodies that would not fit, or would be conflicts.
        for body in [json!({ "generation": 7 }), json!({ "expires_at": "2025-01-01" })] {
            let answer = gateway.rotate(&some, token, &body).await;
            let nothing = Issued { id: "tok-aaaaaaaaaaaa".to_owned(), value: String::new() };
            let absent = gateway.rotate(&some, &nothing, &body).await;
            assert_eq!(answer.without_request_id(), absent.without_request_id(), "{body}");
        }
    }
    assert_eq!(gateway.world().await, before);
    for token in &hidden {
        assert!(gateway.is_alive(&token.value).await);
    }
}

#[tokio::test]
async fn an_administrator_of_some_environments_handles_the_tokens_that_it_dominates() {
    let (gateway, some) = with_an_administrator_of_some().await;
    let token = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let [got, rotated, revoked] = touches(&gateway, &some, &token.id).await;
    assert_eq!(got.data()["id"], token.id);
    assert_eq!(rotated.data()["generation"], 2);
    assert_eq!(revoked.data()["revoked_by"], some.id);
    // An equal is dominated too, and so is whoever made the token.
    let equal = gateway.token().scope("admin").only(&["other", "docs"]).issue().await;
    assert_eq!(touches(&gateway, &some, &equal.id).await.map(|answer| answer.status), [200; 3]);
}

#[tokio::test]
async fn pitfall_10_overlapping_is_not_being_contained() {
    let (gateway, some) = with_an_administrator_of_some().await;
    let wider = gateway.token().scope("admin").only(&["docs", "other", "third"]).issue().await;
    let answers = touches(&gateway, &some, &wider.id).await;
    for answer in answers {
        answer.assert_problem(404, "not-found");
    }
    // The wider one handles the narrower.
    assert_eq!(touches(&gateway, &wider, &some.id).await[0].status, 200);
}

#[tokio::test]
async fn pitfall_09_a_rotation_is_judged_by_the_record_as_it_would_be_afterwards() {
    let (gateway, some) = with_an_administrator_of_some().await;
    let token = gateway.token().scope("read").only(&["docs"]).issue().await;
    let before = gateway.world().await;
    let widened = gateway.rotate(&some, &token, &json!({ "environment_scope": { "type": "all" } })).await;
    widened.assert_problem(403, "escalation");
    for environments in [json!(["docs", "third"]), json!(["third"])] {
        let body = json!({ "allowed_environment_ids": environments });
        gateway.rotate(&some, &token, &body).await.assert_problem(422, "invalid");
    }
    assert_eq!(gateway.world().await, before);
    let body = json!({ "allowed_environment_ids": ["other"], "scope": "admin" });
    assert_eq!(gateway.rotate(&some, &token, &body).await.data()["scope"], "environments:admin");
}

#[tokio::test]
async fn pitfall_09_a_token_that_expires_gives_no_lifetime_beyond_its_own() {
    let gateway = TestGateway::start().await;
    let boss = gateway.token().scope("admin").set("expires_at", "2026-02-01T00:00:00Z").issue().await;
    let endless = gateway.token().issue().await;
    let before = gateway.world().await;
    for expiry in
        [json!(null), json!("2026-02-01T00:00:00.000001Z"), json!("2026-02-01"), json!("2030-01-01")]
    {
        let body = json!({ "name": "a", "scope": "read", "expires_at": expiry });
        gateway.create(&boss, &body).await.assert_problem(403, "escalation");
        // Not even by leaving another token's lifetime as it is.
        let body = json!({ "expires_at": expiry });
        gateway.rotate(&boss, &endless, &body).await.assert_problem(403, "escalation");
    }
    gateway.rotate(&boss, &endless, &json!({})).await.assert_problem(403, "escalation");
    gateway
        .rotate(&boss, &endless, &json!({ "expires_at": "never" }))
        .await
        .assert_problem(403, "escalation");
    assert_eq!(gateway.world().await, before);
    for expiry in ["2026-02-01T00:00:00Z", "2026-01-31"] {
        let body = json!({ "name": "a", "scope": "admin", "expires_at": expiry });
        assert_eq!(gateway.create(&boss, &body).await.status, 201, "{expiry}");
    }
    let shortened = gateway.rotate(&boss, &endless, &json!({ "expires_at": "2026-02-01T00:00:00Z" })).await;
    assert_eq!(shortened.status, 200, "{}", shortened.text());
}

#[tokio::test]
async fn pitfall_09_a_value_in_its_grace_gives_only_what_it_has_left() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let boss = gateway.token().scope("admin").issue().await;
    let narrow = json!({ "grace_seconds": 3600, "allowed_environment_ids": ["docs"] });
    gateway.rotate(&gateway.admin, &boss, &narrow).await.data();
    gateway.advance(Duration::from_secs(1));
    let all = json!({ "name": "a", "scope": "read" });
    gateway.create(&boss, &all).await.assert_problem(403, "escalation");
    assert_eq!(gateway.create(&boss, &asked(&json!(["docs"]))).await.status, 201);
}

#[tokio::test]
async fn what_a_rotation_takes_from_the_actor_itself_is_still_answered() {
    let (gateway, some) = with_an_administrator_of_some().await;
    let answer = gateway.rotate(&some, &some, &json!({ "scope": "read" })).await;
    let new = Issued::in_answer(&answer);
    gateway.get("/api/v1/tokens").token(&new.value).send().await.assert_problem(403, "insufficient-scope");
}
