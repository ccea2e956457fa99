//! `Idempotency-Key` on create and rotate.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Issued, TestGateway};

async fn post(gateway: &TestGateway, by: &Issued, path: &str, key: &str, body: &Value) -> Answer {
    gateway.call("POST", path).token(&by.value).header("Idempotency-Key", key).json(body).send().await
}

const TOKENS: &str = "/api/v1/tokens";

fn asked() -> Value {
    json!({ "name": "a", "scope": "read" })
}

#[track_caller]
fn assert_repeated(answer: &Answer, id: &str) {
    answer.assert_problem(409, "repeated");
    assert_eq!(answer.json()["id"], id);
    assert!(!answer.text().contains("tf_"), "no value is answered again: {}", answer.text());
}

#[tokio::test]
async fn a_repeated_create_is_told_which_token_it_had_made() {
    let gateway = TestGateway::start().await;
    let made = Issued::in_answer(&post(&gateway, &gateway.admin, TOKENS, "k1", &asked()).await);
    let before = gateway.world().await;
    for body in [asked(), json!({ "name": "another", "scope": "execute" })] {
        assert_repeated(&post(&gateway, &gateway.admin, TOKENS, "k1", &body).await, &made.id);
    }
    assert_eq!(gateway.world().await, before);
    assert!(gateway.is_alive(&made.value).await);
    assert_eq!(post(&gateway, &gateway.admin, TOKENS, "k2", &asked()).await.status, 201);
}

#[tokio::test]
async fn a_repeated_rotation_is_told_so_and_kills_nothing() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let path = format!("{TOKENS}/{}/rotate", token.id);
    let new = Issued::in_answer(&post(&gateway, &gateway.admin, &path, "k1", &json!({})).await);
    assert_repeated(&post(&gateway, &gateway.admin, &path, "k1", &json!({})).await, &token.id);
    assert!(gateway.is_alive(&new.value).await);
    assert_eq!(gateway.record(&token).await["generation"], 2);
    // So told, the caller rotates again rather than holding two.
    let again = Issued::in_answer(&post(&gateway, &gateway.admin, &path, "k2", &json!({})).await);
    assert!(gateway.is_alive(&again.value).await && !gateway.is_alive(&new.value).await);
}

#[tokio::test]
async fn a_repeated_rotation_by_itself_is_told_so_with_the_old_value_and_with_the_new() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().scope("read").issue().await;
    let path = "/api/v1/tokens/self/rotate";
    let body = json!({ "grace_seconds": 60 });
    let new = Issued::in_answer(&post(&gateway, &token, path, "k1", &body).await);
    assert_repeated(&post(&gateway, &token, path, "k1", &body).await, &token.id);
    assert_repeated(&post(&gateway, &new, path, "k1", &body).await, &token.id);
    assert_eq!(gateway.record(&token).await["generation"], 2);
}

#[tokio::test]
async fn a_key_is_the_callers_own() {
    let gateway = TestGateway::start().await;
    let other = gateway.token().scope("admin").issue().await;
    assert_eq!(post(&gateway, &gateway.admin, TOKENS, "k1", &asked()).await.status, 201);
    assert_eq!(post(&gateway, &other, TOKENS, "k1", &asked()).await.status, 201);
}

#[tokio::test]
async fn a_key_is_remembered_for_a_day_and_through_a_restart() {
    let gateway = TestGateway::start().await;
    let made = Issued::in_answer(&post(&gateway, &gateway.admin, TOKENS, "k1", &asked()).await);
    gateway.advance(Duration::from_hours(24).saturating_sub(Duration::from_micros(1)));
    let gateway = gateway.restart().await;
    assert_repeated(&post(&gateway, &gateway.admin, TOKENS, "k1", &asked()).await, &made.id);
    gateway.advance(Duration::from_micros(1));
    let later = Issued::in_answer(&post(&gateway, &gateway.admin, TOKENS, "k1", &asked()).await);
    assert_repeated(&post(&gateway, &gateway.admin, TOKENS, "k1", &asked()).await, &later.id);
}

#[tokio::test]
async fn a_call_that_was_refused_leaves_its_key_unused() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let path = format!("{TOKENS}/{}/rotate", token.id);
    for (path, body) in [
        (TOKENS, json!({ "name": "", "scope": "read" })),
        (TOKENS, json!({ "name": "a", "scope": "read", "expires_at": "2025-01-01" })),
        (&path, json!({ "generation": 7 })),
        (&path, json!({ "expires_at": "2025-01-01" })),
    ] {
        let refused = post(&gateway, &gateway.admin, path, "k1", &body).await;
        assert!(matches!(refused.status, 409 | 422), "{}", refused.text());
        assert_ne!(refused.json()["type"], "/problems/repeated");
    }
    assert_eq!(post(&gateway, &gateway.admin, TOKENS, "k1", &asked()).await.status, 201);
}

#[tokio::test]
async fn of_many_creates_with_one_key_one_makes_a_token() {
    let gateway = TestGateway::start().await;
    let body = asked();
    let calls = (0..16).map(|_| post(&gateway, &gateway.admin, TOKENS, "k1", &body));
    let answers = futures_util::future::join_all(calls).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    let id = Issued::in_answer(made[0]).id;
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_repeated(answer, &id);
    }
    assert_eq!(gateway.world().await["tokens"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let before = gateway.world().await;
    for key in ["", " ", "two words", "a\tb", "\u{fc}", &"k".repeat(256)] {
        for path in [TOKENS.to_owned(), format!("{TOKENS}/{}/rotate", token.id)] {
            let body = if path == TOKENS { asked() } else { json!({}) };
            post(&gateway, &gateway.admin, &path, key, &body).await.assert_problem(400, "bad-request");
        }
    }
    assert_eq!(gateway.world().await, before);
    assert_eq!(post(&gateway, &gateway.admin, TOKENS, &"k".repeat(255), &asked()).await.status, 201);
}
