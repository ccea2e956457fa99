//! The gateway as a process: the real binary, started, and killed as `kill -9` does.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use toolfront_client::GatewayUrl;
use toolfront_token::TokenSecret;

/// How long a start may take.
const START_TIME: Duration = Duration::from_mins(1);
/// What the gateway says once it has its port.
const LISTENING: &str = "Listening at ";

/// Where everything is: the binary, and a directory for all that a campaign writes.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    binary: PathBuf,
    directory: PathBuf,
}

/// A gateway that listens. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Killed,
    url: GatewayUrl,
}

/// Takes its process along when it goes.
#[derive(Debug)]
struct Killed(Child);

impl Host {
    pub(crate) fn new(binary: &Path, directory: &Path) -> anyhow::Result<Self> {
        let binary = std::path::absolute(binary)?;
        ensure!(binary.is_file(), "there is no binary at {}: build it first", binary.display());
        Ok(Self { binary, directory: directory.to_owned() })
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// What the gateways say on standard error, one after the other.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("gateway.log")
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the binary is started")]
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("gateway").args(words).arg("--data-dir").arg(self.data());
        command.env_clear().env("HOME", &self.directory).env("TOOLFRONT_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Makes the organization, and yields its first admin token.
    pub(crate) fn init(&self) -> anyhow::Result<TokenSecret> {
        let output = self.command(&["init"]).output().context("the binary could not be started")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`gateway init` failed: {}", stderr.trim());
        let stdout = String::from_utf8_lossy(&output.stdout);
        TokenSecret::parse(stdout.trim()).context("`gateway init` printed no token")
    }

    /// Starts the gateway, and returns when it listens.
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let begun = Instant::now();
        let (child, lines) = self.spawn()?;
        loop {
            let left = START_TIME.saturating_sub(begun.elapsed());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(LISTENING) {
                        let address = rest.split(',').next().unwrap_or_default();
                        let url = GatewayUrl::parse(&format!("http://{address}"))?;
                        return Ok(Running { child, url });
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => bail!("it does not listen after {START_TIME:?}"),
                Err(mpsc::RecvTimeoutError::Disconnected) => bail!("it ended: {}", self.log_end()),
            }
        }
    }

    /// Starts the gateway and kills it a moment later, wherever it is by then.
    pub(crate) fn start_and_kill(&self, after: Duration) -> anyhow::Result<()> {
        let (child, _lines) = self.spawn()?;
        std::thread::sleep(after);
        drop(child);
        Ok(())
    }

    fn spawn(&self) -> anyhow::Result<(Killed, mpsc::Receiver<String>)> {
        let child = self.command(&["--listen", "127.0.0.1:0"]).spawn();
        let mut child = Killed(child.context("the binary could not be started")?);
        let (says, lines) = mpsc::channel();
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        if let Some(stderr) = child.0.stderr.take() {
            std::thread::spawn(move || copy_lines(stderr, log, &says));
        }
        Ok((child, lines))
    }

    /// The last lines of the log.
    fn log_end(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

/// Hands every line on as long as somebody listens, and writes all of them to the log.
fn copy_lines(stderr: ChildStderr, mut log: File, says: &mpsc::Sender<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let _ = writeln!(log, "{line}");
        let _ = says.send(line);
    }
}

impl Running {
    /// Where it listens.
    pub(crate) fn url(&self) -> &GatewayUrl {
        &self.url
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.0.try_wait(), Ok(None))
    }

    /// Sends SIGKILL, and returns when the process is gone.
    pub(crate) fn kill(self) {
        drop(self.child);
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
