//! The official conformance suite, against the gateway and against the bridge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::clients::{Proxy, node, run};
use super::world::World;

/// The checks that don't apply, below the reasons why.
const NOT_APPLICABLE: &str = include_str!("not_applicable.txt");
/// How much of the suite is run: by revision, what it asks for.
const RUNS: [[&str; 4]; 3] = [
    ["--suite", "all", "--spec-version", "2025-06-18"],
    ["--suite", "all", "--spec-version", "2025-11-25"],
    ["--requirements", "2026-07-28", "--timeout", "30000"],
];
/// Fewer than so many checks that pass are no run at all.
const PASSING_MIN: usize = 110;

/// How each check went, by `scenario/check`: whether it failed anywhere.
type Outcomes = BTreeMap<String, bool>;

fn outcomes(home: &Path, url: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for arguments in RUNS {
        let results = tempfile::tempdir_in(home).unwrap();
        let mut command = node(home, "conformance");
        command.args(["server", "--url", url, "-o"]).arg(results.path()).args(arguments);
        let ended = run(command);
        // It is 1 whenever anything fails: what failed is looked at below.
        assert!([0, 1].contains(&ended.code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        let directories = std::fs::read_dir(results.path()).unwrap();
        for directory in directories.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
            let name = directory.file_name().unwrap().to_str().unwrap();
            // The name ends with the time, such as `-2026-11-24T09-34-03-736Z`.
            let scenario = name.strip_prefix("server-").unwrap();
            let scenario = &scenario[..scenario.len() - "-2026-11-24T09-34-03-736Z".len()];
            let text = std::fs::read_to_string(directory.join("checks.json")).unwrap();
            let checks: Vec<Value> = serde_json::from_str(&text).unwrap();
            for check in checks {
                let id = check["id"].as_str().unwrap();
                let has_failed = check["status"] == "FAILURE";
                *outcomes.entry(format!("{scenario}/{id}")).or_default() |= has_failed;
            }
        }
    }
    outcomes
}

fn not_applicable() -> BTreeSet<String> {
    let lines = NOT_APPLICABLE.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// What fails is what does not apply, and nothing of that passes: the list can only be right.
#[track_caller]
fn holds(outcomes: &Outcomes) {
    let failed: BTreeSet<String> =
        outcomes.iter().filter(|(_, has_failed)| **has_failed).map(|(check, _)| check.clone()).collect();
    let expected = not_applicable();
    let surprising: Vec<_> = failed.difference(&expected).collect();
    assert!(surprising.is_empty(), "these fail: {surprising:#?}");
    let stale: Vec<_> = expected.difference(&failed).collect();
    assert!(stale.is_empty(), "these no longer fail, and are to be taken off the list: {stale:#?}");
    let passed = outcomes.len() - failed.len();
    assert!(passed >= PASSING_MIN, "only {passed} checks passed: {outcomes:#?}");
}

#[test]
fn the_gateway_passes_what_applies_to_it() {
    let world = World::new();
    let proxy = Proxy::start(world.home.path(), &world.server.url(), &world.runner);
    holds(&outcomes(world.home.path(), &format!("{}/e/docs/mcp", proxy.url)));
}

#[test]
fn a_public_application_passes_it_without_a_token() {
    let world = World::new();
    let change = serde_json::json!({ "visibility": "public" }).to_string();
    let admin = world.home.ok(&["tokens", "create", "publisher", "--scope", "admin"]);
    assert_eq!(world.server.send("PATCH", "/api/v1/environments/docs", &admin, &change).status, 200);
    let (_, port) = world.server.address.rsplit_once(':').unwrap();
    holds(&outcomes(world.home.path(), &format!("http://localhost:{port}/e/docs/mcp")));
}

#[test]
fn the_bridge_passes_what_applies_to_it() {
    let world = World::new();
    let bridge = world.http_bridge();
    holds(&outcomes(world.home.path(), &bridge.url.replace("127.0.0.1", "localhost")));
}
