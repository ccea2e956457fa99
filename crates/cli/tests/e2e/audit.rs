//! The audit log by the command line, against a real gateway: read, followed, exported, verified, anchored, pruned; and
//! a token's whole story.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::server::{Ended, Home, Server};

const PAGE: &str = "---\ntools:\n  - [echo, {}]\n---\n# Docs\n";

/// A home that is logged in to a gateway with the environment `docs`, started with these further flags.
fn with_docs(flags: &[&str]) -> (Home, Server) {
    let home = Home::new();
    let admin = home.init();
    let server = home.start(flags);
    home.log_in(&server, "admin", &admin);
    home.write("docs/README.md", PAGE);
    home.write("docs/secret-plans.md", "# Plans\n");
    home.ok(&["deploy", home.path().join("docs").to_str().unwrap()]);
    (home, server)
}

/// Runs a command with something on standard input.
fn run_with(home: &Home, words: &[&str], input: &str) -> Ended {
    let mut child = home.command(words).stdin(Stdio::piped()).spawn().unwrap();
    // A program that refuses before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ended::from(child.wait_with_output().unwrap())
}

/// The events that `toolfront audit --json` prints.
fn events(home: &Home, filter: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = ["audit", "--json"].iter().chain(filter).copied().collect();
    home.ok(&words).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn actions(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["action"].as_str().unwrap()).collect()
}

/// Puts something of the same length in the place of the one place where the text stands in the database, as somebody would who
/// edits the file.
fn tamper(home: &Home, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let path = home.data().join("toolfront.db");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<usize> =
        (0..bytes.len()).filter(|place| bytes[*place..].starts_with(from.as_bytes())).collect();
    let [place] = places[..] else { panic!("{from:?} stands at {places:?}") };
    bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn from_a_leaked_value_to_its_whole_story_in_one_command() {
    let (home, server) = with_docs(&[]);
    let leaked = home.ok(&["tokens", "create", "leaky", "--env", "docs"]);
    assert_eq!(server.get("/e/docs/secret-plans", &leaked).status, 200);
    server.run_tool("docs", &leaked, &["echo", "two words"]);
    server.run_tool("docs", &leaked, &["rm", "-rf"]).assert_problem(403, "command-not-allowed");
    server.get("/api/v1/tokens", &leaked).assert_problem(403, "insufficient-scope");
    let new = home.ok(&["tokens", "rotate", "leaky"]);
    server.get("/e/docs", &leaked).assert_problem(401, "invalid-token");
    assert_eq!(server.get("/e/docs", &new).status, 200);

    let told = run_with(&home, &["tokens", "trace"], &format!("{leaked}\n"));
    assert_eq!(told.code, 0, "{}", told.stderr);
    for part in [
        "token.create",
        "scope environments:execute",
        "token.rotate",
        "secret-plans.md",
        "echo 'two words'",
        "exit 0",
        "run.refuse",
        "access.deny",
        "rotated",
        "generation 1 of 2, 4 uses, dead",
        "127.0.0.1",
    ] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    assert!(!told.stdout.contains(&leaked) && !told.stdout.contains(&new), "{}", told.stdout);

    let story = run_with(&home, &["tokens", "trace", "--json"], &leaked);
    let story: Value = serde_json::from_str(&story.stdout).unwrap();
    assert_eq!(story["value"], serde_json::json!({ "generation": 1, "is_alive": false }));
    assert_eq!(story["token"]["name"], "leaky");
    let of_story = actions(story["events"].as_array().unwrap());
    let place = |action: &str| of_story.iter().rposition(|one| *one == action).unwrap();
    let order = ["token.create", "run.begin", "run.end", "token.rotate", "access.deny", "page.read"];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{of_story:?}");
    assert_eq!(story["counts"]["commands"], serde_json::json!({ "echo 'two words'": 1 }));
    assert_eq!(story["counts"]["pages"]["secret-plans.md"], 1);
    assert_eq!(story["counts"]["refusals"]["rotated"], 1);

    // The living value, and by the token's name.
    let told = run_with(&home, &["tokens", "trace"], &new);
    assert!(told.stdout.contains("ALIVE"), "{}", told.stdout);
    let told = home.ok(&["tokens", "trace", "leaky"]);
    assert!(told.contains("secret-plans.md") && !told.contains("this value"), "{told}");
    // The gateway has seen neither.
    let log = server.terminate_and_read().join("\n");
    assert!(!log.contains(&leaked[3..]) && !log.contains(&new[3..]), "{log}");
}

#[test]
fn a_value_has_no_place_among_the_arguments_and_what_is_none_is_not_shown() {
    let (home, _server) = with_docs(&[]);
    let value = home.ok(&["tokens", "create", "leaky"]);
    let refused = home.run(&["tokens", "trace", &value]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("no place among the arguments"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&value[3..]), "{}", refused.stderr);
    let refused = run_with(&home, &["tokens", "trace"], "hunter2");
    assert!(refused.code == 2 && !refused.stderr.contains("hunter2"), "{refused:?}");
    let other = Home::new().init();
    let refused = run_with(&home, &["tokens", "trace"], &other);
    assert!(refused.code == 4 && refused.stderr.contains("ever had this value"), "{refused:?}");
    assert_eq!(home.run(&["tokens", "trace", "nobody"]).code, 4);
}

#[test]
fn events_are_shown_by_what_they_are_about() {
    let (home, server) = with_docs(&[]);
    let value = home.ok(&["tokens", "create", "reader", "--scope", "read", "--env", "docs"]);
    assert_eq!(server.get("/e/docs", &value).status, 200);
    server.run_tool("docs", &value, &["echo", "x"]).assert_problem(403, "insufficient-scope");

    let of_token = events(&home, &["--token", "reader"]);
    assert_eq!(actions(&of_token), ["token.create", "page.read", "access.deny"]);
    assert_eq!(actions(&events(&home, &["--token", "reader", "--limit", "1"])), ["access.deny"]);
    assert_eq!(actions(&events(&home, &["--token", "reader", "--action", "page"])), ["page.read"]);
    let denied = events(&home, &["--outcome", "denied", "--since", "1h"]);
    assert!(denied.iter().all(|event| event["outcome"] == "scope"), "{denied:?}");
    assert_eq!(denied.len(), 1);
    assert_eq!(events(&home, &["--since", "2999-01-01"]).len(), 0);
    let of_docs = events(&home, &["--env", "docs"]);
    assert!(actions(&of_docs).contains(&"release.publish"), "{of_docs:?}");

    // For people: names in the place of ids, and no colours in a file.
    let text = home.ok(&["audit", "--token", "reader"]);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("reader  ") && text.contains("  docs  "), "{text}");
    assert!(!text.contains("tok-") || !text.contains('\u{1b}'), "{text}");
    let nothing = home.run(&["audit", "--since", "2999-01-01"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
    assert_eq!(home.run(&["audit", "--outcome", "lost"]).code, 2);
    assert_eq!(home.run(&["audit", "--env", "nowhere"]).code, 2);
    assert_eq!(home.run(&["audit", "--since", "1h", "export"]).code, 2);
    assert_eq!(home.run(&["audit", "--api-key", &value]).code, 3);
}

#[test]
fn following_shows_what_was_and_what_comes_each_once() {
    let (home, server) = with_docs(&[]);
    let value = home.ok(&["tokens", "create", "reader", "--scope", "read"]);
    let words = ["audit", "--follow", "--json", "--action", "page", "--limit", "5"];
    assert_eq!(server.get("/e/docs/secret-plans", &value).status, 200);
    let mut child = home.command(&words).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap()).unwrap() };
    assert_eq!(next()["detail"]["page"], "secret-plans.md");
    let mut seen = Vec::new();
    for _ in 0..3 {
        assert_eq!(server.get("/e/docs", &value).status, 200);
        let event = next();
        assert_eq!(event["detail"]["page"], "README.md");
        seen.push(event["sequence"].as_i64().unwrap());
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    // Once its token is dead there is nothing more to be seen.
    let admin = home.json(&["tokens", "list"])[1]["id"].as_str().unwrap().to_owned();
    home.ok(&["tokens", "revoke", &admin, "--yes"]);
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn following_goes_on_after_the_gateway_was_started_again() {
    let (home, server) = with_docs(&["--audit-reads", "strict"]);
    let value = home.ok(&["tokens", "create", "reader", "--scope", "read"]);
    let words = ["audit", "--follow", "--json", "--action", "page", "--limit", "0"];
    let mut child = home.command(&words).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap()).unwrap() };
    // It follows once it shows one of these.
    let follows = std::sync::atomic::AtomicBool::new(false);
    let client = server.client();
    let before = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !follows.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(client.send("GET", "/e/docs", &value, "").status, 200);
            }
        });
        let event = next();
        follows.store(true, std::sync::atomic::Ordering::Relaxed);
        event["sequence"].as_i64().unwrap()
    });
    let (address, data) = (server.address.clone(), home.data());
    server.kill();
    let words = ["gateway", "--data-dir", data.to_str().unwrap(), "--listen", &address];
    let server = Server::start(home.command(&words));
    // It may happen before the follower is back.
    assert_eq!(server.get("/e/docs/secret-plans", &value).status, 200);
    let mut seen = vec![before];
    loop {
        let event = next();
        seen.push(event["sequence"].as_i64().unwrap());
        if event["detail"]["page"] == "secret-plans.md" {
            break;
        }
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    let read = events(&home, &["--action", "page", "--limit", "100000"]);
    let read = read.iter().map(|event| event["sequence"].as_i64().unwrap());
    let mut read: Vec<i64> = read.filter(|sequence| *sequence >= before).collect();
    read.sort_unstable();
    assert_eq!(seen, read, "none is missing");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_export_proves_itself_and_shows_what_was_changed_in_it() {
    let (home, server) = with_docs(&[]);
    let value = home.ok(&["tokens", "create", "a \"b\", c"]);
    for page in ["/e/docs", "/e/docs/secret-plans"] {
        assert_eq!(server.get(page, &value).status, 200);
    }
    let path = home.path().join("audit.jsonl");
    let export = home.run(&["audit", "export", "--output", path.to_str().unwrap()]);
    assert!(export.code == 0 && export.stdout.is_empty(), "{}", export.stderr);
    let text = fs::read_to_string(&path).unwrap();
    let verify = |text: &str, more: &[&str]| {
        let words: Vec<&str> = ["audit", "verify", "--file", "-"].iter().chain(more).copied().collect();
        run_with(&home, &words, text)
    };
    let fine = home.run(&["audit", "verify", "--file", path.to_str().unwrap()]);
    assert_eq!(fine.code, 0, "{}", fine.stderr);
    let lines: Vec<&str> = text.lines().collect();
    let head = format!("{}:{}", lines.len(), hash_of(lines[lines.len() - 1]));
    assert_eq!(verify(&text, &["--head"]).stdout.trim_end(), head);

    // Changed, missing, moved, cut off, and no event at all.
    for (changed, told) in [
        (text.replacen("secret-plans.md", "public-plans.md", 1), "was changed"),
        (text.replacen(lines[4], "", 1), "event 5 is missing"),
        ([&[lines[0], lines[2], lines[1]], &lines[3..]].concat().join("\n"), "event 2 is missing"),
        (text.replacen(lines[3], "{}", 1), "line 4 of the export is no event"),
    ] {
        let ended = verify(&changed, &[]);
        assert_eq!(ended.code, 1, "{told}: {}", ended.stdout);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    let cut = lines[..lines.len() - 2].join("\n");
    assert_eq!(verify(&cut, &[]).code, 0, "the chain alone can't know where it ended");
    let ended = verify(&cut, &["--anchor", &head]);
    assert!(ended.code == 1 && ended.stderr.contains("was cut off"), "{}", ended.stderr);
    // The first event of a part is known by an anchor for the one before.
    let part = lines[3..].join("\n");
    let anchor = format!("3:{}", hash_of(lines[2]));
    let ended = verify(&part, &["--anchor", &anchor]);
    assert!(ended.code == 0 && !ended.stderr.contains("at its word"), "{}", ended.stderr);
    let other = format!("3:{}", hash_of(lines[1]));
    assert_eq!(verify(&part, &["--anchor", &other]).code, 1);
    assert_eq!(verify("", &[]).code, 1);

    // By the lines of the documentation, too.
    assert!(by_python(&text).contains(&format!("holds up to {}", hash_of(lines[lines.len() - 1]))));
    assert!(by_python(&text.replacen("secret-plans.md", "public-plans.md", 1)).contains("does not fit"));

    let csv = home.ok(&["audit", "export", "--format", "csv", "--since", "1h"]);
    assert!(csv.starts_with("sequence,at,action,outcome,"), "{csv}");
    // Its quotes are doubled for JSON's, and doubled again for the row's.
    assert!(csv.contains(r#"""name"":""a \""b\"", c"""#), "{csv}");
}

/// What the program in docs/audit.md says of an export.
fn by_python(export: &str) -> String {
    let documentation = include_str!("../../../../docs/audit.md");
    let (_, rest) = documentation.split_once("```python\n").unwrap();
    let (program, _) = rest.split_once("```").unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test plays somebody who checks an export")]
    let mut python = std::process::Command::new("python3");
    python.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap();
    // A program that finds a fault stops reading.
    let _ = child.stdin.take().unwrap().write_all(export.as_bytes());
    let ended = child.wait_with_output().unwrap();
    String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap()
}

fn hash_of(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["hash"].as_str().unwrap().to_owned()
}

#[test]
fn a_log_that_was_tampered_with_is_found_out_on_the_host_and_through_the_gateway() {
    let (home, server) = with_docs(&["--audit-reads", "strict"]);
    let value = home.ok(&["tokens", "create", "reader"]);
    assert_eq!(server.get("/e/docs/secret-plans", &value).status, 200);
    let data = home.data();
    let on_host = ["audit", "verify", "--data-dir", data.to_str().unwrap()];
    // While the gateway runs, and after it was killed, and after it stopped.
    assert!(home.ok(&on_host).starts_with("The audit log holds"));
    let head = home.ok(&["audit", "verify", "--head"]);
    assert_eq!(home.run(&["audit", "verify", "--anchor", &head]).code, 0);
    let (sequence, hash) = head.split_once(':').unwrap();
    let other = format!("{sequence}:{}", hash.chars().rev().collect::<String>());
    let refused = home.run(&["audit", "verify", "--anchor", &other]);
    assert!(refused.code == 1 && refused.stderr.contains("written anew"), "{}", refused.stderr);
    server.kill();
    assert!(home.ok(&on_host).starts_with("The audit log holds"));
    assert_eq!(home.start(&[]).terminate(), 0);
    assert!(home.ok(&on_host).starts_with("The audit log holds"));
    assert!(!data.join("toolfront.db-wal").exists(), "nothing is left behind");

    tamper(&home, r#""page":"secret-plans.md""#, r#""page":"public-plans.md""#);
    let refused = home.run(&on_host);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("was changed"), "{}", refused.stderr);
    let found = home.run(&["audit", "verify", "--json", "--data-dir", data.to_str().unwrap()]);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert!(found["fault_sequence"].as_i64() > Some(1), "{found}");
    let server = home.start(&[]);
    let key = key_file(&home);
    let through =
        home.run(&["audit", "verify", "--head", "--gateway-url", &server.url(), "--token-file", &key]);
    assert_eq!((through.code, through.stdout.as_str()), (1, ""), "{}", through.stderr);
    assert!(through.stderr.contains("was changed"), "{}", through.stderr);
    assert_eq!(home.run(&["audit", "verify", "--data-dir", "nowhere"]).code, 2);
}

/// A home with a signing key; the flags for a gateway that signs, and those for verifying.
fn signing(home: &Home) -> ([String; 4], [String; 4]) {
    let path = |name: &str| home.path().join(name).display().to_string();
    let public = home.ok(&["audit", "keygen", &path("key.pem")]);
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    home.write("key.pub", &public);
    let flags = ["--audit-anchors", "anchors.jsonl", "--audit-signing-key", "key.pem"];
    let own = flags.map(|word| if word.starts_with("--") { word.to_owned() } else { path(word) });
    let check = ["--anchors", "anchors.jsonl", "--public-key", "key.pub"];
    (own, check.map(|word| if word.starts_with("--") { word.to_owned() } else { path(word) }))
}

#[test]
fn signed_anchors_show_a_log_that_was_put_back() {
    let home = Home::new();
    let admin = home.init();
    let (flags, check) = signing(&home);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = home.start(&flags);
    home.log_in(&server, "admin", &admin);
    assert_eq!(server.terminate(), 0);
    let data = home.data();
    let mut on_host = vec!["audit", "verify", "--data-dir", data.to_str().unwrap()];
    let without = on_host.clone();
    on_host.extend(check.iter().map(String::as_str));
    // One for its end, and, unless it ended at once, one for its start.
    let told = home.ok(&on_host);
    assert!(told.contains("anchors do.") || told.contains("1 anchor does."), "{told}");

    // What happens next is taken back, chain and all.
    let old = fs::read(data.join("toolfront.db")).unwrap();
    let server = home.start(&flags);
    home.log_in(&server, "admin", &admin);
    let through: Vec<&str> =
        ["audit", "verify"].into_iter().chain(check.iter().map(String::as_str)).collect();
    assert_eq!(home.run(&through).code, 0);
    assert_eq!(server.terminate(), 0);
    assert_eq!(home.run(&on_host).code, 0);
    fs::write(data.join("toolfront.db"), old).unwrap();
    assert_eq!(home.run(&without).code, 0, "the chain by itself is whole");
    let refused = home.run(&on_host);
    assert!(refused.code == 1 && refused.stderr.contains("was cut off"), "{}", refused.stderr);

    // So is one that went on from there, though the gateway signed that.
    let server = home.start(&flags);
    home.log_in(&server, "admin", &admin);
    for _ in 0..10 {
        home.ok(&["tokens", "create", "another"]);
    }
    let refused = home.run(&through);
    assert!(refused.code == 1 && refused.stderr.contains("written anew"), "{}", refused.stderr);
    assert_eq!(server.terminate(), 0);
    let refused = home.run(&on_host);
    assert!(refused.code == 1 && refused.stderr.contains("written anew"), "{}", refused.stderr);

    // And an anchor that was changed.
    let anchors = home.path().join("anchors.jsonl");
    let text = fs::read_to_string(&anchors).unwrap();
    fs::write(&anchors, text.replacen("\"sequence\":", "\"sequence\":1", 1)).unwrap();
    let refused = home.run(&on_host);
    assert!(refused.code == 1 && refused.stderr.contains("was not signed"), "{}", refused.stderr);
    assert_eq!(home.run(&["audit", "verify", "--anchors", anchors.to_str().unwrap()]).code, 2);
}

#[test]
fn a_gateway_that_can_not_sign_does_not_start() {
    let home = Home::new();
    home.init();
    let (flags, _) = signing(&home);
    let data = home.data();
    let start = |flags: &[&str]| {
        let words = ["gateway", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()];
        home.run(&words.iter().chain(flags).copied().collect::<Vec<_>>())
    };
    let [anchors, file, signing_key, key] = flags.each_ref().map(String::as_str);
    assert_eq!(start(&[anchors, file]).code, 2);
    assert_eq!(start(&[signing_key, key]).code, 2);
    assert!(start(&[anchors, file, signing_key, "missing.pem"]).stderr.contains("missing.pem can't be used"));
    let public: PathBuf = home.path().join("key.pub");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&public, private).unwrap();
    let refused = start(&[anchors, file, signing_key, public.to_str().unwrap()]);
    assert!(refused.code == 2 && refused.stderr.contains("no Ed25519 key"), "{}", refused.stderr);
    fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let refused = start(&flags.each_ref().map(String::as_str));
    assert!(refused.code == 2 && refused.stderr.contains("others can read"), "{}", refused.stderr);
    assert_eq!(home.run(&["audit", "keygen", key]).code, 1, "it is there already");
}

#[test]
fn what_is_too_old_is_removed_and_the_rest_still_holds() {
    let (home, server) = with_docs(&[]);
    assert_eq!(actions(&events(&home, &["--action", "organization"])), ["organization.create"]);
    assert_eq!(server.terminate(), 0);
    let config = home.write("gateway.toml", "[audit]\nkeep = '1s'\nreads = 'strict'\n");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let server = home.start(&["--config", config.to_str().unwrap()]);
    let url = server.url();
    // It is done soon after the start.
    let is_pruned = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let listed = home.ok(&["audit", "--gateway-url", &url, "--token-file", &key_file(&home), "--json"]);
        listed.contains("audit.prune") && !listed.contains("organization.create")
    });
    assert!(is_pruned, "the first event is still there");
    let verify = ["audit", "verify", "--json", "--gateway-url", &url, "--token-file", &key_file(&home)];
    let found: Value = serde_json::from_str(&home.ok(&verify)).unwrap();
    assert!(found["fault"].is_null() && found["base_sequence"].as_i64() > Some(1), "{found}");
}

/// The admin token's value in a file of its own: the context belongs to the address that the gateway had before.
fn key_file(home: &Home) -> String {
    let config = fs::read_to_string(home.path().join(".config/toolfront/config.toml")).unwrap();
    let (_, rest) = config.split_once("api_key = \"").unwrap();
    let path = home.write("admin.token", rest.split('"').next().unwrap());
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path.display().to_string()
}

#[test]
fn tokens_that_are_idle_or_about_to_end_are_listed_for_cron() {
    let (home, server) = with_docs(&[]);
    let value = home.ok(&["tokens", "create", "busy", "--env", "docs", "--expires", "10d"]);
    home.ok(&["tokens", "create", "idle"]);
    assert_eq!(server.get("/e/docs", &value).status, 200);
    let names = |filter: &[&str]| -> Vec<String> {
        let words: Vec<&str> = ["tokens", "list"].iter().chain(filter).copied().collect();
        let listed = home.json(&words);
        listed.as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["--expiring", "30d"]), ["busy"]);
    assert!(names(&["--expiring", "5d"]).is_empty() && names(&["--unused", "1d"]).is_empty());
    // One of them is used again and again, and the other never.
    let is_told_apart = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(server.get("/e/docs", &value).status, 200);
        let unused = names(&["--unused", "1s"]);
        unused.contains(&"idle".to_owned()) && !unused.contains(&"busy".to_owned())
    });
    assert!(is_told_apart);
    let found = home.run(&["tokens", "list", "--expiring", "30d", "--exit-code"]);
    assert!(found.code == 1 && found.stdout.contains("busy") && found.stderr.is_empty(), "{found:?}");
    assert_eq!(home.run(&["tokens", "list", "--unused", "1d", "--exit-code"]).code, 0);

    let record = home.json(&["tokens", "get", "busy"]);
    assert!(record["usage"]["days"][0]["count"].as_u64() > Some(1), "{record}");
    assert_eq!(record["usage"]["addresses"][0]["address"], "127.0.0.1");
    let text = home.ok(&["tokens", "get", "busy"]);
    assert!(text.contains("·····█") || text.contains("····██"), "{text}");
    let text = home.ok(&["tokens", "get", "idle"]);
    assert!(text.contains("0 a day at the most") && !text.contains('█'), "{text}");
    // A token that administers nothing sees its own record.
    assert_eq!(home.json(&["tokens", "get", "self", "--api-key", &value])["name"], "busy");
}
