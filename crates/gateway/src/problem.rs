//! Everything that is answered in place of success, made in one place.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderValue};
use toolfront_api::{Code, FieldError, PROBLEM_MEDIA_TYPE, Problem};
use toolfront_app::Mask;
use toolfront_store::{
    BlobError, Decision, EnvironmentRefusal, KeyFault, SecretRefusal, StoreError, TokenRefusal,
};
use toolfront_token::{Denied, IssueError, RotateError, Scope, without_token_values};

use crate::memory::LeaseLost;

/// A refusal on its way to the client. Boxed, so that results stay small.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    tools: Vec<String>,
    near: Vec<String>,
    id: Option<String>,
    challenge: Option<HeaderValue>,
    retry_after: Option<Duration>,
    allow: Option<HeaderValue>,
    content_range: Option<u64>,
    denial: Option<Decision>,
}

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            tools: Vec::new(),
            near: Vec::new(),
            id: None,
            challenge: None,
            retry_after: None,
            allow: None,
            content_range: None,
            denial: None,
        }))
    }

    /// What is answered for an environment or a token that does not exist, or that the caller may not know
    /// of: always the same.
    pub(crate) fn hidden() -> Self {
        Self::new(Code::NotFound, "There is nothing here, or nothing that this token may know of.")
    }

    /// No token where one is needed (RFC 6750 section 3: no error code then).
    pub(crate) fn no_token() -> Self {
        let mut refusal = Self::new(Code::Unauthorized, "Send a token: `Authorization: Bearer tf_…`.");
        refusal.0.challenge = Some(HeaderValue::from_static(r#"Bearer realm="toolfront""#));
        refusal
    }

    /// A token that is not valid (RFC 6750 section 3.1). `why` never repeats the value.
    pub(crate) fn invalid_token(why: &str) -> Self {
        let mut refusal = Self::new(Code::InvalidToken, sentence(why));
        let text = format!(
            r#"Bearer realm="toolfront", error="invalid_token", error_description="{}""#,
            why.replace(['"', '\\'], "'")
        );
        refusal.0.challenge = HeaderValue::from_str(&text).ok();
        refusal
    }

    /// What a token ran ends with it.
    pub(crate) fn ended_with_token() -> Self {
        Self::invalid_token("the token may no longer run this command, which was ended with it")
    }

    pub(crate) fn insufficient_scope(needed: Scope) -> Self {
        let mut refusal =
            Self::new(Code::InsufficientScope, format!("This takes a token with the scope {needed}."));
        let text = format!(r#"Bearer realm="toolfront", error="insufficient_scope", scope="{needed}""#);
        refusal.0.challenge = HeaderValue::from_str(&text).ok();
        refusal
    }

    /// Where clients find out what tokens are needed (RFC 9728 section 5.1), if a token is what is lacking.
    pub(crate) fn with_resource_metadata(mut self, address: Option<&str>) -> Self {
        let challenge = self.0.challenge.as_ref().and_then(|challenge| challenge.to_str().ok());
        if let Some((challenge, address)) = challenge.zip(address) {
            let text = format!(r#"{challenge}, resource_metadata="{address}""#);
            self.0.challenge = HeaderValue::from_str(&text).ok().or(self.0.challenge);
        }
        self
    }

    pub(crate) fn too_many(detail: impl Into<String>, wait: Duration) -> Self {
        let mut refusal = Self::new(Code::TooManyRequests, detail);
        refusal.0.retry_after = Some(wait.max(Duration::from_secs(1)));
        refusal
    }

    /// Not now, and perhaps after `wait`.
    pub(crate) fn unavailable(detail: impl Into<String>, wait: Duration) -> Self {
        let mut refusal = Self::new(Code::Unavailable, detail);
        refusal.0.retry_after = Some(wait);
        refusal
    }

    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let told: Vec<_> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        let mut refusal = Self::new(Code::Invalid, told.join("; "));
        refusal.0.errors = errors;
        refusal
    }

    pub(crate) fn invalid_field(field: &str, message: impl std::fmt::Display) -> Self {
        Self::invalid(vec![FieldError { field: field.to_owned(), message: message.to_string() }])
    }

    /// Something went wrong here: the client is told nothing of it, the log is.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(Code::Internal, "Something went wrong in the gateway; its log has the request's id.")
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut refusal = Self::new(Code::MethodNotAllowed, format!("Use {allow}."));
        refusal.0.allow = Some(HeaderValue::from_static(allow));
        refusal
    }

    /// With the methods that the router knows of, where it has refused another.
    pub(crate) fn allowing(mut self, methods: Option<HeaderValue>) -> Self {
        self.0.allow = self.0.allow.or(methods);
        self
    }

    pub(crate) fn range_not_satisfiable(size: u64) -> Self {
        let mut refusal = Self::new(Code::RangeNotSatisfiable, format!("The file has {size} bytes."));
        refusal.0.content_range = Some(size);
        refusal
    }

    pub(crate) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    pub(crate) fn with_tools(mut self, tools: Vec<String>) -> Self {
        self.0.tools = tools;
        self
    }

    pub(crate) fn with_near(mut self, near: Vec<String>) -> Self {
        self.0.near = near;
        self
    }

    pub(crate) fn with_id(mut self, id: toolfront_token::TokenId) -> Self {
        self.0.id = Some(id.to_string());
        self
    }

    /// With whatever `mask` hides taken out of its words.
    pub(crate) fn masked(mut self, mask: &Mask) -> Self {
        if !mask.is_empty() {
            self.0.detail = mask.text(&self.0.detail);
            for error in &mut self.0.errors {
                error.field = mask.text(&error.field);
                error.message = mask.text(&error.message);
            }
        }
        self
    }

    /// The request has to be recorded, and can't be now.
    pub(crate) fn unrecorded() -> Self {
        Self::new(Code::Unavailable, "The audit log can't be written now, and nothing goes on unrecorded.")
    }

    /// A refusal for this reason, as the audit log tells it.
    pub(crate) fn denying(mut self, decision: Decision) -> Self {
        self.0.denial = Some(decision);
        self
    }

    /// When the token was the reason: why.
    pub(crate) fn denial(&self) -> Option<Decision> {
        self.0.denial
    }

    /// The status that it is answered with.
    pub(crate) fn status(&self) -> u16 {
        self.0.code.status()
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// What is said of it. Where different causes have to look the same, this leaves the request's id out: it is in
    /// the header of every answer.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        let Parts { code, detail, errors, tools, near, id, .. } = &*self.0;
        Problem {
            kind: format!("{}{}", Code::BASE, code.slug()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: without_token_values(detail),
            request_id: (*code != Code::NotFound).then(|| request_id.to_owned()),
            errors: errors
                .iter()
                .map(|error| FieldError {
                    field: without_token_values(&error.field),
                    message: without_token_values(&error.message),
                })
                .collect(),
            tools: tools.clone(),
            near: near.clone(),
            id: id.clone(),
        }
    }

    /// The answer.
    pub(crate) fn into_answer(self, request_id: &str) -> Response {
        let problem = self.problem(request_id);
        let Parts { code, challenge, retry_after, allow, content_range, .. } = *self.0;
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() =
            http::StatusCode::from_u16(code.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.extend(challenge.map(|challenge| (header::WWW_AUTHENTICATE, challenge)));
        headers.extend(allow.map(|allow| (header::ALLOW, allow)));
        let seconds = retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        headers.extend(seconds.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
        let range = content_range.and_then(|size| HeaderValue::from_str(&format!("bytes */{size}")).ok());
        headers.extend(range.map(|range| (header::CONTENT_RANGE, range)));
        answer
    }
}

/// Axum wants an answer at once; the server makes the real one, with the request's id, from the extension.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = Response::new(Body::empty());
        answer.extensions_mut().insert(std::sync::Arc::new(parking_lot::Mutex::new(Some(self))));
        answer
    }
}

/// Takes a refusal that an axum handler answered with out of its answer.
pub(crate) fn refusal_in(answer: &Response) -> Option<Refusal> {
    let carried = answer.extensions().get::<std::sync::Arc<parking_lot::Mutex<Option<Refusal>>>>()?;
    carried.lock().take()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::OutOfSight => Self::hidden().denying(Decision::Environment),
            Denied::MissingScope(needed) => Self::insufficient_scope(needed).denying(Decision::Scope),
            Denied::NotForAll => Self::new(
                Code::InsufficientScope,
                "This takes a token for all environments; yours is for some of them.",
            )
            .denying(Decision::Environment),
        }
    }
}

impl From<LeaseLost> for Refusal {
    fn from(lost: LeaseLost) -> Self {
        let mut refusal = Self::new(Code::LeaseLost, sentence(&lost.to_string()));
        refusal.0.retry_after = Some(Duration::from_secs(1));
        refusal
    }
}

impl From<StoreError> for Refusal {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::DiskFull => {
                tracing::error!("the disk of the data directory is full");
                Self::new(Code::InsufficientStorage, "The gateway's disk is full: nothing was changed.")
            }
            StoreError::Displaced { .. } => {
                tracing::error!(cause = %err, "the store failed");
                Self::new(Code::Unavailable, "The gateway's store can't take this now: nothing was changed.")
            }
            StoreError::Closed => Self::new(Code::Unavailable, "The gateway is stopping."),
            StoreError::Unavailable { .. } => {
                tracing::error!(cause = %err, "the store failed");
                Self::new(Code::Unavailable, "The gateway's store can't take this now: nothing was changed.")
            }
            StoreError::Corrupt { .. } => Self::internal(&err),
        }
    }
}

impl From<TokenRefusal> for Refusal {
    fn from(refusal: TokenRefusal) -> Self {
        let told = refusal.to_string();
        match refusal {
            TokenRefusal::NotFound
            | TokenRefusal::Issue(IssueError::OutOfSight)
            | TokenRefusal::Rotate(RotateError::OutOfSight) => Self::hidden(),
            TokenRefusal::Issue(IssueError::Escalation(_))
            | TokenRefusal::Rotate(RotateError::Escalation(_)) => {
                Self::new(Code::Escalation, sentence(&told))
            }
            TokenRefusal::Issue(IssueError::PastExpiry) | TokenRefusal::Rotate(RotateError::PastExpiry) => {
                Self::invalid_field("expires_at", told)
            }
            TokenRefusal::Rotate(
                RotateError::Revoked
                | RotateError::Expired
                | RotateError::Superseded { .. }
                | RotateError::OldValue,
            ) => Self::new(Code::Conflict, sentence(&told)),
            TokenRefusal::Repeated(id) => Self::new(Code::Repeated, sentence(&told)).with_id(id),
            TokenRefusal::Store(err) => err.into(),
        }
    }
}

impl From<EnvironmentRefusal> for Refusal {
    fn from(refusal: EnvironmentRefusal) -> Self {
        let told = refusal.to_string();
        match refusal {
            EnvironmentRefusal::NotFound => Self::hidden(),
            EnvironmentRefusal::NoSuchRelease(_) => Self::new(Code::NotFound, sentence(&told)),
            EnvironmentRefusal::NameTaken(_) => Self::new(Code::NameTaken, sentence(&told)),
            EnvironmentRefusal::Store(err) => err.into(),
        }
    }
}

impl From<SecretRefusal> for Refusal {
    fn from(refusal: SecretRefusal) -> Self {
        let told = refusal.to_string();
        match refusal {
            SecretRefusal::NotFound => Self::hidden(),
            SecretRefusal::NoSuchSecret(_) => Self::new(Code::NotFound, sentence(&told)),
            SecretRefusal::TooMany | SecretRefusal::TooLong => Self::new(Code::Conflict, sentence(&told)),
            SecretRefusal::Key(fault) => fault.into(),
            SecretRefusal::Store(err) => err.into(),
        }
    }
}

/// Where the key file is, and what is wrong with it, is for whoever commands the host.
impl From<KeyFault> for Refusal {
    fn from(fault: KeyFault) -> Self {
        tracing::error!(cause = %fault, "secrets can't be used");
        Self::new(
            Code::SecretsUnavailable,
            "The secrets of this environment can't be used now; the gateway's log says why, and what to do.",
        )
    }
}

impl From<BlobError> for Refusal {
    fn from(err: BlobError) -> Self {
        match err {
            BlobError::Mismatch { .. } => Self::invalid_field("checksum", err),
            BlobError::DiskFull => StoreError::DiskFull.into(),
            BlobError::Unavailable { .. } | BlobError::Refused { .. } => {
                tracing::error!(cause = %err, "blobs can't be read or written");
                Self::new(
                    Code::Unavailable,
                    "The files of applications can't be read or written now; the gateway's log says why.",
                )
            }
            BlobError::Absent(_) | BlobError::Damaged(_) | BlobError::Io(_) => Self::internal(&err),
        }
    }
}

impl From<toolfront_token::EntropyFailed> for Refusal {
    fn from(err: toolfront_token::EntropyFailed) -> Self {
        Self::internal(&err)
    }
}
