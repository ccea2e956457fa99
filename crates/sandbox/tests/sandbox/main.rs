//! What a caller of the sandbox sees, with real processes.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod ending;
mod escapes;
mod launcher;
mod launching;
mod limits;
mod output;
mod preparing;
mod streaming;
mod surroundings;
mod unprivileged;
mod valgrind;
mod workshop;
