//! The one runtime of a process: begun with the first call, ended before the interpreter is, never shared by a fork.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

/// What the calls of one process run on.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) runtime: Arc<Runtime>,
    /// Who began it: what a child of a fork inherits is not its own.
    pub(crate) id: u32,
}

/// Locked only by who holds the interpreter, and for a moment. A fork holds the interpreter too, so that no child finds it
/// locked by a thread that it does not have.
static PROCESS: Mutex<Option<Process>> = Mutex::new(None);

const THREADS_MAX: usize = 4;

impl Process {
    /// The id of this very process, asked afresh: it may be the child of a fork.
    pub(crate) fn id() -> u32 {
        std::process::id()
    }

    /// The runtime of this very process.
    pub(crate) fn current(_: Python<'_>) -> PyResult<Self> {
        let id = Self::id();
        let mut held = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(process) = held.as_ref().filter(|process| process.id == id) {
            return Ok(process.clone());
        }
        let threads =
            std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, THREADS_MAX));
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("toolfront")
            .enable_all()
            .build()
            .map_err(|error| {
                PyRuntimeError::new_err(format!("toolfront: no runtime can be started: {error}"))
            })?;
        let process = Self { runtime: Arc::new(runtime), id };
        if let Some(inherited) = held.replace(process.clone()) {
            // Its threads are the parent's; ending it would wait for them for ever.
            std::mem::forget(inherited);
        }
        Ok(process)
    }
}

/// Ends the runtime, without waiting for what still runs. The package calls it when the interpreter begins to end.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let taken = PROCESS.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(process) = taken else { return };
    if process.id != Process::id() {
        std::mem::forget(process);
        return;
    }
    if let Ok(runtime) = Arc::try_unwrap(process.runtime) {
        // Released, so that a thread of the runtime which waits for the interpreter gets it, and ends.
        py.detach(|| runtime.shutdown_timeout(std::time::Duration::from_secs(1)));
    }
}

/// How many threads the runtime has: none before the first call.
#[pyfunction]
pub(crate) fn thread_count() -> usize {
    let held = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
    let own = held.as_ref().filter(|process| process.id == Process::id());
    own.map_or(0, |process| process.runtime.metrics().num_workers())
}
