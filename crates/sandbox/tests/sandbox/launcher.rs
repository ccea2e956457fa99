//! The launcher: what ends with it, and what it ends.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use toolfront_sandbox::{LauncherCommand, RunError, Sandbox, SandboxConfig, StartError};

use crate::workshop::{Workshop, allowed, childless, children, commands, eventually, text};

/// Leaves its group, its session and its parent, ignores what can be ignored, and starts another one.
const ESCAPEE: &str = "(trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM HUP INT; (sleep 300 & sleep 300) & echo x > escaped; sleep 300' &) & ";

fn launcher() -> String {
    children(&std::process::id().to_string()).remove(0)
}

fn kill(pid: &str) {
    kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_group_and_session_and_parent_ends_with_the_command() {
    let shop = Workshop::new();
    let finished = shop.script(&format!("{ESCAPEE} until [ -s escaped ]; do :; done; exit 4")).await;
    assert_eq!((finished.returncode, finished.timed_out), (4, false));
    assert!(commands().is_empty(), "at the time of the answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_group_and_session_and_parent_ends_with_the_timeout() {
    let shop = Workshop::new();
    let finished = shop.script_of_a_second(&format!("{ESCAPEE} sleep 300")).await;
    assert_eq!((finished.returncode, finished.timed_out), (124, true));
    assert!(commands().is_empty(), "at the time of the answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launcher_that_is_killed_fails_its_runs_and_is_started_again() {
    let shop = Workshop::new();
    let script = format!("{ESCAPEE} echo x > ready; exec sleep 300");
    let run = shop.script_result(&script);
    let killed = async {
        shop.written("ready").await;
        shop.written("escaped").await;
        kill(&launcher());
        std::future::pending::<()>().await;
    };
    let error = tokio::select! {
        ended = run => ended.unwrap_err(),
        () = killed => unreachable!(),
    };
    assert!(matches!(error, RunError::LauncherLost), "{error:?}");
    eventually("its commands are gone", || processes_called("sleep", "300").is_empty()).await;
    assert_eq!(text(&shop.script("echo again").await.stdout.bytes), "again\n");
    childless().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_survive_the_loss_of_a_launcher_as_answers() {
    let shop = std::sync::Arc::new(Workshop::new());
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let shop = std::sync::Arc::clone(&shop);
            tokio::spawn(async move {
                shop.script_result(&format!("echo x > ready{number}; exec sleep 300")).await
            })
        })
        .collect();
    for number in 0..12 {
        shop.written(&format!("ready{number}")).await;
    }
    kill(&launcher());
    for task in tasks {
        assert!(matches!(task.await.unwrap().unwrap_err(), RunError::LauncherLost));
    }
    let after = futures_of(&shop, 12).await;
    assert!(after.iter().all(|code| *code == 0), "{after:?}");
    eventually("the directories are gone", || shop.private_files().is_empty()).await;
}

async fn futures_of(shop: &std::sync::Arc<Workshop>, count: usize) -> Vec<i32> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let shop = std::sync::Arc::clone(shop);
            tokio::spawn(async move { shop.script("true").await.returncode })
        })
        .collect();
    let mut codes = Vec::new();
    for task in tasks {
        codes.push(task.await.unwrap());
    }
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_killed_fails_its_run_and_its_processes_are_killed() {
    let shop = Workshop::new();
    let script = format!("{ESCAPEE} echo x > ready; exec sleep 300");
    let run = shop.script_result(&script);
    let killed = async {
        shop.written("ready").await;
        shop.written("escaped").await;
        kill(&children(&launcher()).remove(0));
        std::future::pending::<()>().await;
    };
    let error = tokio::select! {
        ended = run => ended.unwrap_err(),
        () = killed => unreachable!(),
    };
    assert!(matches!(error, RunError::LauncherLost), "{error:?}");
    eventually("its commands are gone", || processes_called("sleep", "300").is_empty()).await;
    eventually("the directory is gone", || shop.private_files().is_empty()).await;
    assert_eq!(text(&shop.script("echo again").await.stdout.bytes), "again\n");
}

/// Not a test: a gateway for the one below, in a process that can be killed.
#[test]
#[ignore = "started by another test"]
fn a_gateway_that_runs_something() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let shop = Workshop::new();
        let script = format!("cd $TMPDIR; {ESCAPEE} exec sleep 300.25");
        let _ = shop.sandbox.run(shop.order(allowed(&["sh", "-c", &script], "60s"))).await;
    });
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the gateway of this test is a process")]
async fn a_gateway_that_is_killed_takes_launcher_slots_and_commands_along() {
    let mut gateway = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "launcher::a_gateway_that_runs_something"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = gateway.id().to_string();
    eventually("it runs something", || !processes_called("sleep", "300.25").is_empty()).await;
    let launcher = children(&pid).remove(0);
    let slots = children(&launcher);
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    eventually("all of it is gone", || {
        processes_called("sleep", "300.25").is_empty()
            && std::iter::once(&launcher)
                .chain(&slots)
                .all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupts_and_hang_ups_of_the_terminal_do_not_end_the_launcher() {
    let shop = Workshop::new();
    shop.script("true").await;
    let launcher = launcher();
    let slot = children(&launcher).remove(0);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        for pid in [&launcher, &slot] {
            kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), signal).unwrap();
        }
    }
    assert_eq!(shop.script("exit 3").await.returncode, 3);
    assert_eq!(children(&launcher), [slot]);
    // And commands still get what they are sent.
    assert_eq!(shop.script("kill -TERM $$; sleep 9").await.returncode, 143);
    assert_eq!(shop.script("kill -PIPE $$; sleep 9").await.returncode, 141);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_launcher_is_an_error() {
    let shop = Workshop::new();
    for (program, works) in [("/bin/true", "ended"), ("/no/such/program", "missing"), ("/bin/echo", "talks")]
    {
        let mut config = SandboxConfig::new(shop.work().join("runs"));
        config.launcher =
            Some(LauncherCommand { program: program.into(), arguments: Vec::new(), environment: Vec::new() });
        let error = Sandbox::start(config).await.unwrap_err();
        assert!(matches!(error, StartError::Launcher { .. }), "{works}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_used_again_and_grows_neither_in_memory_nor_in_descriptors() {
    let shop = Workshop::new();
    shop.script("true").await;
    let slot = children(&launcher()).remove(0);
    let held = || {
        let status = fs::read_to_string(format!("/proc/{slot}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    for _ in 0..50 {
        shop.script("true").await;
    }
    let before = held();
    for _ in 0..400 {
        shop.run(&["true"]).await.unwrap();
        let _ = shop.run(&["no-such-program"]).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let descriptors = fs::read_dir(format!("/proc/{slot}/fd")).map(Iterator::count);
    assert_eq!(children(&launcher()), std::slice::from_ref(&slot));
    assert!(held() <= before + 256, "{before} KiB became {}", held());
    if let Ok(descriptors) = descriptors {
        assert!(descriptors < 100, "{descriptors} descriptors");
    }
}

/// All processes of the machine with this name and first argument.
fn processes_called(name: &str, argument: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line == format!("{name}\0{argument}\0").into_bytes()
        })
        .collect()
}
