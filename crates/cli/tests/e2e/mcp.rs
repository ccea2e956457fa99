//! `toolfront mcp` and `mcp-config`: the bridge as a client starts it, and as one connects to it.

#[path = "mcp/bridge.rs"]
mod bridge;
#[path = "mcp/clients.rs"]
mod clients;
#[path = "mcp/conformance.rs"]
mod conformance;
#[path = "mcp/inspector.rs"]
mod inspector;
#[path = "mcp/python.rs"]
mod python;
#[path = "mcp/world.rs"]
mod world;

use std::io::Write;

use serde_json::{Value, json};

use self::bridge::{Stdio as Bridge, initialize, text};
use self::world::{PAGE, World};
use crate::server::{Ended, Home, Server};

const DOCUMENTATION: &str = include_str!("../../../../docs/mcp.md");

#[test]
fn a_client_that_starts_it_explores_runs_and_mends_its_call() {
    let world = World::new();
    for revision in ["2025-06-18", "2025-11-25"] {
        let mut bridge = world.bridge(&world.runner, &["--env", "NAME=Ada"]);
        let begun = bridge.request("initialize", &initialize(revision));
        assert_eq!(begun["protocolVersion"], revision);
        assert!(begun["instructions"].as_str().unwrap().contains("# The first page"), "{begun}");
        bridge.notify("notifications/initialized", &json!({}));
        assert_eq!(bridge.tools(), ["list_pages", "read_page", "run_command"]);
        let listed = bridge.tool("list_pages", &json!({}));
        assert_eq!(text(&listed), "README.md: The first page (4 tools)\nguide.md: The guide\n");
        assert_eq!(text(&bridge.tool("read_page", &json!({ "path": "guide.md" }))), "# The guide\n");
        let refused = bridge.tool("run_command", &json!({ "page": "", "command": ["rm", "x"] }));
        assert!(refused["isError"] == true && text(&refused).contains("cat {regex:"), "{refused}");
        let ran = bridge.tool("run_command", &json!({ "page": "", "command": ["cat", "guide.md"] }));
        assert_eq!((&ran["isError"], text(&ran)), (&json!(false), "# The guide\n[exit code 0]"));
        let missing = bridge.tool("read_page", &json!({ "path": "guid.md" }));
        assert!(missing["isError"] == true && text(&missing).contains("guide.md"), "{missing}");
        let read = bridge.request("resources/read", &json!({ "uri": "page:///guide.md" }));
        assert_eq!(read["contents"][0]["text"], "# The guide\n");
        bridge.close();
    }
}

#[test]
fn the_revision_without_sessions_is_spoken_over_stdio_too() {
    let world = World::new();
    let mut bridge = world.bridge(&world.runner, &[]);
    let found = bridge.stateless("server/discover", json!({}));
    assert!(found["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    let arguments = json!({ "page": "", "command": ["echo", "x"] });
    let ran = bridge.stateless("tools/call", json!({ "name": "run_command", "arguments": arguments }));
    assert_eq!(ran["structuredContent"]["stdout"], "x\n");
    bridge.close();
}

#[test]
fn a_reader_is_shown_no_tool_that_runs_commands_and_a_dead_token_is_told() {
    let world = World::new();
    let mut bridge = world.bridge(&world.reader, &[]);
    bridge.request("initialize", &initialize("2025-11-25"));
    assert_eq!(bridge.tools(), ["list_pages", "read_page"]);
    let refused = bridge.tool("run_command", &json!({ "page": "", "command": ["echo", "x"] }));
    assert!(refused["isError"] == true && text(&refused).contains("environments:execute"), "{refused}");
    world.home.ok(&["tokens", "revoke", "reader", "--yes"]);
    let dead = bridge.tool("read_page", &json!({ "path": "" }));
    assert!(dead["isError"] == true && text(&dead).contains("revoked"), "{dead}");
    bridge.close();
}

#[test]
fn a_wrong_token_fails_at_once_on_standard_error() {
    let world = World::new();
    world.home.ok(&["tokens", "revoke", "runner", "--yes"]);
    let other = world.home.ok(&["tokens", "create", "other"]);
    let url = world.url();
    let unknown = Home::new().init();
    let nowhere = format!("{}/e/nowhere", world.server.url());
    for (token, url, code) in [
        (&world.runner, &url, 3),
        (&unknown, &url, 3),
        (&"tf_short".to_owned(), &url, 2),
        // A token of some other server is sent as it is.
        (&"another-kind-of-token".to_owned(), &url, 3),
        (&other, &nowhere, 4),
        (&other, &"http://127.0.0.1:9/e/docs".to_owned(), 69),
    ] {
        for transport in ["stdio", "streamable-http"] {
            let mut command = world.home.command(&["mcp", url, "--transport", transport]);
            let ended = Ended::from(command.env("TOOLFRONT_TOKEN", token).output().unwrap());
            assert_eq!(ended.code, code, "{url}: {}", ended.stderr);
            assert_eq!(ended.stdout, "");
            assert!(
                ended.stderr.starts_with("error: ") && !ended.stderr.contains(token.as_str()),
                "{}",
                ended.stderr
            );
        }
    }
}

/// From a flag to the context: who comes first counts, and a context's key is for its own gateway alone.
#[test]
fn the_token_is_taken_from_where_it_is_given() {
    let world = World::new();
    let url = world.url();
    let runner = world.home.write("runner.token", &world.runner);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&runner, mode).unwrap();
    let runner = runner.to_str().unwrap();
    let tools = |words: &[&str], variable: &str| {
        let mut command = world.home.command(&[&["mcp", url.as_str()], words].concat());
        if !variable.is_empty() {
            command.env("TOOLFRONT_TOKEN", variable);
        }
        let mut bridge = Bridge::start(command);
        bridge.request("initialize", &initialize("2025-11-25"));
        let tools = bridge.tools().len();
        bridge.close();
        tools
    };
    assert_eq!(tools(&["--param", &format!("token={}", world.reader)], &world.runner), 2);
    assert_eq!(tools(&["--param", &format!("token=@{runner}")], &world.reader), 3);
    assert_eq!(tools(&["--token-file", runner], &world.reader), 3);
    assert_eq!(tools(&["--param", &format!("Authorization=Bearer {}", world.reader)], ""), 2);
    assert_eq!(tools(&[], &world.reader), 2);
    // The context is that of the admin.
    assert_eq!(tools(&[], ""), 3);
    // Not of the context's gateway, by its URL or by what it says: nothing is sent.
    let foreign = format!("http://localhost:{}/e/docs", world.server.address.rsplit_once(':').unwrap().1);
    let ended = world.home.run(&["mcp", &foreign]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let other = Home::new();
    assert_eq!(other.run(&["mcp", &url]).code, 3);
    // Not below the context's URL, and the gateway says that it is one of its own.
    let gateway = foreign.trim_end_matches("/e/docs");
    let reader = world.home.write("reader.token", &world.reader);
    std::fs::set_permissions(&reader, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    world.home.ok(&[
        "login",
        gateway,
        "--token-file",
        reader.to_str().unwrap(),
        "--context",
        "named-otherwise",
    ]);
    assert_eq!(tools(&[], ""), 2);
}

#[test]
fn cancelling_and_going_away_end_the_command_on_the_server() {
    let world = World::new();
    for (span, cancel) in [("86377.25", true), ("86377.75", false)] {
        let mut bridge = world.bridge(&world.runner, &[]);
        bridge.request("initialize", &initialize("2025-11-25"));
        bridge.notify("notifications/initialized", &json!({}));
        let arguments = json!({ "page": "", "command": ["sleep", span] });
        let params = json!({ "name": "run_command", "arguments": arguments });
        let id = bridge.send("tools/call", &params);
        until(|| is_running(span));
        if cancel {
            bridge.notify("notifications/cancelled", &json!({ "requestId": id }));
            until(|| !is_running(span));
            assert_eq!(bridge.tools().len(), 3);
        }
        bridge.close();
        until(|| !is_running(span));
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..2400 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("it did not come about");
}

/// Whether the command runs, seen from outside of its cage.
fn is_running(span: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut commands =
        processes.filter_map(|process| std::fs::read(process.ok()?.path().join("cmdline")).ok());
    commands.any(|words| words == format!("sleep\0{span}\0").into_bytes())
}

#[test]
fn a_client_connects_to_it_over_http() {
    let world = World::new();
    let bridge = world.http_bridge();
    let address = bridge.url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let post = |headers: &str, message: &Value| post(&address, headers, message);
    for revision in ["2025-06-18", "2025-11-25"] {
        let version = format!("mcp-protocol-version: {revision}\r\n");
        let begun = post(
            "",
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize(revision) }),
        );
        assert!(begun.contains(&format!(r#""protocolVersion":"{revision}""#)), "{begun}");
        let arguments = json!({ "page": "", "command": ["echo", "x"] });
        let params = json!({ "name": "run_command", "arguments": arguments });
        let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
        let ran = post(&version, &call);
        assert!(ran.contains(r#""stdout":"x\n""#), "{ran}");
    }
    let list = json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {} });
    assert!(post("origin: https://evil.example\r\n", &list).starts_with("HTTP/1.1 403"));
    assert!(post("host: evil.example\r\n", &list).starts_with("HTTP/1.1 421"));
}

fn post(address: &str, headers: &str, message: &Value) -> String {
    post_to(address, "/mcp", headers, message)
}

fn post_to(address: &str, path: &str, headers: &str, message: &Value) -> String {
    let body = message.to_string();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let host = if headers.contains("host:") { String::new() } else { format!("host: {address}\r\n") };
    write!(
        stream,
        "POST {path} HTTP/1.1\r\n{host}{headers}connection: close\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    answer
}

#[test]
fn over_http_it_listens_to_this_machine_alone() {
    let world = World::new();
    let words = ["mcp", &world.url(), "--transport", "streamable-http", "--host", "0.0.0.0", "--port", "0"];
    let mut command = world.home.command(&words);
    let ended = Ended::from(command.env("TOOLFRONT_TOKEN", &world.runner).output().unwrap());
    assert!(ended.code == 2 && ended.stderr.contains("--behind-proxy"), "{}", ended.stderr);
}

/// `serve` is no MCP server: what a server does not list is found by its links.
#[test]
fn an_application_of_any_server_is_bridged() {
    let home = Home::new();
    home.write("docs/README.md", PAGE);
    home.write("docs/guide.md", "# The guide\n\n[on](sub/more.md) and [nowhere](gone.md)\n");
    home.write("docs/sub/more.md", "# More\n");
    home.write("docs/unlinked.md", "# Not found\n");
    let words = ["serve", home.path().join("docs").to_str().unwrap(), "--port", "0"].map(str::to_owned);
    let server = Server::start(home.command(&words.each_ref().map(String::as_str)));
    let mut bridge = Bridge::start(home.command(&["mcp", &server.url()]));
    bridge.request("initialize", &initialize("2025-11-25"));
    let listed = bridge.tool("list_pages", &json!({}));
    assert_eq!(
        text(&listed),
        "README.md: The first page (4 tools)\nguide.md: The guide\nsub/more.md: More\n"
    );
    let ran = bridge.tool("run_command", &json!({ "page": "README.md", "command": ["echo", "x"] }));
    assert_eq!(text(&ran), "x\n[exit code 0]");
    bridge.close();
}

/// The library that speaks the protocol tells whole messages, at levels that somebody may ask for.
#[test]
fn nothing_of_a_message_is_logged_at_any_level() {
    let world = World::new();
    let World { home, runner, .. } = &world;
    let other = Home::new();
    let admin = other.init();
    let data = other.data();
    let words = ["gateway", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let mut command = other.command(&words);
    command.env("TOOLFRONT_LOG", "trace,rmcp=trace,rmcp::service=trace");
    let logging = Server::start(command);
    other.log_in(&logging, "admin", &admin);
    other.ok(&["deploy", home.path().join("docs").to_str().unwrap()]);
    // Whose value is in the message is a token of another gateway, so that it is nowhere else.
    let arguments = json!({ "page": "", "command": ["echo", runner], "env": { "NAME": runner } });
    let params = json!({ "name": "run_command", "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let address = logging.address.clone();
    let headers = format!("authorization: Bearer {admin}\r\n");
    let answer = post_to(&address, "/e/docs/mcp", &headers, &message);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let told = logging.terminate_and_read();
    assert!(told.iter().any(|line| line.contains("/e/docs/mcp")), "{told:#?}");
    for value in [runner, &admin] {
        assert!(!told.iter().any(|line| line.contains(value.as_str())), "{told:#?}");
    }
}

#[test]
fn the_printed_configuration_names_a_variable_and_no_token() {
    let home = Home::new();
    let url = "https://gw.example.com/e/docs";
    for client in
        ["claude-desktop", "claude-code", "claude", "cursor", "vscode", "windsurf", "codex", "gemini"]
    {
        for bridge in [false, true] {
            let mut words = vec!["mcp-config", url, "--client", client];
            words.extend(bridge.then_some("--bridge"));
            let mut command = home.command(&words);
            command.env("TOOLFRONT_TOKEN", "tf_never-read");
            let ended = Ended::from(command.output().unwrap());
            assert_eq!(ended.code, 0, "{words:?}: {}", ended.stderr);
            if client == "codex" {
                assert!(ended.stdout.starts_with("[mcp_servers.docs]\n"), "{}", ended.stdout);
            } else {
                let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
                let servers = if client == "vscode" { "servers" } else { "mcpServers" };
                assert!(printed[servers]["docs"].is_object(), "{printed}");
            }
            if !bridge && !["windsurf", "gemini"].contains(&client) {
                let home = home.path().to_str().unwrap();
                let printed = ended.stdout.trim().replace(home, "/home/me");
                assert!(DOCUMENTATION.contains(&printed), "docs/mcp.md does not have {printed}");
            }
            let names = ended.stdout.contains("TOOLFRONT_TOKEN") || ended.stdout.contains("docs.token");
            assert!(
                names && !ended.stdout.contains("tf_") && !ended.stderr.contains("tf_"),
                "{}",
                ended.stdout
            );
        }
    }
}

/// What the documentation says to paste works as it is.
#[test]
fn the_documented_call_works_when_it_is_pasted() {
    let home = Home::new();
    let (server, _) = home.start_logged_in();
    home.write("docs/README.md", "---\ntools:\n  - [ls]\n---\n# The first page\n");
    home.ok(&["deploy", home.path().join("docs").to_str().unwrap()]);
    let token = home.ok(&["tokens", "create", "documented", "--env", "docs"]);
    let blocks = DOCUMENTATION.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let call = blocks.into_iter().find(|block| block.starts_with("curl ")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "what is documented is to be pasted into a shell")]
    let mut shell = std::process::Command::new("sh");
    shell.args(["-eu", "-c", &call.replace("https://gw.example.com", &server.url())]);
    shell.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TOOLFRONT_TOKEN", &token);
    let pasted = Ended::from(shell.output().unwrap());
    assert!(pasted.stdout.contains(r#""stdout":"README.md\n""#), "{} {}", pasted.stdout, pasted.stderr);
}
