//! Clients that others wrote: where `scripts/test-mcp` has put them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::server::Ended;

/// What `scripts/test-mcp` installs, beside the directory that tests are built into. Whoever lacks it has not run that
/// script: these tests fail then.
fn directory(name: &str) -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let target = executable.ancestors().nth(3).unwrap();
    let directory = target.join(name);
    assert!(directory.is_dir(), "{} is missing: run scripts/test-mcp", directory.display());
    directory
}

/// A program of an npm package, run by the Node that is installed beside it, with a home of its own.
pub(super) fn node(home: &std::path::Path, program: &str) -> Command {
    let programs = directory("mcp-tools").join("node_modules/.bin");
    // The whole path of a script stays as it is.
    let program = programs.join(program);
    assert!(program.is_file(), "{} is missing: run scripts/test-mcp", program.display());
    let mut command = command(&programs.join("node"));
    command.arg(program.canonicalize().unwrap());
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()));
    command
}

/// The Python in that directory, which has the official client.
pub(super) fn python(home: &std::path::Path, name: &str) -> Command {
    let mut command = command(&directory(name).join("bin/python"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

#[expect(clippy::disallowed_methods, reason = "a test runs clients that others wrote")]
fn command(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(super) fn run(mut command: Command) -> Ended {
    Ended::from(command.output().unwrap())
}

/// What puts a token into requests for a client that can't. Ended when it is dropped.
pub(super) struct Proxy {
    child: Child,
    /// Its URL, by a name of this machine.
    pub(super) url: String,
}

impl Proxy {
    /// A proxy to that URL, with that token.
    pub(super) fn start(home: &std::path::Path, target: &str, token: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/mcp/proxy.mjs");
        let mut command = node(home, script);
        let mut child = command.arg(target).env("TOKEN", token).stderr(Stdio::inherit()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, url: format!("http://localhost:{}", port.trim()) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
