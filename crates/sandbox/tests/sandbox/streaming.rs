//! Output as it comes.

use std::time::Duration;

use tokio::sync::mpsc;
use toolfront_sandbox::Output;

use crate::workshop::{Workshop, allowed, childless, text};

fn stdout_of(output: &Output) -> String {
    let Output::Stdout(bytes) = output else { unreachable!("{output:?}") };
    text(bytes).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn output_comes_as_it_is_written_and_the_end_comes_last() {
    let shop = Workshop::new();
    let (sink, mut output) = mpsc::channel(4);
    let script = "echo one; until [ -e go ]; do sleep 0.01; done; echo two >&2; exit 5";
    let run = shop.sandbox.run_streaming(shop.order(allowed(&["sh", "-c", script], "60s")), sink);
    let reader = async {
        assert_eq!(stdout_of(&output.recv().await.unwrap()), "one\n");
        std::fs::write(shop.work().join("go"), "").unwrap();
        assert_eq!(output.recv().await, Some(Output::Stderr(b"two\n".to_vec())));
        assert_eq!(output.recv().await, None);
    };
    let (finished, ()) = tokio::join!(run, reader);
    let finished = finished.unwrap();
    assert_eq!((finished.returncode, finished.timed_out), (5, false));
    assert!(finished.stdout.bytes.is_empty() && finished.stderr.bytes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_arrives_and_the_cap_holds() {
    let shop = Workshop::new();
    for (written, arrived, truncated) in [(300_000, 300_000, false), (2_000_000, 1 << 20, true)] {
        let (sink, mut output) = mpsc::channel(2);
        let script = format!("head -c {written} /dev/zero; exit 3");
        let run = shop.sandbox.run_streaming(shop.order(allowed(&["sh", "-c", &script], "60s")), sink);
        let reader = async {
            let mut count = 0;
            while let Some(piece) = output.recv().await {
                count += stdout_of(&piece).len();
            }
            count
        };
        let (finished, count) = tokio::join!(run, reader);
        let finished = finished.unwrap();
        assert_eq!((finished.returncode, finished.stdout.truncated, count), (3, truncated, arrived));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_waits_holds_the_command_up() {
    let shop = Workshop::new();
    let (sink, mut output) = mpsc::channel(1);
    let script = "head -c 900000 /dev/zero; echo done > done";
    let run = shop.sandbox.run_streaming(shop.order(allowed(&["sh", "-c", script], "60s")), sink);
    let reader = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!shop.work().join("done").exists(), "the command waits");
        while output.recv().await.is_some() {}
    };
    let (finished, ()) = tokio::join!(run, reader);
    assert_eq!(finished.unwrap().returncode, 0);
    assert!(shop.work().join("done").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_waits_does_not_hold_the_deadline_up() {
    let shop = Workshop::new();
    let (sink, mut output) = mpsc::channel(1);
    let run = shop.sandbox.run_streaming(shop.order(allowed(&["yes"], "1s")), sink);
    let reader = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        childless().await;
        while output.recv().await.is_some() {}
    };
    let (finished, ()) = tokio::join!(run, reader);
    let finished = finished.unwrap();
    assert_eq!((finished.returncode, finished.timed_out), (124, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_ends_the_command() {
    let shop = Workshop::new();
    let (sink, mut output) = mpsc::channel(1);
    let script = "echo one; exec sleep 300";
    let run = shop.sandbox.run_streaming(shop.order(allowed(&["sh", "-c", script], "60s")), sink);
    let reader = async {
        output.recv().await.unwrap();
        drop(output);
    };
    let (finished, ()) = tokio::join!(run, reader);
    assert_eq!((finished.as_ref().unwrap().returncode, finished.unwrap().timed_out), (143, false));
    childless().await;
}
