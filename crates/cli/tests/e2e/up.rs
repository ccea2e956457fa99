//! `toolfront up`: from nothing to a private application whose printed calls work as they are.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::server::{Ended, Home, Server};

fn example(name: &str) -> String {
    format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Starts `up` and reads what it prints to paste: everything up to the last call.
fn up(home: &Home, listen: &str) -> (Server, String) {
    let data = home.data();
    let words = ["up", &example("docs"), "--data-dir", data.to_str().unwrap(), "--listen", listen];
    let mut server = Server::start(home.command(&words));
    let mut printed = String::new();
    for line in BufReader::new(server.stdout()).lines().map_while(Result::ok) {
        printed.push_str(&line);
        printed.push('\n');
        // The last lines are the configuration of an MCP client, as a comment of the shell.
        if line == "  # }" {
            break;
        }
    }
    (server, printed)
}

/// Pastes what was printed into a shell.
fn paste(home: &Home, printed: &str) -> Ended {
    let lines = printed.lines().skip_while(|line| !line.trim_start().starts_with("export TOKEN="));
    let script = lines.map(str::trim).collect::<Vec<_>>().join("\n");
    #[expect(clippy::disallowed_methods, reason = "what is printed is to be pasted into a shell")]
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-eu", "-c", &script])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path());
    shell.output().unwrap().into()
}

#[test]
fn the_printed_calls_work_when_they_are_pasted_and_nothing_is_lost_by_a_kill() {
    let home = Home::new();
    let (server, printed) = up(&home, "127.0.0.1:0");
    let pasted = paste(&home, &printed);
    assert_eq!(pasted.code, 0, "{printed}\n{}", pasted.stderr);
    assert!(pasted.stdout.contains("# The SQLite documentation"), "{}", pasted.stdout);
    assert!(pasted.stdout.contains(r#""returncode":0"#), "{}", pasted.stdout);
    let configuration: String = printed.lines().filter_map(|line| line.strip_prefix("  # ")).collect();
    let configuration: Value =
        serde_json::from_str(&configuration[configuration.find('{').unwrap()..]).unwrap();
    let told = &configuration["mcpServers"]["docs"];
    assert_eq!(told["url"], format!("{}/e/docs/mcp", server.url()));
    assert_eq!(told["headers"]["Authorization"], "Bearer ${TOOLFRONT_TOKEN}");
    server.get("/e/docs", "").assert_problem(401, "unauthorized");

    let token = home.ok(&["tokens", "create", "kept"]);
    let environment = home.json(&["list"])[0]["id"].clone();
    let address = server.address.clone();
    server.kill();

    let (server, printed) = up(&home, &address);
    assert_eq!(server.get("/e/docs", &token).status, 200);
    let environments = home.json(&["list"]);
    assert_eq!(environments[0]["id"], environment);
    assert_eq!(environments[0]["release"], 1, "the same files make no new release");
    assert_eq!(paste(&home, &printed).code, 0);
    assert_eq!(server.terminate(), 0);
}

#[test]
fn up_makes_a_context_that_the_other_commands_use() {
    let home = Home::new();
    let (_server, _) = up(&home, "127.0.0.1:0");
    let me: Value = home.json(&["whoami"]);
    assert_eq!(me["token"]["scope"], "environments:admin", "{me}");
    let config = home.path().join(".config/toolfront/config.toml");
    let mode = std::os::unix::fs::PermissionsExt::mode(&config.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}
