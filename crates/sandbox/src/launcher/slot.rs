//! A slot: the process that runs one command after the other, and holds whatever they start.

use std::cell::Cell;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitStatus, getpid, kill_process, kill_process_group,
    pidfd_open, set_child_subreaper, set_dumpable_behavior, umask,
};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set, set_no_new_privs};

use super::child::{Becoming, Word};
use super::home::Home;
use super::kit::Kit;
use super::landlock::RunRules;
use super::offspring;
use crate::frames::{Incoming, send};
use crate::program::{NoProgram, find_program};
use crate::removal::remove_tree;
use crate::sys::{self, Program, Stack};
use crate::wire::{Failure, FromSlot, Message, Order, Step, ToSlot};

/// How often to reap what a command's descendants left to the slot while the command itself goes on.
const SWEEP: Duration = Duration::from_millis(250);
/// How often to look whether the command has ended, where the kernel gives no descriptor that says so.
const SWEEP_BLIND: Duration = Duration::from_millis(2);
/// How long the count of a user's processes is taken as it was.
const COUNT_FRESH: Duration = Duration::from_secs(1);

pub(super) struct Slot {
    pub(super) kit: Kit,
    pub(super) socket: OwnedFd,
    /// Ends when the launcher does.
    pub(super) lifeline: OwnedFd,
    pub(super) user: Option<(Uid, Gid)>,
    /// The private directory of its runs.
    pub(super) private: CString,
}

impl Slot {
    /// Serves the gateway until it, or the launcher, is gone.
    pub(super) fn serve(mut self) -> ! {
        let code = match self.serve_runs() {
            Ok(()) => 0,
            Err(_) => 1,
        };
        offspring::kill_all();
        // Where this is a mount, it goes with this process, and the launcher removes what it was mounted on.
        let _ = remove_tree(&path_of(&self.private));
        sys::exit_now(code)
    }

    fn serve_runs(&mut self) -> io::Result<()> {
        let home = self.prepare()?;
        let mut stack = Stack::new();
        let mut incoming = Incoming::default();
        let mut count = ProcessCount::default();
        loop {
            let mut watched =
                [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&self.lifeline, PollFlags::IN)];
            match poll(&mut watched, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if !watched[1].revents().is_empty() {
                return Ok(());
            }
            if watched[0].revents().is_empty() {
                continue;
            }
            let Some(received) = incoming.receive(self.socket.as_fd())? else { return Ok(()) };
            // What crossed with the answer is about a run that has ended.
            let ToSlot::Run(order) = ToSlot::decode(&received.body).map_err(io::Error::other)? else {
                continue;
            };
            let home = match home.as_ref().map_err(|errno| *errno).and_then(Home::look) {
                Ok(home) => home,
                // Another slot may do better, in a directory of another name.
                Err(errno) => {
                    send(self.socket.as_fd(), &failed(Step::PrivateDirectory, errno).encode(), &[])?;
                    return Ok(());
                }
            };
            let rules = self.kit.take_rules(&order, &self.private)?;
            let processes_taken = if self.user.is_some() { 0 } else { count.now() };
            let streams = received.descriptors;
            let in_force = rules.as_ref().map(Option::as_ref).map_err(|errno| *errno);
            let run = SlotRun { slot: self, home, order: &order, streams, rules: in_force, processes_taken };
            let Some(ended) = run.see_through(&mut incoming, &mut stack)? else { return Ok(()) };
            send(self.socket.as_fd(), &ended.encode(), &[])?;
            if let Ok(Some(rules)) = rules {
                self.kit.keep_rules(rules);
            }
            self.kit.make_rules()?;
        }
    }

    /// What holds for all runs of this slot, and is inherited by them.
    fn prepare(&self) -> io::Result<Result<Home, Errno>> {
        if self.kit.offered.namespaces {
            enter_namespaces()?;
        }
        let own_file_system = self.kit.offered.namespaces.then_some(self.kit.scratch_bytes);
        let home = Home::make(&self.private, self.user, own_file_system);
        set_child_subreaper(Some(getpid()))?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        umask(Mode::from_raw_mode(0o077));
        for capability in CapabilitySet::all().iter() {
            // Fails for those that the kernel does not know, and altogether without the privilege to do it.
            let _ = remove_capability_from_bounding_set(capability);
        }
        set_no_new_privs(true)?;
        if self.kit.offered.seccomp {
            seccompiler::apply_filter(&self.kit.filter).map_err(io::Error::other)?;
        }
        Ok(home)
    }
}

/// In a new namespace: keeps mounts to itself, and mounts a `/proc` that shows this namespace alone and, to a user,
/// only that user's processes.
pub(super) fn enter_namespaces() -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, c"hidepid=2")?;
    Ok(())
}

/// One run.
struct SlotRun<'a> {
    slot: &'a Slot,
    home: &'a Home,
    order: &'a Order,
    streams: Vec<OwnedFd>,
    rules: Result<Option<&'a RunRules>, Errno>,
    processes_taken: u64,
}

impl SlotRun<'_> {
    /// From the order to its answer. `None`: nobody waits for it any more.
    fn see_through(self, incoming: &mut Incoming, stack: &mut Stack) -> io::Result<Option<FromSlot>> {
        let home = self.home;
        let ended = self.run(incoming, stack);
        offspring::kill_all();
        home.clear()?;
        ended
    }

    fn run(self, incoming: &mut Incoming, stack: &mut Stack) -> io::Result<Option<FromSlot>> {
        let program = match self.find_program() {
            Ok(program) => program,
            Err(errno) => return Ok(Some(failed(Step::Program, errno))),
        };
        let (slot, failure) = (self.slot, Cell::new(None));
        let becoming = Becoming {
            kit: &slot.kit,
            order: self.order,
            program: Program::new(&program, &self.order.argv, &self.order.environment),
            rules: self.rules,
            streams: &self.streams,
            user: slot.user,
            processes_taken: self.processes_taken,
            parent: getpid(),
            word: self.order.held.then_some(Word { from: &slot.socket, lifeline: &slot.lifeline }),
        };
        let started = sys::start(stack, &|| {
            let failed = becoming.the_command();
            failure.set(Some(failed));
            // For who debugs this where the memory is not shared after all (valgrind makes a copy).
            100 + i32::from(failed.step as u8)
        });
        drop(becoming);
        // The command's ends of its pipes are its own from here on.
        drop(self.streams);
        let leader = match started {
            Ok(pid) => pid,
            Err(error) => {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::AGAIN);
                return Ok(Some(failed(Step::Fork, errno)));
            }
        };
        if self.order.tell_start && failure.get().is_none() {
            send(slot.socket.as_fd(), &FromSlot::Started.encode(), &[])?;
        }
        let Some(status) = wait_for(slot, leader, incoming)? else { return Ok(None) };
        let ended = failure.get().map(FromSlot::Failed);
        Ok(Some(ended.unwrap_or_else(|| ended_with(status))))
    }

    fn find_program(&self) -> Result<CString, Errno> {
        let name = self.order.argv.first().and_then(|name| name.to_str().ok()).ok_or(Errno::NOENT)?;
        let search_path = self.order.search_path.to_str().map_err(|_| Errno::INVAL)?;
        let found = find_program(name, &path_of(&self.order.directory), search_path);
        let found = found.map_err(|none| match none {
            NoProgram::NotFound => Errno::NOENT,
            NoProgram::NotExecutable => Errno::ACCESS,
        })?;
        CString::new(found.into_os_string().into_encoded_bytes()).map_err(|_| Errno::NOENT)
    }
}

/// Waits for the command, and does to it what the gateway asks. `None`: the gateway or the launcher is gone.
fn wait_for(slot: &Slot, leader: Pid, incoming: &mut Incoming) -> io::Result<Option<WaitStatus>> {
    let watch = pidfd_open(leader, PidfdFlags::empty()).ok();
    let pause = if watch.is_some() { SWEEP } else { SWEEP_BLIND };
    let pause = Timespec::try_from(pause).map_err(io::Error::other)?;
    loop {
        let descriptors = [&slot.socket, &slot.lifeline].into_iter().chain(&watch);
        let mut watched: Vec<_> =
            descriptors.map(|descriptor| PollFd::new(descriptor, PollFlags::IN)).collect();
        match poll(&mut watched, Some(&pause)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let said = |index: usize| watched.get(index).is_some_and(|one: &PollFd| !one.revents().is_empty());
        let (asked, orphaned) = (said(0), said(1));
        if let Some(status) = offspring::reap(leader) {
            return Ok(Some(status));
        }
        if orphaned {
            return Ok(None);
        }
        if asked {
            let Some(received) = incoming.receive(slot.socket.as_fd())? else { return Ok(None) };
            match ToSlot::decode(&received.body).map_err(io::Error::other)? {
                ToSlot::Terminate => signal(leader, Signal::TERM),
                ToSlot::Kill => signal(leader, Signal::KILL),
                // For a child that did not live to hear it.
                ToSlot::Go => {}
                ToSlot::Run(_) => return Err(io::Error::other("an order during a run")),
            }
        }
    }
}

/// To the group, or to the child that has not made its group yet.
fn signal(leader: Pid, signal: Signal) {
    if kill_process_group(leader, signal).is_err() || signal == Signal::KILL {
        let _ = kill_process(leader, signal);
    }
}

fn path_of(path: &std::ffi::CStr) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(path.to_bytes()))
}

fn failed(step: Step, errno: Errno) -> FromSlot {
    FromSlot::Failed(Failure { step, errno: errno.raw_os_error() })
}

fn ended_with(status: WaitStatus) -> FromSlot {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => FromSlot::Exited(code),
        (None, Some(signal)) => FromSlot::Signalled(signal),
        (None, None) => FromSlot::Exited(-1),
    }
}

/// How many processes this user has. Where commands run as the gateway's user, the kernel counts them together.
#[derive(Default)]
struct ProcessCount {
    counted: Option<(std::time::Instant, u64)>,
}

impl ProcessCount {
    fn now(&mut self) -> u64 {
        if let Some((at, count)) = self.counted
            && at.elapsed() < COUNT_FRESH
        {
            return count;
        }
        let count = threads_of_this_user();
        self.counted = Some((std::time::Instant::now(), count));
        count
    }
}

fn threads_of_this_user() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::getuid().as_raw();
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_bytes().iter().all(u8::is_ascii_digit))
        .filter_map(|entry| {
            // Threads are directories, each a link to their parent, besides the two that every directory has. Asked
            // of this directory because it belongs to the user even when the process hides the rest of itself.
            let tasks = std::fs::metadata(entry.path().join("task")).ok()?;
            let owner = std::fs::metadata(entry.path()).ok()?.uid();
            (owner == user || user_of(&entry.path()) == Some(user)).then(|| tasks.nlink().saturating_sub(2))
        })
        .sum()
}

/// The directory of a process that hides itself belongs to root.
fn user_of(process: &Path) -> Option<u32> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_ascii_whitespace().next()?.parse().ok()
}
