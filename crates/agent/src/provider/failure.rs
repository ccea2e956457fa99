//! What a provider's failure means, in its own words, without keys and without what was sent.

use std::time::Duration;

use genai::Error;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::key::ProviderKey;
use crate::chat_model::ModelError;
use crate::fence::cut_middle;

/// How much of an answer that is no message is told.
const TOLD_BYTES_MAX: usize = 600;

/// What is said of an answer that has no end.
pub(super) const BROKE_OFF: &str = "the answer broke off before its end";

pub(super) fn told(error: &Error, model: &str, key: &ProviderKey) -> ModelError {
    let model = model.to_owned();
    let lost = |message: &str| ModelError::Lost { model: model.clone(), message: key.redacted(message) };
    let not_understood =
        |message: &str| ModelError::NotUnderstood { model: model.clone(), message: key.redacted(message) };
    match error {
        Error::HttpError { status, body, headers, .. } => {
            answered(&model, status.as_u16(), body, headers, key)
        }
        Error::WebModelCall { webc_error, .. } | Error::WebAdapterCall { webc_error, .. } => match webc_error
        {
            genai::webc::Error::ResponseFailedStatus { status, body, headers } => {
                answered(&model, status.as_u16(), body, headers, key)
            }
            genai::webc::Error::Reqwest(error) => lost(&innermost(error)),
            genai::webc::Error::ResponseFailedNotJson { .. } => {
                not_understood("it is not JSON. Is the base URL right?")
            }
            // It said that it was JSON.
            genai::webc::Error::ResponseFailedInvalidJson { .. } => lost(BROKE_OFF),
            genai::webc::Error::JsonValueExt(error) => not_understood(&error.to_string()),
        },
        Error::WebStream { error, .. } => match error.downcast_ref::<Error>() {
            Some(inner) => told(inner, &model, key),
            None => lost(&innermost(error.as_ref())),
        },
        Error::ChatResponse { body, .. } => event(&model, body, key),
        // A stream that is cut within an event leaves half of its JSON.
        Error::StreamParse { serde_error, .. } if serde_error.is_eof() => lost(BROKE_OFF),
        // So the library tells of a response that failed, with the provider's message.
        Error::StreamParse { serde_error, .. } if serde_error.is_data() => ModelError::Busy {
            message: key.redacted(&serde_error.to_string()),
            model,
            status: None,
            retry_after: None,
        },
        Error::ChatResponseGeneration { response_body, .. } if has_malformed_arguments(response_body) => {
            ModelError::MalformedCall { model }
        }
        // Its own text has the whole request in it.
        Error::ChatResponseGeneration { cause, .. } => not_understood(cause),
        other => not_understood(&cut_middle(&other.to_string(), TOLD_BYTES_MAX).text),
    }
}

/// Whether an answer has a call in it whose arguments are a text that is no JSON.
fn has_malformed_arguments(body: &Value) -> bool {
    match body {
        Value::Object(fields) => fields.iter().any(|(name, value)| match value {
            Value::String(text) if name == "arguments" => serde_json::from_str::<Value>(text).is_err(),
            other => has_malformed_arguments(other),
        }),
        Value::Array(values) => values.iter().any(has_malformed_arguments),
        _ => false,
    }
}

/// An answer with a status that is no success.
fn answered(model: &str, status: u16, body: &str, headers: &HeaderMap, key: &ProviderKey) -> ModelError {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let message = json.as_ref().and_then(message).unwrap_or_else(|| {
        let text = cut_middle(body.trim(), TOLD_BYTES_MAX).text;
        if text.is_empty() { "it says nothing more".to_owned() } else { text }
    });
    let (model, message) = (model.to_owned(), key.redacted(&message));
    let code = json.as_ref().and_then(|body| body.pointer("/error/code")?.as_str());
    // Of all that is answered with 429, this is what waiting does not help.
    let is_spent = code == Some("insufficient_quota");
    if !is_spent && matches!(status, 408 | 409 | 429 | 500..=599) {
        return ModelError::Busy { model, status: Some(status), message, retry_after: retry_after(headers) };
    }
    ModelError::Refused { model, status: Some(status), message }
}

/// An error that came within a stream.
fn event(model: &str, body: &Value, key: &ProviderKey) -> ModelError {
    let text = message(body).unwrap_or_else(|| cut_middle(&body.to_string(), TOLD_BYTES_MAX).text);
    let (model, message) = (model.to_owned(), key.redacted(&text));
    let words = body.to_string();
    let passes = ["overloaded", "server_error", "rate_limit", "api_error", "UNAVAILABLE", "INTERNAL"];
    if passes.iter().any(|word| words.contains(word)) {
        return ModelError::Busy { model, status: None, message, retry_after: None };
    }
    ModelError::Refused { model, status: None, message }
}

/// The provider's own message, where providers put it.
fn message(body: &Value) -> Option<String> {
    let body = body.as_array().and_then(|all| all.first()).unwrap_or(body);
    let places = ["/error/message", "/message", "/error", "/detail"];
    let found = places.iter().find_map(|place| body.pointer(place)?.as_str());
    found.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
