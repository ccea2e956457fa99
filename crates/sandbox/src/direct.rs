//! A command that this process started itself, unconfined: where there is no launcher.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::exit::ExitWatch;
use crate::group::Group;
use crate::private_directory::PrivateDirectory;

/// A command that this process started itself. Dropping it ends it, on a thread that may block.
pub(crate) struct Direct {
    remains: Option<Remains>,
    watch: Option<ExitWatch>,
}

/// What has to be cleared away however a run ends, in this order: the processes, then their directory, then word to
/// whoever waits for the end. Dropping it may block, for as long as a killed process takes to end.
struct Remains {
    group: Group,
    directory: PrivateDirectory,
    _stop: watch::Receiver<bool>,
}

impl Direct {
    /// Takes charge of a command that was started in its private directory.
    pub(crate) fn of(group: Group, directory: PrivateDirectory, stop: watch::Receiver<bool>) -> Self {
        Self { remains: Some(Remains { group, directory, _stop: stop }), watch: None }
    }

    /// Returns when the command has ended. May be dropped and called again.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        let Some(remains) = &self.remains else { return Err(io::ErrorKind::NotFound.into()) };
        let watch = match &mut self.watch {
            Some(watch) => watch,
            None => self.watch.insert(ExitWatch::over(&remains.group)?),
        };
        watch.exited(&remains.group).await
    }

    pub(crate) fn terminate(&self) {
        if let Some(remains) = &self.remains {
            remains.group.signal(Signal::TERM);
        }
    }

    pub(crate) fn kill(&self) {
        if let Some(remains) = &self.remains {
            remains.group.kill();
        }
    }

    /// Reaps a command that has ended, and gives its code. Its directory is removed: at once when it is empty, else
    /// where blocking is allowed.
    pub(crate) async fn conclude(&mut self) -> io::Result<i32> {
        let Some(remains) = &mut self.remains else { return Err(io::ErrorKind::NotFound.into()) };
        let status = remains.group.reap()?;
        if let Some(mut remains) = self.remains.take()
            && !remains.directory.remove_empty()
        {
            let _ = spawn_blocking(move || drop(remains)).await;
        }
        Ok(returncode_of(status))
    }
}

impl Drop for Direct {
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

fn returncode_of(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
