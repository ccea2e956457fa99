//! How a future becomes a call of Python: one that is waited for, or one that calls back.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use pyo3::BoundObject;
use pyo3::prelude::*;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::faults::Fault;
use crate::runtime::Process;

/// How often a thread that waits looks whether Ctrl-C was pressed.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// What a call yields, on its way to Python.
pub(crate) trait Outcome: for<'py> IntoPyObject<'py> + Send + 'static {}

impl<T: for<'py> IntoPyObject<'py> + Send + 'static> Outcome for T {}

/// A call that runs while Python does something else.
#[pyclass(frozen, module = "toolfront._core")]
pub(crate) struct Task(AbortHandle);

#[pymethods]
impl Task {
    /// Breaks it off: `done` is not called then, unless it was already.
    fn cancel(&self) {
        self.0.abort();
    }
}

/// Waits for the future and yields what it comes to; or, with `done`, yields a [`Task`] at once and calls
/// `done(value, error)` from another thread, one of the two being `None`.
///
/// While it is waited for, the interpreter is released. Dropping the future, as Ctrl-C does, ends the request.
pub(crate) fn start<T: Outcome>(
    py: Python<'_>,
    done: Option<Py<PyAny>>,
    future: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    let process = Process::current(py)?;
    let Some(done) = done else {
        let outcome = wait(py, &process, future)?;
        return to_python(py, outcome.map_err(|fault| fault.into_error(py))?);
    };
    let task = process.runtime.spawn(async move {
        let outcome = future.await;
        // Not when the interpreter is ending: then nobody waits any more.
        Python::try_attach(|py| tell(py, &done, outcome));
    });
    Ok(Py::new(py, Task(task.abort_handle()))?.into_any())
}

fn wait<T: Send>(py: Python<'_>, process: &Process, future: impl Future<Output = T> + Send) -> PyResult<T> {
    let runtime = &process.runtime;
    py.detach(|| {
        let watched = async {
            let mut future = pin!(future);
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut future => return Ok(outcome),
                    () = tokio::time::sleep(SIGNAL_INTERVAL) => look_for_signals()?,
                }
            }
        };
        // A function that is called back by one call may make another.
        if Handle::try_current().is_ok() {
            tokio::task::block_in_place(|| runtime.handle().block_on(watched))
        } else {
            runtime.block_on(watched)
        }
    })
}

fn look_for_signals() -> PyResult<()> {
    Python::attach(|py| {
        py.check_signals()?;
        Ok(())
    })
}

fn tell<T: Outcome>(py: Python<'_>, done: &Py<PyAny>, outcome: Result<T, Fault>) {
    let told = match outcome.map_err(|fault| fault.into_error(py)).and_then(|value| to_python(py, value)) {
        Ok(value) => done.call1(py, (value, py.None())),
        Err(error) => done.call1(py, (py.None(), error)),
    };
    if let Err(error) = told {
        error.write_unraisable(py, Some(done.bind(py)));
    }
}

fn to_python<T: Outcome>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>> {
    value.into_pyobject(py).map(|value| value.into_bound().into_any().unbind()).map_err(Into::into)
}
