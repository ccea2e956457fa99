//! Responses of OpenAI.

use serde_json::{Value, json};

use super::{Asked, INPUT_TOKENS, OUTPUT_TOKENS, Said, named, pieces};
use crate::script::Turn;

pub(super) fn said(body: &Value) -> Vec<Said> {
    let items = body.get("input").and_then(Value::as_array).into_iter().flatten();
    items
        .map(|item| {
            let id = || item.get("call_id").and_then(Value::as_str).unwrap_or_default().to_owned();
            match item.get("type").and_then(Value::as_str) {
                Some("function_call") => Said::Call(id()),
                Some("function_call_output") => Said::Result(id()),
                _ => Said::Other,
            }
        })
        .collect()
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn items(asked: &Asked, turn: &Turn) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(thought) = &turn.thought {
        items.push(json!({ "type": "reasoning", "id": format!("rs_{}", asked.number), "summary": [],
                           "encrypted_content": thought, "status": "completed" }));
    }
    if !turn.text.is_empty() {
        items.push(json!({ "type": "message", "id": format!("msg_{}", asked.number), "status": "completed",
                           "role": "assistant", "content": [text_part(&turn.text)] }));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        items.push(json!({
            "type": "function_call", "id": format!("fc_{}_{index}", asked.number), "status": "completed",
            "call_id": format!("call_{}_{index}", asked.number), "name": call.name, "arguments": call.arguments_text(),
        }));
    }
    items
}

fn response(asked: &Asked, status: &str, output: &[Value]) -> Value {
    let usage = if status == "completed" {
        json!({ "input_tokens": INPUT_TOKENS, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
                "output_tokens": OUTPUT_TOKENS, "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS })
    } else {
        Value::Null
    };
    json!({
        "id": format!("resp_{}", asked.number), "object": "response", "created_at": 1_790_000_000, "status": status,
        "background": false, "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": null,
        "model": asked.model, "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null }, "service_tier": "default", "temperature": 1.0,
        "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "usage": usage, "metadata": {},
    })
}

pub(super) fn whole(asked: &Asked, turn: &Turn) -> Value {
    response(asked, "completed", &items(asked, turn))
}

pub(super) fn events(asked: &Asked, turn: &Turn) -> Vec<String> {
    let items = items(asked, turn);
    let mut values = vec![
        json!({ "type": "response.created", "response": response(asked, "in_progress", &[]) }),
        json!({ "type": "response.in_progress", "response": response(asked, "in_progress", &[]) }),
    ];
    for (index, item) in items.iter().enumerate() {
        let mut added = item.clone();
        added["status"] = json!("in_progress");
        let id = item["id"].clone();
        if item["type"] == "message" {
            added["content"] = json!([]);
            values
                .push(json!({ "type": "response.output_item.added", "output_index": index, "item": added }));
            let place = |kind: &str| json!({ "type": kind, "item_id": id, "output_index": index, "content_index": 0 });
            let mut part = place("response.content_part.added");
            part["part"] = text_part("");
            values.push(part);
            for piece in pieces(&turn.text) {
                let mut delta = place("response.output_text.delta");
                (delta["delta"], delta["logprobs"]) = (json!(piece), json!([]));
                values.push(delta);
            }
            let mut done = place("response.output_text.done");
            (done["text"], done["logprobs"]) = (json!(turn.text), json!([]));
            values.push(done);
            let mut part = place("response.content_part.done");
            part["part"] = text_part(&turn.text);
            values.push(part);
        } else if item["type"] == "reasoning" {
            values
                .push(json!({ "type": "response.output_item.added", "output_index": index, "item": added }));
        } else {
            let arguments = item["arguments"].as_str().unwrap_or_default();
            added["arguments"] = json!("");
            values
                .push(json!({ "type": "response.output_item.added", "output_index": index, "item": added }));
            for piece in pieces(arguments) {
                values.push(json!({ "type": "response.function_call_arguments.delta", "item_id": id,
                                    "output_index": index, "delta": piece }));
            }
            values.push(json!({ "type": "response.function_call_arguments.done", "item_id": id,
                                "output_index": index, "arguments": arguments }));
        }
        values.push(json!({ "type": "response.output_item.done", "output_index": index, "item": item }));
    }
    values.push(json!({ "type": "response.completed", "response": response(asked, "completed", &items) }));
    let numbered = values.into_iter().enumerate().map(|(number, mut value)| {
        value["sequence_number"] = json!(number);
        named(&value)
    });
    numbered.collect()
}
