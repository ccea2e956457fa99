//! Output as it comes.

use std::time::Duration;

use tokio::sync::mpsc;
use toolfront_sandbox::Output;

use crate::workshop::{Workshop, allowed, childless, text};

fn stdout_of(output: &Output) -> String {
    let Output::Stdout(bytes) = output else { unreachable!("{output:?}") };
    text(bytes).to_owned()
}

/// The next piece of output.
async fn printed(output: &mut mpsc::Receiver<Output>) -> Option<Output> {
    loop {
        match output.recv().await {
            Some(Output::Begun) => {}
            other => return other,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_command_began_is_told_before_it_prints_and_not_when_it_did_not() {
    let shop = Workshop::new();
    for launcher in [true, false] {
        let shop = if launcher { &shop } else { &Workshop::with(|config| config.launcher = None) };
        let (sink, mut output) = mpsc::channel(4);
        let script = "until [ -e go ]; do sleep 0.01; done; rm go; echo one";
        let run = shop.stream(shop.order(allowed(&["sh", "-c", script], "60s")), sink);
        let reader = async {
            assert_eq!(output.recv().await, Some(Output::Begun));
            std::fs::write(shop.work().join("go"), "").unwrap();
            assert_eq!(stdout_of(&output.recv().await.unwrap()), "one\n");
            assert_eq!(output.recv().await, None);
        };
        let (finished, ()) = tokio::join!(run, reader);
        assert_eq!(finished.unwrap().returncode, 0);
        let (sink, mut output) = mpsc::channel(4);
        let run = shop.stream(shop.order(allowed(&["no-such-program"], "60s")), sink);
        assert!(run.await.is_err());
        assert_eq!(output.recv().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_comes_as_it_is_written_and_the_end_comes_last() {
    let shop = Workshop::new();
    let (sink, mut output) = mpsc::channel(4);
    let script = "echo one; until [ -e go ]; do sleep 0.01; done; echo two >&2; exit 5";
    let run = shop.stream(shop.order(allowed(&["sh", "-c", script], "60s")), sink);
    let reader = async {
        assert_eq!(stdout_of(&printed(&mut output).await.unwrap()), "one\n");
        std::fs::write(shop.work().join("go"), "").unwrap();
        assert_eq!(printed(&mut output).await, Some(Output::Stderr(b"two\n".to_vec())));
        assert_eq!(printed(&mut output).await, None);
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
        let run = shop.stream(shop.order(allowed(&["sh", "-c", &script], "60s")), sink);
        let reader = async {
            let mut count = 0;
            while let Some(piece) = printed(&mut output).await {
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
    let run = shop.stream(shop.order(allowed(&["sh", "-c", script], "60s")), sink);
    let reader = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!shop.work().join("done").exists(), "the command waits");
        while printed(&mut output).await.is_some() {}
    };
    let (finished, ()) = tokio::join!(run, reader);
    assert_eq!(finished.unwrap().returncode, 0);
    assert!(shop.work().join("done").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_waits_does_not_hold_the_deadline_up() {
    let shop = Workshop::new();
    let (sink, mut output) = mpsc::channel(1);
    let run = shop.stream(shop.order(allowed(&["yes"], "1s")), sink);
    let reader = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        childless().await;
        while printed(&mut output).await.is_some() {}
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
    let run = shop.stream(shop.order(allowed(&["sh", "-c", script], "60s")), sink);
    let reader = async {
        printed(&mut output).await.unwrap();
        drop(output);
    };
    let (finished, ()) = tokio::join!(run, reader);
    assert_eq!((finished.as_ref().unwrap().returncode, finished.unwrap().timed_out), (143, false));
    childless().await;
}
