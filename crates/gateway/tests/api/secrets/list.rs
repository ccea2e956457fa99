//! GET /api/v1/environments/{id}/secrets.

use serde_json::json;

use crate::support::TestGateway;

#[tokio::test]
async fn secrets_are_listed_by_name_and_without_their_values() {
    let gateway = TestGateway::with_page().await;
    let list = |value: String| gateway.get("/api/v1/environments/docs/secrets").token(&value).send();
    let empty = list(gateway.admin.value.clone()).await;
    assert_eq!(empty.json(), json!({ "data": [], "next_cursor": null }));
    for name in ["ZEBRA", "KEY", "ant"] {
        gateway.set("docs", name, "hunter2").await.data();
    }
    let listed = list(gateway.admin.value.clone()).await;
    assert!(!listed.text().contains("hunter2"), "{}", listed.text());
    let listed = listed.data();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|secret| &secret["name"]).collect();
    assert_eq!(names, ["KEY", "ZEBRA", "ant"]);
    for secret in listed.as_array().unwrap() {
        let fields: Vec<_> = secret.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["name", "created_at", "updated_at"]);
    }
    assert_eq!(
        gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data()["secrets"],
        json!(null)
    );
}

#[tokio::test]
async fn names_too_are_for_administrators_of_the_environment() {
    let gateway = TestGateway::with_page().await;
    gateway.deploy("other").await;
    gateway.set("docs", "KEY", "hunter2").await.data();
    let path = "/api/v1/environments/docs/secrets";
    gateway.get(path).send().await.assert_problem(401, "unauthorized");
    for scope in ["read", "execute"] {
        let token = gateway.token().scope(scope).issue().await;
        gateway.get(path).token(&token.value).send().await.assert_problem(403, "insufficient-scope");
    }
    let stranger = gateway.token().scope("admin").only(&["other"]).issue().await;
    gateway.get(path).token(&stranger.value).send().await.assert_problem(404, "not-found");
    let one = gateway.get(&format!("{path}/KEY")).token(&gateway.admin.value).send().await;
    one.assert_problem(405, "method-not-allowed");
    assert!(!one.text().contains("hunter2"));
}
