//! The life of a token, by the command line against a real gateway.

use crate::server::{Home, Server};

const PAGE: &str = "---\ntools:\n  - [cat, notes.txt, ;]\n---\n# Notes\n";

/// Deploys an application under that name.
fn deploy(home: &Home, name: &str) {
    home.write(&format!("{name}/README.md"), PAGE);
    home.write(&format!("{name}/notes.txt"), &format!("notes of {name}\n"));
    home.ok(&["deploy", home.path().join(name).to_str().unwrap()]);
}

fn can_run(server: &Server, name: &str, token: &str) -> bool {
    let answer = server.run_tool(name, token, &["cat", "notes.txt"]);
    match answer.status {
        200 => {
            assert_eq!(answer.json()["stdout"], format!("notes of {name}\n"));
            true
        }
        404 => false,
        _ => panic!("{} {}", answer.status, answer.body),
    }
}

#[test]
fn a_token_is_created_used_rotated_and_revoked() {
    let home = Home::new();
    let (server, _) = home.start_logged_in();
    for name in ["alpha", "beta", "gamma"] {
        deploy(&home, name);
    }

    // Created with a scope, two environments and an expiry; the value alone on standard output.
    let create = [
        "tokens",
        "create",
        "ci",
        "--scope",
        "execute",
        "--env",
        "alpha",
        "--env",
        "beta",
        "--expires",
        "30d",
    ];
    let first = home.ok(&create);
    assert_eq!(first.len(), 43, "{first}");
    assert!(can_run(&server, "alpha", &first) && can_run(&server, "beta", &first));
    assert!(!can_run(&server, "gamma", &first));

    // Listed and shown, never with its value.
    let list = home.ok(&["tokens", "list"]);
    assert!(list.contains("ci") && list.contains(&first[39..]) && !list.contains(&first), "{list}");
    let record = home.json(&["tokens", "get", "ci"]);
    assert_eq!(record["status"], "active");
    assert_eq!(record["usage_count"], 3);
    let names: Vec<_> = record["environments"].as_array().unwrap().iter().map(|env| &env["name"]).collect();
    assert!(names.contains(&&"alpha".into()) && names.contains(&&"beta".into()), "{names:?}");
    assert!(record["expires_at"].is_string());

    // Rotated with a new scope and expiry: the old value is refused at once.
    let rotate = ["tokens", "rotate", "ci", "--scope", "read", "--expires", "2099-12-31"];
    let second = home.ok(&rotate);
    assert_ne!(first, second);
    let refused = server.get("/e/alpha", &first);
    refused.assert_problem(401, "invalid-token");
    assert!(refused.head.contains("the token was rotated"), "{}", refused.head);
    assert_eq!(server.get("/e/alpha", &second).status, 200);
    server.run_tool("alpha", &second, &["cat", "notes.txt"]).assert_problem(403, "insufficient-scope");
    let record = home.json(&["tokens", "get", "ci"]);
    assert_eq!((&record["generation"], &record["scope"]), (&2.into(), &"environments:read".into()));
    assert_eq!(record["expires_at"], "2100-01-01T00:00:00Z");

    // Revoked with a reason: refused at once, and shown.
    home.ok(&["tokens", "revoke", "ci", "--reason", "left the team", "--yes"]);
    let refused = server.get("/e/alpha", &second);
    refused.assert_problem(401, "invalid-token");
    assert!(refused.head.contains("the token was revoked"), "{}", refused.head);
    let id = record["id"].as_str().unwrap();
    let record = home.json(&["tokens", "get", id]);
    assert_eq!(
        (&record["status"], &record["revocation_reason"]),
        (&"revoked".into(), &"left the team".into())
    );
    assert!(!home.ok(&["tokens", "list"]).contains(id));
    assert!(home.ok(&["tokens", "list", "--all"]).contains(id));

    // Final: it can neither be rotated, nor does revoking it again change anything.
    assert_eq!(home.run(&["tokens", "rotate", id]).code, 5);
    home.ok(&["tokens", "revoke", id, "--reason", "again", "--yes"]);
    assert_eq!(home.json(&["tokens", "get", id])["revocation_reason"], "left the team");
}

#[test]
fn with_grace_the_old_value_goes_on_and_a_use_of_the_new_one_is_counted_by_itself() {
    let home = Home::new();
    let (server, _) = home.start_logged_in();
    deploy(&home, "alpha");
    let first = home.ok(&["tokens", "create", "job", "--env", "alpha"]);
    assert!(can_run(&server, "alpha", &first));
    let second = home.ok(&["tokens", "rotate", "job", "--grace", "1h"]);
    assert!(can_run(&server, "alpha", &first) && can_run(&server, "alpha", &second));
    assert!(can_run(&server, "alpha", &first));
    let record = home.json(&["tokens", "get", "job"]);
    assert_eq!(record["usage_by_generation"], serde_json::json!([3, 1]));
}

#[test]
fn an_administrator_of_some_environments_gives_no_more_than_it_has() {
    let home = Home::new();
    let (server, admin) = home.start_logged_in();
    deploy(&home, "alpha");
    deploy(&home, "beta");
    home.ok(&["tokens", "create", "wide", "--env", "alpha", "--env", "beta"]);
    let narrow = home.ok(&[
        "tokens",
        "create",
        "alpha-admin",
        "--scope",
        "admin",
        "--env",
        "alpha",
        "--expires",
        "1d",
    ]);
    home.log_in(&server, "narrow", &narrow);

    // All environments: more than it has.
    let ended = home.run(&["tokens", "create", "all", "--expires", "1h"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    // An environment outside its own: like one that does not exist.
    let (outside, nowhere) = ("beta", "nowhere");
    let outside = home.run(&["tokens", "create", "x", "--env", outside, "--expires", "1h"]);
    let nowhere = home.run(&["tokens", "create", "x", "--env", nowhere, "--expires", "1h"]);
    assert_ne!(outside.code, 0);
    assert_eq!(outside.code, nowhere.code);
    assert_eq!(outside.stderr.replace("beta", "nowhere"), nowhere.stderr);
    // A lifetime beyond its own.
    let ended = home.run(&["tokens", "create", "long", "--env", "alpha"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    // Tokens beyond its own are not there for it.
    assert_eq!(home.run(&["tokens", "get", "wide"]).code, 4);
    assert!(!home.ok(&["tokens", "list", "--all"]).contains("wide"));
    // Neither can it make environments, nor touch the others.
    home.write("delta/README.md", PAGE);
    assert_eq!(home.run(&["deploy", home.path().join("delta").to_str().unwrap()]).code, 3);
    assert_eq!(home.run(&["delete", "beta", "--yes"]).code, 4);
    // Within its own it can.
    let given = home.ok(&["tokens", "create", "ok", "--env", "alpha", "--expires", "1h"]);
    assert!(can_run(&server, "alpha", &given) && !can_run(&server, "beta", &given));
    assert!(can_run(&server, "beta", &admin));
}

#[test]
fn an_expired_token_is_refused_until_it_is_rotated_with_a_new_end() {
    let home = Home::new();
    let (server, _) = home.start_logged_in();
    deploy(&home, "alpha");
    let value = home.ok(&["tokens", "create", "brief", "--env", "alpha", "--expires", "1s"]);
    let refused = (0..600).find_map(|_| {
        let answer = server.get("/e/alpha", &value);
        if answer.status == 200 {
            std::thread::sleep(std::time::Duration::from_millis(50));
            return None;
        }
        Some(answer)
    });
    let refused = refused.unwrap();
    refused.assert_problem(401, "invalid-token");
    assert!(refused.head.contains("the token has expired"), "{}", refused.head);
    let id = home.json(&["tokens", "list", "--all"])[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["tokens", "rotate", &id]).code, 5);
    let value = home.ok(&["tokens", "rotate", &id, "--expires", "1h"]);
    assert!(can_run(&server, "alpha", &value));
}
