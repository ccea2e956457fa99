//! The real binary, where no gateway is needed.

#![expect(clippy::unwrap_used, reason = "what a test can not set up, it can not test")]

#[path = "cli/configuration.rs"]
mod configuration;
#[path = "cli/home.rs"]
mod home;

use std::ffi::OsStr;

use home::{Home, KEY, well_formed_key};

/// All commands, with those below them.
const COMMANDS: [&str; 41] = [
    "up",
    "gateway",
    "gateway init",
    "gateway recover",
    "gateway rotate-key",
    "serve",
    "check",
    "deploy",
    "update",
    "list",
    "delete",
    "releases",
    "rollback",
    "secrets",
    "secrets set",
    "secrets list",
    "secrets unset",
    "tokens",
    "tokens create",
    "tokens rotate",
    "tokens list",
    "tokens get",
    "tokens revoke",
    "tokens trace",
    "audit",
    "audit verify",
    "audit export",
    "audit keygen",
    "whoami",
    "ask",
    "mcp",
    "mcp-config",
    "login",
    "context",
    "context list",
    "context use",
    "context remove",
    "config",
    "doctor",
    "completions",
    "",
];

#[test]
fn every_command_explains_itself_with_examples() {
    let home = Home::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ended = home.run(&words);
        assert_eq!(ended.code, 0, "{command}: {}", ended.stderr);
        assert!(
            ended.stdout.contains("Examples:\n  toolfront ") || ended.stdout.contains("Examples:\n  TOKEN="),
            "{command}:\n{}",
            ended.stdout
        );
        assert!(ended.stderr.is_empty(), "{command}: {}", ended.stderr);
    }
}

#[test]
fn every_command_is_in_the_list_of_this_test() {
    let home = Home::new();
    for parent in ["", "gateway", "tokens", "audit", "secrets", "context"] {
        let words: Vec<&str> = parent.split_whitespace().chain(["--help"]).collect();
        let help = home.run(&words).stdout;
        let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
            let name = line.split_whitespace().next().unwrap();
            let full = format!("{parent} {name}");
            assert!(name == "help" || COMMANDS.contains(&full.trim()), "{full} is not tested");
        }
    }
}

#[test]
fn options_of_a_gateway_are_shown_where_one_is_called_and_only_there() {
    let home = Home::new();
    for (command, shown) in [
        ("list", true),
        ("tokens create", true),
        ("check", false),
        ("up", false),
        ("serve", false),
        ("ask", false),
    ] {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        assert_eq!(home.run(&words).stdout.contains("--gateway-url"), shown, "{command}");
    }
    assert!(home.run(&["list", "--help"]).stdout.contains("process list"));
}

#[test]
fn wrong_use_ends_with_2() {
    let home = Home::new();
    for words in [
        vec!["nothing"],
        vec!["list", "--nothing"],
        vec!["tokens"],
        vec!["tokens", "create"],
        vec!["tokens", "create", "ci", "--scope", "write"],
        vec!["tokens", "create", "ci", "--expires", "soon"],
        vec!["tokens", "create", "ci", "--expires", "2020-01-01"],
        vec!["tokens", "create", " "],
        vec!["tokens", "rotate", "ci", "--grace", "8d"],
        vec!["tokens", "rotate", "ci", "--env", "a", "--all-envs"],
        vec!["tokens", "list", "--expiring", "30"],
        vec!["tokens", "list", "--limit", "0"],
        vec!["deploy", "nowhere", "--public", "--private"],
        vec!["deploy", ".", "--name", "---"],
        vec!["releases", ".."],
        vec!["list", "--gateway-url", "ftp://h"],
        vec!["list", "--org-id", "5", "--gateway-url", "http://127.0.0.1:1", "--api-key", KEY],
        vec!["login", "not a url"],
        vec!["check", "nowhere"],
        vec!["context", "use", "nothing"],
        vec!["secrets"],
        vec!["secrets", "set", "my-app"],
        vec!["secrets", "set", "my-app", "A-B"],
        vec!["secrets", "set", "my-app", "PATH"],
        vec!["secrets", "set", "my-app", "KEY", "hunter2"],
        vec!["secrets", "unset", "my-app", "2FA", "--yes"],
    ] {
        let ended = home.run(&words);
        assert_eq!(ended.code, 2, "{words:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{words:?}: {}", ended.stdout);
        assert!(!ended.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn what_would_ask_a_person_names_yes_when_there_is_no_terminal() {
    let home = Home::new();
    for words in
        [&["delete", "my-app"][..], &["tokens", "revoke", "ci"], &["secrets", "unset", "my-app", "KEY"]]
    {
        let ended = home.run(words);
        assert_eq!(ended.code, 2, "{words:?}");
        assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
    }
}

#[test]
fn check_tells_all_faults_at_once_and_ends_with_1() {
    let home = Home::new();
    home.write("app/README.md", "---\ntools:\n  - []\n  - [ls, ;, x]\n---\n", 0o644);
    home.write("app/docs/more.md", "---\ntools: 5\n---\n", 0o644);
    let app = home.path().join("app");
    let ended = home.run(&[OsStr::new("check"), app.as_os_str()]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for place in ["README.md:3:", "README.md:4:", "docs/more.md:2:"] {
        assert!(ended.stdout.contains(place), "{place}:\n{}", ended.stdout);
    }
    let ended = home.run(&[OsStr::new("check"), app.as_os_str(), OsStr::new("--json")]);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["faults"].as_array().unwrap().len(), 3, "{report}");
    assert_eq!(report["faults"][0]["line"], 3, "{report}");
}

#[test]
fn check_lists_tools_that_take_further_flags_and_ends_with_0() {
    let home = Home::new();
    home.write("app/README.md", "---\ntools:\n  - [ls]\n  - [cat, { }, ;]\n  - [find, .]\n---\n", 0o644);
    let app = home.path().join("app");
    let ended = home.run(&[OsStr::new("check"), app.as_os_str()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("README.md:3:5: open: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("README.md:5:5: warning: "), "{}", ended.stdout);
    assert!(!ended.stdout.contains("cat"), "{}", ended.stdout);
}

#[test]
fn deploy_sends_nothing_when_a_page_has_a_fault() {
    let home = Home::new();
    home.write("app/README.md", "---\ntools: 5\n---\n", 0o644);
    let app = home.path().join("app");
    let key = well_formed_key();
    let variables = [("TOOLFRONT_GATEWAY_URL", "http://127.0.0.1:1"), ("TOOLFRONT_API_KEY", key.as_str())];
    let ended = home.run_with(&[OsStr::new("deploy"), app.as_os_str()], &variables, "");
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("README.md:2:") && ended.stderr.contains("nothing was sent"),
        "{}",
        ended.stderr
    );
}

#[test]
fn completions_are_written_for_each_shell() {
    let home = Home::new();
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef toolfront"), ("fish", "complete -c toolfront")]
    {
        let ended = home.run(&["completions", shell]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains(sign) && ended.stdout.contains("rollback"), "{shell}");
    }
}

#[test]
fn a_gateway_refuses_what_it_does_not_know_and_a_data_directory_that_is_not_set_up() {
    let home = Home::new();
    let config = home.write("gateway.toml", "listen = '127.0.0.1:0'\nlisten_at = 'x'\n", 0o644);
    let ended = home.run(&["gateway", "--config", config.to_str().unwrap()]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("gateway.toml:2:1:"), "{}", ended.stderr);
    let ended = home.run(&["gateway", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("toolfront gateway init"), "{}", ended.stderr);
    let ended = home.run(&["gateway", "--listen", "0.0.0.0:0"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
}

#[test]
fn the_first_admin_token_is_alone_on_standard_output() {
    let home = Home::new();
    let ended = home.run(&["gateway", "init", "--organization", "Example Ltd"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let value = ended.stdout.trim_end();
    assert!(value.starts_with("tf_") && value.len() == 43, "{value}");
    assert!(ended.stderr.contains("Example Ltd") && !ended.stderr.contains(value), "{}", ended.stderr);
    let again = home.run(&["gateway", "init"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(again.stderr.contains("toolfront gateway recover"), "{}", again.stderr);
    let recovered = home.run(&["gateway", "recover"]);
    assert_eq!(recovered.code, 0, "{}", recovered.stderr);
    assert_ne!(recovered.stdout, ended.stdout);
}
