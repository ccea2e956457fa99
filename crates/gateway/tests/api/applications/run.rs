//! POST: running a tool of a page.

use serde_json::{Value, json};

use crate::support::{Answer, Call, TestGateway, events};

/// A page with the given tools, each in YAML.
fn page(tools: &[&str]) -> String {
    format!("---\ntools:\n  - {}\n---\n# Tools\n", tools.join("\n  - "))
}

async fn with(tools: &[&str]) -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", &page(tools)), ("notes.txt", "some notes\n")]).await.data();
    gateway
}

fn post(gateway: &TestGateway, path: &str) -> Call {
    gateway.as_admin("POST", &format!("/e/docs{path}"))
}

async fn run(gateway: &TestGateway, command: &[&str]) -> Answer {
    post(gateway, "").json(&json!({ "command": command })).send().await
}

async fn output(gateway: &TestGateway, command: &[&str]) -> Value {
    let answer = run(gateway, command).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_command_answers_what_it_printed_and_its_exit_code() {
    let gateway = with(&["[sh, -c, 'echo out; echo err >&2; exit 3', ;]", "[ls, ;]", "[kill-self]"]).await;
    let answer = run(&gateway, &["sh", "-c", "echo out; echo err >&2; exit 3"]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let reply = answer.json();
    assert_eq!((&reply["stdout"], &reply["stderr"]), (&json!("out\n"), &json!("err\n")));
    assert_eq!(reply["returncode"], 3);
    assert_eq!((&reply["truncated"], &reply["timed_out"]), (&json!(false), &json!(false)));
    assert_eq!(reply["request_id"], answer.header("x-request-id"));
    assert!(reply["duration_ms"].is_u64() && reply["ignored_env"] == json!([]), "{reply}");
    assert_eq!(output(&gateway, &["ls"]).await["returncode"], 0);
}

#[tokio::test]
async fn a_command_that_no_tool_allows_is_refused_with_the_tools_that_there_are() {
    let gateway = with(&["[ls, ;]", "[cat, {regex: '^[a-z]+\\.txt$'}, ;]", "[echo, {}]"]).await;
    for command in [
        vec!["rm", "-rf", "/"],
        vec!["ls", "-la"],
        vec!["cat"],
        vec!["cat", "../secret.txt"],
        vec!["cat", "notes.txt\n"],
        vec!["cat", "notes.txt", "more.txt"],
        vec!["/bin/ls"],
        vec!["LS"],
        vec!["echo"],
        vec!["ls; rm -rf /"],
    ] {
        let answer = run(&gateway, &command).await;
        answer.assert_problem(403, "command-not-allowed");
        let tools = json!(["ls ;", "cat {regex: \"^[a-z]+\\.txt$\"} ;", "echo { }"]);
        assert_eq!(answer.json()["tools"], tools, "{command:?}");
    }
    assert!(events(gateway.data(), "run.").is_empty());
    assert_eq!(output(&gateway, &["cat", "notes.txt"]).await["stdout"], "some notes\n");
}

#[tokio::test]
async fn a_page_without_tools_allows_nothing() {
    let gateway = TestGateway::start().await;
    let files = [
        ("README.md", "# Hi\n"),
        ("empty.md", "---\ntools: []\n---\n"),
        ("other.md", "---\ntitle: x\n---\n"),
    ];
    gateway.deploy_files("docs", &files).await.data();
    for path in ["", "/empty", "/other.md"] {
        for command in [vec!["ls"], vec!["echo", "hi"]] {
            let answer = post(&gateway, path).json(&json!({ "command": command })).send().await;
            answer.assert_problem(403, "command-not-allowed");
            assert_eq!(answer.json()["tools"], Value::Null, "{path}");
        }
    }
}

#[tokio::test]
async fn each_page_allows_its_own_tools_alone() {
    let gateway = TestGateway::start().await;
    let files =
        [("README.md", page(&["[ls]"])), ("a/README.md", page(&["[pwd]"])), ("a/b.md", page(&["[date]"]))];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    gateway.deploy_files("docs", &files).await.data();
    for (path, allowed, refused) in [
        ("", "ls", "pwd"),
        ("/", "ls", "date"),
        ("/a", "pwd", "ls"),
        ("/a/b", "date", "pwd"),
        ("/a/b.md", "date", "ls"),
    ] {
        let call = |program: &str| post(&gateway, path).json(&json!({ "command": [program] })).send();
        assert_eq!(call(allowed).await.status, 200, "{path}");
        call(refused).await.assert_problem(403, "command-not-allowed");
    }
}

#[tokio::test]
async fn arguments_are_passed_on_byte_for_byte_and_through_no_shell() {
    let gateway = with(&["[printf, '%s|', {}]"]).await;
    for argument in
        ["$HOME", "$(id)", "`id`", "a b", "\"'", "*", "~", "; id", "a\nb", "", "\u{e4}\u{1f600}", "\\n", "{}"]
    {
        let reply = output(&gateway, &["printf", "%s|", argument, argument]).await;
        assert_eq!(reply["stdout"], format!("{argument}|{argument}|"), "{argument:?}");
    }
}

#[tokio::test]
async fn a_command_runs_in_its_pages_directory() {
    let gateway = TestGateway::start().await;
    let tools = page(&["[cat, {}, ;]", "[pwd, ;]"]);
    let files = [
        ("README.md", tools.as_str()),
        ("a/b/page.md", &tools),
        ("a/b/here.txt", "here\n"),
        ("here.txt", "top\n"),
    ];
    gateway.deploy_files("docs", &files).await.data();
    for (path, text) in [("", "top\n"), ("/a/b/page", "here\n")] {
        let answer = post(&gateway, path).json(&json!({ "command": ["cat", "here.txt"] })).send().await;
        assert_eq!(answer.json()["stdout"], text, "{path}");
    }
    let place = post(&gateway, "/a/b/page").json(&json!({ "command": ["pwd"] })).send().await.json();
    assert!(place["stdout"].as_str().unwrap().ends_with("/a/b\n"), "{place}");
}

#[tokio::test]
async fn standard_input_is_empty() {
    let gateway = with(&["[cat, ;]"]).await;
    let reply = output(&gateway, &["cat"]).await;
    assert_eq!((&reply["stdout"], &reply["returncode"]), (&json!(""), &json!(0)));
}

#[tokio::test]
async fn output_that_is_not_utf_8_is_replaced_or_sent_in_base64_when_asked_for() {
    let gateway = with(&["[printf, 'a\\377\\000b', ;]"]).await;
    let command = ["printf", "a\\377\\000b"];
    let reply = output(&gateway, &command).await;
    assert_eq!((&reply["stdout"], &reply["encoding"]), (&json!("a\u{fffd}\0b"), &Value::Null));
    let call = post(&gateway, "").header("accept", "application/json; encoding=base64");
    let reply = call.json(&json!({ "command": command })).send().await.json();
    assert_eq!((&reply["stdout"], &reply["encoding"]), (&json!("Yf8AYg=="), &json!("base64")));
    assert_eq!(reply["stderr"], "");
}

#[tokio::test]
async fn output_beyond_the_limit_is_dropped_and_said_to_be() {
    let gateway = TestGateway::start_with(|settings| settings.limits.output_bytes_max = 1000).await;
    let tools = page(&["[head, -c, {}, /dev/zero, ;]", "[sh, -c, 'head -c 1001 /dev/zero >&2', ;]"]);
    gateway.deploy_files("docs", &[("README.md", &tools)]).await.data();
    for (size, kept, truncated) in
        [("999", 999, false), ("1000", 1000, false), ("1001", 1000, true), ("9999999", 1000, true)]
    {
        let reply = output(&gateway, &["head", "-c", size, "/dev/zero"]).await;
        assert_eq!(reply["stdout"].as_str().unwrap().len(), kept, "{size}");
        assert_eq!((&reply["truncated"], &reply["returncode"]), (&json!(truncated), &json!(0)), "{size}");
    }
    let reply = output(&gateway, &["sh", "-c", "head -c 1001 /dev/zero >&2"]).await;
    assert_eq!((reply["stderr"].as_str().unwrap().len(), &reply["truncated"]), (1000, &json!(true)));
}

#[tokio::test]
async fn a_program_that_is_missing_is_told_and_is_no_exit_code() {
    let gateway = with(&["[no-such-program-anywhere]", "[./notes.txt]", "[./absent]"]).await;
    for program in ["no-such-program-anywhere", "./notes.txt", "./absent"] {
        let answer = run(&gateway, &[program]).await;
        answer.assert_problem(500, "program-missing");
        assert!(answer.json()["detail"].as_str().unwrap().contains(program), "{}", answer.text());
    }
    let ends = events(gateway.data(), "run.end");
    assert_eq!(ends.len(), 3);
    assert!(ends.iter().all(|end| end.detail["outcome"] == "not_started"), "{ends:?}");
}

#[tokio::test]
async fn a_file_is_as_executable_as_its_manifest_says() {
    let gateway = TestGateway::start().await;
    let tools = page(&["[./run.sh]", "[./bin/other.sh]", "[./plain.sh]"]);
    let script = b"#!/bin/sh\necho ran in $(basename $PWD)\n";
    let files: [(&str, &[u8], u32); 4] = [
        ("README.md", tools.as_bytes(), 0o644),
        ("run.sh", script, 0o755),
        ("bin/other.sh", b"#!/bin/sh\necho other\n", 0o100_744),
        ("plain.sh", b"#!/bin/sh\necho plain\n", 0o644),
    ];
    gateway.deploy_manifest("docs", &files).await.data();
    assert!(output(&gateway, &["./run.sh"]).await["stdout"].as_str().unwrap().starts_with("ran in"));
    assert_eq!(output(&gateway, &["./bin/other.sh"]).await["stdout"], "other\n");
    run(&gateway, &["./plain.sh"]).await.assert_problem(500, "program-missing");
}

/// What a page elsewhere in a browser can send without asking first (the types of a simple request).
#[tokio::test]
async fn only_json_that_says_so_runs_anything() {
    let gateway = with(&["[ls]"]).await;
    let body = json!({ "command": ["ls"] }).to_string().into_bytes();
    for content_type in [
        "text/plain",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "application/jsonp",
        "application/json, text/plain",
        "text/plain, application/json",
        "",
    ] {
        let answer = post(&gateway, "").bytes(content_type, body.clone()).send().await;
        answer.assert_problem(415, "unsupported-media-type");
    }
    let mut bare = post(&gateway, "");
    bare.body.clone_from(&body);
    bare.send().await.assert_problem(415, "unsupported-media-type");
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        let answer = post(&gateway, "").bytes(content_type, body.clone()).send().await;
        assert_eq!(answer.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_request_to_run_is_refused_with_what_is_wrong() {
    let gateway = with(&["[ls]"]).await;
    for broken in ["", "{", "ls", "{\"command\": [\"ls\"]} x", "\u{feff}{}", "{\"command\": [\"\\ud800\"]}"] {
        let answer = post(&gateway, "").bytes("application/json", broken.into()).send().await;
        answer.assert_problem(400, "bad-request");
    }
    for (body, field) in [
        (json!({}), "command"),
        (json!({ "command": ["ls"], "cwd": "/" }), "cwd"),
        (json!({ "command": ["ls"], "stdin": "x" }), "stdin"),
        (json!({ "command": "ls" }), "body"),
        (json!({ "command": ["ls", 5] }), "body"),
        (json!({ "command": null }), "body"),
        (json!(["ls"]), "body"),
        (json!([["ls"], {}]), "body"),
        (json!({ "command": ["ls"], "env": { "A": 5 } }), "body"),
        (json!({ "command": [] }), "command"),
        (json!({ "command": [""] }), "command"),
        (json!({ "command": ["ls", "a\0b"] }), "command"),
        (json!({ "command": vec!["ls"; 257] }), "command"),
        (json!({ "command": ["ls", "x".repeat(128 * 1024)] }), "command"),
    ] {
        let answer = post(&gateway, "").json(&body).send().await;
        answer.assert_problem(422, "invalid");
        let shown: String = body.to_string().chars().take(60).collect();
        assert_eq!(answer.json()["errors"][0]["field"], field, "{shown}: {}", answer.text());
    }
    let mut most = vec!["ls", "--"];
    most.resize(256, ".");
    assert_eq!(run(&gateway, &most).await.status, 200);
    assert_eq!(events(gateway.data(), "run.begin").len(), 1);
}

#[tokio::test]
async fn what_is_no_page_runs_nothing() {
    let gateway = with(&["[ls]"]).await;
    let body = json!({ "command": ["ls"] });
    post(&gateway, "/notes.txt").json(&body).send().await.assert_problem(403, "command-not-allowed");
    post(&gateway, "/nowhere").json(&body).send().await.assert_problem(404, "not-found");
    assert_eq!(post(&gateway, "/READM").json(&body).send().await.json()["near"], json!(["README.md"]));
}

#[tokio::test]
async fn a_run_is_recorded_before_it_begins_and_after_it_ends() {
    let gateway = with(&["[sh, -c, {}, ;]"]).await;
    let answer = run(&gateway, &["sh", "-c", "printf 12345; printf 67 >&2; exit 5"]).await;
    let events = events(gateway.data(), "run.");
    let [begin, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((begin.action.as_str(), end.action.as_str()), ("run.begin", "run.end"));
    for event in [begin, end] {
        assert_eq!(event.request_id.as_deref(), Some(answer.header("x-request-id")));
    }
    assert_eq!((&begin.detail["page"], &begin.detail["release"]), (&json!("README.md"), &json!(1)));
    assert_eq!(begin.detail["command"], json!(["sh", "-c", "printf 12345; printf 67 >&2; exit 5"]));
    assert_eq!(
        (&end.detail["begin"], &end.detail["outcome"]),
        (&json!(begin.sequence), &json!({ "exited": 5 }))
    );
    assert_eq!(
        (&end.detail["output_bytes"], &end.detail["duration_ms"]),
        (&json!(7), &answer.json()["duration_ms"])
    );
}

/// The files that a command runs in stay until it has ended, whatever becomes of its environment meanwhile.
#[tokio::test]
async fn a_release_is_not_removed_under_a_command_that_runs_in_it() {
    let script = "sleep 2; cat notes.txt";
    for accept in ["application/json", "text/event-stream"] {
        let gateway = with(&["[sh, -c, 'sleep 2; cat notes.txt', ;]"]).await;
        let body = json!({ "command": ["sh", "-c", script] });
        let running = tokio::spawn(post(&gateway, "").header("accept", accept).json(&body).send());
        let begun = async || (events(gateway.data(), "run.begin").len() == 1).then_some(());
        crate::support::eventually("the begin of the run", begun).await;
        gateway.deploy_files("docs", &[("README.md", "# Other\n")]).await.data();
        gateway.as_admin("DELETE", "/api/v1/environments/docs").send().await.data();
        // What was taken out of memory is let go some changes later.
        gateway.deploy("other").await;
        for visibility in ["public", "private"].repeat(60) {
            let body = json!({ "visibility": visibility });
            gateway.as_admin("PATCH", "/api/v1/environments/other").json(&body).send().await.data();
        }
        let answer = running.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("some notes"), "{accept}: {}", answer.text());
    }
}
