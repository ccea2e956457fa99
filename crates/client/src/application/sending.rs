//! One request to an application: where it may be sent on to, and when it may be sent again.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use crate::error::ClientError;

/// How often a request is sent in all.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// A server that wants a longer wait than this is not waited for: its answer is told.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// How often a request is sent on within one host.
const REDIRECTS_MAX: u32 = 5;

/// What may be done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeatable {
    /// Reading: whatever happened to it.
    Always,
    /// Running: only what certainly did not start, because no connection was made, or the server says that it is too busy.
    IfNotStarted,
}

impl Repeatable {
    fn after_status(self, status: StatusCode) -> bool {
        match self {
            Self::Always => matches!(status.as_u16(), 429 | 502..=504),
            Self::IfNotStarted => matches!(status.as_u16(), 429 | 503),
        }
    }

    fn after_failure(self, error: &ClientError) -> bool {
        match self {
            Self::Always => matches!(error, ClientError::Unreachable { .. } | ClientError::BrokenOff { .. }),
            Self::IfNotStarted => matches!(error, ClientError::Unreachable { .. }),
        }
    }
}

/// Sends the request that `make` makes for a URL, and waits for the head of the answer.
pub(super) async fn send(
    method: &Method,
    url: Url,
    timeout: Duration,
    repeatable: Repeatable,
    make: impl Fn(Url) -> RequestBuilder,
) -> Result<Response, ClientError> {
    let mut target = url;
    let mut redirects = 0;
    let mut attempt = 1;
    let mut wait = FIRST_WAIT;
    loop {
        let sent = make(target.clone()).timeout(timeout).send().await;
        let outcome = sent.map_err(|error| ClientError::from_transport(&error, &target, timeout));
        let again = match outcome {
            Ok(response) => {
                if let Some(next) = followed(method, &target, &response)
                    && redirects < REDIRECTS_MAX
                {
                    (target, redirects) = (next, redirects + 1);
                    continue;
                }
                let wanted = retry_after(response.headers());
                if attempt >= ATTEMPTS
                    || !repeatable.after_status(response.status())
                    || wanted > Some(WAIT_MAX)
                {
                    return Ok(response);
                }
                wanted.unwrap_or(wait)
            }
            Err(error) if attempt < ATTEMPTS && repeatable.after_failure(&error) => wait,
            Err(error) => return Err(error),
        };
        tokio::time::sleep(again).await;
        (attempt, wait) = (attempt + 1, wait * 2);
    }
}

/// Where a redirect leads, when it may be followed: within the same scheme, host and port, so that headers which carry a
/// token never go elsewhere, and so that a command is not turned into something else.
fn followed(method: &Method, from: &Url, response: &Response) -> Option<Url> {
    let is_kept = match response.status().as_u16() {
        307 | 308 => true,
        301..=303 => *method == Method::GET || *method == Method::HEAD,
        _ => false,
    };
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let to = from.join(location).ok()?;
    let is_same = to.origin() == from.origin() && to.username().is_empty() && to.password().is_none();
    (is_kept && is_same).then_some(to)
}

/// How long the server asks to wait. A date is not understood: a machine's clock may be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
