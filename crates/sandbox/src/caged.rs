//! A command that runs in a slot.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::frames::{Incoming, Outgoing};
use crate::readable::{readable, watched};
use crate::run::Output;
use crate::slots::{Held, Slot, Slots};
use crate::wire::{Failure, FromSlot, Message, Order, Step, ToSlot};

/// How long an ended run may take to be cleared away when nobody waits for it.
const CLEARING_MAX: Duration = Duration::from_secs(10);

/// A command that runs in a slot. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Caged {
    /// Gone once it was given back or closed.
    slot: Option<Occupied>,
    slots: Arc<Slots>,
    incoming: Incoming,
    ended: Option<FromSlot>,
    /// Who is told that the command began, until that was said.
    begun: Option<mpsc::Sender<Output>>,
    /// Nobody waits for this any more; it is being cleared away.
    dismissed: bool,
    /// Whoever waits for the end of all runs waits for this to be dropped.
    stop: Option<watch::Receiver<bool>>,
}

/// A slot in which something runs.
#[derive(Debug)]
struct Occupied {
    socket: AsyncFd<OwnedFd>,
    held: Held,
}

/// Why a run did not begin in a slot.
pub(crate) enum NotBegun {
    /// The slot had ended before: another one will do.
    SlotGone,
    Other(io::Error),
}

impl Caged {
    /// Sends the order to a slot.
    pub(crate) async fn begin(
        slots: Arc<Slots>,
        slot: Slot,
        order: &Order,
        streams: [BorrowedFd<'_>; 2],
        begun: Option<mpsc::Sender<Output>>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, NotBegun> {
        let Slot { socket, held } = slot;
        let socket = readable(socket).map_err(NotBegun::Other)?;
        let body = ToSlot::Run(order.clone()).encode();
        send(&socket, Outgoing::of(&body, &streams).map_err(NotBegun::Other)?).await?;
        Ok(Self {
            slot: Some(Occupied { socket, held }),
            slots,
            incoming: Incoming::default(),
            ended: None,
            begun,
            dismissed: false,
            stop: Some(stop),
        })
    }

    /// Has the program of a held order started.
    pub(crate) async fn go(&self) -> Result<(), NotBegun> {
        let Some(slot) = &self.slot else { return Err(NotBegun::SlotGone) };
        let body = ToSlot::Go.encode();
        send(&slot.socket, Outgoing::of(&body, &[]).map_err(NotBegun::Other)?).await
    }

    /// Returns when the run has ended, with all that it started. May be dropped and called again.
    ///
    /// # Errors
    ///
    /// When the slot is gone, and what the run came to with it.
    pub(crate) async fn ended(&mut self) -> io::Result<FromSlot> {
        if let Some(ended) = self.ended {
            return Ok(ended);
        }
        let Occupied { socket, .. } = self.slot.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        loop {
            let mut ready = socket.readable().await?;
            match self.incoming.receive(socket.as_fd()) {
                Ok(Some(received)) => {
                    let said = FromSlot::decode(&received.body).map_err(io::Error::other)?;
                    if said == FromSlot::Started {
                        // A channel that is full has output in it, which tells as much.
                        let _ = self.begun.take().map(|sink| sink.try_send(Output::Begun));
                        continue;
                    }
                    self.ended = Some(said);
                    return Ok(said);
                }
                Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) fn terminate(&self) {
        self.say(&ToSlot::Terminate);
    }

    pub(crate) fn kill(&self) {
        self.say(&ToSlot::Kill);
    }

    /// A few bytes, which always fit: a slot that does not take them is not one that would act on them.
    fn say(&self, message: &ToSlot) {
        if let Some(slot) = &self.slot
            && let Ok(mut outgoing) = Outgoing::of(&message.encode(), &[])
        {
            let _ = outgoing.send(slot.socket.as_fd());
        }
    }

    /// Ends the run and waits for that.
    async fn clear_away(mut self) {
        let _ = timeout(CLEARING_MAX, self.ended()).await;
    }

    /// What there is to wait for, if anybody can wait.
    fn dismiss(&mut self, slot: Occupied) {
        let Ok(runtime) = Handle::try_current() else { return };
        let left = Self {
            slot: Some(slot),
            slots: Arc::clone(&self.slots),
            incoming: std::mem::take(&mut self.incoming),
            ended: None,
            begun: None,
            dismissed: true,
            stop: self.stop.take(),
        };
        left.kill();
        drop(runtime.spawn(left.clear_away()));
    }
}

async fn send(socket: &AsyncFd<OwnedFd>, mut outgoing: Outgoing<'_>) -> Result<(), NotBegun> {
    loop {
        match outgoing.send(socket.as_fd()) {
            Ok(()) => return Ok(()),
            Err(Errno::AGAIN) => writable(socket.get_ref()).await.map_err(NotBegun::Other)?,
            Err(Errno::PIPE | Errno::CONNRESET) => return Err(NotBegun::SlotGone),
            Err(error) => return Err(NotBegun::Other(error.into())),
        }
    }
}

/// Returns when a socket takes bytes again. It is watched for that only here, because hardly ever is one full, and each
/// message that the slot takes would wake a thread of the runtime for nothing.
async fn writable(socket: &OwnedFd) -> io::Result<()> {
    let socket = watched(socket.try_clone()?, Interest::WRITABLE)?;
    socket.writable().await?.retain_ready();
    Ok(())
}

impl Drop for Caged {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        match self.ended {
            // Such a slot has given up, and is ending.
            Some(FromSlot::Failed(Failure { step: Step::PrivateDirectory, .. })) => {}
            Some(_) => {
                let Occupied { socket, held } = slot;
                self.slots.give_back(Slot { socket: socket.into_inner(), held });
            }
            // Closing the socket ends the run, and the slot with it, which clears away before it goes.
            None if self.dismissed => {}
            None => self.dismiss(slot),
        }
    }
}
