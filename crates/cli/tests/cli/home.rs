//! A home directory of its own, and the binary run in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

/// Well-formed, and of no gateway.
pub(crate) const KEY: &str = "tf_0000000000000000000000000000000000000000";

/// A home of its own, and the binary in it.
pub(crate) struct Home(tempfile::TempDir);

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str, mode: u32) -> std::path::PathBuf {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    pub(crate) fn run<W: AsRef<OsStr>>(&self, words: &[W]) -> Ended {
        self.run_with(words, &[], "")
    }

    pub(crate) fn run_with<W: AsRef<OsStr>>(
        &self,
        words: &[W],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Ended {
        #[expect(clippy::disallowed_methods, reason = "a test runs the binary")]
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_toolfront"));
        command.args(words).env_clear().env("HOME", self.path()).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        Ended {
            code: status.code().unwrap(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }
}

/// A value that parses, made by the binary itself.
pub(crate) fn well_formed_key() -> String {
    let home = Home::new();
    let ended = home.run(&["gateway", "init"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout.trim_end().to_owned()
}

/// A port that nothing listens at: bound once and let go.
pub(crate) fn closed_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
