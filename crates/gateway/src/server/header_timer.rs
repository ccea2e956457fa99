//! The timer of a connection's heads. hyper asks for one for the head of each request, and drops it when the head is
//! there; this gives it the same one again, which is set further instead of being made and registered anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

type Inner = Pin<Box<tokio::time::Sleep>>;

/// For one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct HeaderTimer {
    /// The one that was used before and is not in use.
    idle: Arc<Mutex<Option<Inner>>>,
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let inner = match self.idle.lock().take() {
            Some(mut idle) => {
                idle.as_mut().reset(deadline.into());
                idle
            }
            None => Box::pin(tokio::time::sleep_until(deadline.into())),
        };
        Box::pin(Lent { inner: Some(inner), home: Arc::clone(&self.idle) })
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// Goes back to where it came from when it is dropped.
struct Lent {
    inner: Option<Inner>,
    home: Arc<Mutex<Option<Inner>>>,
}

impl Future for Lent {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.inner {
            Some(inner) => inner.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl Sleep for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.home.lock() = self.inner.take();
    }
}
