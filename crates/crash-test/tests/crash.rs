//! A short campaign against the debug binary: what `scripts/crash-test` does a hundred times.

#![expect(clippy::unwrap_used, reason = "what a test can not set up, it can not test")]

use std::path::PathBuf;

use toolfront_crash_test::{Promise, Settings, binary_beside, run};

/// The binary of the same profile; it is built when it is not there, since cargo builds only a package's own binaries for its
/// tests.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    if let Some(binary) = binary_beside(&test) {
        return binary;
    }
    #[expect(clippy::disallowed_methods, reason = "a test builds the binary that it tests")]
    let built = std::process::Command::new(env!("CARGO")).args(["build", "-p", "toolfront"]).status();
    assert!(built.unwrap().success());
    binary_beside(&test).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_three_kills() {
    let directory = tempfile::tempdir().unwrap();
    let settings =
        Settings { binary: binary(), rounds: 3, seed: 0x7001_f407, directory: directory.path().to_owned() };
    let summary = run(&settings, &mut |_| {}).await.unwrap();
    let violations: Vec<String> = summary.violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "seed {:016x}:\n{}", summary.seed, violations.join("\n"));
    assert_eq!(summary.rounds, 3);
    // The others are left to chance, and to how much a slow machine gets done in three rounds.
    for promise in
        [Promise::StartsAgain, Promise::DatabaseIntact, Promise::CreatedWorks, Promise::RevokedIsRefused]
    {
        let checks = summary.checks.iter().find(|(checked, _)| *checked == promise).unwrap().1;
        assert!(checks > 0, "never checked: {promise}");
    }
}
