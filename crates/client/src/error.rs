//! Why a call to a gateway did not succeed.

use std::time::Duration;

use toolfront_api::Problem;

/// Why a call did not succeed. Its `Display` is a sentence that says what to do, and has no token's value in it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection to it could be made.
    #[error("{url} can't be reached: {reason}. Is the gateway running there, and the address right?")]
    Unreachable {
        /// What was called.
        url: String,
        /// What the system says of it.
        reason: String,
    },
    /// The connection was lost before the answer was there.
    #[error(
        "the connection to {url} broke off: {reason}. What was asked for may have been done: look before repeating it"
    )]
    BrokenOff {
        /// What was called.
        url: String,
        /// What the system says of it.
        reason: String,
    },
    /// The answer did not come in time.
    #[error("no answer from {url} within {} s. What was asked for may have been done: look before repeating it", after.as_secs())]
    TimedOut {
        /// What was called.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// The gateway refused, and says why.
    #[error("{}", sentence(.0))]
    Problem(Box<Problem>),
    /// Something answered that is no gateway.
    #[error("{url} answers, but not as a ToolFront gateway does (status {status}): is the address right?")]
    NotAGateway {
        /// What was called.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The gateway says that it is somewhere else.
    #[error(
        "{url} redirects to {location}: use that address (a token is never sent on to another one by itself)"
    )]
    Redirected {
        /// What was called.
        url: String,
        /// Where it points.
        location: String,
    },
    /// The gateway's answer can't be understood.
    #[error(
        "the answer of {url} can't be understood (line {line}, column {column}): is the gateway of another version?"
    )]
    UnexpectedAnswer {
        /// What was called.
        url: String,
        /// Where in the answer.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// The answer is longer than any that is expected.
    #[error("the answer of {url} is longer than {bytes_max} bytes")]
    AnswerTooLong {
        /// What was called.
        url: String,
        /// How much is read.
        bytes_max: usize,
    },
}

impl ClientError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// Whether the same call may succeed in a moment: the connection failed, or the gateway says that it can't now.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::BrokenOff { .. } | Self::TimedOut { .. } => true,
            Self::Problem(problem) => matches!(problem.status, 429 | 502..=504),
            Self::NotAGateway { status, .. } => matches!(status, 502..=504),
            Self::Redirected { .. } | Self::UnexpectedAnswer { .. } | Self::AnswerTooLong { .. } => false,
        }
    }

    /// What `reqwest` says, told as one of ours. The URL is `url`, which has nothing secret in it.
    pub(crate) fn from_transport(error: &reqwest::Error, url: &reqwest::Url, timeout: Duration) -> Self {
        let url = origin_and_path(url);
        if error.is_connect() {
            return Self::Unreachable { url, reason: innermost(error) };
        }
        if error.is_timeout() {
            return Self::TimedOut { url, after: timeout };
        }
        Self::BrokenOff { url, reason: innermost(error) }
    }
}

/// A URL without its query.
pub(crate) fn origin_and_path(url: &reqwest::Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// The cause at the bottom says most: `connection refused`, `invalid peer certificate: …`.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// The detail, and the fields that do not fit, one a line. A gateway's detail is often made of them: then they
/// are told once.
fn sentence(problem: &Problem) -> String {
    let fields: Vec<_> =
        problem.errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    let are_told = fields.iter().all(|field| problem.detail.contains(field));
    let head = if problem.detail.is_empty() || (are_told && fields.len() > 1) {
        &problem.title
    } else {
        &problem.detail
    };
    let below = if are_told && fields.len() < 2 { &[] } else { fields.as_slice() };
    std::iter::once(head.as_str()).chain(below.iter().map(String::as_str)).collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use toolfront_api::FieldError;

    use super::*;

    #[test]
    fn a_problem_reads_as_its_detail_and_its_fields() {
        let problem = Problem {
            kind: "/problems/invalid".to_owned(),
            title: "Something in the request does not fit".to_owned(),
            status: 422,
            detail: "two fields do not fit".to_owned(),
            request_id: None,
            errors: vec![FieldError { field: "name".to_owned(), message: "must not be empty".to_owned() }],
            tools: Vec::new(),
            near: Vec::new(),
            id: None,
        };
        let error = ClientError::Problem(Box::new(problem));
        assert_eq!(error.to_string(), "two fields do not fit\n  name: must not be empty");
        assert_eq!(error.status(), Some(422));
    }
}
