//! A gateway's management, as Python calls it.

mod operation;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use toolfront_client::{ApiClient, Connection, GatewayUrl};
use toolfront_token::{OrgId, TokenSecret};
use zeroize::Zeroizing;

use self::operation::Operation;
use crate::application::within;
use crate::calls;
use crate::faults::Fault;
use crate::runtime::Process;

/// A client of one gateway's management API. Its connections belong to one process: the child of a fork makes its own.
#[pyclass(frozen, module = "toolfront._core")]
pub(crate) struct Gateway {
    url: GatewayUrl,
    key: Option<Zeroizing<String>>,
    organization: Option<OrgId>,
    ca_file: Option<PathBuf>,
    client: Mutex<Option<(u32, ApiClient)>>,
}

#[pymethods]
impl Gateway {
    /// A client of the gateway at `url`, as the one who holds `api_key` (or, with `@` before it, the key in that file).
    /// Nothing is sent yet.
    #[new]
    #[pyo3(signature = (url, api_key=None, organization=None, ca_file=None))]
    fn new(
        py: Python<'_>,
        url: &str,
        api_key: Option<&str>,
        organization: Option<&str>,
        ca_file: Option<PathBuf>,
    ) -> PyResult<Self> {
        let made = Self::open(url, api_key, organization, ca_file).map_err(|fault| fault.into_error(py))?;
        made.client(py)?;
        Ok(made)
    }

    /// The URL, without a slash at its end.
    #[getter]
    fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Carries out one operation, given and answered as JSON.
    #[pyo3(signature = (operation, timeout=None, done=None))]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        timeout: Option<f64>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let client = self.client(py)?;
        let operation: Operation = serde_json::from_str(operation).map_err(|error| {
            Fault::Configuration(format!("what was given does not fit: {error}")).into_error(py)
        })?;
        calls::start(
            py,
            done,
            within(timeout, async move {
                let answer = operation.run(&client).await?;
                serde_json::to_string(&answer).map_err(|error| Fault::Internal(error.to_string()))
            }),
        )
    }
}

impl Gateway {
    fn open(
        url: &str,
        api_key: Option<&str>,
        organization: Option<&str>,
        ca_file: Option<PathBuf>,
    ) -> Result<Self, Fault> {
        let url = GatewayUrl::parse(url)
            .map_err(|fault| Fault::Configuration(format!("the gateway's URL: {fault}")))?;
        let key = match api_key.map(|key| (key, key.strip_prefix('@'))) {
            None => None,
            Some((_, Some(file))) => {
                Some(toolfront_cli::read_token_file(file.as_ref()).map_err(Fault::Configuration)?)
            }
            Some((key, None)) => Some(Zeroizing::new(key.trim().to_owned())),
        };
        if let Some(key) = &key {
            token(key)?;
        }
        let organization = organization
            .map(|id| {
                OrgId::parse(id)
                    .map_err(|_| Fault::Configuration("org_id is not the id of an organization".to_owned()))
            })
            .transpose()?;
        Ok(Self { url, key, organization, ca_file, client: Mutex::new(None) })
    }

    /// The client of this very process.
    fn client(&self, py: Python<'_>) -> PyResult<ApiClient> {
        let id = Process::id();
        let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = held.as_ref().filter(|(owner, _)| *owner == id) {
            return Ok(client.clone());
        }
        let client = self.connect().map_err(|fault| fault.into_error(py))?;
        if let Some(inherited) = held.replace((id, client.clone())) {
            std::mem::forget(inherited);
        }
        Ok(client)
    }

    fn connect(&self) -> Result<ApiClient, Fault> {
        let mut connection = Connection::new(self.url.clone());
        connection.key = self.key.as_ref().map(|key| token(key)).transpose()?;
        connection.organization = self.organization;
        connection.ca_file.clone_from(&self.ca_file);
        Ok(ApiClient::new(&connection)?)
    }
}

fn token(text: &str) -> Result<TokenSecret, Fault> {
    TokenSecret::parse(text)
        .map_err(|fault| Fault::Configuration(format!("what api_key gives is not a token: {fault}")))
}
