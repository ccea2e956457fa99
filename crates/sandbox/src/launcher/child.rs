//! From a child to the command: each step checked, in this order, and the first that fails is the last.
//!
//! The child works in its slot's memory (see [`sys::start`]), so nothing here allocates what it does not free.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Gid, Uid, fchown};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, chdir, getppid, set_parent_process_death_signal, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdout};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use seccompiler::{BpfProgram, apply_filter};

use super::kit::Kit;
use super::landlock::RunRules;
use super::limits;
use super::paths::{Access, Place};
use crate::descriptors::seal_all_descriptors;
use crate::frames::Incoming;
use crate::sys::{self, Program};
use crate::wire::{Failure, Message, Order, Step, ToSlot};

/// All that a child needs to become a command.
pub(super) struct Becoming<'a> {
    pub(super) kit: &'a Kit,
    pub(super) order: &'a Order,
    pub(super) program: Program<'a>,
    /// The rules of Landlock, where the kernel has it, or why there are none.
    pub(super) rules: Result<Option<&'a RunRules>, Errno>,
    pub(super) streams: &'a [OwnedFd],
    pub(super) user: Option<(Uid, Gid)>,
    pub(super) processes_taken: u64,
    /// The slot, as it sees itself.
    pub(super) parent: Pid,
    /// What is waited for before the program is started.
    pub(super) word: Option<Word<'a>>,
}

/// Where the word to start comes from.
pub(super) struct Word<'a> {
    /// The slot's socket. The slot itself stands still until the program is started.
    pub(super) from: &'a OwnedFd,
    /// Ends when the launcher does.
    pub(super) lifeline: &'a OwnedFd,
}

impl Word<'_> {
    /// Returns when the gateway says that the program may start.
    fn wait(&self) -> Result<(), Errno> {
        let mut watched = [PollFd::new(self.from, PollFlags::IN), PollFd::new(self.lifeline, PollFlags::IN)];
        while let Err(error) = poll(&mut watched, None) {
            if error != Errno::INTR {
                return Err(error);
            }
        }
        let [_, lifeline] = &watched;
        if !lifeline.revents().is_empty() {
            return Err(Errno::CANCELED);
        }
        let said = Incoming::default().receive(self.from.as_fd())?;
        match said.map(|received| ToSlot::decode(&received.body)) {
            Some(Ok(ToSlot::Go)) => Ok(()),
            _ => Err(Errno::CANCELED),
        }
    }
}

impl Becoming<'_> {
    /// Becomes the command, or says which step failed. The process must end then.
    pub(super) fn the_command(&self) -> Failure {
        if let Err(failed) = self.take_steps(|_| ()) {
            return failed;
        }
        match self.word.as_ref().map_or(Ok(()), Word::wait) {
            Ok(()) => failure(Step::Execute, self.program.execute()),
            Err(errno) => failure(Step::Word, errno),
        }
    }

    /// Everything before the program is executed; `taken` hears of each step after it.
    pub(super) fn take_steps(&self, mut taken: impl FnMut(Step)) -> Result<(), Failure> {
        let mut step = |step: Step, result: Result<(), Errno>| {
            taken(step);
            result.map_err(|errno| failure(step, errno))
        };
        step(Step::Session, setsid().map(drop))?;
        step(Step::Streams, self.take_streams())?;
        step(Step::Limits, limits::set(self.order, self.processes_taken))?;
        step(Step::User, self.change_user())?;
        step(Step::Capabilities, drop_capabilities())?;
        // A change of user clears this, so it comes after.
        step(Step::Parent, self.die_with_the_slot())?;
        step(Step::Directory, chdir(self.order.directory.as_c_str()))?;
        step(Step::Descriptors, seal_all_descriptors())?;
        step(Step::NoNewPrivileges, set_no_new_privs(true))?;
        step(Step::Landlock, self.confine())?;
        step(Step::Limits, limits::set_open_files(self.order))?;
        step(Step::Seccomp, self.add_filters())?;
        sys::release_signals();
        Ok(())
    }

    fn take_streams(&self) -> Result<(), Errno> {
        let [stdout, stderr] = self.streams else { return Err(Errno::BADF) };
        if let Some((uid, gid)) = self.user {
            // So that it can open them by name, as `/dev/stdout`.
            fchown(stdout, Some(uid), Some(gid))?;
            fchown(stderr, Some(uid), Some(gid))?;
        }
        dup2_stdout(stdout.as_fd())?;
        dup2_stderr(stderr.as_fd())
    }

    fn change_user(&self) -> Result<(), Errno> {
        let Some((uid, gid)) = self.user else { return Ok(()) };
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)
    }

    fn die_with_the_slot(&self) -> Result<(), Errno> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The slot may have ended before that.
        if getppid() == Some(self.parent) { Ok(()) } else { Err(Errno::SRCH) }
    }

    fn confine(&self) -> Result<(), Errno> {
        self.rules?.map_or(Ok(()), |rules| rules.confine(self.order.network, self.own_proc().as_ref()))
    }

    /// Without a `/proc` for the run alone: what `/proc` tells of this process. Not of those that it starts.
    fn own_proc(&self) -> Option<Place> {
        if self.kit.offered.namespaces {
            return None;
        }
        // A system without /proc, or with one that hides this: then there is nothing to read.
        Place::open(c"/proc/self", Access::Read).ok()
    }

    /// What comes on top of the slot's own filter, which is in force already.
    fn add_filters(&self) -> Result<(), Errno> {
        if !self.kit.offered.seccomp {
            return Ok(());
        }
        let apply = |filter: &BpfProgram| apply_filter(filter).map_err(|_| Errno::INVAL);
        if !self.order.network {
            apply(&self.kit.filter_of_sockets)?;
        }
        // The development server works on its user's own files, and may.
        if self.user.is_none() && !self.order.writable_release {
            self.kit.filters_of_shared_user.iter().try_for_each(apply)?;
        }
        Ok(())
    }
}

/// All sets but the bounding set, which the slot has dropped as far as it could and which means nothing without
/// further privileges.
fn drop_capabilities() -> Result<(), Errno> {
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

fn failure(step: Step, errno: Errno) -> Failure {
    Failure { step, errno: errno.raw_os_error() }
}
