//! The audit log: every access leaves its event, nothing goes on without, and those may read it who may know.

mod accesses;
mod denials;
mod failing;
mod finding;
mod following;
mod reads;
mod reuse;
mod secrets;
mod uses;
mod verifying;

use serde_json::Value;

use crate::support::{Answer, Issued, TestGateway};

impl TestGateway {
    /// The audit log as the holder of a token sees it.
    async fn audit(&self, token: &Issued, query: &str) -> Answer {
        self.get(&format!("/api/v1/audit{query}")).token(&token.value).send().await
    }

    /// All events, the first one first.
    async fn told(&self) -> Vec<Value> {
        let mut events = Vec::new();
        let mut cursor = String::new();
        loop {
            let answer = self.audit(&self.admin, &format!("?order=oldest&limit=1000{cursor}")).await;
            events.extend(answer.data().as_array().unwrap().iter().cloned());
            match answer.json()["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return events,
            }
        }
    }

    /// What a request with that id has left.
    async fn told_of(&self, answer: &Answer) -> Vec<Value> {
        let id = answer.header("x-request-id").to_owned();
        assert!(!id.is_empty());
        self.told().await.into_iter().filter(|event| event["request_id"] == *id).collect()
    }
}

fn outcomes(events: &[Value]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|event| (event["action"].as_str().unwrap(), event["outcome"].as_str().unwrap()))
        .collect()
}
