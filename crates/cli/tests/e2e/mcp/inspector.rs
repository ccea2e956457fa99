//! The command line of the official inspector, in both eras of the protocol.

use std::path::Path;

use serde_json::{Value, json};

use super::clients::{node, run};
use super::world::World;
use crate::server::Ended;

fn inspector(home: &Path, words: &[&str]) -> Ended {
    let mut command = node(home, "mcp-inspector");
    command.arg("--cli").args(words).args(["--format", "json", "-q"]);
    run(command)
}

/// What it prints, with its envelope taken off where there is one.
#[track_caller]
fn result(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let printed: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|err| panic!("{err}: {}", ended.stdout));
    printed.get("result").cloned().unwrap_or(printed)
}

fn tools(listed: &Value) -> Vec<&str> {
    listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

const CALL: [&str; 6] = [
    "--method",
    "tools/call",
    "--tool-name",
    "run_command",
    "--tool-args-json",
    r#"{"page":"","command":["echo","x"]}"#,
];

#[test]
fn it_speaks_with_the_gateway_and_finds_no_fault_in_the_schemas() {
    let world = World::new();
    let home = world.home.path();
    let (url, header) = (format!("{}/mcp", world.url()), format!("Authorization: Bearer {}", world.runner));
    let reader = format!("Authorization: Bearer {}", world.reader);
    for era in ["legacy", "modern"] {
        let ask = |words: &[&str], header: &str| {
            let common = [url.as_str(), "--transport", "http", "--protocol-era", era, "--stored-auth-only"];
            inspector(home, &[&common, words, &["--header", header]].concat())
        };
        let listed = result(&ask(&["--method", "tools/list", "--strict"], &header));
        assert_eq!(tools(&listed), ["list_pages", "read_page", "run_command"]);
        let listed = result(&ask(&["--method", "tools/list"], &reader));
        assert_eq!(tools(&listed), ["list_pages", "read_page"]);
        let ran = result(&ask(&CALL, &header));
        assert_eq!(ran["structuredContent"]["stdout"], "x\n");
        let listed = result(&ask(&["--method", "resources/list"], &header));
        assert_eq!(listed["resources"][1]["uri"], "page:///guide.md");
        let read = result(&ask(&["--method", "resources/read", "--uri", "page:///guide.md"], &header));
        assert_eq!(read["contents"][0]["text"], "# The guide\n");
        // A wrong token is refused at once, and leads to no browser.
        let wrong = ask(&["--method", "tools/list"], "Authorization: Bearer tf_wrong");
        assert_eq!(wrong.code, 3, "{}{}", wrong.stdout, wrong.stderr);
    }
}

#[test]
fn it_starts_the_bridge() {
    let world = World::new();
    let (variable, url) = (format!("TOOLFRONT_TOKEN={}", world.runner), world.url());
    let start = [env!("CARGO_BIN_EXE_toolfront"), "mcp", &url, "-e", &variable];
    for era in ["legacy", "modern"] {
        let ask = |words: &[&str]| {
            inspector(world.home.path(), &[start.as_slice(), &["--protocol-era", era], words].concat())
        };
        let listed = result(&ask(&["--method", "tools/list", "--strict"]));
        assert_eq!(tools(&listed), ["list_pages", "read_page", "run_command"]);
        assert_eq!(result(&ask(&CALL))["structuredContent"]["returncode"], json!(0));
    }
}
