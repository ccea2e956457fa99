//! What keeps the removal of an old blob apart from the calls that make one young.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

use parking_lot::{Mutex, MutexGuard};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW};

use super::machine_time;

/// The name of the file that the processes of a shared directory lock.
const LOCK: &str = "blobs.lock";

/// One for each directory of blobs that is open.
#[derive(Debug)]
pub(super) enum Exclusion {
    /// Nobody but this process has the directory.
    Process(Mutex<()>),
    /// Other processes have it too, on other machines perhaps. The mutex keeps the threads of this one apart: the
    /// lock belongs to the open file, which they share.
    Processes(Mutex<File>),
}

/// Held until it is dropped.
pub(super) enum Held<'e> {
    Process { _held: MutexGuard<'e, ()> },
    Processes { file: MutexGuard<'e, File> },
}

impl Exclusion {
    pub(super) fn of_this_process() -> Self {
        Self::Process(Mutex::default())
    }

    /// Fails where files can't be locked, such as on a network file system without locks.
    pub(super) fn among_processes(directory: &Path) -> io::Result<Self> {
        let path = directory.join(LOCK);
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
        let exclusion = Self::Processes(Mutex::new(file));
        drop(exclusion.alone()?);
        Ok(exclusion)
    }

    /// For making blobs young: nothing is removed meanwhile.
    pub(super) fn beside_claims(&self) -> io::Result<Held<'_>> {
        self.hold(File::lock_shared)
    }

    /// For removing a blob, or putting one in place.
    pub(super) fn alone(&self) -> io::Result<Held<'_>> {
        self.hold(File::lock)
    }

    fn hold(&self, lock: impl Fn(&File) -> io::Result<()>) -> io::Result<Held<'_>> {
        match self {
            Self::Process(mutex) => Ok(Held::Process { _held: mutex.lock() }),
            Self::Processes(mutex) => {
                let file = mutex.lock();
                loop {
                    match lock(&file) {
                        Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                        locked => break locked.map(|()| Held::Processes { file }),
                    }
                }
            }
        }
    }

    /// The time by which the ages of the files are told: a file server has a clock of its own.
    pub(super) fn now(&self) -> io::Result<SystemTime> {
        match self {
            Self::Process(_) => Ok(machine_time()),
            Self::Processes(mutex) => {
                let file = mutex.lock();
                make_young(&file)?;
                file.metadata()?.modified()
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Self::Processes { file } = self {
            // What can't be unlocked is unlocked when the process ends, and the next lock is then refused or waits.
            let _ = file.unlock();
        }
    }
}

/// Makes a file as young as one that was just written.
pub(super) fn make_young(file: &File) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    rustix::fs::futimens(file, &Timestamps { last_access: now, last_modification: now })?;
    Ok(())
}
