//! The gateway's side of the launcher: starting it, and slots to run commands in.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::frames::{Incoming, send};
use crate::private_directory::next_name;
use crate::removal::remove_tree;
use crate::sandbox::LauncherCommand;
use crate::user_range::UserRange;
use crate::wire::{Message, Offered, Settings, ToLauncher};

/// Slots that are kept when nothing runs in them. More are opened when more runs at once.
const IDLE_MAX: usize = 32;
/// How long a launcher may take to say what it found.
const START_MAX: Duration = Duration::from_secs(20);

/// The launcher, and the slots that it started.
#[derive(Debug)]
pub(crate) struct Slots {
    command: LauncherCommand,
    settings: Settings,
    users: UserRange,
    temporary_root: PathBuf,
    launcher: tokio::sync::Mutex<Option<Launcher>>,
    /// Sockets of slots in which nothing runs.
    idle: Mutex<Vec<Slot>>,
    open: Arc<AtomicUsize>,
    open_max: usize,
}

/// The gateway's end of a slot's socket. Closing it ends the slot and what runs in it.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) socket: OwnedFd,
    pub(crate) held: Held,
}

/// What a slot takes for as long as it lives: a place among the slots, and a directory.
#[derive(Debug)]
pub(crate) struct Held {
    open: Arc<AtomicUsize>,
    /// The private directory of its runs.
    pub(crate) private: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        // The slot and the launcher remove it themselves, unless they were killed.
        let private = std::mem::take(&mut self.private);
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(move || remove_tree(&private)));
        }
    }
}

#[derive(Debug)]
struct Launcher {
    control: OwnedFd,
    child: Child,
}

impl Slots {
    /// Starts the launcher. Blocks until it has tried what the kernel offers.
    pub(crate) fn start(
        command: LauncherCommand,
        settings: Settings,
        users: UserRange,
        temporary_root: PathBuf,
    ) -> io::Result<(Self, Offered)> {
        let open_max = usize::try_from(settings.user_count).unwrap_or(usize::MAX).max(1);
        let (launcher, offered) = Launcher::start(&command, &settings, &users)?;
        let slots = Self {
            command,
            settings,
            users,
            temporary_root,
            launcher: tokio::sync::Mutex::new(Some(launcher)),
            idle: Mutex::default(),
            open: Arc::default(),
            open_max,
        };
        Ok((slots, offered))
    }

    /// A slot in which nothing runs: one that is there, or a new one.
    pub(crate) async fn take(self: &Arc<Self>) -> io::Result<Slot> {
        loop {
            let Some(slot) = self.lock_idle().pop() else { break };
            if slot.is_alive() {
                return Ok(slot);
            }
        }
        let slots = Arc::clone(self);
        let mut launcher = self.launcher.lock().await;
        if let Some(running) = &*launcher
            && let Ok(slot) = self.open(running)
        {
            return Ok(slot);
        }
        let ended = launcher.take();
        let started = spawn_blocking(move || {
            drop(ended);
            Launcher::start(&slots.command, &slots.settings, &slots.users)
        });
        let (started, _) = started.await.map_err(io::Error::other)??;
        tracing::warn!("the launcher of commands had ended and was started again");
        let running = launcher.insert(started);
        self.open(running)
    }

    /// Gives a slot back in which nothing runs any more.
    pub(crate) fn give_back(&self, slot: Slot) {
        let mut idle = self.lock_idle();
        if idle.len() < IDLE_MAX {
            idle.push(slot);
        }
    }

    fn open(&self, launcher: &Launcher) -> io::Result<Slot> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.open_max {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Errno::AGAIN.into());
        }
        let private = self.temporary_root.join(next_name());
        let named = CString::new(private.as_os_str().as_bytes())?;
        let held = Held { open: Arc::clone(&self.open), private };
        let (near, far) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        ioctl_fionbio(&near, true)?;
        send(launcher.control.as_fd(), &ToLauncher::OpenSlot { private: named }.encode(), &[far.as_fd()])?;
        Ok(Slot { socket: near, held })
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The other end is open, and has not said anything unasked.
    fn is_alive(&self) -> bool {
        let peeked = recv(&self.socket, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        peeked.map(|(count, _)| count) == Err(Errno::AGAIN)
    }
}

impl Launcher {
    fn start(
        command: &LauncherCommand,
        settings: &Settings,
        users: &UserRange,
    ) -> io::Result<(Self, Offered)> {
        let (near, far) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        #[expect(clippy::disallowed_methods, reason = "the launcher is what runs commands")]
        let child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::from(far))
            .stdout(Stdio::null())
            .spawn()?;
        let launcher = Self { control: near, child };
        let claim: Vec<_> = users.claim.iter().map(AsFd::as_fd).collect();
        send(launcher.control.as_fd(), &ToLauncher::Configure(settings.clone()).encode(), &claim)?;
        let offered = launcher.answer()?;
        Ok((launcher, offered))
    }

    fn answer(&self) -> io::Result<Offered> {
        let most = Timespec::try_from(START_MAX).map_err(io::Error::other)?;
        let mut watched = [PollFd::new(&self.control, PollFlags::IN)];
        if poll(&mut watched, Some(&most))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let answer = Incoming::default().receive(self.control.as_fd())?;
        let answer = answer.ok_or_else(|| {
            io::Error::other("it ended at once: is this program started with the launcher's arguments?")
        })?;
        Offered::decode(&answer.body).map_err(io::Error::other)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // It ends when its socket does, but a program that is no launcher may not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
