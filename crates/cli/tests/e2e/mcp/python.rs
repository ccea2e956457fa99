//! The official Python client, in the revisions that it agrees on.

use super::clients::{python, run};
use super::world::World;

/// How the client is told which era to speak, and what comes of it.
const MODES: [(&str, &str); 3] =
    [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")];
/// Where the client as it is now is, and the one whose newest revision was 2025-06-18.
const DIRECTORIES: [&str; 2] = ["python", "python-2025-06-18"];
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/mcp/client.py");
const OLD_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/mcp/client_2025_06_18.py");

/// The token, in a file that the bridge takes.
fn token_file(world: &World) -> std::path::PathBuf {
    let file = world.home.write("runner.token", &world.runner);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).unwrap();
    file
}

#[test]
fn as_it_was_at_the_revision_2025_06_18_it_speaks_with_all_of_them() {
    let world = World::new();
    let (bridge, file) = (world.http_bridge(), token_file(&world));
    let (endpoint, url) = (format!("{}/mcp", world.url()), world.url());
    let start = [env!("CARGO_BIN_EXE_toolfront"), "mcp", &url, "--token-file", file.to_str().unwrap()];
    for server in [&[&endpoint, &world.runner][..], &[&bridge.url, &world.runner]] {
        let mut command = python(world.home.path(), DIRECTORIES[1]);
        command.arg(OLD_SCRIPT).args(server);
        let ended = run(command);
        assert_eq!(ended.code, 0, "{server:?}: {}", ended.stderr);
    }
    let mut command = python(world.home.path(), DIRECTORIES[1]);
    let ended = run({
        command.args([OLD_SCRIPT, "--"]).args(start);
        command
    });
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn it_speaks_with_the_gateway_and_with_the_bridge_over_http() {
    let world = World::new();
    let bridge = world.http_bridge();
    for (mode, revision) in MODES {
        for url in [format!("{}/mcp", world.url()), bridge.url.clone()] {
            let mut command = python(world.home.path(), DIRECTORIES[0]);
            command.args([SCRIPT, mode, revision, &url, &world.runner]);
            let ended = run(command);
            assert_eq!(ended.code, 0, "{mode} {url}: {}", ended.stderr);
        }
    }
}

#[test]
fn it_starts_the_bridge() {
    let world = World::new();
    let file = token_file(&world);
    for (mode, revision) in MODES {
        let mut command = python(world.home.path(), DIRECTORIES[0]);
        let server =
            [env!("CARGO_BIN_EXE_toolfront"), "mcp", &world.url(), "--token-file", file.to_str().unwrap()];
        command.args([SCRIPT, mode, revision, "--"]).args(server);
        let ended = run(command);
        assert_eq!(ended.code, 0, "{mode}: {}", ended.stderr);
    }
}
