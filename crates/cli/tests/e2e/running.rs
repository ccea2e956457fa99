//! Running a gateway: one to a directory, one to a port, stopped without loss, recovered.

use std::time::Duration;

use crate::server::Home;

/// A span that no other process on this machine sleeps for.
const SPAN: &str = "2.030411";
const SLOW: &str = "---\ntools:\n  - [sleep, '2.030411', ;]\n---\n# Slow\n";

/// Whether the command runs, seen from outside of its cage.
fn is_running() -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut commands =
        processes.filter_map(|process| std::fs::read(process.ok()?.path().join("cmdline")).ok());
    commands.any(|words| words == format!("sleep\0{SPAN}\0").into_bytes())
}

#[test]
fn a_second_gateway_on_the_same_directory_is_refused() {
    let home = Home::new();
    let (_server, _) = home.start_logged_in();
    let data = home.data();
    let ended = home.run(&["gateway", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("in use by another gateway"), "{}", ended.stderr);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let home = Home::new();
    home.init();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = home.data();
    let ended = home.run(&["gateway", "--data-dir", data.to_str().unwrap(), "--listen", &address]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains(&address) && ended.stderr.contains("the port is taken"),
        "{}",
        ended.stderr
    );
}

#[test]
fn beyond_the_machine_a_gateway_listens_only_with_tls_or_behind_a_proxy() {
    let home = Home::new();
    home.init();
    let data = home.data();
    let ended = home.run(&["gateway", "--data-dir", data.to_str().unwrap(), "--listen", "0.0.0.0:0"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("--tls-cert") && ended.stderr.contains("--behind-proxy"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_gateway_without_an_organization_says_how_to_make_one() {
    let home = Home::new();
    let data = home.data();
    let ended = home.run(&["gateway", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("gateway init"), "{}", ended.stderr);
    home.init();
    assert_ne!(home.run(&["gateway", "init", "--data-dir", data.to_str().unwrap()]).code, 0);
}

#[test]
fn whoever_commands_the_host_recovers_a_lost_admin_token() {
    let home = Home::new();
    let lost = home.init();
    let found = home.ok(&["gateway", "recover", "--data-dir", home.data().to_str().unwrap()]);
    assert_ne!(lost, found);
    let server = home.start(&[]);
    assert_eq!(server.get("/api/v1/tokens", &found).status, 200);
    // The lost one is not revoked by that: whoever finds it again can be revoked with the new one.
    assert_eq!(server.get("/api/v1/tokens", &lost).status, 200);
}

#[test]
fn a_stopped_gateway_finishes_the_command_that_runs() {
    let home = Home::new();
    let (server, _) = home.start_logged_in();
    home.write("slow/README.md", SLOW);
    home.ok(&["deploy", home.path().join("slow").to_str().unwrap()]);
    let token = home.ok(&["tokens", "create", "slow"]);
    let client = server.client();
    let caller = std::thread::spawn(move || {
        let body = serde_json::json!({ "command": ["sleep", SPAN] });
        client.send("POST", "/e/slow", &token, &body.to_string())
    });
    let has_begun = (0..1200).any(|_| {
        std::thread::sleep(Duration::from_millis(25));
        is_running()
    });
    assert!(has_begun, "the command did not begin");
    assert_eq!(server.terminate(), 0);
    let answer = caller.join().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["returncode"], 0);
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let home = Home::new();
    let (server, admin) = home.start_logged_in();
    let kept = home.ok(&["tokens", "create", "kept"]);
    let revoked = home.ok(&["tokens", "create", "revoked"]);
    home.ok(&["tokens", "revoke", "revoked", "--yes"]);
    let old = home.ok(&["tokens", "create", "rotated"]);
    let new = home.ok(&["tokens", "rotate", "rotated"]);
    server.kill();
    let server = home.start(&[]);
    for (token, status) in [(&admin, 200), (&kept, 200), (&new, 200), (&revoked, 401), (&old, 401)] {
        assert_eq!(server.get("/api/v1/tokens/self", token).status, status);
    }
}
