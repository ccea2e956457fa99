//! Secrets of environments: set and never shown, given to commands, masked in what they print.

mod delete;
mod key;
mod list;
mod planted;
mod runs;
mod set;

use serde_json::{Value, json};

use crate::support::{Answer, Call, TestGateway};

/// A page whose tools show what they are given.
const PAGE: &str = "---\ntools:\n  - [printenv, {}, ;]\n  - [sh, -c, {}, ;]\n  - [echo, {}, ;]\n  \
                    - [printf, '[%s]', 'x$KEY', ;]\n  - [printf, '[%s]', $OTHER, ;]\n  - [sleep, {}, ;]\n  \
                    - command: [sh, -ec, {}, ;]\n    timeout: 1s\n  - [no-such-program, 'x$KEY', ;]\nenv: [KEY]\n---\n# A page\n";

impl TestGateway {
    /// A gateway with [`PAGE`] as the environment `docs`.
    async fn with_page() -> Self {
        let gateway = Self::start().await;
        gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
        gateway
    }

    fn secret(&self, method: &str, environment: &str, name: &str) -> Call {
        self.as_admin(method, &format!("/api/v1/environments/{environment}/secrets/{name}"))
    }

    async fn set(&self, environment: &str, name: &str, value: &str) -> Answer {
        self.secret("PUT", environment, name).json(&json!({ "value": value })).send().await
    }

    async fn names(&self, environment: &str) -> Vec<String> {
        let path = format!("/api/v1/environments/{environment}/secrets");
        let listed = self.as_admin("GET", &path).send().await.data();
        listed.as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn ask(&self, command: &[&str], env: Value) -> Answer {
        let body = json!({ "command": command, "env": env });
        self.as_admin("POST", "/e/docs").json(&body).send().await
    }

    /// What a command that has to run answers.
    async fn output(&self, command: &[&str]) -> Value {
        let answer = self.ask(command, json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}
