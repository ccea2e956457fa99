//! One wrong field is refused.

use serde_json::{Value, json};
use toolfront_model_double::{Format, KEY, ModelDouble, Script, Turn, fault_of};

/// A conversation with a call and its result, as it should be.
fn right(format: Format) -> Value {
    let parameters = json!({ "type": "object", "properties": { "path": { "type": "string" } } });
    match format {
        Format::OpenAiChat => json!({
            "model": "gpt-5", "stream": false,
            "messages": [
                { "role": "system", "content": "s" }, { "role": "user", "content": "u" },
                { "role": "assistant", "content": "t", "tool_calls": [
                    { "type": "function", "id": "call_1", "function": { "name": "read", "arguments": "{}" } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "r" },
            ],
            "tools": [{ "type": "function", "function": {
                "name": "read", "description": "d", "parameters": parameters, "strict": false } }],
        }),
        Format::OpenAiResponses => json!({
            "model": "gpt-5", "store": false, "stream": true, "instructions": "s",
            "input": [
                { "type": "message", "role": "user", "content": "u" },
                { "type": "function_call", "call_id": "call_1", "name": "read", "arguments": "{}" },
                { "type": "function_call_output", "call_id": "call_1", "output": "r" },
            ],
            "tools": [{ "type": "function", "name": "read", "parameters": parameters, "strict": false }],
        }),
        Format::Anthropic => json!({
            "model": "claude", "max_tokens": 100, "stream": true, "system": "s",
            "messages": [
                { "role": "user", "content": "u" },
                { "role": "assistant", "content": [{ "type": "tool_use", "id": "toolu_1", "name": "read", "input": {} }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": "r" }] },
            ],
            "tools": [{ "name": "read", "description": "d", "input_schema": parameters }],
        }),
        Format::Gemini => json!({
            "systemInstruction": { "parts": [{ "text": "s" }] },
            "contents": [
                { "role": "user", "parts": [{ "text": "u" }] },
                { "role": "model", "parts": [{ "functionCall": { "name": "read", "args": {} } }] },
                { "role": "user", "parts": [{ "functionResponse": { "name": "read", "response": { "content": "r" } } }] },
            ],
            "tools": [{ "functionDeclarations": [
                { "name": "read", "description": "d", "parametersJsonSchema": parameters }] }],
        }),
    }
}

/// Every place of a value at which an object stands that is not a schema or arguments of the caller's own.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            for (name, value) in fields {
                let own = ["parameters", "parametersJsonSchema", "input_schema", "args", "response"];
                let is_own = own.contains(&name.as_str()) || (name == "input" && value.is_object());
                if !is_own {
                    objects(value, &format!("{at}/{name}"), found);
                }
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                objects(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn what_is_right_is_taken() {
    for format in Format::ALL {
        assert_eq!(fault_of(format, &right(format)), None, "{format:?}");
    }
}

#[test]
fn one_field_that_is_not_published_is_refused_wherever_it_stands() {
    for format in Format::ALL {
        let mut places = Vec::new();
        objects(&right(format), "", &mut places);
        assert!(places.len() >= 5, "{format:?}: {places:?}");
        for place in places {
            let mut body = right(format);
            body.pointer_mut(&place).unwrap()["contentt"] = json!("x");
            assert!(fault_of(format, &body).is_some(), "{format:?} takes a wrong field at `{place}`");
        }
    }
}

#[test]
fn a_field_of_another_type_is_refused() {
    for (format, place, wrong) in [
        (Format::OpenAiChat, "/messages/3/content", json!({ "text": "r" })),
        (Format::OpenAiChat, "/messages/2/tool_calls/0/function/arguments", json!({})),
        (Format::OpenAiChat, "/tools/0/type", json!("tool")),
        (Format::OpenAiResponses, "/input/1/arguments", json!({})),
        (Format::OpenAiResponses, "/input/0/role", json!("model")),
        (Format::Anthropic, "/messages/1/content/0/input", json!("{}")),
        (Format::Anthropic, "/messages/0/role", json!("tool")),
        (Format::Anthropic, "/max_tokens", json!("many")),
        (Format::Gemini, "/contents/1/parts/0/functionCall/args", json!("{}")),
        (Format::Gemini, "/contents/0/parts", json!("u")),
    ] {
        let mut body = right(format);
        *body.pointer_mut(place).unwrap() = wrong;
        assert!(fault_of(format, &body).is_some(), "{format:?} takes {place}: {body}");
    }
}

#[test]
fn calls_and_results_belong_together() {
    for (format, place, wrong) in [
        (Format::OpenAiChat, "/messages/3/tool_call_id", "call_2"),
        (Format::OpenAiResponses, "/input/2/call_id", "call_2"),
        (Format::Anthropic, "/messages/2/content/0/tool_use_id", "toolu_2"),
        (Format::Gemini, "/contents/2/parts/0/functionResponse/name", "write"),
    ] {
        let mut body = right(format);
        *body.pointer_mut(place).unwrap() = json!(wrong);
        let fault = fault_of(format, &body).unwrap();
        assert!(fault.contains("answers no call"), "{format:?}: {fault}");
        let mut body = right(format);
        let list = ["/messages", "/input", "/contents"].into_iter().find(|list| body.pointer(list).is_some());
        body.pointer_mut(list.unwrap()).unwrap().as_array_mut().unwrap().pop();
        let fault = fault_of(format, &body).unwrap();
        assert!(fault.contains("have no results"), "{format:?}: {fault}");
    }
}

#[tokio::test]
async fn a_wrong_request_is_answered_as_the_provider_would() {
    let double = ModelDouble::start(Script::repeating(Turn::text("hello"))).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = |body: Value, key: &'static str| {
        http.post(format!("{}/v1/messages", double.url()))
            .header("x-api-key", key)
            .header("anthropic-version", "2023-06-01")
            .json(&body)
            .send()
    };
    assert_eq!(send(right(Format::Anthropic), KEY).await.unwrap().status(), 200);
    let mut wrong = right(Format::Anthropic);
    wrong["max_token"] = json!(5);
    let answer = send(wrong, KEY).await.unwrap();
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["type"], "invalid_request_error", "{body}");
    assert_eq!(send(right(Format::Anthropic), "other").await.unwrap().status(), 401);
    assert_eq!((double.faults().len(), double.requests().len()), (2, 1));
}
