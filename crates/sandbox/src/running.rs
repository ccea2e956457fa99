//! A command while it runs: its deadline, its output and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::capture::{Capture, Sink};
use crate::process::{NoCode, Process};
use crate::run::{Captured, Output, RunLimits};

/// What `timeout` of the coreutils answers.
const TIMED_OUT_CODE: i32 = 124;
/// How long a killed leader may stay (in a system call that cannot be interrupted) before it is answered without it.
const KILLED_WAIT: Duration = Duration::from_secs(5);

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) returncode: i32,
    pub(crate) timed_out: bool,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    pub(crate) at: Instant,
}

/// A command that runs. Dropping it ends it.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    /// Becomes true when every run is to end.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Running {
    /// Sees the command through: reads its output until it has ended, by itself or by its bounds.
    pub(crate) async fn see_through(
        self,
        deadline: Instant,
        limits: RunLimits,
        sink: Option<mpsc::Sender<Output>>,
    ) -> Result<Ended, NoCode> {
        let Self { mut process, stdout, stderr, mut stop } = self;
        let capture = |pipe, wrap: fn(Vec<u8>) -> Output| -> io::Result<Capture> {
            let sink = sink.clone().map(|to| Sink { to, wrap });
            Capture::of(pipe, limits.output_bytes_max, sink)
        };
        let mut stdout = capture(stdout, Output::Stdout).map_err(NoCode::Wait)?;
        let mut stderr = capture(stderr, Output::Stderr).map_err(NoCode::Wait)?;
        let cause = async {
            tokio::select! {
                () = told_to_stop(&mut stop) => false,
                () = left_alone(sink.as_ref()) => false,
                () = sleep_until(deadline) => true,
            }
        };
        // In no fixed order: a stream that always has something would use up the task's turn before the others get theirs.
        let ending = tokio::select! {
            ending = end(&mut process, cause, limits.terminate_grace) => ending?,
            never = stdout.pump() => match never {},
            never = stderr.pump() => match never {},
        };
        let at = Instant::now();
        process.silence();
        stdout.drain().await;
        stderr.drain().await;
        let code = if ending.exited { Some(process.conclude().await?) } else { None };
        let returncode = match code {
            _ if ending.timed_out => TIMED_OUT_CODE,
            Some(code) => code,
            None => 128 + Signal::KILL.as_raw(),
        };
        Ok(Ended {
            returncode,
            timed_out: ending.timed_out,
            stdout: stdout.finish(),
            stderr: stderr.finish(),
            at,
        })
    }
}

struct Ending {
    timed_out: bool,
    exited: bool,
}

/// Waits for the command's end, and brings it about when there is a cause (which says whether it is the deadline).
async fn end(
    process: &mut Process,
    cause: impl Future<Output = bool>,
    grace: Duration,
) -> Result<Ending, NoCode> {
    let timed_out = tokio::select! {
        biased;
        ended = process.ended() => return ended.map(|()| Ending { timed_out: false, exited: true }),
        timed_out = cause => timed_out,
    };
    process.terminate();
    if let Ok(ended) = timeout(grace, process.ended()).await {
        return ended.map(|()| Ending { timed_out, exited: true });
    }
    process.kill();
    let exited = timeout(KILLED_WAIT, process.ended()).await.is_ok_and(|ended| ended.is_ok());
    Ok(Ending { timed_out, exited })
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whoever took the output takes no more.
async fn left_alone(sink: Option<&mpsc::Sender<Output>>) {
    match sink {
        Some(sink) => sink.closed().await,
        None => std::future::pending().await,
    }
}
