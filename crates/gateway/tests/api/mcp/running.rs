//! Commands, and why some do not run.

use serde_json::{Value, json};

use super::client::{Client, REVISIONS, STATELESS, text};
use crate::support::TestGateway;

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway
}

async fn run(client: &Client<'_>, command: Value) -> Value {
    client.tool("run_command", json!({ "page": "README.md", "command": command })).await
}

#[tokio::test]
async fn a_command_runs_and_its_end_is_told_whatever_it_was() {
    let gateway = start().await;
    let token = gateway.token().issue().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &token, revision);
        let ran = run(&client, json!(["sh", "-c", "echo out; echo err >&2; exit 3"])).await;
        assert_eq!((text(&ran), &ran["isError"]), ("out\n[stderr]\nerr\n[exit code 3]", &json!(false)));
        let structured = &ran["structuredContent"];
        assert_eq!((&structured["stdout"], &structured["stderr"]), (&json!("out\n"), &json!("err\n")));
        assert_eq!((&structured["returncode"], &structured["timed_out"]), (&json!(3), &json!(false)));
        assert!(structured["duration_ms"].is_u64(), "{structured}");
    }
}

#[tokio::test]
async fn variables_are_given_and_those_that_are_not_used_are_named() {
    let gateway = start().await;
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    let env = json!({ "NAME": "Ada", "OTHER": "x" });
    let arguments = json!({ "page": "", "command": ["echo", "$NAME"], "env": env });
    let ran = client.tool("run_command", arguments).await;
    assert_eq!(ran["structuredContent"]["ignored_env"], json!(["OTHER"]));
    assert_eq!(
        ran["structuredContent"]["stdout"], "$NAME\n",
        "the first tool that fits takes it as it is written"
    );
}

#[tokio::test]
async fn a_refusal_is_a_result_that_a_model_can_mend_its_call_by() {
    let gateway = start().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let refused = run(&client, json!(["rm", "-rf", "/"])).await;
        assert_eq!(refused["isError"], true);
        let told = text(&refused);
        assert!(told.contains("cat {regex:") && told.contains("echo { }"), "{told}");
        let from_elsewhere =
            client.tool("run_command", json!({ "page": "guide.md", "command": ["ls"] })).await;
        assert_eq!(from_elsewhere["isError"], true);
        let misshapen = client.tool("run_command", json!({ "page": "", "command": "ls -la" })).await;
        assert!(text(&misshapen).contains(r#"["ls", "-la"]"#), "{misshapen}");
        let unset = run(&client, json!(["echo", "a", "$NAME"])).await;
        assert_eq!(unset["isError"], false, "{unset}");
    }
}

#[tokio::test]
async fn a_tool_that_does_not_exist_is_an_error_of_the_protocol() {
    let gateway = start().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let answer = client.send("tools/call", json!({ "name": "rm", "arguments": {} })).await;
        assert_eq!(answer.json()["error"]["code"], -32602, "{}", answer.text());
    }
}

#[tokio::test]
async fn secrets_are_given_to_a_command_and_masked_in_what_it_prints() {
    let gateway = TestGateway::start().await;
    let page = "---\ntools:\n  - [printenv, API_KEY, ;]\nenv: [API_KEY]\n---\n# A\n";
    gateway.deploy_files("docs", &[("README.md", page)]).await.data();
    let secret = json!({ "value": "planted-secret-value" });
    gateway.as_admin("PUT", "/api/v1/environments/docs/secrets/API_KEY").json(&secret).send().await.data();
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    let ran = run(&client, json!(["printenv", "API_KEY"])).await;
    assert_eq!(ran["structuredContent"]["stdout"], "***\n");
    assert!(!ran.to_string().contains("planted"), "{ran}");
}

/// The place that is taken is the same one as over HTTP.
#[tokio::test]
async fn no_more_commands_run_at_once_than_the_limits_say() {
    let gateway = TestGateway::start_with(|settings| settings.limits.runs_per_token_max = 0).await;
    gateway.deploy("docs").await;
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    let refused = run(&client, json!(["ls"])).await;
    assert!(refused["isError"] == true && text(&refused).contains("at once"), "{refused}");
}

#[tokio::test]
async fn whoever_asks_for_progress_is_told_of_it_before_the_result() {
    let gateway = start().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let params = json!({
            "name": "run_command", "arguments": { "page": "", "command": ["echo", "x"] },
            "_meta": { "progressToken": "p-1" }
        });
        let answer = client.send("tools/call", params).await;
        assert_eq!(answer.header("content-type"), "text/event-stream", "{}", answer.text());
        let messages: Vec<Value> = answer
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        assert_eq!(messages[0]["method"], "notifications/progress", "{revision}: {messages:#?}");
        assert_eq!(messages[0]["params"]["progressToken"], "p-1");
        let last = messages.last().unwrap();
        assert_eq!((&last["id"], &last["result"]["structuredContent"]["stdout"]), (&json!(7), &json!("x\n")));
    }
}
