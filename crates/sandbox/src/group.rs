//! The process group of one command, from its start to its reaping.
//!
//! A group is named by the process id of its leader, and that id is free for reuse once the leader has been reaped.
//! So the rule of this file: signals are sent only while the leader has not been reaped, running or not, and reaping
//! comes last. A `Group` that is dropped is killed and reaped first.

use std::io;
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

/// A command's process group, whose leader has not been reaped.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
    reaped: bool,
}

impl Group {
    /// Takes charge of a child that was started as the leader of a group of its own.
    pub(crate) fn of(leader: Child) -> Self {
        Self { leader, reaped: false }
    }

    /// The leader's process id, which is the group's.
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.leader)
    }

    /// Sends a signal to every process of the group. That there is none left, or that one is not ours to signal, is
    /// nothing that could be acted on.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.reaped {
            return;
        }
        let _ = kill_process_group(self.id(), signal);
    }

    /// SIGKILL to the group, and to the leader even if it has moved to another group.
    pub(crate) fn kill(&self) {
        if self.reaped {
            return;
        }
        self.signal(Signal::KILL);
        let _ = kill_process(self.id(), Signal::KILL);
    }

    /// Whether the leader has ended. It stays a zombie, and the group's name stays taken.
    pub(crate) fn has_exited(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(self.id()), options) {
                Ok(status) => return Ok(status.is_some()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reaps the leader. Blocks while it has not ended; what is left of the group can no longer be signalled after it.
    pub(crate) fn reap(&mut self) -> io::Result<ExitStatus> {
        let status = self.leader.wait()?;
        self.reaped = true;
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            let _ = self.reap();
        }
    }
}
