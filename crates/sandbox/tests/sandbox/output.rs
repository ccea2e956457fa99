//! Exit codes and captured output.

use std::fs;

use crate::workshop::{Workshop, allowed, is_alive, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_the_answer() {
    let shop = Workshop::new();
    for code in [0, 1, 7, 124, 255] {
        let finished = shop.script(&format!("exit {code}")).await;
        assert_eq!((finished.returncode, finished.timed_out), (code, false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_a_signal_ends_answers_with_128_and_the_signal() {
    let shop = Workshop::new();
    assert_eq!(shop.script("kill -KILL $$").await.returncode, 137);
    assert_eq!(shop.script("kill -TERM $$").await.returncode, 143);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_streams_are_captured_apart() {
    let shop = Workshop::new();
    let finished = shop.script("echo one; echo two >&2; echo three").await;
    assert_eq!(text(&finished.stdout.bytes), "one\nthree\n");
    assert_eq!(text(&finished.stderr.bytes), "two\n");
    assert!(!finished.stdout.truncated && !finished.stderr.truncated);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_is_not_text_is_captured_as_it_is() {
    let shop = Workshop::new();
    assert_eq!(shop.script(r"printf '\377\000\n\376'").await.stdout.bytes, [255, 0, b'\n', 254]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mebibyte_of_each_stream_is_kept_unless_set_otherwise() {
    let shop = Workshop::new();
    for (written, truncated) in [(1 << 20, false), ((1 << 20) + 1, true), (50 << 20, true)] {
        let finished = shop
            .script(&format!("head -c {written} /dev/zero; head -c {written} /dev/zero >&2; exit 3"))
            .await;
        assert_eq!(finished.returncode, 3);
        for captured in [finished.stdout, finished.stderr] {
            assert_eq!((captured.bytes.len(), captured.truncated), (1 << 20, truncated), "{written}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_output_is_ended_by_the_timeout_and_does_not_grow_the_memory() {
    let shop = Workshop::new();
    let mut run = shop.order(allowed(&["sh", "-c", "yes >&2 & exec yes"], "1s"));
    run.limits.output_bytes_max = 100_000;
    let resident_before = resident_kib();
    let finished = shop.finish(run).await.unwrap();
    let grown_kib = resident_kib().saturating_sub(resident_before);
    assert_eq!((finished.returncode, finished.timed_out), (124, true));
    for captured in [finished.stdout, finished.stderr] {
        assert!(captured.truncated);
        assert_eq!(captured.bytes.len(), 100_000);
        assert!(captured.bytes.capacity() <= 100_000);
        assert!(captured.bytes.starts_with(b"y\ny\n"));
    }
    assert!(grown_kib < 32 * 1024, "grew by {grown_kib} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_outside_the_group_that_holds_the_pipes_ends_with_the_command() {
    let shop = Workshop::new();
    let finished = shop
        .script(
            "setsid sh -c 'echo $$ > escaped; exec sleep 300' &
             until [ -s escaped ]; do :; done; echo done; exit 4",
        )
        .await;
    assert!(!is_alive(&shop.written("escaped").await));
    assert_eq!((finished.returncode, text(&finished.stdout.bytes)), (4, "done\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_outside_the_group_that_goes_on_writing_does_not_hold_up_the_answer() {
    let shop = Workshop::new();
    let finished = shop
        .script(
            "setsid sh -c 'yes & yes & yes & echo $$ > escaped; exec yes' &
             until [ -s escaped ]; do :; done; sleep 0.1; exit 4",
        )
        .await;
    // The answer closes the pipes, and a write to a closed pipe ends them.
    crate::workshop::gone(&shop.written("escaped").await).await;
    assert_eq!((finished.returncode, finished.timed_out, finished.stdout.truncated), (4, false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_closes_its_streams_is_still_waited_for() {
    let shop = Workshop::new();
    let finished = shop.script("echo before; exec >&- 2>&-; sleep 0.2; exit 6").await;
    assert_eq!((finished.returncode, text(&finished.stdout.bytes)), (6, "before\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_at_once_each_get_their_own_answer() {
    let shop = std::sync::Arc::new(Workshop::new());
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let shop = std::sync::Arc::clone(&shop);
            tokio::spawn(async move {
                let script = format!("echo out {number}; echo err {number} >&2; exit {}", number % 100);
                (number, shop.script(&script).await)
            })
        })
        .collect();
    for task in tasks {
        let (number, finished) = task.await.unwrap();
        assert_eq!(finished.returncode, number % 100);
        assert_eq!(text(&finished.stdout.bytes), format!("out {number}\n"));
        assert_eq!(text(&finished.stderr.bytes), format!("err {number}\n"));
    }
    crate::workshop::childless().await;
    assert!(shop.private_files().is_empty());
}

#[tokio::test]
async fn a_runtime_of_one_thread_will_do() {
    let shop = Workshop::new();
    assert_eq!(text(&shop.script("echo one").await.stdout.bytes), "one\n");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
