//! Waiting for what is asynchronous, wherever one stands.

use std::io;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};

/// Threads of its own that futures run on. Unlike a runtime's own `block_on`, waiting for one works inside of another
/// runtime, and so does dropping this.
#[derive(Debug)]
pub(super) struct Background {
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Background {
    pub(super) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("blobs").enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// What the future yields; `None` when it did not come to its end. Blocks.
    pub(super) fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = mpsc::sync_channel(1);
        self.runtime.as_ref()?.spawn(async move {
            // Whoever waits is there until it is told.
            let _ = tell.send(work.await);
        });
        told.recv().ok()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
