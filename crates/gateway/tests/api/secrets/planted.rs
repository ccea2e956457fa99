//! A value is planted and then sought everywhere: it is with the commands that it is given to, and nowhere else.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::secrecy::Log;
use crate::support::{Napper, TestGateway, events, eventually};

const VALUES: [(&str, &str); 3] = [
    ("KEY", "planted0c0ffee0first0value"),
    ("OTHER", "planted0c0ffee0second\nvalue with \"quotes\" and \u{e9}"),
    ("OLD", "planted0c0ffee0third0value"),
];

/// Holds the bytes to have none of the values, nor what base64 makes of them, nor their first half.
#[track_caller]
fn assert_absent(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    for (name, value) in VALUES {
        let half: String = value.chars().take(21).collect();
        for form in [half, STANDARD.encode(value)] {
            assert!(!text.contains(&form.to_ascii_lowercase()), "{place} has {name}");
        }
    }
}

fn assert_absent_below(directory: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert_absent("a file's name", path.to_string_lossy().as_bytes());
        if path.is_dir() {
            files += assert_absent_below(&path);
        } else {
            files += 1;
            assert_absent(&path.display().to_string(), &fs::read(&path).unwrap_or_default());
        }
    }
    files
}

/// The processes of this machine: their number, what they were started as, and their variables.
fn processes() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let read = |pid: &str, file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    pids.filter(|name| name.parse::<u32>().is_ok())
        .map(|pid| (read(&pid, "cmdline"), read(&pid, "environ"), pid))
        .map(|(started_as, variables, pid)| (pid, started_as, variables))
        .collect()
}

fn has(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|window| window == value.as_bytes())
}

/// Commands that print a value, each in its own way.
const PRINTING: [&[&str]; 7] = [
    &["printenv", "KEY"],
    &["printenv", "OTHER"],
    &["sh", "-c", "env; env >&2"],
    &["sh", "-c", "cat /proc/self/environ"],
    &["sh", "-c", "echo \"$KEY$OTHER$KEY\" >&2; exit 3"],
    &["sh", "-c", "head -c 1048560 /dev/zero | tr '\\0' x; printf %s \"$KEY\"; printf %s \"$OTHER\" >&2"],
    &["printf", "[%s]", "x$KEY"],
];

#[tokio::test]
async fn a_planted_value_is_found_nowhere_but_with_its_command() {
    let log = Log::begin();
    let gateway = TestGateway::with_page().await;
    for (name, value) in VALUES {
        let answer = gateway.set("docs", name, value).await;
        answer.data();
        assert_absent("an answer", format!("{:?} {}", answer.headers, answer.text()).as_bytes());
    }
    gateway.secret("DELETE", "docs", "OLD").send().await.data();
    gateway.set("docs", "OLD", VALUES[2].1).await.data();
    gateway.set("docs", "OLD", "what took its place").await.data();

    for command in PRINTING {
        let answer = gateway.ask(command, json!({ "KEY": "x", "OTHER": "y" })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("**"), "{command:?}");
        assert_absent(&format!("{command:?}"), &answer.body);
        let body = json!({ "command": command });
        let call = gateway.as_admin("POST", "/e/docs").header("accept", "application/json; encoding=base64");
        let reply = call.json(&body).send().await.json();
        for stream in ["stdout", "stderr"] {
            assert_absent(stream, &STANDARD.decode(reply[stream].as_str().unwrap()).unwrap());
        }
    }
    for answer in mistaken(&gateway).await {
        assert!(answer.0 >= 400, "{answer:?}");
        assert_absent("an error", answer.1.as_bytes());
    }
    for path in ["secrets", "", "releases"] {
        let path = format!("/api/v1/environments/docs/{path}");
        assert_absent("a record", &gateway.as_admin("GET", path.trim_end_matches('/')).send().await.body);
    }
    assert_absent("a page", &gateway.as_admin("GET", "/e/docs").send().await.body);

    with_a_command_under_way(&gateway).await;
    assert_absent("an event", format!("{:?}", events(gateway.data(), "")).as_bytes());
    assert!(assert_absent_below(gateway.directory.path()) >= 5, "while it runs");
    let directory = gateway.stop().await;
    assert!(assert_absent_below(directory.path()) >= 4, "when it has stopped");
    let text = log.text();
    assert!(text.contains("/e/docs") && text.lines().count() > 40, "{text}");
    assert_absent("the log", text.as_bytes());
}

/// Calls that are refused, with a value wherever it might be put.
async fn mistaken(gateway: &TestGateway) -> Vec<(u16, String)> {
    let (_, value) = VALUES[0];
    let put = |body: Value| gateway.secret("PUT", "docs", "KEY").json(&body);
    let run = |body: Value| gateway.as_admin("POST", "/e/docs").json(&body);
    let calls = vec![
        put(json!(value)),
        put(json!([value])),
        put(json!({ "value": [value] })),
        put(json!({ "value": value, "more": value })),
        put(json!({ value: value })),
        put(json!({ "value": format!("{value}\0") })),
        put(json!({ "value": value.repeat(4000) })),
        gateway.secret("PUT", "docs", "KEY").bytes("application/json", format!("{{{value}").into_bytes()),
        gateway.secret("PUT", "docs", "KEY").bytes(value, b"{}".to_vec()),
        gateway.secret("PUT", "docs", "PATH").json(&json!({ "value": value })),
        gateway.secret("PUT", "absent", "KEY").json(&json!({ "value": value })),
        run(json!({ "command": [value] })),
        run(json!({ "command": ["rm", value] })),
        run(json!({ "command": ["printenv", value, value] })),
        run(json!({ "command": ["no-such-program", "x$KEY"] })),
        run(json!({ "command": ["printf", "[%s]", "x$KEY", value] })),
    ];
    let mut answers = Vec::new();
    for call in calls {
        let answer = call.send().await;
        answers.push((answer.status, format!("{:?} {}", answer.headers, answer.text())));
    }
    answers
}

/// Looks at all processes while a command runs that has the values.
async fn with_a_command_under_way(gateway: &TestGateway) {
    let nap = Napper::new();
    let asleep = gateway.as_admin("POST", "/e/docs").json(&json!({ "command": ["sleep", nap.seconds()] }));
    let asleep = tokio::spawn(asleep.send());
    nap.fall_asleep().await;
    let own = format!("sleep\0{}\0", nap.seconds());
    let holders = eventually("the command's variables", async || {
        let found: Vec<_> =
            processes().into_iter().filter(|(_, _, variables)| has(variables, VALUES[0].1)).collect();
        (!found.is_empty()).then_some(found)
    });
    for (pid, started_as, _) in holders.await {
        assert_eq!(String::from_utf8_lossy(&started_as), own, "process {pid} has the values too");
    }
    for (pid, started_as, _) in processes() {
        assert_absent(&format!("what process {pid} was started as"), &started_as);
    }
    assert!(assert_absent_below(gateway.data()) >= 4, "while a command runs");
    nap.wake();
    assert_eq!(asleep.await.unwrap().status, 200);
}
