//! The official Python client, in the revisions that it agrees on.

use super::clients::{python, run};
use super::world::World;

/// How the client is told which era to speak, and what comes of it.
const MODES: [(&str, &str); 3] =
    [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")];
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/mcp/client.py");

#[test]
fn it_speaks_with_the_gateway_and_with_the_bridge_over_http() {
    let world = World::new();
    let bridge = world.http_bridge();
    for (mode, revision) in MODES {
        for url in [format!("{}/mcp", world.url()), bridge.url.clone()] {
            let mut command = python(world.home.path());
            command.args([SCRIPT, mode, revision, &url, &world.runner]);
            let ended = run(command);
            assert_eq!(ended.code, 0, "{mode} {url}: {}", ended.stderr);
        }
    }
}

#[test]
fn it_starts_the_bridge() {
    let world = World::new();
    let file = world.home.write("runner.token", &world.runner);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).unwrap();
    for (mode, revision) in MODES {
        let mut command = python(world.home.path());
        let server =
            [env!("CARGO_BIN_EXE_toolfront"), "mcp", &world.url(), "--token-file", file.to_str().unwrap()];
        command.args([SCRIPT, mode, revision, "--"]).args(server);
        let ended = run(command);
        assert_eq!(ended.code, 0, "{mode}: {}", ended.stderr);
    }
}
