//! Chat completions of OpenAI.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS, OUTPUT_TOKENS, Said, data, pieces};
use crate::script::{Call, Turn};

pub(super) fn said(body: &Value) -> Vec<Said> {
    let messages = body.get("messages").and_then(Value::as_array).into_iter().flatten();
    let mut said = Vec::new();
    for message in messages {
        let calls = message.get("tool_calls").and_then(Value::as_array);
        match (calls, message.get("tool_call_id").and_then(Value::as_str)) {
            (Some(calls), _) => {
                said.extend(
                    calls.iter().filter_map(|call| Some(Said::Call(call.get("id")?.as_str()?.to_owned()))),
                );
            }
            (None, Some(id)) => said.push(Said::Result(id.to_owned())),
            (None, None) => said.push(Said::Other),
        }
    }
    said
}

fn usage() -> Value {
    json!({
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                                       "rejected_prediction_tokens": 0 },
    })
}

fn call(asked: &Asked, index: usize, call: &Call) -> Value {
    json!({ "id": format!("call_{}_{index}", asked.number), "type": "function",
            "function": { "name": call.name, "arguments": call.arguments_text() } })
}

fn finish(turn: &Turn) -> &'static str {
    if turn.calls.is_empty() { "stop" } else { "tool_calls" }
}

pub(super) fn whole(asked: &Asked, turn: &Turn) -> Value {
    let content = if turn.text.is_empty() { Value::Null } else { json!(turn.text) };
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null, "annotations": [] });
    if !turn.calls.is_empty() {
        let calls = turn.calls.iter().enumerate().map(|(index, one)| call(asked, index, one));
        message["tool_calls"] = calls.collect();
    }
    json!({
        "id": format!("chatcmpl-{}", asked.number), "object": "chat.completion", "created": 1_790_000_000,
        "model": asked.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish(turn) }],
        "usage": usage(), "service_tier": "default", "system_fingerprint": "fp_double",
    })
}

pub(super) fn events(asked: &Asked, turn: &Turn) -> Vec<String> {
    let mut chunks = vec![delta(&json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    for piece in pieces(&turn.text) {
        chunks.push(delta(&json!({ "content": piece }), None));
    }
    for (index, one) in turn.calls.iter().enumerate() {
        let mut first = call(asked, index, one);
        first["index"] = json!(index);
        first["function"]["arguments"] = json!("");
        chunks.push(delta(&json!({ "tool_calls": [first] }), None));
        for piece in pieces(&one.arguments_text()) {
            let further = json!({ "index": index, "function": { "arguments": piece } });
            chunks.push(delta(&json!({ "tool_calls": [further] }), None));
        }
    }
    let mut last = delta(&json!({}), Some(finish(turn)));
    if asked.is_groq {
        last["x_groq"] = json!({ "id": "req_double", "usage": usage() });
    }
    chunks.push(last);
    if asked.wants_usage {
        for chunk in &mut chunks {
            chunk["usage"] = Value::Null;
        }
        chunks.push(json!({ "choices": [], "usage": usage() }));
    }
    let events = chunks.into_iter().map(|mut chunk| {
        chunk["id"] = json!(format!("chatcmpl-{}", asked.number));
        chunk["object"] = json!("chat.completion.chunk");
        chunk["created"] = json!(1_790_000_000);
        chunk["model"] = json!(asked.model);
        chunk["service_tier"] = json!("default");
        chunk["system_fingerprint"] = json!("fp_double");
        data(&chunk)
    });
    events.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn delta(delta: &Value, finish: Option<&str>) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }] })
}

pub(super) fn failure(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        429 => ("requests", json!("rate_limit_exceeded")),
        500.. => ("server_error", Value::Null),
        _ => ("invalid_request_error", Value::Null),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}
