//! Keys, gateways and the file of contexts.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::home::{Home, KEY, closed_url, well_formed_key};

#[test]
fn a_malformed_key_ends_with_2_and_is_repeated_nowhere() {
    let home = Home::new();
    let secret = "tf_ThisIsMySecretValueWhichIsMistyped";
    let gateway = ["--gateway-url", "http://127.0.0.1:1"];
    let file = home.write("key", secret, 0o600);
    let file = file.to_str().unwrap();
    for (words, variables, input) in [
        (vec!["list", "--api-key", secret], vec![], ""),
        (vec!["list", "--json", "--api-key", secret], vec![], ""),
        (vec!["list"], vec![("TOOLFRONT_API_KEY", secret)], ""),
        (vec!["config"], vec![("TOOLFRONT_API_KEY", secret)], ""),
        (vec!["list", "--token-file", file], vec![], ""),
        (vec!["list", "--token-file", "-"], vec![], secret),
        (vec!["login", "http://127.0.0.1:1"], vec![], secret),
        (vec!["login", "http://127.0.0.1:1", "--token-file", file], vec![], ""),
        (vec!["whoami", secret], vec![], ""),
        (vec!["tokens", "list", secret, "--json"], vec![], ""),
    ] {
        let words: Vec<&str> = words.into_iter().chain(gateway).collect();
        let ended = home.run_with(&words, &variables, input);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, 2, "{words:?}: {all}");
        assert!(!all.contains("ThisIsMySecret") && !all.contains("Mistyped"), "{words:?}: {all}");
    }
}

#[test]
fn a_checksum_that_does_not_fit_is_found_without_asking_a_gateway() {
    let ended = Home::new().run(&["list", "--gateway-url", "http://127.0.0.1:1", "--api-key", KEY]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("checksum does not fit"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("tf_000"), "{}", ended.stderr);
}

#[test]
fn a_token_file_that_others_can_read_is_refused() {
    let home = Home::new();
    let file = home.write("key", &well_formed_key(), 0o644);
    let words = ["list", "--gateway-url", "http://127.0.0.1:1", "--token-file", file.to_str().unwrap()];
    let ended = home.run(&words);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("chmod 600"), "{}", ended.stderr);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(home.run(&words).code, 69);
}

#[test]
fn a_configuration_that_is_not_toml_is_told_by_line_and_column() {
    let home = Home::new();
    let config = "current_context = \"a\"\n[contexts.a]\napi_key = tf_VerySecretValue\n";
    home.write(".config/toolfront/config.toml", config, 0o600);
    let ended = home.run(&["list"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("config.toml:3:"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("VerySecret"), "{}", ended.stderr);
}

#[test]
fn the_configuration_is_found_below_xdg_config_home_and_warned_of_when_it_is_open() {
    let home = Home::new();
    let key = well_formed_key();
    let config = format!(
        "current_context = \"a\"\n[contexts.a]\napi_url = \"https://a.example.com\"\napi_key = \"{key}\"\n"
    );
    home.write("xdg/toolfront/config.toml", &config, 0o644);
    let xdg = home.path().join("xdg");
    let variables = [("XDG_CONFIG_HOME", xdg.to_str().unwrap())];
    let ended = home.run_with(&["config"], &variables, "");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("chmod 600"), "{}", ended.stderr);
    assert!(ended.stdout.contains("https://a.example.com"), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("tf_…{}", &key[39..])), "{}", ended.stdout);
    assert!(ended.stdout.contains("context a") && !ended.stdout.contains(&key), "{}", ended.stdout);
    let list = home.run_with(&["context", "list", "--json"], &variables, "");
    let contexts: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(contexts[0]["name"], "a");
    assert!(!list.stdout.contains(&key));
    let removed = home.run_with(&["context", "remove", "a"], &variables, "");
    assert_eq!(removed.code, 0, "{}", removed.stderr);
    let text = fs::read_to_string(xdg.join("toolfront/config.toml")).unwrap();
    assert!(!text.contains("current_context") && !text.contains(&key), "{text}");
}

#[test]
fn the_databases_url_is_shown_without_its_password() {
    let home = Home::new();
    let variables = [("TOOLFRONT_DATABASE_URL", "postgres://me:hunter2@db.example.com/toolfront")];
    let ended = home.run_with(&["config"], &variables, "");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let shown = &ended.stdout;
    assert!(shown.contains("postgres://db.example.com/toolfront"), "{shown}");
    assert!(shown.contains("TOOLFRONT_DATABASE_URL") && !shown.contains("hunter2"), "{shown}");
    let malformed = [("TOOLFRONT_DATABASE_URL", "postgres://me:hunter2@db:port/toolfront")];
    let ended = home.run_with(&["config"], &malformed, "");
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn a_password_of_the_database_on_the_command_line_is_refused_before_anything_is_made() {
    let home = Home::new();
    let data = home.path().join("data");
    for action in
        [&["gateway"][..], &["gateway", "init"], &["gateway", "recover"], &["gateway", "rotate-key"]]
    {
        let mut words = action.to_vec();
        words.extend(["--data-dir", data.to_str().unwrap()]);
        words.extend(["--database", "postgres://me:hunter2@127.0.0.1:1/toolfront"]);
        let ended = home.run_with(&words, &[], "");
        assert_eq!(ended.code, 2, "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("TOOLFRONT_DATABASE_URL"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        assert!(!data.exists());
    }
}

#[test]
fn a_gateway_that_is_not_there_ends_with_69_and_its_address() {
    let home = Home::new();
    let url = closed_url();
    let key = well_formed_key();
    let variables = [("TOOLFRONT_GATEWAY_URL", url.as_str()), ("TOOLFRONT_API_KEY", key.as_str())];
    for words in [&["list"][..], &["whoami"], &["tokens", "list"], &["tokens", "get", "ci"]] {
        let ended = home.run_with(words, &variables, "");
        assert_eq!(ended.code, 69, "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(&url) && ended.stderr.contains("can't be reached"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(&key), "{}", ended.stderr);
    }
    let ended = home.run_with(&["list", "--json"], &variables, "");
    let problem: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(problem["exit_code"], 69, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&url), "{problem}");
}

#[test]
fn without_a_gateway_or_a_token_it_is_said_how_to_get_one() {
    let home = Home::new();
    let ended = home.run(&["list"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("toolfront up") && ended.stderr.contains("toolfront login URL"),
        "{}",
        ended.stderr
    );
    let ended = home.run(&["list", "--gateway-url", "https://gw.example.com"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("toolfront login https://gw.example.com"), "{}", ended.stderr);
}
