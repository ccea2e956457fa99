//! A command that is prepared, and started later or never.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use toolfront_sandbox::{Output, RunError};

use crate::workshop::{Workshop, allowed, childless, children, commands, eventually, text};

/// Longer than a program would need to be seen, were it started.
const A_WHILE: Duration = Duration::from_millis(300);

fn slots() -> Vec<String> {
    let launcher = children(&std::process::id().to_string()).remove(0);
    children(&launcher)
}

fn kill(pid: &str) {
    kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// A process that is ready to become the command is there.
async fn is_prepared() {
    eventually("the process is there", || !commands().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_command_does_nothing_until_it_is_started() {
    let shop = Workshop::new();
    let run = shop.order(allowed(&["sh", "-c", "echo x > begun; echo said"], "60s"));
    let ready = shop.sandbox.prepare(run, None).await;
    is_prepared().await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!shop.work().join("begun").exists());
    let finished = ready.start().await.unwrap();
    assert_eq!((finished.returncode, text(&finished.stdout.bytes)), (0, "said\n"));
    assert!(shop.work().join("begun").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_command_that_is_dropped_never_runs_and_its_slot_is_used_again() {
    let shop = Workshop::new();
    for _ in 0..3 {
        let run = shop.order(allowed(&["sh", "-c", "echo x > begun"], "60s"));
        drop(shop.sandbox.prepare(run, None).await);
        shop.sandbox.kill_all().await;
    }
    childless().await;
    assert!(!shop.work().join("begun").exists());
    assert_eq!(shop.script("exit 3").await.returncode, 3);
    assert_eq!(slots().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_command_counts_from_its_start() {
    let shop = Workshop::new();
    let ready = shop.sandbox.prepare(shop.order(allowed(&["true"], "1s")), None).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let finished = ready.start().await.unwrap();
    assert_eq!((finished.returncode, finished.timed_out), (0, false));
    assert!(finished.duration < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_prepared_is_said_at_the_start() {
    let shop = Workshop::new();
    let ready = shop.sandbox.prepare(shop.order(allowed(&["no-such-program"], "60s")), None).await;
    tokio::time::sleep(A_WHILE).await;
    let error = ready.start().await.unwrap_err();
    assert!(matches!(error, RunError::ProgramNotFound { .. }), "{error:?}");
    assert_eq!(shop.script("exit 3").await.returncode, 3);
    assert_eq!(slots().len(), 1, "the slot goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_comes_as_it_is_printed_once_it_is_started() {
    let shop = Workshop::new();
    let (sink, mut output) = tokio::sync::mpsc::channel(4);
    let run = shop.order(allowed(&["sh", "-c", "echo one"], "60s"));
    let ready = shop.sandbox.prepare(run, Some(sink)).await;
    is_prepared().await;
    assert!(output.try_recv().is_err(), "it has not begun");
    let reading = async {
        let mut printed = Vec::new();
        while let Some(piece) = output.recv().await {
            if let Output::Stdout(bytes) = piece {
                printed.extend(bytes);
            }
        }
        printed
    };
    let (finished, printed) = tokio::join!(ready.start(), reading);
    assert_eq!((finished.unwrap().returncode, text(&printed)), (0, "one\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_lost_before_the_start_is_replaced() {
    let shop = Workshop::new();
    let ready = shop.sandbox.prepare(shop.order(allowed(&["sh", "-c", "exit 5"], "60s")), None).await;
    is_prepared().await;
    let (slot, prepared) = (slots().remove(0), commands());
    kill(&slot);
    eventually("the prepared process is gone with its slot", || {
        prepared.iter().all(|pid| !std::fs::exists(format!("/proc/{pid}")).unwrap())
    })
    .await;
    assert_eq!(ready.start().await.unwrap().returncode, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_command_ends_with_the_launcher() {
    let shop = Workshop::new();
    let run = shop.order(allowed(&["sh", "-c", "echo x > begun; exit 5"], "60s"));
    let ready = shop.sandbox.prepare(run, None).await;
    is_prepared().await;
    let prepared = commands();
    kill(&children(&std::process::id().to_string()).remove(0));
    eventually("the prepared process is gone with the launcher", || {
        prepared.iter().all(|pid| !std::fs::exists(format!("/proc/{pid}")).unwrap())
    })
    .await;
    assert!(!shop.work().join("begun").exists());
    assert_eq!(ready.start().await.unwrap().returncode, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_order_that_is_started_at_once_is_started() {
    let shop = Workshop::new();
    let long = "x".repeat(100_000);
    for _ in 0..20 {
        let mut run = shop.order(allowed(&["true"], "10s"));
        run.environment = (0..7).map(|number| (format!("LONG{number}"), long.clone())).collect();
        let finished = shop.sandbox.prepare(run, None).await.start().await.unwrap();
        assert_eq!((finished.returncode, finished.timed_out), (0, false));
    }
}
