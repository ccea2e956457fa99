//! A model of the caller's own: an object of Python with a method `complete`.

use std::sync::Mutex;

use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use toolfront_agent::{
    BoxFuture, ChatModel, Completion, DeltaSink, Message, ModelError, ModelRequest, ToolCall, Usage,
};

/// A model that Python answers for: `ask(request, reply)` is called with the request as JSON, and calls `reply.answer` or
/// `reply.fail`, then or later, from any thread.
pub(crate) struct OwnModel {
    pub(crate) name: String,
    pub(crate) ask: Py<PyAny>,
}

/// Where the answer of a model of the caller's own goes. Only the first counts.
#[pyclass(frozen, module = "toolfront._core")]
pub(crate) struct Reply(Mutex<Option<oneshot::Sender<Result<String, String>>>>);

#[pymethods]
impl Reply {
    /// Gives the model's message, as JSON.
    fn answer(&self, message: String) {
        self.give(Ok(message));
    }

    /// Says why there is none.
    fn fail(&self, reason: String) {
        self.give(Err(reason));
    }
}

impl Reply {
    fn give(&self, outcome: Result<String, String>) {
        let sender = self.0.lock().ok().and_then(|mut sender| sender.take());
        if let Some(sender) = sender {
            // Nobody waits when the question was cancelled.
            let _ = sender.send(outcome);
        }
    }
}

impl ChatModel for OwnModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
        _: &'a DeltaSink<'a>,
    ) -> BoxFuture<'a, Result<Completion, ModelError>> {
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            let asked = json!({ "messages": messages(request), "tools": tools(request) }).to_string();
            // The model may take as long as it likes in there: the runtime gives this thread's other work away.
            let called = tokio::task::block_in_place(|| {
                Python::try_attach(|py| {
                    let reply = Py::new(py, Reply(Mutex::new(Some(sender))))?;
                    self.ask.call1(py, (asked, reply)).map(drop)
                })
            });
            match called {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(self.failed(error.to_string())),
                None => return Err(self.failed("the interpreter is ending".to_owned())),
            }
            match receiver.await {
                Ok(Ok(message)) => self.completion(&message),
                Ok(Err(reason)) => Err(self.failed(reason)),
                Err(_) => Err(self.failed("it gave no answer".to_owned())),
            }
        })
    }
}

impl OwnModel {
    fn failed(&self, message: String) -> ModelError {
        ModelError::Failed { model: self.name.clone(), message }
    }

    fn completion(&self, message: &str) -> Result<Completion, ModelError> {
        let said: Said = serde_json::from_str(message)
            .map_err(|error| self.failed(format!("its message can't be understood: {error}")))?;
        let calls = said.tool_calls.into_iter().enumerate().map(|(number, call)| ToolCall {
            id: call.id.unwrap_or_else(|| format!("call_{number}")),
            name: call.function.name,
            arguments: call.function.arguments,
        });
        let usage = Usage { requests: 1, ..Usage::default() };
        Ok(Completion {
            text: said.content.unwrap_or_default(),
            calls: calls.collect(),
            usage,
            ..Completion::default()
        })
    }
}

/// A message of a model, in the format of chat completions. Arguments are a value by now.
#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<SaidCall>,
}

#[derive(Deserialize)]
struct SaidCall {
    id: Option<String>,
    function: SaidFunction,
}

#[derive(Deserialize)]
struct SaidFunction {
    name: String,
    arguments: Value,
}

fn messages(request: &ModelRequest<'_>) -> Vec<Value> {
    let mut messages = vec![json!({ "role": "system", "content": request.system })];
    for message in request.messages {
        match message {
            Message::User(text) => messages.push(json!({ "role": "user", "content": text })),
            Message::Assistant(completion) => messages.push(assistant(completion)),
            Message::Results(results) => messages.extend(results.iter().map(
                |result| json!({ "role": "tool", "tool_call_id": result.id, "content": result.content }),
            )),
        }
    }
    messages
}

fn assistant(completion: &Completion) -> Value {
    let mut message = json!({ "role": "assistant", "content": completion.text });
    if !completion.calls.is_empty() {
        let calls = completion.calls.iter().map(|call| {
            // What was no JSON goes back as it came.
            let arguments = match &call.arguments {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
        });
        message["tool_calls"] = calls.collect();
    }
    message
}

fn tools(request: &ModelRequest<'_>) -> Vec<Value> {
    let tool = |tool: &toolfront_agent::ToolDefinition| {
        json!({
            "type": "function",
            "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters },
        })
    };
    request.tools.iter().map(tool).collect()
}
