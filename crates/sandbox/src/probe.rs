//! Looking at the cage from the inside: a harmless command tries what it may do and what it may not.

use std::path::{Path, PathBuf};

use toolfront_app::{AllowedCommand, CommandLine, FilePath, Page};

use crate::cage::Cage;
use crate::error::RunError;
use crate::run::{Run, RunLimits};
use crate::sandbox::Sandbox;

/// What a command found when it tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it tried.
    pub what: String,
    /// It succeeded.
    pub allowed: bool,
    /// It should.
    pub expected: bool,
}

/// What is tried: a name, a shell command, and whether it should succeed. `$1` is this process's id.
const TRIALS: [(&str, &str, bool); 12] = [
    ("run the system's programs", "ls /usr/bin", true),
    ("read its release", "ls .", true),
    ("write to its private directory", "echo x > $TMPDIR/file && cat $TMPDIR/file", true),
    ("run as another user than root", "test \"$(id -u)\" -ne 0", true),
    ("see itself in /proc", "cat /proc/$$/comm || head -c 1 /proc/self/stat", true),
    ("write to its release", "echo x > ./toolfront-probe", false),
    ("write to /tmp", "echo x > /tmp/toolfront-probe-$$", false),
    ("read /root or /home", "ls /root || ls /home", false),
    ("read /etc/shadow", "cat /etc/shadow", false),
    ("read the gateway's environment", "cat /proc/$1/environ", false),
    ("signal the gateway", "kill -0 $1", false),
    ("make a user namespace", "unshare --user true", false),
];

impl Sandbox {
    /// Runs a command that tries what it may do and what it may not, in a cage around `release`; it should be able to
    /// read none of `hidden`.
    ///
    /// # Errors
    ///
    /// When no command can be run at all.
    pub async fn probe(&self, release: &Path, hidden: &[PathBuf]) -> Result<Vec<Finding>, RunError> {
        let mut findings: Vec<Finding> = TRIALS
            .iter()
            .map(|(what, _, expected)| Finding {
                what: (*what).to_owned(),
                allowed: false,
                expected: *expected,
            })
            .collect();
        findings.extend(hidden.iter().map(|path| Finding {
            what: format!("read {}", path.display()),
            allowed: false,
            expected: false,
        }));
        let Some(command) = command(hidden) else { return Err(no_shell()) };
        let run = Run {
            command,
            directory: release.to_owned(),
            environment: Vec::new(),
            limits: RunLimits::default(),
            cage: Cage::around(release),
        };
        let finished = self.run(run).await?;
        let codes = String::from_utf8_lossy(&finished.stdout.bytes).into_owned();
        for (finding, code) in findings.iter_mut().zip(codes.lines()) {
            finding.allowed = code == "0";
        }
        if codes.lines().count() == findings.len() { Ok(findings) } else { Err(no_shell()) }
    }
}

/// One line for each trial: the exit code.
fn command(hidden: &[PathBuf]) -> Option<AllowedCommand> {
    let trials = TRIALS.map(|(_, trial, _)| format!("( {trial} ) >/dev/null 2>&1; echo $?\n"));
    let hidden_trial =
        "shift; for path; do ( ls \"$path/\" || cat \"$path\" ) >/dev/null 2>&1; echo $?; done\n";
    let script = trials.concat() + hidden_trial;
    let own_id = std::process::id().to_string();
    let mut argv = vec!["sh".to_owned(), "-c".to_owned(), script, "probe".to_owned(), own_id];
    argv.extend(hidden.iter().map(|path| path.to_string_lossy().into_owned()));
    let page = Page::parse(&FilePath::parse("probe.md").ok()?, "---\ntools:\n  - [sh]\n---\n").ok()?;
    page.admit(&CommandLine::parse(argv).ok()?).ok()?.expand(&|_| None).ok()
}

fn no_shell() -> RunError {
    RunError::Spawn { program: "sh".to_owned(), source: std::io::Error::other("the probe did not finish") }
}
