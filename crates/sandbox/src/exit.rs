//! Learning that a command has ended, without reaping it.
//!
//! On Linux a pidfd becomes readable when the leader has ended. Where there is none (other systems, kernels before
//! 5.3, a container that forbids it) SIGCHLD says that some child has ended, and each run looks for its own.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::sync::Once;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::group::Group;

/// What tells that the leader of a group has ended.
#[derive(Debug)]
pub(crate) enum ExitWatch {
    #[cfg(target_os = "linux")]
    Descriptor(tokio::io::unix::AsyncFd<OwnedFd>),
    Signal(Signal),
}

impl ExitWatch {
    /// Watches over a group's leader.
    pub(crate) fn over(group: &Group) -> io::Result<Self> {
        Self::by_descriptor(group).map_or_else(Self::by_signal, Ok)
    }

    #[cfg(target_os = "linux")]
    fn by_descriptor(group: &Group) -> Option<Self> {
        use rustix::process::{PidfdFlags, pidfd_open};
        let descriptor = pidfd_open(group.id(), PidfdFlags::empty()).ok()?;
        crate::readable::readable(descriptor).ok().map(Self::Descriptor)
    }

    #[cfg(not(target_os = "linux"))]
    fn by_descriptor(_: &Group) -> Option<Self> {
        None
    }

    fn by_signal() -> io::Result<Self> {
        Ok(Self::Signal(signal(SignalKind::child())?))
    }

    /// Returns when the leader of `group` has ended. May be dropped and called again.
    pub(crate) async fn exited(&mut self, group: &Group) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Descriptor(descriptor) => loop {
                let mut ready = descriptor.readable().await?;
                if group.has_exited()? {
                    return Ok(());
                }
                ready.clear_ready();
            },
            Self::Signal(children) => loop {
                if group.has_exited()? {
                    return Ok(());
                }
                if children.recv().await.is_none() {
                    return Err(io::Error::other("the runtime delivers no more signals"));
                }
            },
        }
    }
}

/// Makes sure that ended children wait to be waited for.
///
/// A parent that ignores SIGCHLD hands that on, and the system then reaps at once: no exit code could be learnt, and a
/// process id would be free for reuse while it still names a group here. A handler, even one that does nothing, ends
/// that. It costs a wake-up for each child, so it is put in only where it is needed. Must be called in a runtime.
pub(crate) fn keep_ended_children() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        if may_ignore_children() {
            let _ = signal(SignalKind::child());
        }
    });
}

#[cfg(target_os = "linux")]
fn may_ignore_children() -> bool {
    let bit = rustix::process::Signal::CHILD.as_raw() - 1;
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask >> bit & 1 == 1)
}

#[cfg(not(target_os = "linux"))]
fn may_ignore_children() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;

    #[expect(clippy::disallowed_methods, reason = "a child for the watch")]
    fn start(script: &str) -> Group {
        Group::of(
            std::process::Command::new("/bin/sh").args(["-c", script]).process_group(0).spawn().unwrap(),
        )
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_exit_is_seen_without_pidfds() {
        let groups: Vec<_> =
            (0..16).map(|code| (code, start(&format!("sleep 0.0{code}; exit {code}")))).collect();
        for (code, mut group) in groups {
            ExitWatch::by_signal().unwrap().exited(&group).await.unwrap();
            assert_eq!(group.reap().unwrap().code(), Some(code));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn seeing_an_exit_does_not_reap() {
        let mut group = start("exit 7");
        let mut watch = ExitWatch::over(&group).unwrap();
        watch.exited(&group).await.unwrap();
        watch.exited(&group).await.unwrap();
        assert!(group.has_exited().unwrap());
        assert_eq!(group.reap().unwrap().code(), Some(7));
    }
}
