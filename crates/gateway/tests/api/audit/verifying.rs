//! Whether the log is the one that was written.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway};

impl TestGateway {
    async fn verification(&self, query: &str) -> Answer {
        self.as_admin("GET", &format!("/api/v1/audit/verification{query}")).send().await
    }

    /// Holds the chain to be whole.
    pub(super) async fn assert_whole(&self) {
        let found = self.verification("").await.data();
        assert_eq!((&found["fault"], &found["fault_sequence"]), (&Value::Null, &Value::Null), "{found}");
    }
}

#[tokio::test]
async fn a_whole_log_is_said_to_be_whole_and_its_head_is_an_anchor() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let found = gateway.verification("").await.data();
    assert_eq!(
        (&found["fault"], &found["base_sequence"], &found["unchained"]),
        (&Value::Null, &json!(0), &json!(0))
    );
    assert_eq!(found["events"], found["head_sequence"]);
    let anchor = format!("?anchor={}:{}", found["head_sequence"], found["head_hash"].as_str().unwrap());
    gateway.as_admin("GET", "/e/docs/guide").send().await;
    let again = gateway.verification(&anchor).await.data();
    assert_eq!(again["fault"], Value::Null);
    assert!(again["events"].as_i64() > found["events"].as_i64(), "what was read meanwhile is in it");
    let other = format!("?anchor=1:{}", found["head_hash"].as_str().unwrap());
    let rewritten = gateway.verification(&other).await.data();
    assert_eq!(rewritten["fault_sequence"], 1, "{rewritten}");
    for nonsense in ["1", "1:", "x:00", &format!("1:{}", "g".repeat(64))] {
        let answer = gateway.verification(&format!("?anchor={nonsense}")).await;
        answer.assert_invalid("anchor");
    }
}

#[tokio::test]
async fn a_change_behind_the_gateways_back_is_named() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.assert_whole().await;
    gateway.database().execute("UPDATE audit_events SET uses = 9 WHERE sequence = 3", []).unwrap();
    let found = gateway.verification("").await.data();
    assert_eq!((&found["fault_sequence"], &found["fault"]), (&json!(3), &json!("event 3 was changed")));
}

#[tokio::test]
async fn the_chain_is_shown_to_administrators_of_all_environments_alone() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let path = "/api/v1/audit/verification";
    let only = gateway.token().scope("admin").only(&["docs"]).issue().await;
    gateway.get(path).token(&only.value).send().await.assert_problem(403, "insufficient-scope");
    let agent = gateway.token().issue().await;
    gateway.get(path).token(&agent.value).send().await.assert_problem(403, "insufficient-scope");
    gateway.get(path).send().await.assert_problem(401, "unauthorized");
}
