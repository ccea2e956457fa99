//! Reading bodies: within a size, within a time, and JSON with every fault told.

use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequest;
use bytes::Bytes;
use http::header;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use toolfront_api::Code;
use zeroize::Zeroize;

use crate::gateway::Gateway;
use crate::problem::Refusal;

/// How much longer a large body may take than a small one.
const LARGE_BODY_TIMES: u32 = 10;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body that may hold files.
#[derive(Debug)]
pub(crate) struct JsonWithFiles<T>(pub(crate) T);

/// A JSON body that is a list of many small things.
#[derive(Debug)]
pub(crate) struct JsonList<T>(pub(crate) Vec<T>);

/// A JSON body that holds a secret: what is wrong with it is told by its place, and nothing that was sent is
/// repeated.
#[derive(Debug)]
pub(crate) struct SecretJson<T>(pub(crate) T);

/// A JSON body that may be left out altogether.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Gateway> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, gateway: &Gateway) -> Result<Self, Refusal> {
        let limits = gateway.limits();
        from_object(&json(request, limits.json_bytes_max, limits.body_time).await?).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Gateway> for JsonWithFiles<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, gateway: &Gateway) -> Result<Self, Refusal> {
        let limits = gateway.limits();
        let time = limits.body_time.saturating_mul(LARGE_BODY_TIMES);
        from_object(&json(request, limits.inline_bytes_max, time).await?).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Gateway> for JsonList<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, gateway: &Gateway) -> Result<Self, Refusal> {
        let limits = gateway.limits();
        let time = limits.body_time.saturating_mul(LARGE_BODY_TIMES);
        from_json(&json(request, limits.inline_bytes_max, time).await?).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Gateway> for SecretJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, gateway: &Gateway) -> Result<Self, Refusal> {
        let limits = gateway.limits();
        let bytes = json(request, limits.json_bytes_max, limits.body_time).await?;
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        let parsed = serde_json::from_slice(&bytes).map_err(|err| match err.classify() {
            serde_json::error::Category::Data => None,
            _ => Some((err.line(), err.column())),
        });
        if let Ok(mut bytes) = bytes.try_into_mut() {
            bytes.zeroize();
        }
        match parsed {
            Ok(parsed) if is_object => Ok(Self(parsed)),
            Ok(_) | Err(None) => Err(Refusal::invalid_field(
                "value",
                "the body must be a JSON object with the text `value`, and nothing else",
            )),
            Err(Some((line, column))) => Err(Refusal::new(
                Code::BadRequest,
                format!("The body is not JSON, from line {line}, column {column} on."),
            )),
        }
    }
}

/// The bytes of a body that says that it is JSON.
async fn json(request: Request<Body>, bytes_max: usize, time: Duration) -> Result<Bytes, Refusal> {
    let (parts, body) = request.into_parts();
    require_json(&parts.headers)?;
    read(body, bytes_max, time).await
}

impl<T: DeserializeOwned + Default> FromRequest<Gateway> for OptionalJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, gateway: &Gateway) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let limits = gateway.limits();
        let bytes = read(body, limits.json_bytes_max, limits.body_time).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        require_json(&parts.headers)?;
        from_object(&bytes).map(Self)
    }
}

/// A page elsewhere in a browser can send other media types without asking first, and this one it can't.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = sent.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refusal::new(Code::UnsupportedMediaType, "Send the body with `Content-Type: application/json`."))
}

/// The whole body, if it has at most so many bytes and comes within that time.
pub(crate) async fn read(body: Body, bytes_max: usize, time: Duration) -> Result<Bytes, Refusal> {
    let collected = tokio::time::timeout(time, Limited::new(body, bytes_max).collect()).await;
    match collected {
        Err(_) => Err(Refusal::new(Code::BadRequest, "The body did not arrive in time.")),
        Ok(Err(err)) if err.is::<LengthLimitError>() => {
            Err(Refusal::new(Code::TooLarge, format!("The body may have {bytes_max} bytes at most.")))
        }
        Ok(Err(_)) => Err(Refusal::new(Code::BadRequest, "The body broke off.")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

/// Reads JSON: text that is none is a bad request, and what does not fit the type is named.
fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|err| {
        let place = format!("line {}, column {}", err.line(), err.column());
        match err.classify() {
            serde_json::error::Category::Data => {
                let message = err.to_string();
                let message = message.split(" at line ").next().unwrap_or_default().to_owned();
                let field = named_in(&message).unwrap_or("body").to_owned();
                Refusal::invalid_field(&field, format!("{message} ({place})"))
            }
            _ => Refusal::new(Code::BadRequest, format!("The body is not JSON: {err}.")),
        }
    })
}

/// Reads a JSON object. A list would be taken for the fields in their order, which nobody promised.
pub(crate) fn from_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Refusal::invalid_field("body", "must be a JSON object"));
    }
    from_json(bytes)
}

/// The field that serde names in its message, between the first two backquotes.
fn named_in(message: &str) -> Option<&str> {
    let is_about_a_field = ["unknown field", "missing field", "duplicate field"];
    let is_about_a_field = is_about_a_field.iter().any(|start| message.starts_with(start));
    is_about_a_field.then(|| message.split('`').nth(1)).flatten()
}
