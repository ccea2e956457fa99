//! The life of a secret by the command line, and of the key that it is encrypted under.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::server::{Ended, Home, Server};

const PAGE: &str = "---\ntools:\n  - [printenv, {}, ;]\n  - [sh, -c, {}, ;]\n---\n# Notes\n";
const VALUE: &str = "planted-correct-horse-battery";

/// A home that is logged in to a gateway with the environment `docs`.
fn with_docs() -> (Home, Server, String) {
    let home = Home::new();
    let (server, admin) = home.start_logged_in();
    home.write("docs/README.md", PAGE);
    home.ok(&["deploy", home.path().join("docs").to_str().unwrap()]);
    (home, server, admin)
}

/// Runs `secrets set` with the value on standard input.
fn set(home: &Home, name: &str, input: &[u8], more: &[&str]) -> Ended {
    let words: Vec<&str> = ["secrets", "set", "docs", name].iter().chain(more).copied().collect();
    let mut child = home.command(&words).stdin(Stdio::piped()).spawn().unwrap();
    // A program that refuses before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    let ended = Ended::from(child.wait_with_output().unwrap());
    for output in [&ended.stdout, &ended.stderr] {
        assert!(!output.contains("planted"), "{output}");
    }
    ended
}

/// Holds a shell's test in the environment to be true.
#[track_caller]
fn assert_true(server: &Server, token: &str, test: &str) {
    let answer = server.run_tool("docs", token, &["sh", "-c", test]);
    assert_eq!(answer.json()["returncode"], 0, "{test}: {}", answer.body);
}

fn key_file(home: &Home) -> PathBuf {
    home.data().join("secrets.key")
}

#[test]
fn a_secret_is_set_listed_given_and_unset() {
    let (home, server, admin) = with_docs();
    let empty = home.run(&["secrets", "list", "docs"]);
    assert!(empty.code == 0 && empty.stdout.is_empty() && empty.stderr.contains("secrets set"), "{empty:?}");
    assert_eq!(home.json(&["secrets", "list", "docs"]), serde_json::json!([]));

    let ended = set(&home, "KEY", format!("{VALUE}\n").as_bytes(), &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("KEY of docs is set"), "{}", ended.stderr);
    assert_true(&server, &admin, &format!("test \"$KEY\" = {VALUE}"));
    assert_eq!(server.run_tool("docs", &admin, &["printenv", "KEY"]).json()["stdout"], "***\n");

    let file = home.write("account.json", "{\n  \"planted\": true\n}\n\n");
    let ended = set(&home, "ACCOUNT", b"", &["--file", file.to_str().unwrap(), "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let record: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(record["name"], "ACCOUNT");
    // One newline was taken off.
    assert_true(&server, &admin, "test \"$(printf %s \"$ACCOUNT\" | wc -c)\" = 22");
    assert_eq!(set(&home, "KEY", b"planted-another", &["--file", "-"]).code, 0);
    assert_true(&server, &admin, "test \"$KEY\" = planted-another");

    let list = home.ok(&["secrets", "list", "docs"]);
    assert!(list.starts_with("NAME") && list.contains("ACCOUNT") && !list.contains("planted"), "{list}");
    assert_eq!(home.json(&["secrets", "list", "docs"])[1]["name"], "KEY");

    assert_eq!(home.run(&["secrets", "unset", "docs", "KEY"]).code, 2, "there is no terminal to ask on");
    home.ok(&["secrets", "unset", "docs", "KEY", "--yes"]);
    assert_eq!(home.run(&["secrets", "unset", "docs", "KEY", "--yes"]).code, 4);
    assert_true(&server, &admin, "test -z \"$KEY\"");
}

#[test]
fn what_can_be_no_secret_is_refused_and_not_shown() {
    let (home, _server, _) = with_docs();
    for (name, input, more, code) in [
        ("KEY", &b"abc\n"[..], &[][..], 2),
        ("KEY", b"\n", &[], 2),
        ("KEY", b"planted\0value", &[], 2),
        ("KEY", b"planted\xff", &[], 2),
        ("KEY", &b"planted-".repeat(10_000), &[], 2),
        ("KEY=planted-value", b"", &[], 2),
        ("PATH", b"planted-value", &[], 2),
        ("KEY", b"", &["planted-value"], 2),
        ("KEY", b"", &["planted", "value"], 2),
        ("KEY", b"", &["--value", "planted-value"], 2),
        ("KEY", b"", &["--value=planted-value"], 2),
        ("KEY", b"", &["--file", "no-such-file"], 2),
    ] {
        let ended = set(&home, name, input, more);
        assert_eq!(ended.code, code, "{name} {more:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty());
    }
    assert_eq!(home.json(&["secrets", "list", "docs"]), serde_json::json!([]));
    assert_eq!(home.run(&["secrets", "list", "nowhere"]).code, 4);
    let token = home.ok(&["tokens", "create", "agent"]);
    let ended = home.run(&["secrets", "list", "docs", "--api-key", &token]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
}

/// A terminal of the test's own: the end that a person sits at, and the one that a program has.
#[cfg(target_os = "linux")]
fn terminal() -> (fs::File, fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    (person.into(), fs::OpenOptions::new().read(true).write(true).open(name).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_the_value_is_asked_for_and_not_shown() {
    use rustix::termios::{LocalModes, tcgetattr};
    let (home, server, admin) = with_docs();
    let (mut person, program) = terminal();
    let inner = home.command(&["secrets", "set", "docs", "KEY"]);
    // `setsid --ctty` makes the terminal the one that the command's questions go to.
    #[expect(clippy::disallowed_methods, reason = "a test runs the binary on a terminal")]
    let mut command = std::process::Command::new("setsid");
    command.args(["--ctty", "--wait"]).arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let end = || Stdio::from(program.try_clone().unwrap());
    let mut child = command.stdin(end()).stderr(end()).stdout(Stdio::null()).spawn().unwrap();
    let echoes = || tcgetattr(&program).unwrap().local_modes.contains(LocalModes::ECHO);
    let is_asked = (0..1200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        !echoes()
    });
    assert!(is_asked, "the terminal still shows what is typed");
    person.write_all(format!("{VALUE}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(echoes(), "the terminal is left as it was");
    drop(command);
    drop(program);
    let mut shown = Vec::new();
    // With nobody at the other end, reading ends in an error once everything was read.
    let _ = person.read_to_end(&mut shown);
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("value of KEY") && !shown.contains("planted"), "{shown}");
    assert_true(&server, &admin, &format!("test \"$KEY\" = {VALUE}"));
}

#[test]
fn a_rotated_key_keeps_every_secret_and_leaves_the_old_one_nothing() {
    let (home, server, admin) = with_docs();
    for name in ["ONE", "TWO"] {
        assert_eq!(set(&home, name, VALUE.as_bytes(), &[]).code, 0);
    }
    let data = home.data();
    let rotate = ["gateway", "rotate-key", "--data-dir", data.to_str().unwrap()];
    let refused = home.run(&rotate);
    assert!(refused.code == 1 && refused.stderr.contains("in use"), "{refused:?}");
    assert_eq!(server.terminate(), 0);

    let old = fs::read(key_file(&home)).unwrap();
    let ended = home.run(&rotate);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 secrets are under the new key 2"), "{}", ended.stderr);
    assert_eq!(home.json(&rotate), serde_json::json!({ "key": 3, "secrets": 2 }));
    let text = fs::read_to_string(key_file(&home)).unwrap();
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 1);

    let new = text.into_bytes();
    let server = home.start(&[]);
    assert_true(&server, &admin, &format!("test \"$ONE$TWO\" = {VALUE}{VALUE}"));
    assert_eq!(server.terminate(), 0);
    fs::write(key_file(&home), &old).unwrap();
    let server = home.start(&[]);
    server.run_tool("docs", &admin, &["printenv", "ONE"]).assert_problem(503, "secrets-unavailable");
    assert_eq!(server.terminate(), 0);
    let refused = home.run(&rotate);
    assert!(refused.code == 1 && refused.stderr.contains("does not have the key"), "{refused:?}");
    fs::write(key_file(&home), &new).unwrap();
    let server = home.start(&[]);
    assert_true(&server, &admin, &format!("test \"$ONE\" = {VALUE}"));
}

#[test]
fn a_missing_key_is_told_at_the_start_and_the_gateway_serves_what_needs_none() {
    let (home, server, admin) = with_docs();
    home.write("other/README.md", PAGE);
    home.ok(&["deploy", home.path().join("other").to_str().unwrap()]);
    assert_eq!(set(&home, "KEY", VALUE.as_bytes(), &[]).code, 0);
    assert_eq!(server.terminate(), 0);
    fs::remove_file(key_file(&home)).unwrap();
    let data = home.data();
    let refused = home.run(&["gateway", "rotate-key", "--data-dir", data.to_str().unwrap()]);
    assert!(refused.code == 1 && refused.stderr.contains("secrets.key is missing"), "{refused:?}");
    assert!(!key_file(&home).exists());

    let mut command =
        home.command(&["gateway", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let log = fs::File::create(home.path().join("log")).unwrap();
    let mut child = command.stderr(log).spawn().unwrap();
    let address = (0..1200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        address_in(&home.path().join("log"))
    });
    let client = crate::server::Client { address: address.unwrap() };
    let run = |name: &str| {
        client.send("POST", &format!("/e/{name}"), &admin, r#"{"command":["sh","-c","echo hi"]}"#)
    };
    run("docs").assert_problem(503, "secrets-unavailable");
    assert_eq!(run("other").json()["stdout"], "hi\n");
    child.kill().unwrap();
    child.wait().unwrap();
    let log = fs::read_to_string(home.path().join("log")).unwrap();
    assert!(log.contains("WARN") && log.contains("secrets.key is missing"), "{log}");
    assert!(!log.contains("planted"), "{log}");
}

/// Where a gateway says that it listens.
fn address_in(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let (_, rest) = text.split_once("Listening at ")?;
    rest.split_once(',').map(|(address, _)| address.to_owned())
}
