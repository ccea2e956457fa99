//! DELETE /api/v1/environments/{id}, and what the tokens that name it may do afterwards.

use serde_json::{Value, json};

use crate::support::{Issued, TestGateway};

async fn delete(gateway: &TestGateway, name: &str) -> Value {
    gateway.as_admin("DELETE", &format!("/api/v1/environments/{name}")).send().await.data()
}

#[tokio::test]
async fn a_deleted_environment_is_gone_at_once() {
    let gateway = TestGateway::start().await;
    let id = gateway.deploy("docs").await;
    let agent = gateway.token().only(&["docs"]).issue().await;
    assert_eq!(gateway.run(&agent, "docs", &["ls"]).await.status, 200);
    assert_eq!(delete(&gateway, "docs").await["id"], id);
    for token in [&gateway.admin, &agent] {
        for path in ["/e/docs", "/e/docs/notes.txt", "/e/docs/guide"] {
            gateway.get(path).token(&token.value).send().await.assert_problem(404, "not-found");
        }
        gateway.run(token, "docs", &["ls"]).await.assert_problem(404, "not-found");
    }
    for named in ["docs", &id, id.strip_prefix("env-").unwrap()] {
        for (method, below) in [("GET", ""), ("GET", "/releases"), ("DELETE", "")] {
            let call = gateway.as_admin(method, &format!("/api/v1/environments/{named}{below}"));
            call.send().await.assert_problem(404, "not-found");
        }
        let rollback = gateway.as_admin("POST", &format!("/api/v1/environments/{named}/rollback"));
        rollback.json(&json!({ "release": 1 })).send().await.assert_problem(404, "not-found");
    }
    assert_eq!(gateway.as_admin("GET", "/api/v1/environments").send().await.data(), json!([]));
}

#[tokio::test]
async fn a_public_environment_that_is_deleted_is_gone_for_visitors_too() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let public = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/docs").json(&public).send().await.data();
    delete(&gateway, "docs").await;
    let gone = gateway.get("/e/docs").send().await;
    assert_eq!(gone.without_request_id().status, 401);
    let never = gateway.get("/e/never").send().await;
    assert_eq!(gone.header("www-authenticate"), never.header("www-authenticate"));
}

#[tokio::test]
async fn a_name_can_be_used_again_and_is_another_environment() {
    let gateway = TestGateway::start().await;
    let first = gateway.deploy("docs").await;
    delete(&gateway, "docs").await;
    let made = gateway.deploy_files("docs", &[("README.md", "# Another\n")]).await.data();
    assert_ne!(made["id"], first);
    assert_eq!((&made["created"], &made["release"]), (&json!(true), &json!(1)));
    assert_eq!(gateway.as_admin("GET", "/e/docs").send().await.text(), "# Another\n");
    gateway.as_admin("GET", "/e/docs/notes.txt").send().await.assert_problem(404, "not-found");
    let by_id = gateway.as_admin("GET", &format!("/api/v1/environments/{first}")).send().await;
    by_id.assert_problem(404, "not-found");
}

/// What a token sees: which environments it lists, and what it gets of each name.
async fn seen(gateway: &TestGateway, token: &Issued) -> (Value, Vec<u16>) {
    let list = gateway.get("/api/v1/environments").token(&token.value).send().await.data();
    let mut statuses = Vec::new();
    for name in ["docs", "other", "third"] {
        statuses.push(gateway.get(&format!("/e/{name}")).token(&token.value).send().await.status);
        statuses.push(gateway.run(token, name, &["ls"]).await.status);
    }
    (list, statuses)
}

#[tokio::test]
async fn pitfall_01_a_token_whose_last_environment_is_deleted_may_do_nothing() {
    let gateway = TestGateway::start().await;
    for name in ["docs", "other", "third"] {
        gateway.deploy(name).await;
    }
    let token = gateway.token().scope("admin").only(&["docs"]).issue().await;
    delete(&gateway, "docs").await;
    let nothing = (json!([]), vec![404; 6]);
    assert_eq!(seen(&gateway, &token).await, nothing);
    // Nor does it come to anything by a new environment of the old name.
    gateway.deploy("docs").await;
    assert_eq!(seen(&gateway, &token).await, nothing);
    let body = json!({ "files": crate::support::inline(&[("README.md", "# Mine\n")]) });
    for name in ["docs", "other", "new"] {
        let put = gateway.call("PUT", &format!("/api/v1/environments/by-name/{name}")).token(&token.value);
        put.json(&body).send().await.assert_problem(403, "insufficient-scope");
    }
    let create = gateway.call("POST", "/api/v1/environments").token(&token.value).json(&json!({}));
    create.send().await.assert_problem(403, "insufficient-scope");
    // Nor can it give what it no longer has.
    let all = json!({ "name": "x", "scope": "read" });
    let issued = gateway.call("POST", "/api/v1/tokens").token(&token.value).json(&all).send().await;
    assert!([403, 422].contains(&issued.status), "{}", issued.text());
    let own = gateway.get("/api/v1/tokens/self").token(&token.value).send().await.data();
    assert_eq!(own["allowed_environments"].as_array().unwrap().len(), 1, "{own}");
    assert_eq!((&own["environments"][0]["deleted"], &own["is_active"]), (&json!(true), &json!(true)));
    let gateway = gateway.restart().await;
    assert_eq!(seen(&gateway, &token).await, nothing);
}

#[tokio::test]
async fn a_token_of_several_environments_keeps_the_others() {
    let gateway = TestGateway::start().await;
    for name in ["docs", "other", "third"] {
        gateway.deploy(name).await;
    }
    let token = gateway.token().only(&["docs", "other"]).issue().await;
    delete(&gateway, "docs").await;
    let (list, statuses) = seen(&gateway, &token).await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["name"]), (1, &json!("other")));
    assert_eq!(statuses, [404, 404, 200, 200, 404, 404]);
}
