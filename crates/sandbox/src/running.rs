//! A command while it runs: its deadline, its output and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};

use crate::capture::Capture;
use crate::exit::ExitWatch;
use crate::group::Group;
use crate::private_directory::PrivateDirectory;
use crate::run::{Captured, RunLimits};
use crate::spawn::Spawned;

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

/// A command that runs. Dropping it ends it, on a thread that may block.
pub(crate) struct Running {
    remains: Option<Remains>,
    pipes: Option<(OwnedFd, OwnedFd)>,
}

impl Running {
    /// Takes charge of a command that was started in its private directory.
    pub(crate) fn of(spawned: Spawned, directory: PrivateDirectory, stop: watch::Receiver<bool>) -> Self {
        let Spawned { group, stdout, stderr } = spawned;
        let remains = Remains { group, directory, stop };
        Self { remains: Some(remains), pipes: Some((stdout, stderr)) }
    }

    /// Sees the command through: reads its output until it has ended, by itself or by its bounds.
    pub(crate) async fn see_through(mut self, deadline: Instant, limits: RunLimits) -> io::Result<Ended> {
        let (Some(remains), Some((stdout, stderr))) = (&mut self.remains, self.pipes.take()) else {
            return Err(io::ErrorKind::Other.into());
        };
        let mut watch = ExitWatch::over(&remains.group)?;
        let mut stdout = Capture::of(stdout, limits.output_bytes_max)?;
        let mut stderr = Capture::of(stderr, limits.output_bytes_max)?;
        // In no fixed order: a stream that always has something would use up the task's turn before the others get theirs.
        let ending = tokio::select! {
            ending = remains.end(&mut watch, deadline, limits.terminate_grace) => ending?,
            never = stdout.pump() => match never {},
            never = stderr.pump() => match never {},
        };
        let at = Instant::now();
        remains.group.kill();
        stdout.drain();
        stderr.drain();
        let status = if ending.exited { Some(remains.group.reap()?) } else { None };
        let returncode = match status {
            _ if ending.timed_out => TIMED_OUT_CODE,
            Some(status) => returncode_of(status),
            None => 128 + Signal::KILL.as_raw(),
        };
        if status.is_some() {
            self.clear_away().await;
        }
        Ok(Ended {
            returncode,
            timed_out: ending.timed_out,
            stdout: stdout.finish(),
            stderr: stderr.finish(),
            at,
        })
    }

    /// Removes the directory of a command that was reaped: at once when it is empty, else where blocking is allowed.
    async fn clear_away(&mut self) {
        if let Some(mut remains) = self.remains.take()
            && !remains.directory.remove_empty()
        {
            let _ = spawn_blocking(move || drop(remains)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(remains) = self.remains.take() else { return };
        remains.group.kill();
        // A runtime that is shutting down drops the closure, and with it the remains, here and now.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(remains))),
            Err(_) => drop(remains),
        }
    }
}

/// What has to be cleared away however a run ends, in this order: the processes, then their directory, then word to
/// whoever waits for the end. Dropping it may block, for as long as a killed process takes to end.
struct Remains {
    group: Group,
    directory: PrivateDirectory,
    /// Becomes true when every run is to end.
    stop: watch::Receiver<bool>,
}

struct Ending {
    timed_out: bool,
    exited: bool,
}

impl Remains {
    /// Waits for the leader's end, and brings it about at the deadline or when told to stop.
    async fn end(&mut self, watch: &mut ExitWatch, deadline: Instant, grace: Duration) -> io::Result<Ending> {
        let timed_out = tokio::select! {
            biased;
            exited = watch.exited(&self.group) => return exited.map(|()| Ending { timed_out: false, exited: true }),
            () = told_to_stop(&mut self.stop) => false,
            () = sleep_until(deadline) => true,
        };
        self.group.signal(Signal::TERM);
        if let Ok(exited) = timeout(grace, watch.exited(&self.group)).await {
            return exited.map(|()| Ending { timed_out, exited: true });
        }
        self.group.kill();
        let exited = timeout(KILLED_WAIT, watch.exited(&self.group)).await.is_ok_and(|exited| exited.is_ok());
        Ok(Ending { timed_out, exited })
    }
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn returncode_of(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
