//! What commands are given of secrets, and what is masked in what they print.

use serde_json::{Value, json};

use crate::support::{TestGateway, events};

const VALUE: &str = "correct-horse-battery";

async fn with_key() -> TestGateway {
    let gateway = TestGateway::with_page().await;
    gateway.set("docs", "KEY", VALUE).await.data();
    gateway
}

/// Holds a shell's test to be true: what is masked in the output can still be looked at by the command.
async fn assert_true(gateway: &TestGateway, test: &str) {
    let reply = gateway.output(&["sh", "-c", test]).await;
    assert_eq!(reply["returncode"], 0, "{test}: {reply}");
}

#[tokio::test]
async fn a_command_gets_every_secret_as_a_variable_whatever_its_page_mentions() {
    let gateway = with_key().await;
    gateway.set("docs", "UNMENTIONED", "another value").await.data();
    assert_true(&gateway, &format!("test \"$KEY\" = {VALUE}")).await;
    assert_true(&gateway, "test \"$UNMENTIONED\" = 'another value'").await;
    // In a public application, too.
    let public = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/docs").json(&public).send().await.data();
    let body = json!({ "command": ["printenv", "KEY"] });
    let visit = gateway.call("POST", "/e/docs").json(&body).send().await;
    assert_eq!(visit.json()["stdout"], "***\n");
}

#[tokio::test]
async fn a_command_gets_the_secrets_of_its_own_environment_alone() {
    let gateway = with_key().await;
    gateway.deploy_files("other", &[("README.md", super::PAGE)]).await.data();
    let ask = async |command: &[&str]| {
        let body = json!({ "command": command });
        gateway.as_admin("POST", "/e/other").json(&body).send().await.json()
    };
    assert_eq!(ask(&["printenv", "KEY"]).await["returncode"], 1);
    // Nor is anything masked there.
    assert_eq!(ask(&["echo", VALUE]).await["stdout"], format!("{VALUE}\n"));
}

#[tokio::test]
async fn a_variable_of_a_tool_gets_its_value_from_the_secret() {
    let gateway = with_key().await;
    let reply = gateway.output(&["printf", "[%s]", "x$KEY"]).await;
    assert_eq!(reply["stdout"], "[x***]");
    let unset = gateway.ask(&["printf", "[%s]", "$OTHER"], json!({})).await;
    unset.assert_problem(400, "unset-variable");
    gateway.set("docs", "OTHER", "value of the other").await.data();
    assert_eq!(gateway.output(&["printf", "[%s]", "$OTHER"]).await["stdout"], "[***]");
    // In what the agent supplies nothing is expanded.
    assert_eq!(gateway.output(&["echo", "$KEY"]).await["stdout"], "$KEY\n");
}

#[tokio::test]
async fn a_secret_wins_over_the_request_and_the_answer_says_so() {
    let gateway = with_key().await;
    gateway.set("docs", "SET", "value of the secret").await.data();
    let test = format!("test \"$KEY\" = {VALUE}");
    let env = json!({ "KEY": "from-the-request", "SET": "x", "UNKNOWN": "x" });
    let reply = gateway.ask(&["sh", "-c", &test], env).await.json();
    assert_eq!((&reply["returncode"], &reply["ignored_env"]), (&json!(0), &json!(["KEY", "SET", "UNKNOWN"])));
    gateway.secret("DELETE", "docs", "KEY").send().await.data();
    let reply = gateway.ask(&["printenv", "KEY"], json!({ "KEY": "from-the-request" })).await.json();
    // What a request gives is no secret.
    assert_eq!((&reply["stdout"], &reply["ignored_env"]), (&json!("from-the-request\n"), &json!([])));
}

#[tokio::test]
async fn a_value_is_masked_in_both_streams_and_in_base64() {
    let gateway = with_key().await;
    gateway.set("docs", "LINES", "first line\nsecond line").await.data();
    let script = "echo \"<$KEY>\"; printenv LINES; printf 'a%sb%s%sc' \"$KEY\" \"$KEY\" \"$LINES\" >&2";
    let reply = gateway.output(&["sh", "-c", script]).await;
    assert_eq!((&reply["stdout"], &reply["stderr"]), (&json!("<***>\n***\n"), &json!("a***b***c")));
    let body = json!({ "command": ["printenv", "KEY"] });
    let call = gateway.as_admin("POST", "/e/docs").header("accept", "application/json; encoding=base64");
    let reply = call.json(&body).send().await.json();
    assert_eq!((&reply["stdout"], &reply["encoding"]), (&json!("KioqCg=="), &json!("base64")));
}

#[tokio::test]
async fn bytes_around_a_value_come_through_as_they_are() {
    let gateway = with_key().await;
    let body = json!({ "command": ["sh", "-c", "printf '\\377\\0%s\\376' \"$KEY\""] });
    let call = gateway.as_admin("POST", "/e/docs").header("accept", "application/json; encoding=base64");
    let reply = call.json(&body).send().await.json();
    assert_eq!(reply["stdout"], "/wAqKir+");
}

#[tokio::test]
async fn a_value_that_is_written_in_pieces_is_masked() {
    let gateway = with_key().await;
    let script =
        "rest=${KEY#correct-}; printf 'a correct-'; sleep 0.05; printf %s \"$rest\"; sleep 0.05; echo ' b'";
    assert_eq!(gateway.output(&["sh", "-c", script]).await["stdout"], "a *** b\n");
    let script = "rest=$KEY; while [ -n \"$rest\" ]; do next=${rest#?}; printf %s \"${rest%\"$next\"}\" >&2; rest=$next; done";
    assert_eq!(gateway.output(&["sh", "-c", script]).await["stderr"], "***");
}

#[tokio::test]
async fn the_beginning_of_a_value_at_the_outputs_cap_is_masked() {
    let gateway = with_key().await;
    for (before, shown) in [
        (1024 * 1024 - VALUE.len() + 1, "***"),
        (1024 * 1024 - 7, "***"),
        (1024 * 1024 - 2, "**"),
        (1024 * 1024 - 1, "*"),
        (1024 * 1024, ""),
    ] {
        for stream in ["stdout", "stderr"] {
            let to = if stream == "stderr" { " >&2" } else { "" };
            let script = format!("{{ head -c {before} /dev/zero | tr '\\0' x; printf %s \"$KEY\"; }}{to}");
            let reply = gateway.output(&["sh", "-c", &script]).await;
            assert_eq!(reply["truncated"], true);
            let output = reply[stream].as_str().unwrap();
            assert_eq!(output.len(), before + shown.len(), "{before} {stream}");
            assert!(output.ends_with(&format!("x{shown}")), "{before} {stream}");
        }
    }
    // Just fitting is not cut.
    let before = 1024 * 1024 - VALUE.len();
    let script = format!("head -c {before} /dev/zero | tr '\\0' x; printf %s \"$KEY\"");
    let reply = gateway.output(&["sh", "-c", &script]).await;
    assert_eq!((&reply["truncated"], reply["stdout"].as_str().unwrap().len()), (&json!(false), before + 3));
    // And the middle of much output.
    let script =
        "head -c 500000 /dev/zero | tr '\\0' x; printf %s \"$KEY\"; head -c 400000 /dev/zero | tr '\\0' x";
    let reply = gateway.output(&["sh", "-c", script]).await;
    assert_eq!(reply["stdout"].as_str().unwrap().len(), 900_003);
}

#[tokio::test]
async fn the_beginning_of_a_value_at_the_end_of_a_commands_time_is_masked() {
    let gateway = with_key().await;
    let reply = gateway.output(&["sh", "-ec", "printf 'say correct-horse'; exec sleep 600"]).await;
    assert_eq!((&reply["timed_out"], &reply["stdout"]), (&json!(true), &json!("say ***")));
    // A command that ends by itself has written what it wanted to.
    let reply = gateway.output(&["sh", "-c", "printf 'say correct-horse'"]).await;
    assert_eq!(reply["stdout"], "say correct-horse");
}

#[tokio::test]
async fn a_value_that_an_agent_got_hold_of_stays_out_of_the_audit_log_and_of_errors() {
    let gateway = with_key().await;
    assert_eq!(gateway.output(&["echo", VALUE]).await["stdout"], "***\n");
    gateway.output(&["printf", "[%s]", "x$KEY"]).await;
    gateway.ask(&["no-such-program", "x$KEY"], json!({})).await.assert_problem(500, "program-missing");
    let commands: Vec<Value> = events(gateway.data(), "run.begin")
        .into_iter()
        .map(|event| event.detail["command"].clone())
        .collect();
    assert_eq!(
        commands,
        [json!(["echo", "***"]), json!(["printf", "[%s]", "x$KEY"]), json!(["no-such-program", "x$KEY"])]
    );
    for command in
        [&[VALUE][..], &["rm", VALUE], &["echo", VALUE, VALUE], &["no-such-program", "x$KEY", VALUE]]
    {
        let refused = gateway.ask(command, json!({ VALUE: VALUE })).await;
        refused.assert_problem(403, "command-not-allowed");
        assert!(!refused.text().contains(VALUE), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_change_counts_for_the_next_command_and_after_a_restart() {
    let gateway = with_key().await;
    for number in 0..20 {
        let value = format!("value-number-{number}");
        gateway.set("docs", "KEY", &value).await.data();
        assert_true(&gateway, &format!("test \"$KEY\" = {value}")).await;
    }
    let gateway = gateway.restart().await;
    assert_true(&gateway, "test \"$KEY\" = value-number-19").await;
    assert_eq!(gateway.output(&["printenv", "KEY"]).await["stdout"], "***\n");
    // A release, a rollback, a new name and a new visibility leave them as they are.
    gateway.deploy_files("docs", &[("README.md", &format!("{}\nMore.\n", super::PAGE))]).await.data();
    assert_true(&gateway, "test \"$KEY\" = value-number-19").await;
}
