//! POST with `Accept: text/event-stream`: what a command prints, as it comes.

use serde_json::{Value, json};

use crate::support::{Answer, Call, Connection, Issued, Napper, TestGateway, events, eventually};

/// A script is given as a command's argument.
const PAGE: &str = "---\ntools:\n  - [sh, -c, {}]\n  - [no-such-program]\n  \
                    - command: [bash, -c, {}]\n    timeout: 1s\nenv: [KNOWN]\n---\n";

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    gateway
}

fn streamed(call: Call, command: &[&str]) -> Call {
    call.header("accept", "text/event-stream").json(&json!({ "command": command }))
}

/// The names and the data of the events of an answer that has to be a stream.
fn told(answer: &Answer) -> Vec<(String, Value)> {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/event-stream"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("x-request-id").is_empty());
    let text = answer.text();
    let events = text.strip_suffix("\n\n").unwrap().split("\n\n");
    let parsed = events.map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (name.strip_prefix("event: ").unwrap().to_owned(), data)
    });
    parsed.collect()
}

async fn ask(gateway: &TestGateway, script: &str) -> Vec<(String, Value)> {
    told(&streamed(gateway.as_admin("POST", "/e/docs"), &["sh", "-c", script]).send().await)
}

/// All that was told of one stream of the command.
fn text_of(events: &[(String, Value)], stream: &str) -> String {
    events.iter().filter(|(name, _)| name == stream).map(|(_, data)| data["text"].as_str().unwrap()).collect()
}

/// A command that says `begun` and sleeps; yields the connection when that has come.
async fn begun(gateway: &TestGateway, token: &Issued, napper: &Napper) -> Connection {
    let script = format!("echo begun; sleep {}; echo went on", napper.seconds());
    let mut connection = ask_by_hand(gateway, token, &script).await;
    connection.read_until("event: stdout\ndata: {\"text\":\"begun\\n\"}\n\n").await;
    napper.fall_asleep().await;
    connection
}

/// Sends the request for a stream of what the script prints.
async fn ask_by_hand(gateway: &TestGateway, token: &Issued, script: &str) -> Connection {
    let body = json!({ "command": ["sh", "-c", script] }).to_string();
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "POST /e/docs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         accept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        token.value,
        body.len(),
    );
    connection.send(head).await;
    connection
}

#[tokio::test]
async fn events_come_in_order_and_the_exit_comes_last() {
    let gateway = start().await;
    let body = json!({
        "command": ["sh", "-c", "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; exit 3"],
        "env": { "OTHER": "x", "KNOWN": "y" },
    });
    let call = gateway.as_admin("POST", "/e/docs").header("accept", "text/event-stream");
    let answer = call.json(&body).send().await;
    let told = told(&answer);
    let (exit, output) = told.split_last().unwrap();
    let output: Vec<_> = output.iter().map(|(name, data)| (name.as_str(), &data["text"])).collect();
    let expected = [("stdout", &json!("one\n")), ("stderr", &json!("two\n")), ("stdout", &json!("three\n"))];
    assert_eq!(output, expected);
    let (name, mut exit) = exit.clone();
    assert!(exit["duration_ms"].take().as_u64().is_some_and(|duration| duration >= 400));
    let request_id = answer.header("x-request-id");
    let expected = json!({
        "returncode": 3, "duration_ms": null, "truncated": false, "timed_out": false,
        "request_id": request_id, "ignored_env": ["OTHER"],
    });
    assert_eq!((name.as_str(), exit), ("exit", expected));
    let end = events(gateway.data(), "run.end").pop().unwrap().detail;
    assert_eq!((&end["outcome"], &end["output_bytes"]), (&json!({ "exited": 3 }), &json!(14)));
}

#[tokio::test]
async fn output_comes_before_the_command_ends_and_a_client_that_leaves_ends_it() {
    let gateway = start().await;
    let napper = Napper::new();
    let connection = begun(&gateway, &gateway.admin, &napper).await;
    assert!(napper.is_asleep());
    drop(connection);
    napper.be_gone().await;
    let end = eventually("the run's end event", async || events(gateway.data(), "run.end").pop()).await;
    assert_eq!(end.detail["outcome"], "ended");
}

#[tokio::test]
async fn revoking_with_kill_ends_the_stream_with_an_error_and_the_command() {
    let gateway = start().await;
    let (token, napper) = (gateway.token().issue().await, Napper::new());
    let connection = begun(&gateway, &token, &napper).await;
    let revoke = gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id));
    revoke.json(&json!({ "kill": true })).send().await.data();
    let received = connection.read_to_end().await;
    let error = received.split_once("event: error\ndata: ").unwrap().1.lines().next().unwrap();
    let problem: Value = serde_json::from_str(error).unwrap();
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/invalid-token"), &json!(401)));
    assert!(!received.contains("event: exit"), "{received}");
    napper.be_gone().await;
    let end = eventually("the run's end event", async || events(gateway.data(), "run.end").pop()).await;
    assert_eq!(end.detail["outcome"], "ended_with_token");
}

#[tokio::test]
async fn what_is_refused_is_a_problem_and_no_stream() {
    let gateway = start().await;
    let post = || gateway.as_admin("POST", "/e/docs");
    streamed(post(), &["rm"]).send().await.assert_problem(403, "command-not-allowed");
    streamed(post(), &["no-such-program"]).send().await.assert_problem(500, "program-missing");
    let end = events(gateway.data(), "run.end").pop().unwrap();
    assert_eq!(end.detail["outcome"], "not_started");
    streamed(gateway.call("POST", "/e/docs"), &["ls"]).send().await.assert_problem(401, "unauthorized");
    let text = post().header("accept", "text/event-stream").bytes("text/plain", b"{}".to_vec());
    text.send().await.assert_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn characters_and_secrets_are_whole_across_pieces() {
    let gateway = start().await;
    let secret = json!({ "value": "correct-horse" });
    gateway.as_admin("PUT", "/api/v1/environments/docs/secrets/KEY").json(&secret).send().await.data();
    let script = "printf 'a\\303'; sleep 0.1; printf '\\251\\377 [correct-'; sleep 0.1; printf 'horse]'; \
                  printf correct- >&2; sleep 0.1; printf 'cow \\342\\202' >&2";
    let told = ask(&gateway, script).await;
    assert_eq!(text_of(&told, "stdout"), "aé\u{fffd} [***]");
    assert_eq!(text_of(&told, "stderr"), "correct-cow \u{fffd}");
    assert!(told.len() > 4, "{told:?}");
}

#[tokio::test]
async fn base64_is_there_for_whoever_asks() {
    let gateway = start().await;
    let call = gateway.as_admin("POST", "/e/docs").header("accept", "text/event-stream; encoding=base64");
    let answer = call.json(&json!({ "command": ["sh", "-c", "printf '\\377\\000'"] })).send().await;
    let told = told(&answer);
    assert_eq!(told[0], ("stdout".to_owned(), json!({ "base64": "/wA=" })));
    assert_eq!(told[1].1["encoding"], "base64");
}

#[tokio::test]
async fn the_answer_begins_with_the_command_and_shows_signs_of_life_while_it_is_silent() {
    let silence = std::time::Duration::from_millis(20);
    let gateway = TestGateway::start_with(|settings| settings.limits.stream_silence_max = silence).await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    let napper = Napper::new();
    let script = format!("sleep {}; echo went on", napper.seconds());
    let mut connection = ask_by_hand(&gateway, &gateway.admin, &script).await;
    let head = connection.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
    napper.fall_asleep().await;
    connection.read_until(": still running\n\n").await;
    assert!(napper.is_asleep());
    napper.wake();
    let rest = connection.read_to_end().await;
    // The comments stand between events, not in them.
    assert!(rest.contains("event: stdout\ndata: {\"text\":\"went on\\n\"}\n\n"), "{rest}");
    assert!(rest.contains("event: exit\n"), "{rest}");
}

#[tokio::test]
async fn limits_hold_and_are_told_at_the_end() {
    let gateway = start().await;
    let told_all = ask(&gateway, "head -c 2000000 /dev/zero | tr '\\0' x").await;
    assert_eq!(text_of(&told_all, "stdout").len(), 1 << 20);
    assert_eq!(told_all.last().unwrap().1["truncated"], true);
    let napper = Napper::new();
    let script = format!("echo begun; exec sleep {}", napper.seconds());
    let call = streamed(gateway.as_admin("POST", "/e/docs"), &["bash", "-c", &script]);
    let told = told(&call.send().await);
    let exit = &told.last().unwrap().1;
    assert_eq!((&exit["timed_out"], &exit["returncode"]), (&json!(true), &json!(124)));
    assert_eq!(text_of(&told, "stdout"), "begun\n");
}

/// A client that asks for much and reads nothing.
#[tokio::test]
async fn a_client_that_does_not_read_holds_the_command_up_and_not_the_gateway() {
    let gateway = TestGateway::start_with(|settings| {
        settings.limits.drain_time = std::time::Duration::ZERO;
        settings.limits.output_bytes_max = 1 << 30;
    })
    .await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    let napper = Napper::new();
    let connection = begun(&gateway, &gateway.admin, &napper).await;
    let script = "head -c 100000000 /dev/zero | tr '\\0' x";
    let call = streamed(gateway.as_admin("POST", "/e/docs"), &["sh", "-c", script]);
    let mut silent = Connection::open(gateway.address).await;
    silent
        .send(format!(
            "POST /e/docs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             accept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
            gateway.admin.value,
            call.body.len(),
            String::from_utf8_lossy(&call.body),
        ))
        .await;
    silent.read_until("event: stdout").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(events(gateway.data(), "run.end").is_empty(), "the command waits");
    let directory = tokio::time::timeout(std::time::Duration::from_secs(20), gateway.stop()).await.unwrap();
    assert!(!napper.is_asleep());
    assert_eq!(events(&directory.path().join("data"), "run.end").len(), 2);
    drop((connection, silent));
}
