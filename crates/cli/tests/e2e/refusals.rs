//! Bad input by the command line against a real gateway: what is said, the exit code, and that nothing was done.

use crate::server::Home;

#[test]
fn broken_pages_are_told_all_at_once_and_nothing_is_deployed() {
    let home = Home::new();
    let (_server, _) = home.start_logged_in();
    home.write("app/README.md", "---\ntools:\n  - []\n  - [cat, {regx: x}]\n---\n");
    home.write("app/sub/page.md", "---\ntools: [\n---\n");
    let ended = home.run(&["deploy", home.path().join("app").to_str().unwrap()]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for place in ["README.md:3:", "README.md:4:", "sub/page.md:"] {
        assert!(ended.stderr.contains(place), "{place} in {}", ended.stderr);
    }
    assert_eq!(home.json(&["list"]), serde_json::json!([]));
}

#[test]
fn what_can_not_be_parsed_is_wrong_use_and_sends_nothing() {
    let home = Home::new();
    let (_server, _) = home.start_logged_in();
    let before = home.json(&["tokens", "list", "--all"]).as_array().unwrap().len();
    let long = "x".repeat(101);
    for words in [
        vec!["tokens", "create", "x", "--scope", "root"],
        vec!["tokens", "create", "x", "--expires", "2001-01-01"],
        vec!["tokens", "create", "x", "--expires", "soon"],
        vec!["tokens", "create", &long],
        vec!["tokens", "create", "a\u{7}b"],
        vec!["tokens", "create", " "],
        vec!["tokens", "create", "x", "--env", ""],
        vec!["tokens", "rotate", "x", "--grace", "8d"],
    ] {
        let ended = home.run(&words);
        assert!(ended.code == 2 || ended.code == 1, "{words:?}: {} {}", ended.code, ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{words:?}");
    }
    assert_eq!(home.json(&["tokens", "list", "--all"]).as_array().unwrap().len(), before);
}

#[test]
fn a_token_that_is_not_valid_is_refused_with_its_own_exit_code() {
    let home = Home::new();
    let (server, _) = home.start_logged_in();
    let revoked = home.ok(&["tokens", "create", "gone"]);
    home.ok(&["tokens", "revoke", "gone", "--yes"]);
    let other = Home::new();
    let unknown = other.init();
    for (token, code) in [(revoked.as_str(), 3), (unknown.as_str(), 3), (&unknown[..42], 2), ("nonsense", 2)]
    {
        let mut command = other.command(&["whoami", "--gateway-url", &server.url()]);
        let ended = crate::server::Ended::from(command.env("TOOLFRONT_API_KEY", token).output().unwrap());
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert!(!ended.stderr.contains(token), "{}", ended.stderr);
    }
}

#[test]
fn what_is_not_there_and_what_is_taken_have_exit_codes_of_their_own() {
    let home = Home::new();
    let (_server, _) = home.start_logged_in();
    home.write("app/README.md", "# Hi\n");
    let app = home.path().join("app");
    let app = app.to_str().unwrap();
    home.ok(&["deploy", app]);
    assert_eq!(home.run(&["tokens", "get", "nobody"]).code, 4);
    assert_eq!(home.run(&["releases", "nowhere"]).code, 4);
    assert_eq!(home.run(&["rollback", "app", "7"]).code, 4);
    assert_eq!(home.run(&["update", "nowhere", app]).code, 4);
    // Where a person would be asked and there is no terminal, the flag is named and nothing is done.
    let ended = home.run(&["delete", "app"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
    assert_eq!(home.json(&["list"]).as_array().unwrap().len(), 1);
}

#[test]
fn releases_are_rolled_back_and_served() {
    let home = Home::new();
    let (server, admin) = home.start_logged_in();
    home.write("app/README.md", "# One\n");
    let app = home.path().join("app");
    let app = app.to_str().unwrap();
    home.ok(&["deploy", app]);
    home.write("app/README.md", "# Two\n");
    home.ok(&["update", "app", app, "--verify"]);
    assert_eq!(server.get("/e/app", &admin).body, "# Two\n");
    home.ok(&["rollback", "app", "1"]);
    assert_eq!(server.get("/e/app", &admin).body, "# One\n");
    let releases = home.json(&["releases", "app"]);
    assert_eq!(releases.as_array().unwrap().len(), 2);
    home.ok(&["delete", "app", "--yes"]);
    server.get("/e/app", &admin).assert_problem(404, "not-found");
}
