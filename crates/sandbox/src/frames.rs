//! How messages travel: a length, then that many bytes, over a Unix stream socket; descriptors go with the length.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recv, recvmsg, sendmsg,
};

/// The longest message. The kernel's own limit on one argument is an eighth of this, and a request holds less.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 20;
/// The most descriptors that go with one message.
pub(crate) const DESCRIPTORS_MAX: usize = 2;
const HEADER_BYTES: usize = 4;

/// A message on its way out. Sending goes on where it stopped.
pub(crate) struct Outgoing<'fd> {
    bytes: Vec<u8>,
    sent: usize,
    descriptors: &'fd [BorrowedFd<'fd>],
}

impl<'fd> Outgoing<'fd> {
    /// # Errors
    ///
    /// `E2BIG`, as the kernel says of a command that is too long.
    pub(crate) fn of(body: &[u8], descriptors: &'fd [BorrowedFd<'fd>]) -> io::Result<Self> {
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= FRAME_BYTES_MAX);
        let length = length.ok_or(Errno::TOOBIG)?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend(length.to_le_bytes());
        bytes.extend(body);
        Ok(Self { bytes, sent: 0, descriptors })
    }

    /// Sends as much as the socket takes; all of it, on one that blocks.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        while self.sent < self.bytes.len() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if self.sent == 0
                && !self.descriptors.is_empty()
                && !control.push(SendAncillaryMessage::ScmRights(self.descriptors))
            {
                return Err(Errno::MSGSIZE);
            }
            let rest = self.bytes.get(self.sent..).unwrap_or_default();
            match sendmsg(socket, &[IoSlice::new(rest)], &mut control, SendFlags::NOSIGNAL) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Sends a message on a socket that blocks.
pub(crate) fn send(socket: BorrowedFd<'_>, body: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    Ok(Outgoing::of(body, descriptors)?.send(socket)?)
}

/// A message on its way in. Receiving goes on where it stopped.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

/// A message that arrived.
pub(crate) struct Received {
    pub(crate) body: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Incoming {
    /// Receives one message, or as much of it as there is. `None`: the other side is gone.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> Result<Option<Received>, Errno> {
        loop {
            let wanted = self.wanted()?;
            if wanted == 0 {
                let body = self.bytes.split_off(HEADER_BYTES);
                self.bytes.clear();
                return Ok(Some(Received { body, descriptors: std::mem::take(&mut self.descriptors) }));
            }
            let begun = self.bytes.len();
            self.bytes.resize(begun + wanted, 0);
            let room = self.bytes.get_mut(begun..).unwrap_or_default();
            let taken = if begun < HEADER_BYTES {
                receive_with_descriptors(socket, room, &mut self.descriptors)
            } else {
                recv(socket, room, RecvFlags::empty()).map(|(count, _)| count)
            };
            self.bytes.truncate(begun + taken.as_ref().copied().unwrap_or(0));
            match taken {
                Ok(0) => return Ok(None),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How many bytes are missing from what is known of the message.
    fn wanted(&self) -> Result<usize, Errno> {
        let Some(header) = self.bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(HEADER_BYTES - self.bytes.len());
        };
        let length = usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(Errno::MSGSIZE);
        }
        Ok(HEADER_BYTES + length - self.bytes.len())
    }
}

fn receive_with_descriptors(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(room)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok(received.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::os::fd::AsFd;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn a_message_arrives_with_its_descriptors_and_the_end_is_seen() {
        let (near, far) = pair();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        send(near.as_fd(), b"first", &[writer.as_fd()]).unwrap();
        send(near.as_fd(), b"", &[]).unwrap();
        drop((near, writer));
        let mut incoming = Incoming::default();
        let first = incoming.receive(far.as_fd()).unwrap().unwrap();
        assert_eq!(first.body, b"first");
        rustix::io::write(&first.descriptors[0], b"x").unwrap();
        assert_eq!(rustix::io::read(&reader, &mut [0; 4]), Ok(1));
        let second = incoming.receive(far.as_fd()).unwrap().unwrap();
        assert!(second.body.is_empty() && second.descriptors.is_empty());
        assert!(incoming.receive(far.as_fd()).unwrap().is_none());
    }

    #[test]
    fn a_message_too_long_is_neither_sent_nor_received() {
        let (near, far) = pair();
        assert!(send(near.as_fd(), &vec![0; FRAME_BYTES_MAX + 1], &[]).is_err());
        rustix::io::write(&near, &u32::MAX.to_le_bytes()).unwrap();
        assert_eq!(Incoming::default().receive(far.as_fd()).err(), Some(Errno::MSGSIZE));
    }

    proptest! {
        #[test]
        fn any_stream_is_received_safely(stream in prop::collection::vec(any::<u8>(), 0..300)) {
            let (near, far) = pair();
            rustix::io::write(&near, &stream).unwrap();
            drop(near);
            let mut incoming = Incoming::default();
            let mut length = 0;
            while let Ok(Some(received)) = incoming.receive(far.as_fd()) {
                length += HEADER_BYTES + received.body.len();
            }
            prop_assert!(length <= stream.len());
        }
    }
}
