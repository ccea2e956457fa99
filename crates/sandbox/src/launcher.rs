//! The launcher: a small process that starts commands for the gateway, so that a start costs the same however much
//! memory the gateway holds.
//!
//! ```text
//! gateway ──▶ launcher ──▶ slot ──▶ command ──▶ whatever it starts
//!        └──────────────────▲ one socket each
//! ```
//!
//! The launcher starts *slots*, and nothing else. A slot is a process with one thread that runs one command after the
//! other: it forks, the child confines itself and becomes the program (see [`child`]), the slot waits, kills what is
//! left, and answers. What a command leaves behind, however it detached itself, becomes the slot's child: the slot is
//! a subreaper, and where the kernel lets it (as root) number 1 of a process namespace of its own. So a run costs one
//! fork, and the run's end is the end of everything that it started.
//!
//! The launcher and its slots live as long as the gateway's ends of their sockets, which the kernel closes however
//! the gateway ends; and a slot ends with the launcher, whose end of a pipe it holds. They are not tied to the
//! gateway by a parent-death signal: it follows the *thread* that started them, and a slot that is killed by it could
//! not clear away. Commands are tied to their slot by one.

mod child;
mod costs;
mod home;
mod kit;
mod landlock;
mod limits;
mod offspring;
mod paths;
mod seccomp;
mod slot;
mod trial;

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, WaitOptions, getpid, pidfd_open, set_child_subreaper,
    set_dumpable_behavior, setsid, waitpid,
};
use rustix::stdio;

use crate::descriptors::seal_inherited_descriptors;
use crate::frames::{Incoming, send};
use crate::removal::remove_tree;
use crate::sys::{self, Forked};
use crate::wire::{Message, ToLauncher};
pub use costs::layer_costs;
use kit::Kit;
use slot::Slot;

/// What the binary does when it was started as [`LauncherCommand`](crate::LauncherCommand) says: serves the gateway at
/// the other end of its standard input, until that is closed.
///
/// Call it first thing in `main`, before a runtime or any other thread is started and before anything is loaded: it
/// forks, and what this process holds is what every fork costs.
pub fn launcher_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The one thing that is left to say, to whoever reads the gateway's standard error.
            let _ = io::Write::write_fmt(
                &mut io::stderr(),
                format_args!("toolfront: the launcher of commands ended: {error}\n"),
            );
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    sys::hold_back_signals();
    // Out of the terminal's group: an interrupt is the gateway's to handle. Fails for the leader of a group, which
    // then is not the terminal's.
    let _ = setsid();
    let control = take_control_socket()?;
    seal_inherited_descriptors();
    set_child_subreaper(Some(getpid()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut incoming = Incoming::default();
    let Some(first) = incoming.receive(control.as_fd())? else { return Ok(()) };
    let ToLauncher::Configure(settings) = ToLauncher::decode(&first.body).map_err(io::Error::other)? else {
        return Err(io::Error::other("the first message does not configure"));
    };
    let mut kit = Kit::prepare(&settings)?;
    kit.claim = first.descriptors.into_iter().next();
    kit.offered = trial::of(&kit)?;
    send(control.as_fd(), &kit.offered.encode(), &[])?;
    Launcher::new(control, kit)?.serve(incoming)
}

/// The socket that came as standard input, in another place; commands get `/dev/null` from there.
fn take_control_socket() -> io::Result<OwnedFd> {
    let control = fcntl_dupfd_cloexec(stdio::stdin(), 3)?;
    let null = File::open("/dev/null")?;
    stdio::dup2_stdin(&null)?;
    let null = File::options().write(true).open("/dev/null")?;
    stdio::dup2_stdout(&null)?;
    Ok(control)
}

struct Launcher {
    control: OwnedFd,
    kit: Kit,
    /// The slots that run, each at its number.
    slots: Vec<Option<RunningSlot>>,
    /// Slots hold the reading end, and see the end of this process there.
    lifeline: OwnedFd,
    lifeline_of_slots: Option<OwnedFd>,
}

struct RunningSlot {
    pid: Pid,
    /// Its private directory, as this process sees it.
    private: PathBuf,
    /// Where the kernel has such descriptors. Elsewhere the next order shows which slots have ended.
    watch: Option<OwnedFd>,
}

impl Launcher {
    fn new(control: OwnedFd, kit: Kit) -> io::Result<Self> {
        let (of_slots, lifeline) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Ok(Self { control, kit, slots: Vec::new(), lifeline, lifeline_of_slots: Some(of_slots) })
    }

    fn serve(mut self, mut incoming: Incoming) -> io::Result<()> {
        loop {
            let readable = PollFlags::IN;
            let mut watched = vec![PollFd::new(&self.control, readable)];
            let watches = self.slots.iter().flatten().filter_map(|slot| slot.watch.as_ref());
            watched.extend(watches.map(|watch| PollFd::new(watch, readable)));
            match poll(&mut watched, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let asked = watched.first().is_some_and(|control| !control.revents().is_empty());
            drop(watched);
            self.bury_slots();
            if !asked {
                continue;
            }
            let Some(received) = incoming.receive(self.control.as_fd())? else { return Ok(()) };
            let (Ok(ToLauncher::OpenSlot { private }), Some(socket)) =
                (ToLauncher::decode(&received.body), received.descriptors.into_iter().next())
            else {
                return Err(io::Error::other("a message that is not understood"));
            };
            if let Some(slot) = self.open_slot(socket, private)? {
                // In the slot.
                drop(self);
                slot.serve();
            }
        }
    }

    /// Starts a slot. Returns it in the new process. When it cannot be started, its socket is closed, and that is the
    /// answer.
    fn open_slot(&mut self, socket: OwnedFd, private: CString) -> io::Result<Option<Slot>> {
        let number = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let user = self.kit.user_of_slot(number);
        if self.kit.offered.own_user && user.is_none() {
            return Ok(None);
        }
        let forked = if self.kit.offered.namespaces { sys::fork_into_namespaces() } else { sys::fork() };
        match forked {
            Ok(Forked::Child) => {
                let lifeline = self.lifeline_of_slots.take().ok_or(Errno::BADF)?;
                let kit = self.kit.take();
                Ok(Some(Slot { kit, socket, lifeline, user, private }))
            }
            Ok(Forked::Parent(pid)) => {
                let watch = pidfd_open(pid, PidfdFlags::empty()).ok();
                let private = PathBuf::from(OsString::from_vec(private.into_bytes()));
                let slot = Some(RunningSlot { pid, private, watch });
                match self.slots.get_mut(number) {
                    Some(place) => *place = slot,
                    None => self.slots.push(slot),
                }
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    /// Reaps slots that have ended. One that was killed leaves its command's processes to this one: they are killed.
    fn bury_slots(&mut self) {
        let mut ended = false;
        for place in &mut self.slots {
            let Some(slot) = place else { continue };
            if !matches!(waitpid(Some(slot.pid), WaitOptions::NOHANG), Ok(None)) {
                let _ = remove_tree(&slot.private);
                *place = None;
                ended = true;
            }
        }
        if ended {
            let slots: Vec<Pid> = self.slots.iter().flatten().map(|slot| slot.pid).collect();
            offspring::kill_all_but(&slots);
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // Of use in a slot: the end of the launcher must not be kept open there.
        let _ = &self.lifeline;
    }
}
