//! Which user ids the commands of this process run as, where it is root: a range that no other such process on the
//! machine has at that time.
//!
//! The limit on processes counts those of a user on the whole machine, and what one user may do to another of the same
//! number is not for two gateways to share. Each range is a file that whoever uses it holds a lock on. The lock is
//! handed on to the launcher and its slots, so that it lasts until the last command has ended, however the process
//! that took it ends; the file is left.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::process::geteuid;

use crate::sandbox::{CommandUsers, USERS_OF_A_RANGE};

/// Where the locks are.
const DIRECTORY: &str = "/run/toolfront";
/// The first ids of the ranges, the one to try first coming first. Those below 65,536 are there in containers as well,
/// to which only so many may be mapped; those above are for nobody else either
/// (<https://systemd.io/UIDS-GIDS/>: 1,879,048,192 to 2,147,483,647 are unused).
fn candidates() -> impl Iterator<Item = u32> {
    let further = (0..1000).map(|number| 1_880_000_000 + number * USERS_OF_A_RANGE);
    [64_000, 63_000, 62_000].into_iter().chain(further)
}

/// User ids for commands, and what keeps others from them.
#[derive(Debug)]
pub(crate) struct UserRange {
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// Held, if there is one. None where the ids were configured, or no lock can be had.
    pub(crate) claim: Option<File>,
}

impl UserRange {
    /// The configured range, or a free one. Blocks.
    ///
    /// # Errors
    ///
    /// When every range is taken.
    pub(crate) fn claim(users: CommandUsers) -> io::Result<Self> {
        let CommandUsers { first, count } = users;
        if let Some(first) = first {
            return Ok(Self { first, count, claim: None });
        }
        let count = count.min(USERS_OF_A_RANGE);
        if !geteuid().is_root() {
            // Commands run as this process's user.
            return Ok(Self { first: 0, count, claim: None });
        }
        let directory = Path::new(DIRECTORY);
        if let Err(cause) = DirBuilder::new().recursive(true).mode(0o711).create(directory) {
            tracing::warn!(%cause, "{DIRECTORY} can't be made: another root gateway on this machine would share user ids");
            return Ok(Self { first: 64_000, count, claim: None });
        }
        let mapped = [mapped_ids("/proc/self/uid_map"), mapped_ids("/proc/self/gid_map")];
        for first in candidates() {
            let last = first.saturating_add(count);
            if !mapped.iter().all(|ranges| ranges.iter().any(|(from, to)| *from <= first && last <= *to)) {
                continue;
            }
            if let Some(claim) = lock(&directory.join(format!("users-{first}.lock")))? {
                return Ok(Self { first, count, claim: Some(claim) });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "every range of user ids for commands is in use by another gateway: configure one",
        ))
    }
}

/// The file, locked; `None` when another process has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The ids that there are in this process's user namespace, each range up to and without its end.
fn mapped_ids(map: &str) -> Vec<(u32, u32)> {
    let Ok(text) = std::fs::read_to_string(map) else { return vec![(0, u32::MAX)] };
    let ranges = text.lines().filter_map(|line| {
        let mut columns = line.split_ascii_whitespace().map(str::parse::<u32>);
        let (Some(Ok(from)), Some(Ok(_)), Some(Ok(count))) = (columns.next(), columns.next(), columns.next())
        else {
            return None;
        };
        Some((from, from.saturating_add(count)))
    });
    ranges.collect()
}
