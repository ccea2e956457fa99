//! A sandbox with a working directory, and ways to look at the processes it leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use toolfront_app::{AllowedCommand, CommandLine, FilePath, Page};
use toolfront_sandbox::{Finished, Run, RunError, RunLimits, Sandbox, SandboxConfig};

/// How long to look for something that has to come true.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Workshop {
    pub(crate) sandbox: Sandbox,
    root: TempDir,
    work: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(SandboxConfig::new(root.path().join("runs")));
        Self { sandbox, root, work: tempfile::tempdir().unwrap() }
    }

    /// The working directory of the commands.
    pub(crate) fn work(&self) -> &Path {
        self.work.path()
    }

    pub(crate) fn order(&self, command: AllowedCommand) -> Run {
        Run { command, directory: self.work().into(), environment: Vec::new(), limits: RunLimits::default() }
    }

    pub(crate) async fn run(&self, argv: &[&str]) -> Result<Finished, RunError> {
        self.finish(self.order(allowed(argv, "60s"))).await
    }

    /// Runs a shell script that is to end by itself.
    pub(crate) async fn script(&self, script: &str) -> Finished {
        self.run(&["sh", "-c", script]).await.unwrap()
    }

    /// Runs a shell script that has a second.
    pub(crate) async fn script_of_a_second(&self, script: &str) -> Finished {
        self.finish(self.order(allowed(&["sh", "-c", script], "1s"))).await.unwrap()
    }

    /// Runs an order, and fails the test when no answer comes.
    pub(crate) async fn finish(&self, run: Run) -> Result<Finished, RunError> {
        tokio::time::timeout(PATIENCE, self.sandbox.run(run)).await.expect("the run gives an answer")
    }

    /// The private directories that there are now.
    pub(crate) fn private_directories(&self) -> Vec<PathBuf> {
        fs::read_dir(self.root.path().join("runs"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }

    /// What a command has written to a file of its working directory, as soon as it is there.
    pub(crate) async fn written(&self, file: &str) -> String {
        let path = self.work().join(file);
        eventually("the command writes the file", || {
            fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))
        })
        .await;
        fs::read_to_string(path).unwrap().trim().to_owned()
    }
}

/// A command that a page with a tool for its program allows.
pub(crate) fn allowed(argv: &[&str], timeout: &str) -> AllowedCommand {
    let source = format!("---\ntools:\n  - command: [\"{}\"]\n    timeout: {timeout}\n---\n", argv[0]);
    let page = Page::parse(&FilePath::parse("page.md").unwrap(), &source).unwrap();
    let command = CommandLine::parse(argv.iter().map(ToString::to_string).collect()).unwrap();
    page.admit(&command).unwrap().expand(&|_| None).unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Polls until something holds.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "did not come true: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) async fn gone(pid: &str) {
    eventually(&format!("process {pid} is gone"), || state(pid).is_none_or(|state| state == 'Z')).await;
}

pub(crate) fn is_alive(pid: &str) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

/// No child of this process is left, running or dead.
pub(crate) async fn childless() {
    eventually("this process has no children", || children().is_empty()).await;
}

fn children() -> Vec<(String, char)> {
    let me = std::process::id().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()) && field(pid, 1).as_ref() == Some(&me))
        .filter_map(|pid| state(&pid).map(|state| (pid, state)))
        .collect()
}

fn state(pid: &str) -> Option<char> {
    field(pid, 0)?.chars().next()
}

/// A field of `/proc/PID/stat`, counted from the state, which follows the name in parentheses.
fn field(pid: &str, index: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(index).map(str::to_owned)
}
