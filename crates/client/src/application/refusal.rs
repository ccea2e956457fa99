//! What a server of applications says when it does not do what was asked: a problem, or, from a server of the original
//! protocol, `{"detail": …}`.

use reqwest::{Response, StatusCode};
use serde_json::Value;
use toolfront_api::{PROBLEM_MEDIA_TYPE, Problem};

use crate::answer::{API_BYTES_MAX, has_media_type, read_body, success};
use crate::error::ClientError;

/// The response, if it is a success.
pub(super) async fn answered(response: Response) -> Result<Response, ClientError> {
    let status = response.status();
    let is_plain = has_media_type(&response, "application/json");
    if status.is_success() || status.is_redirection() || has_media_type(&response, PROBLEM_MEDIA_TYPE) {
        return success(response).await;
    }
    if is_plain {
        let body = read_body(response, API_BYTES_MAX).await?;
        let detail = serde_json::from_slice::<Value>(&body).ok().and_then(|body| detail(&body));
        return Err(problem(status, detail.unwrap_or_default()));
    }
    // Whoever refuses a token need not say it in JSON: a proxy in front does not.
    if matches!(status.as_u16(), 401 | 403) {
        return Err(problem(status, String::new()));
    }
    success(response).await
}

fn problem(status: StatusCode, detail: String) -> ClientError {
    ClientError::Problem(Box::new(Problem {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("The server refused").to_owned(),
        status: status.as_u16(),
        detail,
        request_id: None,
        errors: Vec::new(),
        tools: Vec::new(),
        near: Vec::new(),
        id: None,
    }))
}

/// The text of `detail`, or those of the faults in it, as `FastAPI` lists them.
fn detail(body: &Value) -> Option<String> {
    match body.get("detail").or_else(|| body.get("error"))? {
        Value::String(text) => Some(text.clone()),
        Value::Array(faults) => {
            let messages = faults.iter().filter_map(|fault| fault.get("msg")?.as_str());
            Some(messages.collect::<Vec<_>>().join("; "))
        }
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_detail_is_a_text_or_a_list_of_faults() {
        assert_eq!(detail(&json!({ "detail": "no" })).as_deref(), Some("no"));
        let faults = json!({ "detail": [{ "msg": "a", "loc": [] }, { "msg": "b" }] });
        assert_eq!(detail(&faults).as_deref(), Some("a; b"));
        assert_eq!(detail(&json!({ "other": 1 })), None);
    }
}
