//! What is asked of the operating system: processes, their cores, their memory.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use toolfront_token::Timestamp;

/// `USER_HZ`, which is 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// On which core a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    /// Any.
    Any,
    /// The one for the servers that are compared.
    Server,
    /// The one for what puts them under load.
    Load,
}

/// Whether processes can be held to a core, with a core left for the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pinning(bool);

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Pinning {
    /// Takes two cores and `taskset`.
    pub(crate) fn find() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(cores >= 2 && answers("taskset", &["--version"]))
    }

    /// Holds nothing to a core.
    pub(crate) fn none() -> Self {
        Self(false)
    }

    pub(crate) fn note(self) -> &'static str {
        if self.0 {
            "servers on one core, load on another"
        } else {
            "no taskset or one core only: servers and load share the cores"
        }
    }

    /// A command on a core.
    #[expect(clippy::disallowed_methods, reason = "the one place where programs are started")]
    pub(crate) fn command(self, program: &Path, core: Core) -> Command {
        let number = match core {
            Core::Server if self.0 => "0",
            Core::Load if self.0 => "1",
            Core::Any | Core::Server | Core::Load => return Command::new(program),
        };
        let mut command = Command::new("taskset");
        command.args(["-c", number]).arg(program);
        command
    }
}

/// When, on what and of which commit something is measured.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    /// Of today, in UTC.
    pub(crate) date: String,
    pub(crate) machine: String,
    /// With `-dirty` when files were changed since.
    pub(crate) commit: String,
}

impl Circumstances {
    pub(crate) fn find() -> Self {
        let git = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
        let commit = output(Pinning::none().command(Path::new("git"), Core::Any).args(git));
        let commit = commit.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned());
        Self { date: today(), machine: machine(), commit }
    }

    pub(crate) fn line(&self) -> String {
        format!("{}; {}; commit {}", self.date, self.machine, self.commit)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the day is looked up")]
fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_micros(0).plus(since).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// The processor, how many cores there are, the memory, and the kernel (proc(5)).
fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor =
        field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let memory = memory.trim_end_matches("kB").trim().parse::<f64>().map_or(0.0, |size| size * 1024.0 / 1e9);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{processor}, {cores} cores, {memory:.0} GB, Linux {}", kernel.trim())
}

/// Whether a program is there.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Pinning::none().command(Path::new(program), Core::Any);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Runs a command to its end, and yields what it printed.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.with_context(|| format!("{command:?} could not be started"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {}", command.get_program().display(), stderr.trim());
    Ok(String::from_utf8(output.stdout)?)
}

/// The resident memory of a process in bytes (`VmRSS`, proc(5)); of this one when none is named.
pub(crate) fn resident_bytes(process: Option<u32>) -> anyhow::Result<f64> {
    let name = process.map_or_else(|| "self".to_owned(), |id| id.to_string());
    let status = std::fs::read_to_string(format!("/proc/{name}/status"))
        .context("the memory of a process is read from /proc, which is not there")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0)
}

/// How many processes wanted a core of late, and how many cores there are (`/proc/loadavg`, proc(5)).
pub(crate) fn load_note() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    match text.split_whitespace().next() {
        Some(load) => format!("load average {load} on {cores} cores before it began"),
        None => format!("{cores} cores"),
    }
}

/// The processor time that a process has had, in seconds (`utime` and `stime`, proc(5)).
pub(crate) fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))
        .context("the time of a process is read from /proc, which is not there")?;
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
