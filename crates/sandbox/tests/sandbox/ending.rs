//! How a command ends: at its deadline, when nobody waits for it any more, and when all are told to stop.

use std::sync::Arc;
use std::time::Duration;

use crate::workshop::{Workshop, allowed, childless, gone, text};

/// Starts two processes and waits; the file `ready` holds the three ids.
const FAMILY: &str = "sleep 300 & one=$!; sh -c 'sleep 300; :' & echo $$ $one $! > ready; wait";

#[tokio::test(flavor = "multi_thread")]
async fn pitfall_34_a_timeout_ends_the_children_of_the_command_too() {
    let shop = Workshop::new();
    let finished = shop.script_of_a_second(&format!("echo begun; {FAMILY}")).await;
    assert_eq!((finished.returncode, finished.timed_out), (124, true));
    assert_eq!(text(&finished.stdout.bytes), "begun\n");
    for pid in shop.written("ready").await.split(' ') {
        gone(pid).await;
    }
    childless().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ignores_sigterm_is_killed() {
    let shop = Workshop::new();
    let finished =
        shop.script_of_a_second("trap '' TERM; sleep 300 & echo $$ $! > ready; wait; sleep 300").await;
    assert_eq!((finished.returncode, finished.timed_out), (124, true));
    for pid in shop.written("ready").await.split(' ') {
        gone(pid).await;
    }
    childless().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_command_is_ended_too() {
    let shop = Workshop::new();
    let finished = shop.script_of_a_second("echo $$ > ready; kill -STOP $$").await;
    assert_eq!((finished.returncode, finished.timed_out), (124, true));
    gone(&shop.written("ready").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_prints_at_sigterm_is_kept_and_its_code_is_not() {
    let shop = Workshop::new();
    let finished =
        shop.script_of_a_second("trap 'echo bye; exit 3' TERM; echo hello; sleep 300 & wait").await;
    assert_eq!((finished.returncode, finished.timed_out), (124, true));
    assert_eq!(text(&finished.stdout.bytes), "hello\nbye\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_leaves_in_its_group_ends_with_it() {
    let shop = Workshop::new();
    let finished = shop.script("sleep 300 & echo $!; (trap '' TERM HUP; sleep 300) & echo $!; exit 5").await;
    assert_eq!((finished.returncode, finished.timed_out), (5, false));
    for pid in text(&finished.stdout.bytes).lines() {
        gone(pid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_future_ends_the_group_and_removes_its_directory() {
    let shop = Workshop::new();
    let script = format!("echo x > $TMPDIR/file; {FAMILY}");
    let ready = {
        let run = shop.sandbox.run(shop.order(allowed(&["sh", "-c", &script], "60s")));
        tokio::select! {
            _ = run => panic!("it does not end by itself"),
            ready = shop.written("ready") => ready,
        }
    };
    for pid in ready.split(' ') {
        gone(pid).await;
    }
    childless().await;
    crate::workshop::eventually("the directory is gone", || shop.private_files().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_future_at_any_moment_leaves_nothing() {
    let shop = Workshop::new();
    for microseconds in (0..4_000).step_by(25) {
        let run = shop.sandbox.run(shop.order(allowed(&["sh", "-c", "sleep 0.001; exec sleep 300"], "60s")));
        let _ = tokio::time::timeout(Duration::from_micros(microseconds), run).await;
    }
    childless().await;
    crate::workshop::eventually("the directories are gone", || shop.private_files().is_empty()).await;
}

#[test]
fn the_end_of_the_runtime_ends_the_commands() {
    let shop = Arc::new(Workshop::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ready = runtime.block_on(async {
        let running = Arc::clone(&shop);
        tokio::spawn(async move { running.script(FAMILY).await });
        shop.written("ready").await
    });
    drop(runtime);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for pid in ready.split(' ') {
            gone(pid).await;
        }
        childless().await;
    });
    assert!(shop.private_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_all_ends_what_runs_and_nothing_that_comes_later() {
    let shop = Arc::new(Workshop::new());
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.script(&format!("echo x > ready{number}; exec sleep 300")).await })
        })
        .collect();
    for number in 0..8 {
        shop.written(&format!("ready{number}")).await;
    }
    shop.sandbox.kill_all().await;
    childless().await;
    assert!(shop.private_files().is_empty());
    for task in tasks {
        let finished = task.await.unwrap();
        assert_eq!((finished.returncode, finished.timed_out), (143, false));
    }
    assert_eq!(shop.script("exit 9").await.returncode, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_dead_child_is_left_behind() {
    let shop = Workshop::new();
    for script in ["true", "exit 1", "kill -KILL $$", "sleep 300 & exit 0"] {
        shop.script(script).await;
    }
    assert!(shop.run(&["no-such-program"]).await.is_err());
    childless().await;
}

/// Runs a test of this program in a process whose parent ignores SIGCHLD.
#[test]
#[expect(clippy::disallowed_methods, reason = "a shell sets up the process that the test is about")]
fn an_inherited_disregard_of_children_does_not_lose_exit_codes() {
    let ran = std::process::Command::new("/bin/bash")
        .args(["-c", r#"trap '' CHLD; exec "$0" --exact output::the_exit_code_is_the_answer"#])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stdout));
    assert!(text(&ran.stdout).contains("1 passed"));
}
