//! Commands that a test can recognize among all processes of the machine, and end.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A wait that no test comes near unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks again and again until there is a value.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / LOOK_AGAIN.as_millis() {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    panic!("{what} did not come about");
}

/// A `sleep` of a length that no other test asks for, so that its process can be told from all others.
pub(crate) struct Napper {
    seconds: String,
}

impl Napper {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { seconds: format!("86400.{:010}{number:03}", std::process::id()) }
    }

    /// How long it sleeps: the argument to give to `sleep`.
    pub(crate) fn seconds(&self) -> &str {
        &self.seconds
    }

    /// The processes that sleep so long; `sleep` itself, not a shell that started it.
    fn processes(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let is_it = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line == format!("sleep\0{}\0", self.seconds).as_bytes()
        };
        pids.filter(is_it).filter_map(Pid::from_raw).collect()
    }

    pub(crate) fn is_asleep(&self) -> bool {
        !self.processes().is_empty()
    }

    /// Returns once the command runs.
    pub(crate) async fn fall_asleep(&self) {
        eventually("the command's begin", async || self.is_asleep().then_some(())).await;
    }

    /// Returns once the command is gone.
    pub(crate) async fn be_gone(&self) {
        eventually("the command's end", async || (!self.is_asleep()).then_some(())).await;
    }

    /// Ends the `sleep`, and whatever waits for it goes on.
    pub(crate) fn wake(&self) {
        for pid in self.processes() {
            // It may have ended since it was found.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Nothing is left behind, also when a test fails.
impl Drop for Napper {
    fn drop(&mut self) {
        self.wake();
    }
}
