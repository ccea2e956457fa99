//! The private directory of a slot's runs: one after the other has it for itself, and finds it empty.
//!
//! It is made once for a slot, because on a disk making and removing a directory takes longer than all the rest of a
//! run. Where the slot has mounts of its own, it is a file system of its own, in memory and of a bounded size, so that
//! no command can fill a disk.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use rustix::fs::{
    Dir, Gid, Mode, OFlags, Timespec, Timestamps, Uid, fchmod, fchown, flistxattr, fremovexattr, fstat,
    futimens, mkdir, open, stat,
};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use crate::removal::empty_directory;

/// Files in memory take more of it than their bytes say: so many of them for each mebibyte.
const FILES_PER_MEBIBYTE: u64 = 128;
const ATTRIBUTE_NAMES_MAX: usize = 64 * 1024;

/// The private directory of a slot's runs.
pub(super) struct Home {
    path: CString,
    directory: OwnedFd,
    owner: Option<(Uid, Gid)>,
}

impl Home {
    /// Makes it. `own_file_system`: how much that may hold.
    pub(super) fn make(
        path: &CStr,
        owner: Option<(Uid, Gid)>,
        own_file_system: Option<u64>,
    ) -> Result<Self, Errno> {
        mkdir(path, Mode::RWXU)?;
        if let Some(bytes) = own_file_system {
            let files = (bytes >> 20).saturating_mul(FILES_PER_MEBIBYTE).max(1024);
            let options = format!("size={bytes},nr_inodes={files},mode=0700");
            let options = CString::new(options).map_err(|_| Errno::INVAL)?;
            mount(c"tmpfs", path, c"tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let home = Self { path: path.to_owned(), directory: open(path, flags, Mode::empty())?, owner };
        home.give_over()?;
        Ok(home)
    }

    /// Whether it is still there: somebody may have cleared the place that it is in.
    pub(super) fn look(&self) -> Result<&Self, Errno> {
        let (named, held) = (stat(&self.path)?, fstat(&self.directory)?);
        let same = (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino);
        if same { Ok(self) } else { Err(Errno::NOENT) }
    }

    /// Removes all that a run has left: what is in it, and what is on it (a next run may be another environment's).
    pub(super) fn clear(&self) -> Result<(), Errno> {
        // The right to list it is what a command may have taken away.
        fchmod(&self.directory, Mode::RWXU)?;
        if !self.is_empty()? {
            empty_directory(&self.directory)?;
        }
        self.remove_attributes()?;
        self.give_over()
    }

    fn is_empty(&self) -> Result<bool, Errno> {
        let names = Dir::read_from(&self.directory)?.filter_map(Result::ok);
        Ok(names.filter(|entry| !matches!(entry.file_name().to_bytes(), b"." | b"..")).count() == 0)
    }

    fn remove_attributes(&self) -> Result<(), Errno> {
        if matches!(flistxattr(&self.directory, &mut [0_u8; 0]), Ok(0) | Err(Errno::NOTSUP)) {
            return Ok(());
        }
        let mut names = vec![0_u8; ATTRIBUTE_NAMES_MAX];
        let length = flistxattr(&self.directory, &mut names)?;
        for name in names.get(..length).unwrap_or_default().split(|byte| *byte == 0) {
            // The system's own labels stay, and are not a command's to change.
            if name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_") {
                fremovexattr(&self.directory, name)?;
            }
        }
        Ok(())
    }

    fn give_over(&self) -> Result<(), Errno> {
        if let Some((uid, gid)) = self.owner {
            fchown(&self.directory, Some(uid), Some(gid))?;
        }
        fchmod(&self.directory, Mode::RWXU)?;
        let epoch = Timespec { tv_sec: 0, tv_nsec: 0 };
        futimens(&self.directory, &Timestamps { last_access: epoch, last_modification: epoch })
    }
}
