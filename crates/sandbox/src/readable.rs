//! Handing a descriptor to the runtime, to learn when it can be read or written.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::{Interest, unix::AsyncFd};

/// Watches a descriptor for being readable, with the runtime of the caller.
pub(crate) fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    watched(descriptor, Interest::READABLE)
}

/// Watches a descriptor for something, with the runtime of the caller.
pub(crate) fn watched(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        unsafe_code,
        reason = "the safe constructors of `AsyncFd` are deprecated as unsound for any `AsRawFd`"
    )]
    // SAFETY: `OwnedFd::as_raw_fd` names the same open descriptor for as long as the value lives, and the `AsyncFd`
    // that takes it over keeps it open until it has been deregistered.
    let watched = unsafe { AsyncFd::register_with_interest(descriptor, interest) }?;
    Ok(watched)
}
