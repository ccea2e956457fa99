//! Between our messages and those of the library.

use genai::chat::{ChatMessage, ChatRequest, ContentPart, MessageContent, Tool, ToolResponse};
use serde_json::{Value, json};

use crate::chat_model::{
    Completion, Continuation, Message, ModelRequest, ToolCall, ToolDefinition, ToolResult, Usage,
};

/// A message in the provider's own terms.
struct Own {
    content: MessageContent,
    /// Of OpenAI's responses.
    reasoning: Vec<Value>,
}

fn own(completion: &Completion) -> Option<&Own> {
    completion.continuation.as_ref()?.get()
}

pub(super) fn request(request: &ModelRequest<'_>) -> ChatRequest {
    let messages = request.messages.iter().map(message).collect();
    ChatRequest::new(messages).with_system(request.system).with_tools(request.tools.iter().map(tool))
}

fn tool(definition: &ToolDefinition) -> Tool {
    let mut tool = Tool::new(definition.name.clone())
        .with_description(definition.description.clone())
        .with_schema(definition.parameters.clone());
    // Arguments and answers are checked here. Strict modes take a part of JSON schema only, and make every property required.
    tool.strict = Some(false);
    tool
}

fn message(message: &Message) -> ChatMessage {
    match message {
        Message::User(text) => ChatMessage::user(text.clone()),
        Message::Assistant(completion) => ChatMessage::assistant(
            own(completion).map_or_else(|| content(completion), |own| own.content.clone()),
        ),
        Message::Results(results) => {
            let responses = results.iter().map(response).collect();
            ChatMessage::tool(MessageContent::from_tool_responses(responses))
        }
    }
}

fn response(result: &ToolResult) -> ToolResponse {
    ToolResponse::new(result.id.clone(), told(result)).with_fn_name(result.name.clone())
}

/// The formats differ in whether a result can be marked as an error: the text says it in all of them.
fn told(result: &ToolResult) -> String {
    if result.is_error { format!("error: {}", result.content) } else { result.content.clone() }
}

/// The message of a model that was not this one.
fn content(completion: &Completion) -> MessageContent {
    let mut content = MessageContent::default();
    if !completion.text.is_empty() {
        content.push(ContentPart::Text(completion.text.clone()));
    }
    for call in &completion.calls {
        content.push(ContentPart::ToolCall(genai::chat::ToolCall {
            call_id: call.id.clone(),
            fn_name: call.name.clone(),
            fn_arguments: as_object(call.arguments.clone()),
            thought_signatures: None,
        }));
    }
    content
}

/// The conversation as OpenAI's responses publish it. The library writes what a model said in a form that only messages of
/// the provider's own may have, which need an id.
pub(super) fn responses_input(messages: &[Message]) -> Value {
    let mut items = Vec::new();
    for message in messages {
        match message {
            Message::User(text) => items.push(json!({ "type": "message", "role": "user", "content": text })),
            Message::Assistant(completion) => {
                items.extend(own(completion).into_iter().flat_map(|own| own.reasoning.clone()));
                if !completion.text.is_empty() {
                    items.push(json!({ "type": "message", "role": "assistant", "content": completion.text }));
                }
                for call in &completion.calls {
                    let arguments = as_object(call.arguments.clone()).to_string();
                    items.push(json!({ "type": "function_call", "call_id": call.id, "name": call.name,
                                       "arguments": arguments }));
                }
            }
            Message::Results(results) => items.extend(results.iter().map(|result| {
                json!({ "type": "function_call_output", "call_id": result.id, "output": told(result) })
            })),
        }
    }
    Value::Array(items)
}

/// What a model said, from what the library made of it.
pub(super) fn completion(
    mut content: MessageContent,
    reasoning: Vec<Value>,
    usage: &genai::chat::Usage,
    is_cut: bool,
) -> Completion {
    let text = content.texts().concat();
    let calls = content.tool_calls().into_iter().map(|call| ToolCall {
        id: call.call_id.clone(),
        name: call.fn_name.clone(),
        arguments: if call.fn_arguments.is_null() { json!({}) } else { call.fn_arguments.clone() },
    });
    let calls = calls.collect();
    // Providers refuse to be sent back arguments that are no object, even those that they made.
    for part in &mut content {
        if let ContentPart::ToolCall(call) = part {
            call.fn_arguments = as_object(std::mem::take(&mut call.fn_arguments));
        }
    }
    let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0);
    Completion {
        text,
        calls,
        usage: Usage {
            requests: 1,
            input_tokens: count(usage.prompt_tokens),
            output_tokens: count(usage.completion_tokens),
        },
        is_cut,
        continuation: Some(Continuation::new(Own { content, reasoning })),
    }
}

fn as_object(arguments: Value) -> Value {
    if arguments.is_object() { arguments } else { json!({}) }
}
