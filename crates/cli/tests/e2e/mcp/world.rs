//! A gateway with an application, and the bridge to it.

use std::io::{BufRead, BufReader};
use std::process::Child;

use super::bridge::Stdio as Bridge;
use crate::server::{Home, Server};

/// `$$1` is the shell's own `$1`.
pub(super) const PAGE: &str = "---\ntools:\n  - [echo, {}]\n  - [cat, {regex: '^[a-z]+\\.md$'}, ;]\n  \
    - command: [sh, -c, 'echo \"$$NAME\"', ;]\n  - command: [sleep, {}, ;]\n    timeout: 5m\nenv: [NAME]\n---\n\
    # The first page\n\nSee [the guide](guide.md).\n";

/// A gateway with the application `docs`, and tokens to execute and to read.
pub(super) struct World {
    pub(super) home: Home,
    pub(super) server: Server,
    pub(super) runner: String,
    pub(super) reader: String,
}

impl World {
    pub(super) fn new() -> Self {
        let home = Home::new();
        let (server, _) = home.start_logged_in();
        home.write("docs/README.md", PAGE);
        home.write("docs/guide.md", "# The guide\n");
        home.ok(&["deploy", home.path().join("docs").to_str().unwrap()]);
        let runner = home.ok(&["tokens", "create", "runner", "--env", "docs"]);
        let reader = home.ok(&["tokens", "create", "reader", "--env", "docs", "--scope", "read"]);
        Self { home, server, runner, reader }
    }

    pub(super) fn url(&self) -> String {
        format!("{}/e/docs", self.server.url())
    }

    /// The bridge over standard input and output, with the token in its environment.
    pub(super) fn bridge(&self, token: &str, flags: &[&str]) -> Bridge {
        let url = self.url();
        let mut words = vec!["mcp", url.as_str()];
        words.extend(flags);
        let mut command = self.home.command(&words);
        command.env("TOOLFRONT_TOKEN", token);
        Bridge::start(command)
    }

    /// The bridge over HTTP, on a free port.
    pub(super) fn http_bridge(&self) -> HttpBridge {
        let words = ["mcp", &self.url(), "--transport", "streamable-http", "--port", "0"];
        let mut command = self.home.command(&words);
        let mut child = command.env("TOOLFRONT_TOKEN", &self.runner).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        HttpBridge { child, url: url.trim().to_owned() }
    }
}

/// The bridge under way, at that URL. Killed when it is dropped.
pub(super) struct HttpBridge {
    child: Child,
    pub(super) url: String,
}

impl Drop for HttpBridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
