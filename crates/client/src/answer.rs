//! Reading an answer: how much of it, and as what.

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use toolfront_api::{PROBLEM_MEDIA_TYPE, Problem};

use crate::error::{ClientError, origin_and_path};

/// The most that is read of an answer of the management API: the longest list has a thousand records.
pub(crate) const API_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The body of a success, as a `T` in JSON; or why there is none.
pub(crate) async fn read_json<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let response = success(response).await?;
    let (url, status) = (response.url().clone(), response.status());
    if !is_json(&response) {
        return Err(ClientError::NotAGateway { url: origin_and_path(&url), status: status.as_u16() });
    }
    let body = read_body(response, API_BYTES_MAX).await?;
    // Of what serde says only the place is told: its messages repeat values.
    serde_json::from_slice(&body).map_err(|error| ClientError::UnexpectedAnswer {
        url: origin_and_path(&url),
        line: error.line(),
        column: error.column(),
    })
}

/// The response, if it is a success.
pub(crate) async fn success(response: Response) -> Result<Response, ClientError> {
    let status = response.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let url = origin_and_path(response.url());
    if status.is_redirection() {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.unwrap_or("another address").to_owned();
        return Err(ClientError::Redirected { url, location });
    }
    let not_ours = ClientError::NotAGateway { url, status: status.as_u16() };
    if !has_media_type(&response, PROBLEM_MEDIA_TYPE) {
        return Err(not_ours);
    }
    let body = read_body(response, API_BYTES_MAX).await?;
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Err(ClientError::Problem(Box::new(Problem { status: status.as_u16(), ..problem }))),
        Err(_) => Err(not_ours),
    }
}

/// The whole body, when it is no longer than `bytes_max`.
pub(crate) async fn read_body(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
    let url = origin_and_path(response.url());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > bytes_max => {
                return Err(ClientError::AnswerTooLong { url, bytes_max });
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => {
                return Err(ClientError::BrokenOff { url, reason: error.without_url().to_string() });
            }
        }
    }
}

fn is_json(response: &Response) -> bool {
    has_media_type(response, "application/json")
}

/// Whether the answer says that it is of this media type.
pub(crate) fn has_media_type(response: &Response, wanted: &str) -> bool {
    let sent = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(wanted)
}
