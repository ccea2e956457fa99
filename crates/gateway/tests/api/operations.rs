//! Health and readiness.

use serde_json::json;

use crate::support::{TestGateway, unknown_value};

#[tokio::test]
async fn a_gateway_says_to_everybody_that_it_is_alive_and_ready() {
    let gateway = TestGateway::start().await;
    for path in ["/healthz", "/readyz"] {
        let answer = gateway.get(path).send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({ "status": "ok" }));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!answer.header("x-request-id").is_empty());
        let head = gateway.call("HEAD", path).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        let posted = gateway.call("POST", path).send().await;
        posted.assert_problem(405, "method-not-allowed");
        assert_eq!(posted.header("allow"), "GET,HEAD");
        // Whoever watches a gateway may send a token, and an old one does not make the gateway look ill.
        assert_eq!(gateway.get(path).token(&unknown_value(1)).send().await.status, 200);
    }
}

#[tokio::test]
async fn a_store_that_fails_makes_the_gateway_not_ready_and_leaves_it_alive() {
    let gateway = TestGateway::start().await;
    let database = gateway.database();
    database.execute_batch("ALTER TABLE schema_migrations RENAME TO gone").unwrap();
    let answer = gateway.get("/readyz").send().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json(), json!({ "status": "the store can't be used; the log says why" }));
    assert_eq!(gateway.get("/healthz").send().await.status, 200);
    database.execute_batch("ALTER TABLE gone RENAME TO schema_migrations").unwrap();
    let gateway = gateway.restart().await;
    assert_eq!(gateway.get("/readyz").send().await.status, 200);
}

#[tokio::test]
async fn what_can_not_be_audited_is_not_done() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let before = gateway.world().await;
    gateway.database().execute_batch("ALTER TABLE audit_events RENAME TO gone").unwrap();
    let path = format!("/api/v1/tokens/{}", token.id);
    for call in [
        gateway.as_admin("POST", "/api/v1/tokens").json(&json!({ "name": "a", "scope": "read" })),
        gateway.as_admin("POST", &format!("{path}/rotate")),
        gateway.as_admin("DELETE", &path),
    ] {
        let answer = call.send().await;
        answer.assert_problem(503, "unavailable");
        assert!(!answer.text().contains("audit_events"), "the log tells why, not the answer");
    }
    assert_eq!(gateway.world().await, before);
    assert_eq!(gateway.get("/api/v1/tokens/self").token(&token.value).send().await.status, 200);
}

#[tokio::test]
async fn pitfall_26_a_gateway_that_can_not_audit_is_not_ready() {
    let gateway = TestGateway::start().await;
    gateway.database().execute_batch("ALTER TABLE audit_events RENAME TO gone").unwrap();
    assert_eq!(gateway.get("/readyz").send().await.status, 503);
}

#[tokio::test]
async fn what_is_nowhere_is_answered_in_the_form_of_every_problem() {
    let gateway = TestGateway::start().await;
    for path in
        ["/", "*", "/nowhere", "/api", "/api/v1", "/api/v1/tokens/", "/api/v2/tokens", "/api/v1/tokens/a/b"]
    {
        for call in [gateway.get(path), gateway.as_admin("POST", path), gateway.call("PURGE", path)] {
            let answer = call.send().await;
            answer.assert_problem(404, "not-found");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }
}
