//! PATCH /api/v1/environments/{id}.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, events};

async fn patch(gateway: &TestGateway, name: &str, body: Value) -> Answer {
    gateway.as_admin("PATCH", &format!("/api/v1/environments/{name}")).json(&body).send().await
}

#[tokio::test]
async fn a_new_name_is_where_it_is_served_from_then_on() {
    let gateway = TestGateway::start().await;
    let id = gateway.deploy("docs").await;
    let agent = gateway.token().only(&["docs"]).issue().await;
    let changed = patch(&gateway, "docs", json!({ "name": "New Docs" })).await.data();
    assert_eq!((&changed["id"], &changed["name"]), (&json!(id), &json!("new-docs")));
    assert!(changed["url"].as_str().unwrap().ends_with("/e/new-docs"), "{changed}");
    let get = async |path: &str| gateway.get(path).token(&agent.value).send().await;
    // The token's set names the environment, not its name.
    assert_eq!(get("/e/new-docs/notes.txt").await.text(), "some notes\n");
    get("/e/docs/notes.txt").await.assert_problem(404, "not-found");
    patch(&gateway, "docs", json!({ "visibility": "public" })).await.assert_problem(404, "not-found");
    // The old name is free, and what takes it is another environment.
    let other = gateway.deploy("docs").await;
    assert_ne!(other, id);
    get("/e/docs/notes.txt").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_and_ones_own_is_not() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.deploy("other").await;
    patch(&gateway, "docs", json!({ "name": "other" })).await.assert_problem(409, "name-taken");
    patch(&gateway, "docs", json!({ "name": "OTHER", "visibility": "public" }))
        .await
        .assert_problem(409, "name-taken");
    let shown = patch(&gateway, "docs", json!({ "name": "Docs" })).await.data();
    assert_eq!((&shown["name"], &shown["visibility"]), (&json!("docs"), &json!("private")));
    for name in ["", "-", "\u{e9}"] {
        let answer = patch(&gateway, "docs", json!({ "name": name })).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "name");
    }
}

#[tokio::test]
async fn a_visibility_counts_from_the_answer_on() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for (visibility, status) in [("public", 200), ("private", 401), ("public", 200), ("private", 401)] {
        assert_eq!(
            patch(&gateway, "docs", json!({ "visibility": visibility })).await.data()["visibility"],
            visibility
        );
        assert_eq!(gateway.get("/e/docs").send().await.status, status, "{visibility}");
        let run = gateway.call("POST", "/e/docs").json(&json!({ "command": ["ls"] })).send().await;
        assert_eq!(run.status, status, "{visibility}");
    }
}

#[tokio::test]
async fn nothing_that_is_asked_for_changes_nothing() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let before = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    gateway.advance(std::time::Duration::from_mins(1));
    for body in
        [json!({}), json!({ "visibility": "private" }), json!({ "name": "docs" }), json!({ "name": null })]
    {
        assert_eq!(patch(&gateway, "docs", body).await.data(), before);
    }
    assert!(events(gateway.data(), "environment.update").is_empty());
    gateway.advance(std::time::Duration::from_mins(1));
    let changed = patch(&gateway, "docs", json!({ "visibility": "public" })).await.data();
    assert_eq!(changed["updated_at"], "2026-01-01T00:02:00Z");
    assert_eq!(events(gateway.data(), "environment.update").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_changed_is_named_and_nothing_of_the_call_is_done() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for (body, field) in [
        (json!({ "visibility": "public", "owner": "x" }), "owner"),
        (json!({ "visibility": "public", "release": 1 }), "release"),
        (json!({ "visibility": "public", "id": "env-aaaaaaaaaaaa" }), "id"),
        (json!({ "visibility": "PUBLIC", "name": "fine" }), "visibility"),
        (json!({ "visibility": true }), "body"),
    ] {
        let answer = patch(&gateway, "docs", body.clone()).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
    }
    let both = patch(&gateway, "docs", json!({ "visibility": "x", "name": "-" })).await.json();
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
    let shown = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    assert_eq!((&shown["name"], &shown["visibility"]), (&json!("docs"), &json!("private")));
    gateway.get("/e/docs").send().await.assert_problem(401, "unauthorized");
}
