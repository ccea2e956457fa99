//! Messages of Anthropic.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS, OUTPUT_TOKENS, Said, named, pieces};
use crate::script::Turn;

pub(super) fn said(body: &Value) -> Vec<Said> {
    let messages = body.get("messages").and_then(Value::as_array).into_iter().flatten();
    let mut said = Vec::new();
    for message in messages {
        let blocks = message.get("content").and_then(Value::as_array);
        for block in blocks.into_iter().flatten() {
            let id = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            said.push(match block.get("type").and_then(Value::as_str) {
                Some("tool_use") => Said::Call(id("id")),
                Some("tool_result") => Said::Result(id("tool_use_id")),
                _ => Said::Other,
            });
        }
        if blocks.is_none() {
            said.push(Said::Other);
        }
    }
    said
}

fn usage(output: u64) -> Value {
    json!({ "input_tokens": INPUT_TOKENS, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": output, "service_tier": "standard" })
}

fn stop(turn: &Turn) -> &'static str {
    if turn.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn message(asked: &Asked, content: &[Value], stop: Option<&str>, output: u64) -> Value {
    json!({ "id": format!("msg_{}", asked.number), "type": "message", "role": "assistant", "model": asked.model,
            "content": content, "stop_reason": stop, "stop_sequence": null, "usage": usage(output) })
}

fn id(asked: &Asked, index: usize) -> String {
    format!("toolu_{}_{index}", asked.number)
}

pub(super) fn whole(asked: &Asked, turn: &Turn) -> Value {
    let mut content = Vec::new();
    if !turn.text.is_empty() {
        content.push(json!({ "type": "text", "text": turn.text, "citations": null }));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        content.push(json!({ "type": "tool_use", "id": id(asked, index), "name": call.name,
                             "input": call.arguments_value() }));
    }
    message(asked, &content, Some(stop(turn)), OUTPUT_TOKENS)
}

pub(super) fn events(asked: &Asked, turn: &Turn) -> Vec<String> {
    let mut values = vec![
        json!({ "type": "message_start", "message": message(asked, &[], None, 1) }),
        json!({ "type": "ping" }),
    ];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        values.push(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        for delta in deltas {
            values.push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        values.push(json!({ "type": "content_block_stop", "index": index }));
        index += 1;
    };
    if !turn.text.is_empty() {
        let deltas =
            pieces(&turn.text).into_iter().map(|piece| json!({ "type": "text_delta", "text": piece }));
        block(json!({ "type": "text", "text": "" }), deltas.collect());
    }
    for (number, call) in turn.calls.iter().enumerate() {
        let arguments = call.arguments_text();
        let deltas = pieces(&arguments)
            .into_iter()
            .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }));
        let start = json!({ "type": "tool_use", "id": id(asked, number), "name": call.name, "input": {} });
        block(start, deltas.collect());
    }
    values.push(
        json!({ "type": "message_delta", "delta": { "stop_reason": stop(turn), "stop_sequence": null },
                        "usage": { "output_tokens": OUTPUT_TOKENS } }),
    );
    values.push(json!({ "type": "message_stop" }));
    values.iter().map(named).collect()
}

pub(super) fn failure(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_double" })
}
