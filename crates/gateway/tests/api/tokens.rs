//! `/api/v1/tokens`: making, listing, showing, rotating and revoking.

mod create;
mod domination;
mod get;
mod grace;
mod idempotency;
mod list;
mod own;
mod races;
mod revoke;
mod rotate;
mod sets;
mod usage;

use serde_json::Value;

use crate::support::{Answer, Issued, TestGateway};

impl TestGateway {
    /// Asks for a new token, as `by`.
    async fn create(&self, by: &Issued, body: &Value) -> Answer {
        self.call("POST", "/api/v1/tokens").token(&by.value).json(body).send().await
    }

    /// Asks for a rotation of `token`, as `by`.
    async fn rotate(&self, by: &Issued, token: &Issued, body: &Value) -> Answer {
        let path = format!("/api/v1/tokens/{}/rotate", token.id);
        self.call("POST", &path).token(&by.value).json(body).send().await
    }

    /// Whether a value is let in.
    async fn is_alive(&self, value: &str) -> bool {
        let answer = self.get("/api/v1/user/organizations").token(value).send().await;
        assert!(matches!(answer.status, 200 | 401), "{}", answer.text());
        answer.status == 200
    }
}
