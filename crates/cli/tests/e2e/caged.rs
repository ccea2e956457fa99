//! A gateway whose page allows anything: what holds its commands is the cage alone.

use serde_json::Value;

use crate::server::{Home, Server};

const PAGE: &str =
    "---\ntools:\n  - command: [sh, -c, { }, ;]\n    timeout: 5s\n  - [perl, -e, { }, ;]\n---\n# Anything\n";
/// A value in the gateway's own environment.
pub(crate) const PLANTED: &str = "planted-in-the-gateway";

pub(crate) struct Caged {
    pub(crate) home: Home,
    pub(crate) server: Server,
    pub(crate) admin: String,
    pub(crate) token: String,
}

impl Caged {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// With a configuration file that says this.
    pub(crate) fn start_with(configuration: &str) -> Self {
        let home = Home::new();
        let admin = home.init();
        let (data, file) = (home.data(), home.write("gateway.toml", configuration));
        let [data, file] = [&data, &file].map(|path| path.to_str().unwrap());
        let words = ["gateway", "--config", file, "--data-dir", data, "--listen", "127.0.0.1:0"];
        let mut command = home.command(&words);
        command.env("PLANTED", PLANTED);
        let server = Server::start(command);
        home.log_in(&server, "admin", &admin);
        for name in ["app", "other"] {
            home.write(&format!("{name}/README.md"), PAGE);
            home.write(&format!("{name}/notes.txt"), &format!("notes of {name}\n"));
            home.ok(&["deploy", home.path().join(name).to_str().unwrap()]);
        }
        let token = home.ok(&["tokens", "create", "caged"]);
        Self { home, server, admin, token }
    }

    pub(crate) fn shell_in(&self, name: &str, script: &str) -> Value {
        let answer = self.server.run_tool(name, &self.token, &["sh", "-c", script]);
        assert_eq!(answer.status, 200, "{script}: {}", answer.body);
        answer.json()
    }

    pub(crate) fn perl(&self, script: &str) -> Value {
        let answer = self.server.run_tool("app", &self.token, &["perl", "-e", script]);
        assert_eq!(answer.status, 200, "{script}: {}", answer.body);
        answer.json()
    }

    pub(crate) fn shell(&self, script: &str) -> Value {
        self.shell_in("app", script)
    }

    #[track_caller]
    pub(crate) fn can(&self, script: &str) -> String {
        let reply = self.shell(script);
        assert_eq!(reply["returncode"], 0, "{script}: {reply}");
        reply["stdout"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn can_not(&self, script: &str) {
        let reply = self.shell(script);
        assert_ne!(reply["returncode"], 0, "{script}: {reply}");
    }

    /// Changes the application `app`.
    pub(crate) fn patch(&self, body: &Value) {
        let answer = self.server.send("PATCH", "/api/v1/environments/app", &self.admin, &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// The process that starts the gateway's commands.
    pub(crate) fn launcher(&self) -> u32 {
        let gateway = self.server.pid();
        let tasks = std::fs::read_dir(format!("/proc/{gateway}/task")).unwrap();
        let children =
            tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap());
        children.collect::<String>().split_whitespace().next().unwrap().parse().unwrap()
    }
}

/// Whether a `sleep` of so long is under way, which no other test asks for.
pub(crate) fn is_running(span: &str) -> bool {
    let words = format!("sleep\0{span}\0").into_bytes();
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut commands =
        processes.filter_map(|process| std::fs::read(process.ok()?.path().join("cmdline")).ok());
    commands.any(|command| command == words)
}
