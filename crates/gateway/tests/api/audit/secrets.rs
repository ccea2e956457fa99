//! No value of a token and no secret is in the log.

use serde_json::{Value, json};

use crate::support::{TestGateway, percent_encoded, unknown_value};

#[tokio::test]
async fn no_value_and_no_secret_is_in_the_log_wherever_it_is_sent() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let agent = gateway.token().issue().await;
    let planted = "planted-secret-0b5e55ed";
    let set = gateway.as_admin("PUT", "/api/v1/environments/docs/secrets/NAME");
    let set = set.json(&json!({ "value": planted })).send().await;
    assert!(set.status < 300, "{}", set.text());
    let (value, stranger) = (agent.value.as_str(), unknown_value(3));
    for sent in [value, &stranger] {
        let encoded = percent_encoded(sent);
        for path in [
            format!("/e/docs/{sent}"),
            format!("/e/docs/{encoded}"),
            format!("/e/{sent}/README.md"),
            format!("/api/v1/tokens/{sent}"),
            format!("/api/v1/environments/{sent}"),
            format!("/e/docs/guide?token={sent}"),
        ] {
            for call in [gateway.get(&path), gateway.call("POST", &path).json(&json!({ "command": [sent] }))]
            {
                call.clone().token(value).send().await;
                call.clone().token(&stranger).send().await;
                call.header("user-agent", sent).token(value).send().await;
            }
        }
        gateway.get("/e/docs/guide").token(sent).send().await;
        gateway.run(&agent, "docs", &["echo", sent]).await;
        let reason = json!({ "reason": format!("it leaked: {sent}") });
        let victim = gateway.token().issue().await;
        gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", victim.id)).json(&reason).send().await;
    }
    assert_eq!(gateway.run(&agent, "docs", &["echo", "$NAME"]).await.status, 200);
    let log = Value::from(gateway.told().await).to_string();
    assert!(log.contains("run.begin") && log.contains("access.deny"));
    for secret in [value, &stranger, &gateway.admin.value, planted] {
        // What is behind the prefix would be enough.
        let rest = &secret[secret.len() - 20..];
        let place = log.find(rest).map(|at| log[at.saturating_sub(200)..(at + 60).min(log.len())].to_owned());
        assert_eq!(place, None);
    }
}
