//! `generateContent` of Gemini, v1beta.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS, OUTPUT_TOKENS, Said, data, pieces};
use crate::script::Turn;

/// The model, from the path.
pub(super) fn model(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default().to_owned()
}

/// Calls and results go by the tool's name, in their order: ids are optional here.
pub(super) fn said(body: &Value) -> Vec<Said> {
    let contents = body.get("contents").and_then(Value::as_array).into_iter().flatten();
    let parts =
        contents.flat_map(|content| content.get("parts").and_then(Value::as_array).into_iter().flatten());
    parts
        .map(|part| {
            let name = |place: &str| part.pointer(place).and_then(Value::as_str).map(str::to_owned);
            match (name("/functionCall/name"), name("/functionResponse/name")) {
                (Some(name), _) => Said::Call(name),
                (None, Some(name)) => Said::Result(name),
                (None, None) => Said::Other,
            }
        })
        .collect()
}

fn chunk(asked: &Asked, parts: &[Value], finish: Option<&str>) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": { "promptTokenCount": INPUT_TOKENS, "candidatesTokenCount": OUTPUT_TOKENS,
                           "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS },
        "modelVersion": asked.model, "responseId": format!("double-{}", asked.number),
    })
}

fn calls(turn: &Turn) -> impl Iterator<Item = Value> {
    turn.calls.iter().enumerate().map(|(index, call)| {
        let mut part = json!({ "functionCall": { "name": call.name, "args": call.arguments_value() } });
        if let Some(thought) = turn.thought.as_ref().filter(|_| index == 0) {
            part["thoughtSignature"] = json!(thought);
        }
        part
    })
}

pub(super) fn whole(asked: &Asked, turn: &Turn) -> Value {
    let text = (!turn.text.is_empty()).then(|| json!({ "text": turn.text }));
    let parts: Vec<Value> = text.into_iter().chain(calls(turn)).collect();
    chunk(asked, &parts, Some("STOP"))
}

pub(super) fn events(asked: &Asked, turn: &Turn) -> Vec<String> {
    let mut events: Vec<String> = pieces(&turn.text)
        .into_iter()
        .map(|piece| data(&chunk(asked, &[json!({ "text": piece })], None)))
        .collect();
    let calls: Vec<Value> = calls(turn).collect();
    if !calls.is_empty() {
        events.push(data(&chunk(asked, &calls, None)));
    }
    events.push(data(&chunk(asked, &[json!({ "text": "" })], Some("STOP"))));
    events
}

pub(super) fn failure(status: u16, message: &str) -> Value {
    let name = match status {
        401 | 403 => "PERMISSION_DENIED",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    json!({ "error": { "code": status, "message": message, "status": name } })
}
