//! `POST /api/v1/tokens/{id}/rotate`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Issued, TestGateway};

#[tokio::test]
async fn a_rotation_puts_a_new_value_in_place_of_the_old_one_and_keeps_the_rest() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let token = gateway.token().only(&["docs"]).set("expires_at", "2027-01-01T00:00:00Z").issue().await;
    let before = gateway.record(&token).await;
    gateway.advance(Duration::from_secs(5));
    // Clients of the original product send no body and no content type.
    let path = format!("/api/v1/tokens/{}/rotate", token.id);
    let answer = gateway.as_admin("POST", &path).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let data = answer.data();
    let new = Issued::in_answer(&answer);
    assert_eq!(new.id, token.id);
    assert_ne!(new.value, token.value);
    assert!(!gateway.is_alive(&token.value).await);
    assert!(gateway.is_alive(&new.value).await);
    assert_eq!(data["generation"], 2);
    assert_eq!(data["rotated_at"], "2026-01-01T00:00:05Z");
    for field in [
        "id",
        "name",
        "scope",
        "allowed_environments",
        "environments",
        "expires_at",
        "created_at",
        "created_by",
    ] {
        assert_eq!(data[field], before[field], "{field}");
    }
}

#[tokio::test]
async fn both_spellings_of_every_change_are_taken() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    let until = "2027-01-01T00:00:00Z";
    let bodies = [
        json!({
            "name": "new", "scope": "read", "allowed_environment_ids": ["docs"], "expires_at": until,
        }),
        json!({
            "new_name": "new", "new_scope": "environments:read", "new_allowed_environment_ids": [docs],
            "new_expires_at": until,
        }),
        json!({
            "new_name": "new", "new_scope": "read", "new_expires_at": "2027-01-01T02:00:00+02:00",
            "environment_scope": { "type": "restricted", "environment_ids": [docs] },
        }),
    ];
    for body in bodies {
        let token = gateway.token().issue().await;
        let data = gateway.rotate(&gateway.admin, &token, &body).await.data();
        for (field, expected) in [
            ("name", json!("new")),
            ("scope", json!("environments:read")),
            ("allowed_environments", json!([docs])),
            ("expires_at", json!(until)),
        ] {
            assert_eq!(data[field], expected, "{body}");
        }
    }
    let token = gateway.token().only(&["docs"]).set("expires_at", until).issue().await;
    let body = json!({ "environment_scope": { "type": "all" }, "expires_at": "never" });
    let data = gateway.rotate(&gateway.admin, &token, &body).await.data();
    assert_eq!(data["allowed_environments"], Value::Null);
    assert_eq!(data["expires_at"], Value::Null);
}

#[tokio::test]
async fn null_and_absent_change_nothing() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    let token = gateway.token().only(&["docs"]).set("expires_at", "2027-01-01T00:00:00Z").issue().await;
    for body in [
        json!({}),
        json!({ "new_name": null, "new_scope": null, "new_allowed_environment_ids": null,
            "new_expires_at": null, "environment_scope": null, "grace_seconds": null, "generation": null }),
    ] {
        let data = gateway.rotate(&gateway.admin, &token, &body).await.data();
        assert_eq!(data["name"], "test");
        assert_eq!(data["scope"], "environments:execute");
        assert_eq!(data["allowed_environments"], json!([docs]), "null never widens a set");
        assert_eq!(data["expires_at"], "2027-01-01T00:00:00Z");
    }
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused_and_the_value_lives_on() {
    let gateway = TestGateway::start_with(|settings| settings.limits.json_bytes_max = 2000).await;
    gateway.deploy("docs").await;
    let token = gateway.token().only(&["docs"]).issue().await;
    let before = gateway.world().await;
    let path = format!("/api/v1/tokens/{}/rotate", token.id);
    let send = |content_type: &str, body: &str| {
        gateway.as_admin("POST", &path).bytes(content_type, body.as_bytes().to_vec()).send()
    };
    for (body, field) in [
        (r#"{"name": ""}"#, "name"),
        (r#"{"new_name": "a\u0000b"}"#, "name"),
        (r#"{"new_scope": "write"}"#, "scope"),
        (r#"{"scope": ""}"#, "scope"),
        (r#"{"expires_at": "soon"}"#, "expires_at"),
        (r#"{"expires_at": ""}"#, "expires_at"),
        (r#"{"new_expires_at": "2025-01-01"}"#, "expires_at"),
        (r#"{"expires_at": "2026-01-01T00:00:00Z"}"#, "expires_at"),
        (r#"{"allowed_environment_ids": ["nowhere"]}"#, "allowed_environment_ids[0]"),
        (
            r#"{"environment_scope": {"type": "restricted", "environment_ids": ["docs", "nowhere"]}}"#,
            "environment_scope.environment_ids[1]",
        ),
        (
            r#"{"allowed_environment_ids": ["docs"], "environment_scope": {"type": "all"}}"#,
            "environment_scope",
        ),
        (r#"{"grace_seconds": 604801}"#, "grace_seconds"),
        (r#"{"grace_seconds": -1}"#, "body"),
        (r#"{"grace_seconds": 1.5}"#, "body"),
        (r#"{"grace_seconds": "60"}"#, "body"),
        (r#"{"grace": 60}"#, "grace"),
        (r#"{"scopes": ["read"]}"#, "scopes"),
        (r#"{"name": "a", "new_name": "a"}"#, "name"),
        (r#"{"new_scope": "read", "new_scope": "read"}"#, "scope"),
        (r#"{"expires_at": "never", "new_expires_at": "never"}"#, "expires_at"),
        (r#"{"generation": 0, "generation": 1}"#, "generation"),
        ("[]", "body"),
        (r#"["name"]"#, "body"),
        ("7", "body"),
    ] {
        let answer = send("application/json", body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        answer.assert_invalid(field);
    }
    let deep = format!(r#"{{"environment_scope": {{"x": {}"#, "[".repeat(1500));
    for broken in ["{", "nonsense", "{}{}", &deep] {
        send("application/json", broken).await.assert_problem(400, "bad-request");
    }
    send("text/plain", "{}").await.assert_problem(415, "unsupported-media-type");
    send("", "{}").await.assert_problem(415, "unsupported-media-type");
    send("application/json", &" ".repeat(2001)).await.assert_problem(413, "too-large");
    assert_eq!(gateway.world().await, before);
    assert!(gateway.is_alive(&token.value).await);
}

#[tokio::test]
async fn a_revoked_token_is_not_rotated() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id)).send().await.data();
    let before = gateway.world().await;
    for body in [json!({}), json!({ "expires_at": "2030-01-01" }), json!({ "scope": "read" })] {
        gateway.rotate(&gateway.admin, &token, &body).await.assert_problem(409, "conflict");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn an_expired_token_is_rotated_with_a_new_expiry_only() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await;
    gateway.advance(Duration::from_hours(1));
    let before = gateway.world().await;
    for body in [json!({}), json!({ "name": "new" }), json!({ "grace_seconds": 60 })] {
        gateway.rotate(&gateway.admin, &token, &body).await.assert_problem(409, "conflict");
    }
    let past = gateway.rotate(&gateway.admin, &token, &json!({ "expires_at": "2026-01-01T00:30:00Z" })).await;
    past.assert_invalid("expires_at");
    assert_eq!(gateway.world().await, before);
    let body = json!({ "expires_at": "2026-01-02T00:00:00Z", "grace_seconds": 3600 });
    let new = Issued::in_answer(&gateway.rotate(&gateway.admin, &token, &body).await);
    assert!(gateway.is_alive(&new.value).await);
    assert!(!gateway.is_alive(&token.value).await, "a new expiry is not one of the old value");
    assert_eq!(gateway.record(&token).await["status"], "active");
}

#[tokio::test]
async fn rotating_takes_the_scope_admin_whatever_the_id() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    for id in [token.id.as_str(), "tok-aaaaaaaaaaaa", "x"] {
        let path = format!("/api/v1/tokens/{id}/rotate");
        gateway.call("POST", &path).send().await.assert_problem(401, "unauthorized");
        for scope in ["read", "execute"] {
            let low = gateway.token().scope(scope).issue().await;
            let answer = gateway.call("POST", &path).token(&low.value).send().await;
            answer.assert_problem(403, "insufficient-scope");
            assert!(answer.header("www-authenticate").contains(r#"scope="environments:admin""#));
        }
    }
    assert!(gateway.is_alive(&token.value).await);
    let absent = gateway.as_admin("POST", "/api/v1/tokens/tok-aaaaaaaaaaaa/rotate").send().await;
    absent.assert_problem(404, "not-found");
}

#[tokio::test]
async fn an_organization_that_the_body_names_must_be_the_callers() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let body = json!({ "organization_id": "org-aaaaaaaaaaaa" });
    gateway.rotate(&gateway.admin, &token, &body).await.assert_problem(404, "not-found");
    assert!(gateway.is_alive(&token.value).await);
    let own = gateway.record(&token).await["organization_id"].clone();
    gateway.rotate(&gateway.admin, &token, &json!({ "organization_id": own })).await.data();
}

#[tokio::test]
async fn an_administrator_may_rotate_the_token_in_its_own_hands() {
    let gateway = TestGateway::start().await;
    let boss = gateway.token().scope("admin").issue().await;
    let new = Issued::in_answer(&gateway.rotate(&boss, &boss, &json!({})).await);
    assert!(gateway.is_alive(&new.value).await);
    assert!(!gateway.is_alive(&boss.value).await);
}
