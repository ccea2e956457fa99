//! Reading one stream of a command through a cap, to keep it or to hand it on.

use std::cmp::{max, min};
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread, read};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::readable::readable;
use crate::run::{Captured, Output};

const FIRST_BYTES: usize = 8 * 1024;
const SCRATCH_BYTES: usize = 16 * 1024;

/// Where the bytes of a stream go as they come.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) to: mpsc::Sender<Output>,
    pub(crate) wrap: fn(Vec<u8>) -> Output,
}

/// The reading end of a command's pipe and what was kept of it.
#[derive(Debug)]
pub(crate) struct Capture {
    pipe: AsyncFd<OwnedFd>,
    sink: Option<Sink>,
    bytes: Vec<u8>,
    bytes_max: usize,
    truncated: bool,
    ended: bool,
}

impl Capture {
    /// Makes the pipe non-blocking (this end alone: the command's end is another open file) and watches it.
    pub(crate) fn of(pipe: OwnedFd, bytes_max: usize, sink: Option<Sink>) -> io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        let pipe = readable(pipe)?;
        Ok(Self { pipe, sink, bytes: Vec::new(), bytes_max, truncated: false, ended: false })
    }

    /// Reads for as long as it is polled, and no faster than the bytes are taken. May be dropped at any time; nothing
    /// read is lost.
    pub(crate) async fn pump(&mut self) -> Infallible {
        while !self.ended {
            let Ok(mut ready) = self.pipe.readable().await else { break };
            // Room first, then bytes: what was read is never waiting in a future that may be dropped.
            let permit = match &self.sink {
                Some(sink) => match sink.to.reserve().await {
                    Ok(permit) => Some((permit, sink.wrap)),
                    Err(_) => break,
                },
                None => None,
            };
            match read_into(self.pipe.get_ref(), &mut self.bytes, self.bytes_max, &mut self.truncated) {
                Ok(0) => self.ended = true,
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(_) => self.ended = true,
            }
            if let Some((permit, wrap)) = permit
                && let Some(bytes) = hand_over(&mut self.bytes, &mut self.bytes_max)
            {
                permit.send(wrap(bytes));
            }
        }
        pending().await
    }

    /// Takes what is in the pipe now and no more, so that a process that goes on writing cannot hold it up.
    pub(crate) async fn drain(&mut self) {
        if self.ended {
            return;
        }
        let mut left = ioctl_fionread(self.pipe.get_ref()).unwrap_or(0);
        while left > 0 {
            match read_into(self.pipe.get_ref(), &mut self.bytes, self.bytes_max, &mut self.truncated) {
                Ok(0) => break,
                Ok(count) => left = left.saturating_sub(count as u64),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
            if let Some(sink) = &self.sink
                && let Some(bytes) = hand_over(&mut self.bytes, &mut self.bytes_max)
            {
                let _ = sink.to.send((sink.wrap)(bytes)).await;
            }
        }
    }

    /// What was kept.
    pub(crate) fn finish(self) -> Captured {
        Captured { bytes: self.bytes, truncated: self.truncated }
    }
}

/// What was read, for the sink. It counts against the cap.
fn hand_over(bytes: &mut Vec<u8>, bytes_max: &mut usize) -> Option<Vec<u8>> {
    if bytes.is_empty() {
        return None;
    }
    *bytes_max = bytes_max.saturating_sub(bytes.len());
    Some(std::mem::take(bytes))
}

/// One read: into the room that is left under the cap, or, when there is none, into nothing.
fn read_into(
    pipe: &OwnedFd,
    bytes: &mut Vec<u8>,
    bytes_max: usize,
    truncated: &mut bool,
) -> Result<usize, Errno> {
    let room = bytes_max.saturating_sub(bytes.len());
    if room == 0 {
        let mut scratch = [const { MaybeUninit::uninit() }; SCRATCH_BYTES];
        let count = read(pipe, &mut scratch)?.0.len();
        *truncated |= count > 0;
        return Ok(count);
    }
    if bytes.len() == bytes.capacity() {
        // Doubles, but never past the cap.
        bytes.reserve_exact(min(room, max(bytes.len(), FIRST_BYTES)));
    }
    let count = read(pipe, spare_capacity(bytes))?;
    if bytes.len() > bytes_max {
        bytes.truncate(bytes_max);
        *truncated = true;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn pipe_holding(bytes: &[u8], bytes_max: usize) -> (Capture, OwnedFd) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        assert_eq!(rustix::io::write(&writer, bytes), Ok(bytes.len()));
        (Capture::of(reader, bytes_max, None).unwrap(), writer)
    }

    #[tokio::test]
    async fn exactly_the_cap_is_not_truncated_and_one_byte_more_is() {
        for (written, truncated) in [(9_999, false), (10_000, false), (10_001, true), (60_000, true)] {
            let (mut capture, _writer) = pipe_holding(&vec![b'x'; written], 10_000);
            capture.drain().await;
            let captured = capture.finish();
            assert_eq!(
                (captured.bytes.len(), captured.truncated),
                (written.min(10_000), truncated),
                "{written}"
            );
            assert!(captured.bytes.capacity() <= 10_000);
        }
    }

    #[tokio::test]
    async fn a_cap_of_nothing_keeps_nothing() {
        let (mut capture, _writer) = pipe_holding(b"x", 0);
        capture.drain().await;
        let captured = capture.finish();
        assert_eq!((captured.bytes.capacity(), captured.truncated), (0, true));
    }

    #[tokio::test]
    async fn draining_an_open_pipe_comes_back() {
        let (mut capture, _writer) = pipe_holding(b"", 10);
        capture.drain().await;
        assert_eq!(capture.finish().bytes, b"");
    }

    #[tokio::test]
    async fn pumping_keeps_what_came_and_never_ends_by_itself() {
        let (mut capture, writer) = pipe_holding(b"abc", 10);
        drop(writer);
        while !capture.ended {
            let polled = tokio::time::timeout(Duration::from_millis(1), capture.pump()).await;
            assert!(polled.is_err());
        }
        assert_eq!(capture.finish().bytes, b"abc");
    }
}
