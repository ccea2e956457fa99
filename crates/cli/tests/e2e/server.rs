//! The binary as a server, and as the commands that call it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// How long a server may take to say something. Long: only a server that never does is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A home of its own, with a data directory in it.
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A server under way. Killed when it is dropped, as by `kill -9`.
pub(crate) struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// The address that it listens at, without a scheme.
    pub(crate) address: String,
}

/// What speaks HTTP to a server.
pub(crate) struct Client {
    pub(crate) address: String,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes an application, or any other tree of files.
    pub(crate) fn write(&self, path: &str, content: &str) -> PathBuf {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        file
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "a test runs the binary")]
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolfront"));
        command.args(words).env_clear().env("HOME", self.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        Ended::from(self.command(words).output().unwrap())
    }

    /// Runs a command that has to succeed; yields what it wrote to standard output, without the line's end.
    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let ended = self.run(words);
        assert_eq!(ended.code, 0, "{words:?}: {}", ended.stderr);
        ended.stdout.trim_end().to_owned()
    }

    /// The same with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.ok(&words)).unwrap()
    }

    /// Makes the organization; yields the first admin token.
    pub(crate) fn init(&self) -> String {
        self.ok(&["gateway", "init", "--data-dir", self.data().to_str().unwrap()])
    }

    /// Starts a gateway over the data directory, with these further flags.
    pub(crate) fn start(&self, flags: &[&str]) -> Server {
        let data = self.data();
        let mut words = vec!["gateway", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        words.extend(flags);
        Server::start(self.command(&words))
    }

    /// A gateway with an organization, to which this home is logged in with its admin token.
    pub(crate) fn start_logged_in(&self) -> (Server, String) {
        let admin = self.init();
        let server = self.start(&[]);
        self.log_in(&server, "admin", &admin);
        (server, admin)
    }

    /// Saves a context of that name for the token, and makes it the current one.
    pub(crate) fn log_in(&self, server: &Server, context: &str, token: &str) {
        let mut command = self.command(&["login", &server.url(), "--token-file", "-", "--context", context]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
}

/// A process of that user that sleeps.
pub(crate) fn sleeping_as(user: u32) -> Child {
    #[expect(clippy::disallowed_methods, reason = "a test plays another process of the user")]
    let mut command = Command::new("sleep");
    std::os::unix::process::CommandExt::uid(&mut command, user);
    command.arg("600").current_dir("/").spawn().unwrap()
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stderr.take().unwrap());
        let mut server = Self { child, lines, address: String::new() };
        let line = server.line_with(" at ");
        let (_, rest) = line.split_once(" at ").unwrap();
        let rest = rest.trim_start_matches("http://").trim_start_matches("https://");
        rest.split([',', ';', ' ', '/']).next().unwrap().clone_into(&mut server.address);
        server
    }

    /// The next line that has the text in it.
    pub(crate) fn line_with(&self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(ended) => panic!("no line with {text:?} among {seen:#?}: {ended}"),
            }
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Ends it as an administrator would, and yields its exit code.
    pub(crate) fn terminate(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Ends it as an administrator would, and yields what it has said since it was last listened to.
    pub(crate) fn terminate_and_read(mut self) -> Vec<String> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }

    /// Ends it with no chance to write anything more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn client(&self) -> Client {
        Client { address: self.address.clone() }
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        self.client().send("GET", path, token, "")
    }

    pub(crate) fn send(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        self.client().send(method, path, token, body)
    }

    /// Runs a tool of an environment's first page.
    pub(crate) fn run_tool(&self, name: &str, token: &str, command: &[&str]) -> Answer {
        let body = serde_json::json!({ "command": command }).to_string();
        self.client().send("POST", &format!("/e/{name}"), token, &body)
    }
}

impl Client {
    /// Sends a request with that token; without one when it is empty.
    pub(crate) fn send(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if !token.is_empty() {
            write!(request, "authorization: Bearer {token}\r\n").unwrap();
        }
        if !body.is_empty() {
            request.push_str("content-type: application/json\r\n");
        }
        write!(request, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut received = String::new();
        stream.read_to_string(&mut received).unwrap();
        let (head, body) = received.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|err| panic!("{err}: {}", self.body))
    }

    /// Holds the answer to be a refusal of that kind.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, slug: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.json()["type"], format!("/problems/{slug}"), "{}", self.body);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads on, so that the server never waits for somebody to read what it says.
fn lines_of(stderr: ChildStderr) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
