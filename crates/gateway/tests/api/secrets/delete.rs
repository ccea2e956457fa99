//! DELETE /api/v1/environments/{id}/secrets/{name}.

use serde_json::json;

use crate::support::TestGateway;

#[tokio::test]
async fn a_deleted_secret_is_not_given_any_more() {
    let gateway = TestGateway::with_page().await;
    for name in ["KEY", "OTHER"] {
        gateway.set("docs", name, "hunter2").await.data();
    }
    let deleted = gateway.secret("DELETE", "docs", "KEY").send().await;
    assert_eq!(deleted.status, 200);
    assert_eq!(deleted.data()["name"], "KEY");
    assert_eq!(gateway.names("docs").await, ["OTHER"]);
    assert_eq!(gateway.output(&["printenv", "KEY"]).await["returncode"], 1);
    assert_eq!(gateway.output(&["printenv", "OTHER"]).await["stdout"], "***\n");
    let again = gateway.secret("DELETE", "docs", "KEY").send().await;
    again.assert_problem(404, "not-found");
    assert!(again.text().contains("no secret KEY"), "{}", again.text());
    gateway.secret("DELETE", "docs", "A-B").send().await.assert_invalid("name");
    // Nothing hides what nothing stores.
    assert_eq!(gateway.output(&["echo", "hunter2"]).await["stdout"], "***\n");
    gateway.secret("DELETE", "docs", "OTHER").send().await.data();
    assert_eq!(gateway.output(&["echo", "hunter2"]).await["stdout"], "hunter2\n");
}

#[tokio::test]
async fn secrets_go_with_their_environment() {
    let gateway = TestGateway::with_page().await;
    gateway.set("docs", "KEY", "hunter2").await.data();
    gateway.as_admin("DELETE", "/api/v1/environments/docs").send().await.data();
    gateway.set("docs", "KEY", "hunter2").await.assert_problem(404, "not-found");
    gateway.deploy_files("docs", &[("README.md", super::PAGE)]).await.data();
    assert!(gateway.names("docs").await.is_empty());
    assert_eq!(gateway.output(&["printenv", "KEY"]).await["returncode"], 1);
    let left: i64 = gateway
        .database()
        .query_row("SELECT count(*) FROM environment_secrets", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn it_takes_an_administrator_of_the_environment() {
    let gateway = TestGateway::with_page().await;
    gateway.deploy("other").await;
    gateway.set("docs", "KEY", "hunter2").await.data();
    let path = "/api/v1/environments/docs/secrets/KEY";
    gateway.call("DELETE", path).send().await.assert_problem(401, "unauthorized");
    let token = gateway.token().scope("execute").issue().await;
    gateway.call("DELETE", path).token(&token.value).send().await.assert_problem(403, "insufficient-scope");
    let stranger = gateway.token().scope("admin").only(&["other"]).issue().await;
    let hidden = gateway.call("DELETE", path).token(&stranger.value).send().await;
    let absent = gateway.call("DELETE", "/api/v1/environments/absent/secrets/KEY").token(&stranger.value);
    assert_eq!(hidden.status, 404);
    assert_eq!(hidden.without_request_id(), absent.send().await.without_request_id());
    assert_eq!(gateway.names("docs").await, ["KEY"]);
    assert_eq!(gateway.ask(&["printenv", "KEY"], json!({})).await.json()["stdout"], "***\n");
}
