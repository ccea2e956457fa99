//! A gateway that loses the right to its data directory while it runs, and is given it again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Home, Server};

/// Somebody without an account: no right can be taken from root.
const SOMEBODY: u32 = 63_999;
const PAGE: &str = "---\ntools:\n  - [touch, { }, ;]\n  - [ls, ;]\n---\n# Docs\n";

/// A gateway of a user who is not root, and its admin token.
fn start(home: &Home) -> (Server, String) {
    let admin = home.init();
    let data = home.data();
    let mut command =
        home.command(&["gateway", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    if rustix::process::geteuid().is_root() {
        set_mode(home.path(), 0o711);
        give(&data, SOMEBODY);
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    (Server::start(command), admin)
}

/// Gives a directory and all in it to a user.
fn give(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn readiness(server: &Server) -> u16 {
    server.get("/readyz", "").status
}

/// Waits until the gateway says of itself that it is ready, or that it is not.
fn until_readiness_is(server: &Server, status: u16) {
    let begun = Instant::now();
    while readiness(server) != status {
        assert!(begun.elapsed() < Duration::from_mins(1), "/readyz never answers {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_the_right_to_its_data_a_gateway_runs_and_changes_nothing_and_goes_on_once_it_has_it_again() {
    let home = Home::new();
    let (server, admin) = start(&home);
    home.log_in(&server, "admin", &admin);
    home.write("docs/README.md", PAGE);
    home.ok(&["deploy", home.path().join("docs").to_str().unwrap()]);
    let created = home.json(&["tokens", "create", "reader"]);
    let (value, id) = (created["token"].as_str().unwrap(), created["id"].as_str().unwrap());
    assert_eq!(server.run_tool("docs", value, &["ls"]).status, 200);
    assert_eq!(server.get("/e/docs/README.md", value).status, 200);
    let events = || -> Vec<Value> {
        home.ok(&["audit", "--limit", "500", "--json"])
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let runs = |events: &[Value]| events.iter().filter(|event| event["action"] == "run.begin").count();
    assert_eq!(runs(&events()), 1);

    let mode = fs::metadata(home.data()).unwrap().permissions().mode();
    set_mode(&home.data(), 0);
    let mark = home.path().join("mark");
    server.run_tool("docs", value, &["touch", mark.to_str().unwrap()]).assert_problem(503, "unavailable");
    let make = r#"{"name":"x","scope":"read"}"#;
    server.send("POST", "/api/v1/tokens", &admin, make).assert_problem(503, "unavailable");
    // What could not be written is not said to hold: the value is still good.
    let revoke = format!("/api/v1/tokens/{id}");
    server.send("DELETE", &revoke, &admin, "").assert_problem(503, "unavailable");
    assert_eq!(server.get("/e/docs/README.md", value).status, 200);
    until_readiness_is(&server, 503);
    assert_eq!(server.get("/healthz", "").status, 200);

    set_mode(&home.data(), mode);
    until_readiness_is(&server, 200);
    assert_eq!(server.run_tool("docs", value, &["ls"]).status, 200);
    assert_eq!(server.send("DELETE", &revoke, &admin, "").status, 200);
    assert_eq!(server.get("/e/docs/README.md", value).status, 401);
    assert_eq!(runs(&events()), 2, "the refused one is none");
    assert_eq!(server.terminate(), 0);
    assert!(
        home.ok(&["audit", "verify", "--data-dir", home.data().to_str().unwrap()])
            .starts_with("The audit log holds")
    );
}
