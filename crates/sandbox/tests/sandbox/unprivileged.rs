//! The same without root: this program again, as another user.

use crate::workshop::{is_root, text};

/// One that has no account and nothing on this machine.
const USER: &str = "63999";

#[test]
#[expect(clippy::disallowed_methods, reason = "the tests run as another user, so as another process")]
fn everything_holds_without_root_too() {
    if !is_root() {
        return;
    }
    let ran = std::process::Command::new("setpriv")
        .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--no-new-privs"])
        .arg(std::env::current_exe().unwrap())
        .args(["--test-threads=1", "--skip", "everything_holds_without_root_too"])
        .env("TMPDIR", "/tmp")
        .output()
        .unwrap();
    let stdout = text(&ran.stdout);
    assert!(ran.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(stdout.contains("escapes::"), "{stdout}");
}
