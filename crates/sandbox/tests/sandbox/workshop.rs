//! A sandbox with a working directory, and ways to look at the processes it leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::mpsc::Sender;
use toolfront_app::{AllowedCommand, CommandLine, FilePath, Page};
use toolfront_sandbox::{
    Cage, CageLimits, CommandUsers, Finished, LauncherCommand, Output, Run, RunError, RunLimits, Sandbox,
    SandboxConfig,
};

/// How long to look for something that has to come true.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Workshop {
    pub(crate) sandbox: Sandbox,
    pub(crate) limits: CageLimits,
    root: TempDir,
    work: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// With a configuration that is changed before the start.
    pub(crate) fn with(change: impl FnOnce(&mut SandboxConfig)) -> Self {
        let (root, work) = (open_directory(0o711), open_directory(0o777));
        let mut config = SandboxConfig::new(root.path().join("runs"));
        config.launcher = Some(launcher());
        config.users = CommandUsers { first: Some(first_user()), count: 300 };
        change(&mut config);
        let sandbox = run_to_end(Sandbox::start(config)).unwrap();
        Self { sandbox, limits: CageLimits::default(), root, work }
    }

    /// The working directory of the commands.
    pub(crate) fn work(&self) -> &Path {
        self.work.path()
    }

    pub(crate) fn order(&self, command: AllowedCommand) -> Run {
        Run {
            command,
            directory: self.work().into(),
            environment: Vec::new(),
            limits: RunLimits::default(),
            cage: Cage { writable_release: true, limits: self.limits, ..Cage::around(self.work()) },
        }
    }

    pub(crate) async fn run(&self, argv: &[&str]) -> Result<Finished, RunError> {
        self.finish(self.order(allowed(argv, "60s"))).await
    }

    /// Runs a shell script that is to end by itself.
    pub(crate) async fn script(&self, script: &str) -> Finished {
        self.run(&["sh", "-c", script]).await.unwrap()
    }

    /// Runs a shell script that may have no end of its own.
    pub(crate) async fn script_result(&self, script: &str) -> Result<Finished, RunError> {
        self.finish(self.order(allowed(&["sh", "-c", script], "60s"))).await
    }

    /// Runs a shell script that has a second.
    pub(crate) async fn script_of_a_second(&self, script: &str) -> Finished {
        self.finish(self.order(allowed(&["sh", "-c", script], "1s"))).await.unwrap()
    }

    /// Runs an order, and fails the test when no answer comes.
    pub(crate) async fn finish(&self, run: Run) -> Result<Finished, RunError> {
        tokio::time::timeout(PATIENCE, self.sandbox.run(run)).await.expect("the run gives an answer")
    }

    /// Runs an order whose output is handed on as it comes.
    pub(crate) async fn stream(&self, run: Run, sink: Sender<Output>) -> Result<Finished, RunError> {
        self.sandbox.prepare(run, Some(sink)).await.start().await
    }

    /// What there is in private directories now, also in those that only a slot sees.
    pub(crate) fn private_files(&self) -> Vec<PathBuf> {
        let runs = self.root.path().join("runs");
        let mut views = vec![runs.clone()];
        for launcher in children(&std::process::id().to_string()) {
            for slot in children(&launcher) {
                views.push(PathBuf::from(format!("/proc/{slot}/root{}", runs.display())));
            }
        }
        let entries = |path: &Path| -> Vec<PathBuf> {
            fs::read_dir(path)
                .map(|found| found.map(|entry| entry.unwrap().path()).collect())
                .unwrap_or_default()
        };
        views.iter().flat_map(|view| entries(view)).flat_map(|directory| entries(&directory)).collect()
    }

    /// Ends the sandbox, and keeps what is around it.
    pub(crate) fn end(self) -> TempDir {
        self.root
    }

    /// Removes the directory that private directories are in.
    pub(crate) fn remove_runs(&self) {
        fs::remove_dir_all(self.root.path().join("runs")).unwrap();
    }

    /// The private directories that there are now.
    pub(crate) fn private_directories(&self) -> usize {
        fs::read_dir(self.root.path().join("runs")).map(Iterator::count).unwrap_or_default()
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

/// The first of this process's users for commands: the limit on processes counts those of a user on the whole machine,
/// and each test is a gateway.
pub(crate) fn first_user() -> u32 {
    1_000_000 + std::process::id() * 300
}

/// The launcher of this crate.
pub(crate) fn launcher() -> LauncherCommand {
    LauncherCommand {
        program: env!("CARGO_BIN_EXE_toolfront-launcher").into(),
        arguments: Vec::new(),
        environment: Vec::new(),
    }
}

/// A temporary directory that other users may pass through, or more.
pub(crate) fn open_directory(mode: u32) -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
    directory
}

/// Runs a future in a runtime of its own, also where there is one already.
pub(crate) fn run_to_end<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        scope.spawn(move || runtime().block_on(future)).join().unwrap()
    })
}

/// A command that a page with a tool for its program allows.
pub(crate) fn allowed(argv: &[&str], timeout: &str) -> AllowedCommand {
    let source = format!("---\ntools:\n  - command: [\"{}\"]\n    timeout: {timeout}\n---\n", argv[0]);
    let page = Page::parse(&FilePath::parse("page.md").unwrap(), &source).unwrap();
    let command = CommandLine::parse(argv.iter().map(ToString::to_string).collect()).unwrap();
    page.admit(&command).unwrap().expand(&|_| None).unwrap()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
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

/// Nothing that a command started is left, running or dead: below this process there are the launcher and its slots,
/// and below those nothing.
pub(crate) async fn childless() {
    eventually("no command is left", || commands().is_empty()).await;
}

/// The processes two levels below the launchers of this process, and everything below them.
pub(crate) fn commands() -> Vec<String> {
    let below =
        |parents: &[String]| -> Vec<String> { parents.iter().flat_map(|parent| children(parent)).collect() };
    let launchers = below(&[std::process::id().to_string()]);
    let mut level = below(&below(&launchers));
    let mut found = Vec::new();
    while !level.is_empty() {
        found.append(&mut level.clone());
        level = below(&level);
    }
    found
}

/// The children of a process.
pub(crate) fn children(parent: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|pid| {
            pid.bytes().all(|byte| byte.is_ascii_digit()) && field(pid, 1).as_deref() == Some(parent)
        })
        .collect()
}

/// The state of a command's process, by the number that it has for itself: it may be in a namespace of its own.
fn state(own_pid: &str) -> Option<char> {
    let numbered = |pid: &String| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        numbers.split_whitespace().last() == Some(own_pid)
    };
    let pid = commands().into_iter().find(numbered)?;
    field(&pid, 0)?.chars().next()
}

/// A field of `/proc/PID/stat`, counted from the state, which follows the name in parentheses.
fn field(pid: &str, index: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(index).map(str::to_owned)
}
