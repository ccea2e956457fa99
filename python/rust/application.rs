//! An application, as Python calls it.

mod credentials;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::Semaphore;
use toolfront_api::RunRequest;
use toolfront_client::{ApplicationClient, GatewayUrl};

use self::credentials::Credentials;
use crate::asking::{Asked, Asking, Bounds, Cancellation};
use crate::calls;
use crate::faults::Fault;
use crate::runtime::Process;

/// The most that is read of a page or file.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many commands one application object has under way; the others wait here, and not for a refusal: a gateway runs 64
/// of an application at once unless it is told otherwise, and keeps some places for others.
const RUNS_AT_ONCE: usize = 32;

/// A client of one application. Its connections belong to one process: the child of a fork makes its own.
#[pyclass(frozen, module = "toolfront._core")]
pub(crate) struct Application {
    url: GatewayUrl,
    credentials: Credentials,
    ca_file: Option<PathBuf>,
    own: Mutex<Option<Own>>,
}

/// What belongs to one process.
#[derive(Clone)]
struct Own {
    process: u32,
    client: ApplicationClient,
    /// A place for each command that may run at once.
    places: Arc<Semaphore>,
}

/// What `run` yields: the command's output, and how it ended.
#[derive(IntoPyObject)]
struct Ran {
    stdout: String,
    stderr: String,
    returncode: i32,
    duration: f64,
    truncated: bool,
    timed_out: bool,
    request_id: String,
    ignored_env: Vec<String>,
}

#[pymethods]
impl Application {
    /// A client of the application at `url`, as whom `parameters` say. Nothing is sent yet.
    #[new]
    #[pyo3(signature = (url, parameters, ca_file=None))]
    fn new(
        py: Python<'_>,
        url: &str,
        parameters: Vec<(String, String)>,
        ca_file: Option<PathBuf>,
    ) -> PyResult<Self> {
        let made = Self::open(url, parameters, ca_file).map_err(|fault| fault.into_error(py))?;
        // What is wrong with the certificates is told now.
        made.client(py)?;
        Ok(made)
    }

    /// The URL, without a slash at its end.
    #[getter]
    fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Whether requests carry a token.
    #[getter]
    fn has_token(&self) -> bool {
        self.credentials.has_token()
    }

    /// Whether what is sent can be read on the way.
    #[getter]
    fn is_plain_text(&self) -> bool {
        self.url.is_plain_text()
    }

    /// Runs a tool of a page.
    #[pyo3(signature = (page, command, env, timeout=None, done=None))]
    fn run(
        &self,
        py: Python<'_>,
        page: String,
        command: Vec<String>,
        env: BTreeMap<String, String>,
        timeout: Option<f64>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let Own { client, places, .. } = self.own(py)?;
        let request = RunRequest { command, env };
        calls::start(
            py,
            done,
            within(timeout, async move {
                // Never closed.
                let _place = places.acquire().await.ok();
                let reply = client.run(&page, &request).await?;
                Ok(Ran {
                    stdout: reply.stdout,
                    stderr: reply.stderr,
                    returncode: reply.returncode,
                    duration: Duration::from_millis(reply.duration_ms).as_secs_f64(),
                    truncated: reply.truncated,
                    timed_out: reply.timed_out,
                    request_id: reply.request_id,
                    ignored_env: reply.ignored_env,
                })
            }),
        )
    }

    /// All pages, as `(path, title, description, tools)`.
    #[pyo3(signature = (timeout=None, done=None))]
    fn pages(&self, py: Python<'_>, timeout: Option<f64>, done: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let client = self.client(py)?;
        calls::start(
            py,
            done,
            within(timeout, async move {
                let pages = client.listed_or_linked_pages().await?.into_iter();
                let pages = pages.map(|page| (page.path, page.title, page.description, page.tools));
                Ok(pages.collect::<Vec<_>>())
            }),
        )
    }

    /// The text of a page.
    #[pyo3(signature = (path, timeout=None, done=None))]
    fn read(
        &self,
        py: Python<'_>,
        path: String,
        timeout: Option<f64>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let client = self.client(py)?;
        calls::start(
            py,
            done,
            within(timeout, async move {
                let page = client.read(&path, FILE_BYTES_MAX).await?;
                String::from_utf8(page.bytes).map_err(|_| Fault::NotText(path.into()))
            }),
        )
    }

    /// The bytes of a page or file.
    #[pyo3(signature = (path, timeout=None, done=None))]
    fn read_bytes(
        &self,
        py: Python<'_>,
        path: String,
        timeout: Option<f64>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let client = self.client(py)?;
        calls::start(
            py,
            done,
            within(timeout, async move { Ok(Bytes(client.read(&path, FILE_BYTES_MAX).await?.bytes)) }),
        )
    }

    /// Asks a model. `tell` gets each event as JSON; `check` gets the answer, and says what is wrong with it or `None`.
    /// Neither may raise.
    #[pyo3(signature = (prompt, model, cancel, env, *, schema=None, max_turns=None, context_window=None, timeout=None, tell=None, check=None, done=None))]
    #[expect(clippy::too_many_arguments, reason = "each is one of the question's")]
    fn ask(
        &self,
        py: Python<'_>,
        prompt: String,
        model: Asked,
        cancel: &Cancellation,
        env: BTreeMap<String, String>,
        schema: Option<&str>,
        max_turns: Option<u32>,
        context_window: Option<usize>,
        timeout: Option<f64>,
        tell: Option<Py<PyAny>>,
        check: Option<Py<PyAny>>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let client = self.client(py)?;
        let bounds = Bounds { env, max_turns, context_window, timeout };
        let asking = Asking::new(py, client, (prompt, schema), model, bounds, cancel);
        let asking = asking.map_err(|fault| fault.into_error(py))?.with(tell, check);
        calls::start(py, done, asking.answer())
    }
}

impl Application {
    fn open(url: &str, given: Vec<(String, String)>, ca_file: Option<PathBuf>) -> Result<Self, Fault> {
        let url = GatewayUrl::parse(url)
            .map_err(|fault| Fault::Configuration(format!("the application's URL: {fault}")))?;
        let credentials = Credentials::new(given)?;
        Ok(Self { url, credentials, ca_file, own: Mutex::new(None) })
    }

    /// The client of this very process.
    pub(crate) fn client(&self, py: Python<'_>) -> PyResult<ApplicationClient> {
        self.own(py).map(|own| own.client)
    }

    fn own(&self, py: Python<'_>) -> PyResult<Own> {
        let process = Process::id();
        // Locked only by who holds the interpreter, as the runtime is.
        let mut held = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = held.as_ref().filter(|own| own.process == process) {
            return Ok(own.clone());
        }
        let connection = self.credentials.connection(self.url.clone(), self.ca_file.clone());
        let client = connection
            .and_then(|connection| Ok(ApplicationClient::new(&connection)?))
            .map_err(|fault| fault.into_error(py))?;
        let own = Own { process, client, places: Arc::new(Semaphore::new(RUNS_AT_ONCE)) };
        if let Some(inherited) = held.replace(own.clone()) {
            // Its connections are the parent's.
            std::mem::forget(inherited);
        }
        Ok(own)
    }
}

/// Bytes that Python gets as `bytes`.
struct Bytes(Vec<u8>);

impl<'py> IntoPyObject<'py> for Bytes {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = std::convert::Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(PyBytes::new(py, &self.0))
    }
}

/// The same, for so many seconds at most.
pub(crate) async fn within<T>(
    seconds: Option<f64>,
    future: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let Some(limit) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) else {
        return future.await;
    };
    tokio::time::timeout(limit, future).await.unwrap_or(Err(Fault::TimedOut(limit)))
}
