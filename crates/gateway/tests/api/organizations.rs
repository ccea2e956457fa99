//! `GET /api/v1/user/organizations`.

use serde_json::json;

use crate::support::{TestGateway, unknown_value};

#[tokio::test]
async fn every_living_token_sees_its_own_organization_and_no_other() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    // Another one, as a later version may have several.
    let insert = "INSERT INTO organizations (id, name, created_at) VALUES (7, 'other', 0)";
    gateway.database().execute(insert, []).unwrap();
    let own = gateway.record(&gateway.admin).await["organization_id"].clone();
    for token in [gateway.token().scope("read").only(&["docs"]), gateway.token().scope("admin")] {
        let token = token.issue().await;
        let answer = gateway.get("/api/v1/user/organizations").token(&token.value).send().await;
        assert_eq!(answer.status, 200);
        let expected = json!({
            "data": [{ "id": own, "name": "acme", "tier": "self-hosted" }], "next_cursor": null,
        });
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test]
async fn it_takes_a_living_token_and_its_own_organization() {
    let gateway = TestGateway::start().await;
    let path = "/api/v1/user/organizations";
    gateway.get(path).send().await.assert_problem(401, "unauthorized");
    gateway.get(path).token(&unknown_value(1)).send().await.assert_problem(401, "invalid-token");
    let foreign = gateway.as_admin("GET", path).header("x-statespace-org-id", "org-aaaaaaaaaaaa");
    foreign.send().await.assert_problem(404, "not-found");
    gateway.as_admin("POST", path).send().await.assert_problem(405, "method-not-allowed");
}
