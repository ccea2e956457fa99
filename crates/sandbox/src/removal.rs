//! Removing a directory that an untrusted command has filled.
//!
//! Links are never followed, directories that deny access are opened up first, and neither the stack nor the number
//! of open descriptors grows with the depth of the tree: a directory that lies deeper is moved up to the top before
//! its contents are looked at. (`std::fs::remove_dir_all` holds a descriptor and a stack frame per level, so a command
//! could nest directories until this process runs out of either.)

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fchmod, openat, renameat, rmdir, unlinkat};
use rustix::io::Errno;

/// Passes over a tree that something goes on filling, before it is left as it is.
const PASSES_MAX: usize = 8;

/// Removes the directory at `path` and everything in it. That there is none is fine.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    for _ in 0..PASSES_MAX {
        match rmdir(path) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let name = rustix::path::Arg::into_c_str(path)?;
        let top = open_directory(CWD, &name)?;
        Lift { top, moved: 0 }.empty()?;
    }
    Err(Errno::NOTEMPTY.into())
}

/// Removes everything in a directory.
#[cfg(target_os = "linux")]
pub(crate) fn empty_directory(directory: &OwnedFd) -> Result<(), Errno> {
    Lift { top: directory.try_clone().map_err(|_| Errno::MFILE)?, moved: 0 }.empty()
}

struct Lift {
    top: OwnedFd,
    moved: u64,
}

impl Lift {
    /// Removes everything in the top directory. Directories come up into it as those that held them go.
    fn empty(&mut self) -> Result<(), Errno> {
        loop {
            let names = names_in(&self.top)?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                if is_directory_left(&self.top, &name)? {
                    self.dissolve(&name)?;
                }
            }
        }
    }

    /// Removes a directory of the top: its files go, its directories move up.
    fn dissolve(&mut self, name: &CStr) -> Result<(), Errno> {
        let directory = open_directory(&self.top, name)?;
        for child in names_in(&directory)? {
            if is_directory_left(&directory, &child)? {
                self.move_up(&directory, &child)?;
            }
        }
        match unlinkat(&self.top, name, AtFlags::REMOVEDIR) {
            // Filled again meanwhile: the next look at the top finds it.
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn move_up(&mut self, directory: &OwnedFd, child: &CStr) -> Result<(), Errno> {
        let mut opened = false;
        loop {
            let name = format!("\u{1}{}", self.moved);
            match renameat(directory, child, &self.top, name.as_str()) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                // The name is taken.
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::ISDIR) => self.moved += 1,
                // Moving a directory rewrites its `..`, which needs the right to write to it.
                Err(Errno::ACCESS | Errno::PERM) if !opened => {
                    open_directory(directory, child)?;
                    opened = true;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Removes the entry unless it is a directory, and says whether it is one.
fn is_directory_left(directory: &OwnedFd, name: &CStr) -> Result<bool, Errno> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(false),
        // Linux says the first of a directory, POSIX the second.
        Err(Errno::ISDIR | Errno::PERM) => Ok(true),
        Err(error) => Err(error),
    }
}

fn names_in(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Opens a directory that is not a link, with every right for its owner.
fn open_directory(parent: impl AsFd + Copy, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            open_up(parent, name)?;
            openat(parent, name, flags, Mode::empty())?
        }
        opened => opened?,
    };
    fchmod(&directory, Mode::RWXU)?;
    Ok(directory)
}

/// Changes the mode of a directory that cannot be opened, without following a link.
#[cfg(target_os = "linux")]
fn open_up(parent: impl AsFd, name: &CStr) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(parent, name, flags, Mode::empty())?;
    rustix::fs::chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), Mode::RWXU)
}

/// Changes the mode of a directory that cannot be opened, without following a link.
#[cfg(not(target_os = "linux"))]
fn open_up(parent: impl AsFd, name: &CStr) -> Result<(), Errno> {
    rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_tree_with_everything_in_it_goes_and_what_its_links_point_to_stays() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "kept").unwrap();
        let root = tempfile::tempdir().unwrap();
        let top = root.path().join("top");
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        fs::create_dir_all(top.join("\u{1}0/\u{1}0/\u{1}1")).unwrap();
        fs::write(top.join("\u{1}2"), "").unwrap();
        fs::write(top.join("a/b/file"), "text").unwrap();
        fs::write(top.join("a/b/c/file"), "text").unwrap();
        symlink(outside.path(), top.join("a/link")).unwrap();
        symlink(outside.path(), top.join("link")).unwrap();
        symlink("nowhere", top.join("a/dangling")).unwrap();
        for (directory, mode) in [("a/b/c", 0o000), ("a/b", 0o555), ("a", 0o100), ("", 0o500)] {
            fs::set_permissions(top.join(directory), fs::Permissions::from_mode(mode)).unwrap();
        }
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "kept");
    }

    #[test]
    fn a_tree_deeper_than_stack_and_descriptors_allow_goes() {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().join("top");
        fs::create_dir(&top).unwrap();
        let mut here = open_directory(CWD, rustix::path::Arg::into_c_str(&top).unwrap().as_ref()).unwrap();
        for _ in 0..4_000 {
            rustix::fs::mkdirat(&here, c"d", Mode::RWXU).unwrap();
            here = open_directory(&here, c"d").unwrap();
        }
        remove_tree(&top).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn a_link_in_the_place_of_the_directory_is_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "kept").unwrap();
        let root = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("top")).unwrap();
        assert!(remove_tree(&root.path().join("top")).is_err());
        assert!(outside.path().join("kept").exists());
    }
}
