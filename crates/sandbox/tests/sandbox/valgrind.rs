//! The launcher under valgrind: `scripts/valgrind-launcher`.

use std::fs;
use std::time::Duration;

use toolfront_sandbox::{LauncherCommand, Network, RunError};

use crate::workshop::{Workshop, allowed, eventually, launcher, open_directory, text};

/// As a user who is not root: valgrind does not know forks into namespaces. Nor does it know the calls of Landlock, and
/// says so in its log.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs valgrind: scripts/valgrind-launcher"]
async fn the_launcher_runs_under_valgrind_without_a_finding() {
    let logs = open_directory(0o777);
    let log = format!("--log-file={}/%p.log", logs.path().display());
    let arguments = [
        "--reuid=63999",
        "--regid=63999",
        "--clear-groups",
        "valgrind",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect",
        "--errors-for-leak-kinds=definite,indirect",
        "--track-fds=no",
        &log,
    ];
    {
        let mut shop = Workshop::with(|config| {
            let program = launcher().program.into_os_string();
            config.temporary_root = logs.path().join("runs");
            config.launcher = Some(LauncherCommand {
                program: "/usr/bin/setpriv".into(),
                arguments: arguments.iter().map(Into::into).chain([program]).collect(),
                environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            });
        });
        // The launcher of a gateway that is root is root, too; this one is not.
        let runs = logs.path().join("runs");
        fs::set_permissions(runs, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        // valgrind keeps descriptors for itself and lets nobody lower the limit.
        shop.limits.open_files = u64::MAX;
        for round in 0..5 {
            let finished = shop.run(&["echo", "text"]).await.unwrap();
            assert_eq!(
                text(&finished.stdout.bytes),
                "text\n",
                "{round}: {finished:?} {}",
                text(&finished.stderr.bytes)
            );
            assert!(shop.run(&["no-such-program"]).await.is_err());
            assert_eq!(shop.run(&["true"]).await.unwrap().returncode, 0);
            let ready = shop.sandbox.prepare(shop.order(allowed(&["true"], "60s")), None).await;
            assert_eq!(ready.start().await.unwrap().returncode, 0);
            drop(shop.sandbox.prepare(shop.order(allowed(&["true"], "60s")), None).await);
            // Nor does valgrind know seccomp: a kernel without it is refused what only a filter can hold.
            let mut run = shop.order(allowed(&["true"], "60s"));
            run.cage.network = Network::None;
            let refused = shop.finish(run).await;
            assert!(matches!(refused, Err(RunError::NetworkNotWithheld { .. })), "{refused:?}");
        }
        let left = shop.script("setsid sleep 300 & echo x > $TMPDIR/file; exit 3").await;
        assert_eq!(left.returncode, 3);
        assert_eq!(shop.script_of_a_second("trap '' TERM; sleep 300; sleep 300").await.returncode, 124);
        let many: Vec<_> = (0..4).map(|_| shop.script("echo x")).collect();
        for run in many {
            assert_eq!(run.await.returncode, 0);
        }
    }
    let findings = || -> Vec<String> {
        let logs = fs::read_dir(logs.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.map(|path| fs::read_to_string(path).unwrap()).collect()
    };
    eventually("the launcher and its slots have ended", || {
        let logs = findings();
        logs.len() >= 2 && logs.iter().filter(|log| log.contains("ERROR SUMMARY")).count() >= 2
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for log in findings() {
        let clean =
            log.lines().filter(|line| line.contains("ERROR SUMMARY")).all(|line| line.contains(" 0 errors"));
        let lost = log.lines().any(|line| line.contains("definitely lost:") && !line.contains(" 0 bytes"));
        let strange = log.lines().find(|line| {
            line.contains("Invalid ") || line.contains("uninitialised") || line.contains("Unsupported")
        });
        assert!(clean && !lost && strange.is_none(), "{log}");
    }
}
