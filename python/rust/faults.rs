//! Why a call failed, and which exception of the package that is.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use toolfront_agent::{AgentError, ModelError};
use toolfront_api::Problem;
use toolfront_client::{ClientError, DeployError, DirectoryError, DirectoryFaults, LookupError, SetupFault};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// What was given can't be used.
    #[error("{0}")]
    Configuration(String),
    /// A file that was given can't be used.
    #[error("{0}")]
    Setup(#[from] SetupFault),
    /// A call did not succeed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no answer.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// No one token is called so.
    #[error(transparent)]
    Lookup(LookupError),
    /// A directory can't be deployed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Files of a directory have faults.
    #[error(transparent)]
    DirectoryFaults(#[from] DirectoryFaults),
    /// A deployment broke off.
    #[error(transparent)]
    Deploy(DeployError),
    /// It took longer than the caller allows.
    #[error("it took longer than the {} s that are allowed; what was asked for may have been done", .0.as_secs_f64())]
    TimedOut(Duration),
    /// A page is no text.
    #[error("{} is not UTF-8 text: read_bytes reads it", .0.display())]
    NotText(PathBuf),
    /// Something of this program went wrong.
    #[error("{0}")]
    Internal(String),
}

impl From<LookupError> for Fault {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Call(error) => Self::Client(error),
            other => Self::Lookup(other),
        }
    }
}

impl From<DeployError> for Fault {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Call(error) => Self::Client(error),
            other => Self::Deploy(other),
        }
    }
}

impl Fault {
    /// The exception of the package.
    pub(crate) fn into_error(self, py: Python<'_>) -> PyErr {
        static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let made = MAKE
            .import(py, "toolfront._errors", "make")
            .and_then(|make| make.call1((self.kind(), with_causes(&self), self.fields(py)?)));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        }
    }

    /// Which exception, where the HTTP status does not say it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Client(error) | Self::Agent(AgentError::Application(error)) => client_kind(error),
            Self::Agent(AgentError::Model(_)) => "model",
            Self::Agent(AgentError::TurnLimit { .. }) => "turn_limit",
            Self::Agent(AgentError::NoFittingAnswer { .. }) => "no_fitting_answer",
            Self::Agent(AgentError::TimedOut { .. }) | Self::TimedOut(_) => "timed_out",
            Self::Agent(AgentError::Cancelled) => "cancelled",
            Self::Lookup(LookupError::Nothing { .. }) => "not_found",
            Self::Configuration(_) | Self::Setup(_) | Self::Lookup(_) | Self::NotText(_) => "configuration",
            Self::Directory(_) | Self::DirectoryFaults(_) | Self::Deploy(_) => "deploy",
            Self::Agent(_) | Self::Internal(_) => "other",
        }
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        match self {
            Self::Client(ClientError::Problem(problem))
            | Self::Agent(AgentError::Application(ClientError::Problem(problem))) => tell(problem, &fields)?,
            Self::Agent(AgentError::Model(error)) => fields.set_item("status", model_status(error))?,
            Self::DirectoryFaults(DirectoryFaults(faults)) => {
                let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
                fields.set_item("faults", lines)?;
            }
            _ => {}
        }
        Ok(fields)
    }
}

fn client_kind(error: &ClientError) -> &'static str {
    match error {
        ClientError::Problem(_) => "problem",
        ClientError::TimedOut { .. } => "timed_out",
        ClientError::Unreachable { .. } | ClientError::BrokenOff { .. } => "unreachable",
        ClientError::NotAGateway { .. }
        | ClientError::Redirected { .. }
        | ClientError::UnexpectedAnswer { .. }
        | ClientError::AnswerTooLong { .. } => "other",
    }
}

fn model_status(error: &ModelError) -> Option<u16> {
    match error {
        ModelError::Refused { status, .. } | ModelError::Busy { status, .. } => *status,
        _ => None,
    }
}

fn tell(problem: &Problem, fields: &Bound<'_, PyDict>) -> PyResult<()> {
    fields.set_item("status", problem.status)?;
    fields.set_item("title", &problem.title)?;
    fields.set_item("detail", &problem.detail)?;
    fields.set_item("request_id", problem.request_id.as_deref())?;
    fields.set_item("code", problem.code().map(toolfront_api::Code::slug))?;
    fields.set_item("tools", problem.tools.clone())?;
    fields.set_item("near", problem.near.clone())?;
    let errors: Vec<(&str, &str)> =
        problem.errors.iter().map(|error| (error.field.as_str(), error.message.as_str())).collect();
    fields.set_item("errors", errors)
}

/// An error and what caused it, from the outside in.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        let said = below.to_string();
        // A variant that only wraps says the same.
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = below.source();
    }
    text
}
