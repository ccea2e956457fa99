//! Room on the data directory's disk, of which some is kept back: ending a token must not fail because the disk is
//! full.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What is kept back on a disk that is large enough.
const RESERVE_MAX: u64 = 8 * 1024 * 1024;
/// Of a smaller one, this part is kept back.
const RESERVE_PART: u64 = 8;
const BLOCK: u64 = 4096;

/// Room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that can still be written, the reserve not among them.
    pub free: u64,
    /// Bytes of the whole disk.
    pub total: u64,
    /// Bytes that are kept back; 0 once they were needed, until there is room again.
    pub reserve: u64,
    /// Whether there is so little left that the gateway says so.
    pub is_nearly_full: bool,
}

/// A file that takes room, to be given up when there is no other.
#[derive(Debug)]
pub(crate) struct Disk {
    directory: PathBuf,
    reserve: PathBuf,
    bytes: u64,
    is_held: AtomicBool,
}

/// Bytes that can be written, and bytes in all.
fn room(directory: &Path) -> io::Result<(u64, u64)> {
    let found = rustix::fs::statvfs(directory)?;
    Ok((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}

impl Disk {
    /// The disk of the data directory; the reserve is taken when there is room.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let (_, total) = room(directory)?;
        let bytes = RESERVE_MAX.min(total / RESERVE_PART) / BLOCK * BLOCK;
        let reserve = directory.join("reserve");
        let disk = Self { directory: directory.to_owned(), reserve, bytes, is_held: AtomicBool::new(false) };
        // Without room for it the gateway starts all the same: it says that the disk is nearly full.
        let _ = disk.take();
        Ok(disk)
    }

    /// Has the reserve, or takes it when there is room for it and as much again.
    pub(crate) fn has_reserve(&self) -> bool {
        if self.is_held.load(Ordering::Acquire) {
            return true;
        }
        let (free, _) = room(&self.directory).unwrap_or_default();
        free >= self.bytes.saturating_mul(2) && self.take().is_ok()
    }

    /// Gives the reserve up; false when there is none.
    pub(crate) fn give_up(&self) -> bool {
        self.is_held.swap(false, Ordering::AcqRel) && fs::remove_file(&self.reserve).is_ok()
    }

    /// How much room there is.
    pub(crate) fn room(&self) -> io::Result<DiskRoom> {
        let (free, total) = room(&self.directory)?;
        let is_held = self.has_reserve();
        let reserve = if is_held { self.bytes } else { 0 };
        Ok(DiskRoom { free, total, reserve, is_nearly_full: !is_held || free < self.bytes })
    }

    fn take(&self) -> io::Result<()> {
        let taken = self.allocate();
        match &taken {
            Ok(()) => self.is_held.store(true, Ordering::Release),
            Err(_) => drop(fs::remove_file(&self.reserve)),
        }
        taken
    }

    fn allocate(&self) -> io::Result<()> {
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&self.reserve)?;
        #[cfg(target_os = "linux")]
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.bytes)?;
        #[cfg(not(target_os = "linux"))]
        io::copy(&mut io::Read::take(io::repeat(0), self.bytes), &mut &file)?;
        file.sync_all()
    }
}
