//! The environment of a command, and variables in tools.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, events};

async fn with(page: &str) -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", page)]).await.data();
    gateway
}

async fn run(gateway: &TestGateway, command: &[&str], env: Value) -> Answer {
    let body = json!({ "command": command, "env": env });
    gateway.as_admin("POST", "/e/docs").json(&body).send().await
}

async fn output(gateway: &TestGateway, command: &[&str], env: Value) -> Value {
    let answer = run(gateway, command, env).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// `$NAME` in a tool, `$$` for a dollar, and a program that shows its arguments.
const PAGE: &str = "---\ntools:\n  - [printf, '[%s]', $NAME, 'x$NAME-$OTHER', $$NAME, ;]\n  - [echo, {}, ;]\n  \
                    - [printenv, {}, ;]\nenv: [LISTED]\n---\n";
const SHOWN: [&str; 5] = ["printf", "[%s]", "$NAME", "x$NAME-$OTHER", "$$NAME"];

#[tokio::test]
async fn a_variable_of_a_tool_gets_its_value_from_the_request() {
    let gateway = with(PAGE).await;
    let reply = output(&gateway, &SHOWN, json!({ "NAME": "ann", "OTHER": "bob" })).await;
    assert_eq!(reply["stdout"], "[ann][xann-bob][$NAME]");
    // Once, in one pass: what a value brings along is text.
    let reply = output(&gateway, &SHOWN, json!({ "NAME": "$OTHER", "OTHER": "$NAME $(id) `id`" })).await;
    assert_eq!(reply["stdout"], "[$OTHER][x$OTHER-$NAME $(id) `id`][$NAME]");
    let reply = output(&gateway, &SHOWN, json!({ "NAME": "", "OTHER": "" })).await;
    assert_eq!(reply["stdout"], "[][x-][$NAME]");
}

#[tokio::test]
async fn a_variable_that_is_nowhere_set_is_named_and_is_no_empty_string() {
    let gateway = with(PAGE).await;
    for (env, name) in
        [(json!({}), "NAME"), (json!({ "OTHER": "x" }), "NAME"), (json!({ "NAME": "x" }), "OTHER")]
    {
        let answer = run(&gateway, &SHOWN, env).await;
        answer.assert_problem(400, "unset-variable");
        assert!(
            answer.json()["detail"].as_str().unwrap().contains(&format!("`{name}`")),
            "{}",
            answer.text()
        );
    }
    run(&gateway, &SHOWN, Value::Null).await.assert_problem(400, "unset-variable");
    assert!(events(gateway.data(), "run.").is_empty());
}

#[tokio::test]
async fn what_the_agent_supplies_is_never_expanded() {
    let gateway = with(PAGE).await;
    for text in ["$NAME", "$$NAME", "${NAME}", "$LISTED", "x$OTHER", "$PATH", "%NAME%"] {
        let reply =
            output(&gateway, &["echo", text], json!({ "NAME": "ann", "OTHER": "bob", "LISTED": "cy" })).await;
        assert_eq!(reply["stdout"], format!("{text}\n"));
    }
    // Nor does a value stand in for what the agent has to send as it is written.
    let guessed = ["printf", "[%s]", "ann", "xann-bob", "$NAME"];
    run(&gateway, &guessed, json!({ "NAME": "ann", "OTHER": "bob" }))
        .await
        .assert_problem(403, "command-not-allowed");
}

#[tokio::test]
async fn only_names_that_the_page_mentions_reach_the_command_and_the_others_are_told() {
    let gateway = with(PAGE).await;
    let env =
        json!({ "NAME": "ann", "LISTED": "cy", "UNKNOWN": "x", "PATH": "/evil", "LD_PRELOAD": "/evil.so" });
    let reply = output(&gateway, &["printenv", "LISTED"], env.clone()).await;
    assert_eq!(
        (&reply["stdout"], &reply["ignored_env"]),
        (&json!("cy\n"), &json!(["LD_PRELOAD", "PATH", "UNKNOWN"]))
    );
    assert_eq!(output(&gateway, &["printenv", "NAME"], env.clone()).await["stdout"], "ann\n");
    for name in ["UNKNOWN", "LD_PRELOAD"] {
        assert_eq!(output(&gateway, &["printenv", name], env.clone()).await["returncode"], 1, "{name}");
    }
    assert_ne!(output(&gateway, &["printenv", "PATH"], env).await["stdout"], "/evil\n");
}

#[tokio::test]
async fn the_environment_is_clean() {
    let gateway = with("---\ntools:\n  - [env]\n---\n").await;
    let reply = output(&gateway, &["env"], json!({})).await;
    let text = reply["stdout"].as_str().unwrap();
    let mut lines: Vec<_> = text.lines().map(|line| line.split_once('=').unwrap()).collect();
    lines.sort_unstable();
    let names: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "TMPDIR"], "{text}");
    let value = |name: &str| lines.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(value("LANG"), "C.UTF-8");
    assert_eq!(value("HOME"), value("TMPDIR"));
    assert!(!std::path::Path::new(value("TMPDIR")).exists(), "the private directory outlived its run");
}

#[tokio::test]
async fn each_run_has_a_private_directory_of_its_own_and_leaves_nothing_in_it() {
    let gateway =
        with("---\ntools:\n  - [sh, -c, 'ls -a \"$$TMPDIR\"; echo x > \"$$TMPDIR/x\"; echo \"$$TMPDIR\"', ;]\n---\n").await;
    let command = ["sh", "-c", "ls -a \"$$TMPDIR\"; echo x > \"$$TMPDIR/x\"; echo \"$$TMPDIR\""];
    let mut places = Vec::new();
    for _ in 0..2 {
        let reply = output(&gateway, &command, json!({})).await;
        let lines: Vec<_> = reply["stdout"].as_str().unwrap().lines().map(str::to_owned).collect();
        assert_eq!(lines[..2], [".", ".."], "{reply}");
        assert_eq!(lines.len(), 3, "{reply}");
        assert!(!std::path::Path::new(&lines[2]).exists());
        places.push(lines[2].clone());
    }
    assert_ne!(places[0], places[1]);
}

#[tokio::test]
async fn a_value_that_no_argument_can_have_is_refused() {
    let gateway = with(PAGE).await;
    let answer = run(&gateway, &SHOWN, json!({ "NAME": "a\0b", "OTHER": "x" })).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(answer.json()["errors"][0]["field"], "env.NAME");
    let long = "x".repeat(100 * 1024);
    run(&gateway, &SHOWN, json!({ "NAME": long, "OTHER": "x" })).await.assert_problem(400, "unset-variable");
    // A name that the page does not mention is left out, whatever its value.
    let reply = output(&gateway, &["echo", "hi"], json!({ "UNKNOWN": "a\0b", "": "x", "A=B": "x" })).await;
    assert_eq!(reply["ignored_env"], json!(["", "A=B", "UNKNOWN"]));
}

#[tokio::test]
async fn the_values_of_variables_stay_out_of_the_audit_log() {
    let gateway = with(PAGE).await;
    output(&gateway, &SHOWN, json!({ "NAME": "value-of-name", "OTHER": "value-of-other" })).await;
    let begin = events(gateway.data(), "run.begin").remove(0);
    assert_eq!(begin.detail["command"], json!(SHOWN));
    let all = format!("{:?}", events(gateway.data(), ""));
    assert!(!all.contains("value-of-"), "{all}");
}
