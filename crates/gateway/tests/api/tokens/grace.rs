//! How long an old value goes on after a rotation.

use std::time::Duration;

use serde_json::json;

use crate::support::{Issued, TestGateway};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const INSTANT: Duration = Duration::from_micros(1);

async fn rotated(gateway: &TestGateway, token: &Issued, body: serde_json::Value) -> Issued {
    Issued::in_answer(&gateway.rotate(&gateway.admin, token, &body).await)
}

#[tokio::test]
async fn an_old_value_goes_on_for_its_grace_after_the_first_use_of_the_new_one() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().issue().await;
    let new = rotated(&gateway, &old, json!({ "grace_seconds": 3600 })).await;
    gateway.advance(3 * DAY);
    assert!(gateway.is_alive(&old.value).await, "the new value was not used yet");
    assert!(gateway.is_alive(&new.value).await);
    gateway.advance(HOUR.saturating_sub(INSTANT));
    assert!(gateway.is_alive(&old.value).await);
    gateway.advance(INSTANT);
    assert!(!gateway.is_alive(&old.value).await);
    assert!(gateway.is_alive(&new.value).await);
    assert_eq!(gateway.record(&old).await["usage_by_generation"], json!([2, 2]));
}

#[tokio::test]
async fn a_later_use_does_not_lengthen_the_grace() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().issue().await;
    let new = rotated(&gateway, &old, json!({ "grace_seconds": 3600 })).await;
    for _ in 0..3 {
        assert!(gateway.is_alive(&new.value).await);
        gateway.advance(HOUR / 3);
    }
    assert!(!gateway.is_alive(&old.value).await);
}

#[tokio::test]
async fn an_old_value_ends_seven_days_after_the_rotation_in_any_case() {
    for used_after in [None, Some((7 * DAY).saturating_sub(HOUR))] {
        let gateway = TestGateway::start().await;
        let old = gateway.token().issue().await;
        let new = rotated(&gateway, &old, json!({ "grace_seconds": 604_800 })).await;
        if let Some(span) = used_after {
            gateway.advance(span);
            assert!(gateway.is_alive(&new.value).await);
        }
        gateway.advance((7 * DAY).saturating_sub(INSTANT).saturating_sub(used_after.unwrap_or_default()));
        assert!(gateway.is_alive(&old.value).await);
        gateway.advance(INSTANT);
        assert!(!gateway.is_alive(&old.value).await);
        assert!(gateway.is_alive(&new.value).await, "the new one is not bound by it");
    }
}

#[tokio::test]
async fn without_a_grace_the_old_value_dies_with_the_answer() {
    let gateway = TestGateway::start().await;
    for body in [json!({}), json!({ "grace_seconds": 0 })] {
        let old = gateway.token().issue().await;
        let new = rotated(&gateway, &old, body).await;
        assert!(!gateway.is_alive(&old.value).await);
        assert!(gateway.is_alive(&new.value).await);
    }
}

#[tokio::test]
async fn pitfall_11_grace_does_not_outlive_the_old_values_own_expiry() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await;
    let later = json!({ "grace_seconds": 604_800, "expires_at": "2030-01-01" });
    let new = rotated(&gateway, &old, later).await;
    gateway.advance(HOUR.saturating_sub(INSTANT));
    assert!(gateway.is_alive(&old.value).await);
    gateway.advance(INSTANT);
    assert!(!gateway.is_alive(&old.value).await);
    assert!(gateway.is_alive(&new.value).await);
}

#[tokio::test]
async fn pitfall_11_grace_does_not_outlive_a_new_earlier_expiry_either() {
    let gateway = TestGateway::start().await;
    let old = gateway.token().issue().await;
    rotated(&gateway, &old, json!({ "grace_seconds": 604_800, "expires_at": "2026-01-01T01:00:00Z" })).await;
    gateway.advance(HOUR.saturating_sub(INSTANT));
    assert!(gateway.is_alive(&old.value).await);
    gateway.advance(INSTANT);
    assert!(!gateway.is_alive(&old.value).await);
}

#[tokio::test]
async fn in_its_grace_a_value_has_the_narrower_of_the_old_and_the_new_grant() {
    let gateway = TestGateway::start().await;
    for name in ["docs", "other"] {
        gateway.deploy(name).await;
    }
    let status = |value: String, name: &'static str| {
        let call = gateway.get(&format!("/e/{name}/guide")).token(&value).send();
        async move { call.await.status }
    };
    // Narrowed: the old value loses what the new one does not have.
    let old = gateway.token().scope("execute").issue().await;
    let narrow = json!({ "grace_seconds": 3600, "scope": "read", "allowed_environment_ids": ["docs"] });
    rotated(&gateway, &old, narrow).await;
    assert_eq!(status(old.value.clone(), "docs").await, 200);
    assert_eq!(status(old.value.clone(), "other").await, 404);
    gateway.run(&old, "docs", &["ls"]).await.assert_problem(403, "insufficient-scope");
    // Widened: the old value gains nothing.
    let old = gateway.token().scope("read").only(&["docs"]).issue().await;
    let wide = json!({
        "grace_seconds": 3600, "scope": "admin", "environment_scope": { "type": "all" },
    });
    let new = rotated(&gateway, &old, wide).await;
    assert_eq!(status(old.value.clone(), "other").await, 404);
    gateway.run(&old, "docs", &["ls"]).await.assert_problem(403, "insufficient-scope");
    gateway.get("/api/v1/tokens").token(&old.value).send().await.assert_problem(403, "insufficient-scope");
    assert_eq!(status(new.value.clone(), "other").await, 200);
}

#[tokio::test]
async fn pitfall_15_rotating_twice_before_deploying_leaves_the_deployed_value_alive() {
    let gateway = TestGateway::start().await;
    let deployed = gateway.token().issue().await;
    let lost = rotated(&gateway, &deployed, json!({ "grace_seconds": 3600 })).await;
    let newest = rotated(&gateway, &deployed, json!({ "grace_seconds": 3600 })).await;
    assert!(gateway.is_alive(&deployed.value).await);
    assert!(!gateway.is_alive(&lost.value).await, "there are never two new values");
    assert!(gateway.is_alive(&newest.value).await);
    gateway.advance(HOUR);
    assert!(!gateway.is_alive(&deployed.value).await);
    assert!(gateway.is_alive(&newest.value).await);
}

#[tokio::test]
async fn a_rotation_without_a_grace_ends_every_older_value() {
    let gateway = TestGateway::start().await;
    let first = gateway.token().issue().await;
    let second = rotated(&gateway, &first, json!({ "grace_seconds": 3600 })).await;
    assert!(gateway.is_alive(&second.value).await);
    let third = rotated(&gateway, &first, json!({})).await;
    for value in [&first.value, &second.value] {
        assert!(!gateway.is_alive(value).await);
    }
    assert!(gateway.is_alive(&third.value).await);
}

#[tokio::test]
async fn a_cancelled_value_stays_dead_after_a_restart_and_a_graced_one_alive() {
    let gateway = TestGateway::start().await;
    let first = gateway.token().issue().await;
    let second = rotated(&gateway, &first, json!({ "grace_seconds": 3600 })).await;
    let third = rotated(&gateway, &first, json!({ "grace_seconds": 3600 })).await;
    let gateway = gateway.restart().await;
    assert!(gateway.is_alive(&first.value).await);
    assert!(!gateway.is_alive(&second.value).await);
    assert!(gateway.is_alive(&third.value).await);
    let gateway = gateway.restart().await;
    gateway.advance(HOUR.saturating_sub(INSTANT));
    assert!(gateway.is_alive(&first.value).await, "the first use was remembered with its time");
    gateway.advance(INSTANT);
    assert!(!gateway.is_alive(&first.value).await);
}
