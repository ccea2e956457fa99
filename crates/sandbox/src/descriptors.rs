//! Keeping the descriptors that this process inherited from those that it starts.

use std::fs;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd};

/// How far to look where the open descriptors cannot be listed.
const BLIND_LIMIT: RawFd = 65_536;
/// The same in the launcher, which opens some hundred at most.
#[cfg(target_os = "linux")]
const BLIND_LIMIT_OF_LAUNCHER: RawFd = 4_096;

/// Marks every descriptor from 3 on as close-on-exec, so that no command ever gets one.
///
/// Whatever this process opens is marked from the start; what its own parent left open (a shell's redirection, a
/// supervisor's socket, `make`'s job server) may not be. Call it once, first thing in `main`.
pub fn seal_inherited_descriptors() {
    let listed: Option<Vec<RawFd>> = fs::read_dir("/dev/fd")
        .ok()
        .map(|entries| entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect());
    match listed {
        Some(open) if !open.is_empty() => open.into_iter().for_each(seal),
        _ => (0..BLIND_LIMIT).for_each(seal),
    }
}

/// Marks every descriptor from 3 on, in a process with one thread, without allocating: for the moment before a program
/// is executed. Everything that the launcher opens is marked already; this is for what it might have missed.
#[cfg(target_os = "linux")]
pub(crate) fn seal_all_descriptors() -> Result<(), rustix::io::Errno> {
    use rustix::io::Errno;
    match crate::sys::seal_descriptors_from(3) {
        // Linux before 5.11.
        Err(Errno::NOSYS | Errno::INVAL) => {
            (3..BLIND_LIMIT_OF_LAUNCHER).for_each(seal);
            Ok(())
        }
        sealed => sealed,
    }
}

fn seal(number: RawFd) {
    if number < 3 {
        return;
    }
    #[expect(unsafe_code, reason = "an inherited descriptor has no owner in this process to borrow it from")]
    // SAFETY: the borrow lives for one call that neither closes the descriptor nor reads or writes through it. On a
    // number that is not open, or that is closed by another thread meanwhile, the call fails with EBADF; on one that
    // is opened meanwhile it sets a flag that all descriptors of this process carry anyway.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
}
