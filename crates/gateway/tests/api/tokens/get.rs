//! `GET /api/v1/tokens/{id}`.

use serde_json::json;

use crate::support::{Issued, TestGateway};

/// Every field of a record, and no other.
const FIELDS: [&str; 22] = [
    "id",
    "organization_id",
    "name",
    "scope",
    "status",
    "is_active",
    "hint",
    "generation",
    "created_at",
    "created_by",
    "expires_at",
    "rotated_at",
    "last_used_at",
    "last_used_ip",
    "last_used_user_agent",
    "usage_count",
    "allowed_environments",
    "environments",
    "usage_by_generation",
    "revoked_at",
    "revoked_by",
    "revocation_reason",
];

#[tokio::test]
async fn a_record_has_every_field_and_no_other_whatever_became_of_the_token() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let plain = gateway.token().issue().await;
    let ending = gateway.token().only(&["docs"]).set("expires_at", "2026-01-02").issue().await;
    let revoked = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    let rotated = gateway.token().issue().await;
    gateway.rotate(&gateway.admin, &rotated, &json!({})).await.data();
    gateway.advance(std::time::Duration::from_hours(48));
    let listed = gateway.as_admin("GET", "/api/v1/tokens?only_active=false").send().await.data();
    let own = gateway.as_admin("GET", "/api/v1/tokens/self").send().await.data();
    let mut records = listed.as_array().unwrap().clone();
    records.push(own);
    for token in [&plain, &ending, &revoked, &rotated, &gateway.admin] {
        records.push(gateway.record(token).await);
    }
    assert_eq!(records.len(), 11);
    for record in records {
        let mut fields: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        let mut expected = FIELDS;
        expected.sort_unstable();
        assert_eq!(fields, expected);
        assert!(record["is_active"].is_boolean() && record["usage_count"].is_u64(), "{record}");
        assert_eq!(record["is_active"], record["status"] == "active", "{record}");
    }
}

#[tokio::test]
async fn the_first_token_was_made_by_the_setup() {
    let gateway = TestGateway::start().await;
    let record = gateway.record(&gateway.admin).await;
    assert_eq!(record["created_by"], "setup");
    assert_eq!(record["scope"], "environments:admin");
    assert_eq!(record["allowed_environments"], json!(null));
    assert_eq!(record["expires_at"], json!(null));
}

#[tokio::test]
async fn a_token_is_found_by_its_id_with_the_prefix_or_without() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let record = gateway.record(&token).await;
    let path = format!("/api/v1/tokens/{}", &token.id["tok-".len()..]);
    assert_eq!(gateway.as_admin("GET", &path).send().await.data(), record);
}

#[tokio::test]
async fn an_id_that_is_none_is_answered_like_one_that_does_not_exist() {
    let gateway = TestGateway::start().await;
    let absent = gateway.as_admin("GET", "/api/v1/tokens/tok-aaaaaaaaaaaa").send().await;
    absent.assert_problem(404, "not-found");
    let token = gateway.token().issue().await;
    for id in [
        "x",
        "tok-",
        "tok-tok-aaaaaaaaaaaa",
        "env-aaaaaaaaaaaa",
        "TOK-AAAAAAAAAAAA",
        "tok-aaaaaaaaaaa1",
        "tok-aaaaaaaaaaaaa",
        "%00",
        "%ff",
        "%c3%28",
        "..",
        "%2e%2e",
        "test",
        &token.id.to_uppercase(),
        &format!("{}%20", token.id),
    ] {
        for (method, below) in [("GET", ""), ("DELETE", ""), ("POST", "/rotate")] {
            let answer = gateway.as_admin(method, &format!("/api/v1/tokens/{id}{below}")).send().await;
            answer.assert_problem(404, "not-found");
            assert_eq!(answer.without_request_id(), absent.without_request_id(), "{method} {id}");
        }
    }
}

#[tokio::test]
async fn showing_a_token_takes_the_scope_admin_whatever_the_id() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    for id in [token.id.as_str(), "tok-aaaaaaaaaaaa", "x"] {
        let path = format!("/api/v1/tokens/{id}");
        gateway.get(&path).send().await.assert_problem(401, "unauthorized");
        for scope in ["read", "execute"] {
            let low = gateway.token().scope(scope).issue().await;
            let answer = gateway.get(&path).token(&low.value).send().await;
            answer.assert_problem(403, "insufficient-scope");
            let challenge =
                r#"Bearer realm="toolfront", error="insufficient_scope", scope="environments:admin""#;
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
    }
}

#[tokio::test]
async fn the_hint_is_the_end_of_the_newest_value() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    assert_eq!(gateway.record(&token).await["hint"], token.value[39..]);
    let rotated = Issued::in_answer(&gateway.rotate(&gateway.admin, &token, &json!({})).await);
    assert_eq!(gateway.record(&token).await["hint"], rotated.value[39..]);
}
