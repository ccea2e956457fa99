//! Why a command did not do what was asked: one sentence, and the exit code.

use std::error::Error;

use serde_json::{Value, json};
use toolfront_api::Problem;
use toolfront_client::{ClientError, DeployError, DirectoryError, LookupError, ReadbackError, SetupFault};

use crate::exit::Exit;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    problem: Option<Box<Problem>>,
}

impl Failure {
    /// The command failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), problem: None }
    }

    /// The command was used wrongly.
    pub(crate) fn wrong_use(message: impl Into<String>) -> Self {
        Self { exit: Exit::WrongUse, message: message.into(), problem: None }
    }

    /// What it is about is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { exit: Exit::NotFound, message: message.into(), problem: None }
    }

    /// The command did what was asked, and found what it was to look out for: exit code 1, without a word.
    pub(crate) fn found() -> Self {
        Self::failed(String::new())
    }

    /// The person did not want it any more.
    pub(crate) fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, message: "interrupted".to_owned(), problem: None }
    }

    /// The command failed because of an error, told with all that is below it.
    pub(crate) fn of(error: &dyn Error) -> Self {
        Self::failed(with_causes(error))
    }

    /// The same for a command that was used wrongly.
    pub(crate) fn wrong_use_of(error: &dyn Error) -> Self {
        Self::wrong_use(with_causes(error))
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The same with something said before.
    pub(crate) fn after(self, context: &str) -> Self {
        Self { message: format!("{context}: {}", self.message), ..self }
    }

    /// As a problem in JSON: the gateway's own, or one of the same form.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = match self.problem.as_ref().map(serde_json::to_value) {
            Some(Ok(value)) => value,
            Some(Err(_)) | None => {
                json!({ "type": "about:blank", "title": self.exit.title(), "detail": self.message })
            }
        };
        if let Some(fields) = object.as_object_mut() {
            fields.insert("exit_code".to_owned(), json!(self.exit as u8));
        }
        object
    }
}

/// An error and what caused it, from the outside in.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        text.push_str(": ");
        text.push_str(&below.to_string());
        cause = below.source();
    }
    text
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Unreachable { .. }
            | ClientError::BrokenOff { .. }
            | ClientError::TimedOut { .. } => Self { exit: Exit::Unreachable, message, problem: None },
            ClientError::Problem(problem) => {
                Self { exit: Exit::of_status(problem.status), message, problem: Some(problem) }
            }
            ClientError::NotAGateway { .. }
            | ClientError::Redirected { .. }
            | ClientError::UnexpectedAnswer { .. }
            | ClientError::AnswerTooLong { .. } => Self::failed(message),
        }
    }
}

impl From<LookupError> for Failure {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Call(error) => error.into(),
            LookupError::Nothing { .. } => {
                Self { exit: Exit::NotFound, message: error.to_string(), problem: None }
            }
            LookupError::Empty | LookupError::Ambiguous { .. } => Self::wrong_use(error.to_string()),
        }
    }
}

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Call(error) => error.into(),
            DeployError::Unreadable { .. }
            | DeployError::Changed { .. }
            | DeployError::UnknownBlob { .. } => Self::of(&error),
        }
    }
}

impl From<ReadbackError> for Failure {
    fn from(error: ReadbackError) -> Self {
        Self::from(error.error).after(&format!("{} can't be read back", error.path))
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotADirectory { .. } => Self::wrong_use(error.to_string()),
            DirectoryError::Unreadable { .. } => Self::of(&error),
        }
    }
}

impl From<SetupFault> for Failure {
    fn from(error: SetupFault) -> Self {
        match error {
            SetupFault::CaFileUnreadable { .. } | SetupFault::CaFileInvalid { .. } => {
                Self::wrong_use_of(&error)
            }
            SetupFault::Http(_) => Self::of(&error),
        }
    }
}
