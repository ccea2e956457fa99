//! What the loop needs of a model: one trait of ours, so that a provider's library, or a model of the caller's own, can
//! stand behind it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// A future that a trait object can yield.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A model that can be asked for the next message of a conversation.
pub trait ChatModel: Send + Sync {
    /// What it is called, for people: `openai:gpt-5`.
    fn name(&self) -> &str;

    /// Asks for the next message. What comes on the way is told to `deltas`, if the model streams at all.
    ///
    /// Dropping the future ends the call.
    fn complete<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
        deltas: &'a DeltaSink<'a>,
    ) -> BoxFuture<'a, Result<Completion, ModelError>>;

    /// How much of JSON schema it takes in the parameters of a tool.
    fn schema_dialect(&self) -> SchemaDialect {
        SchemaDialect::Full
    }
}

/// Where pieces of an answer go while it is made.
pub type DeltaSink<'a> = dyn Fn(Delta<'_>) + Send + Sync + 'a;

/// A piece of an answer while it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// Of what the model thinks, where its provider shows it.
    Thought(&'a str),
    /// Of what it says.
    Text(&'a str),
}

/// What a model is asked.
#[derive(Clone, Copy, Debug)]
pub struct ModelRequest<'a> {
    /// What it is told first.
    pub system: &'a str,
    /// The conversation so far.
    pub messages: &'a [Message],
    /// The tools that it may call.
    pub tools: &'a [ToolDefinition],
}

/// A message of a conversation.
#[derive(Clone, Debug)]
pub enum Message {
    /// From the person, or from the loop in their place.
    User(String),
    /// From the model.
    Assistant(Completion),
    /// What the calls of the message before came to, in their order.
    Results(Vec<ToolResult>),
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// A call that a model makes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments: an object, unless the model made a mistake; then whatever it sent, as a text.
    pub arguments: Value,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolResult {
    /// The id of the call.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// What the model is told.
    pub content: String,
    /// Whether it is an error.
    pub is_error: bool,
}

/// The model's next message.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    /// What it says.
    pub text: String,
    /// What it calls.
    pub calls: Vec<ToolCall>,
    /// What the call cost.
    pub usage: Usage,
    /// Whether the provider cut it off at a limit of length.
    pub is_cut: bool,
    /// What the model wants to see again in the next request, in a form that only it knows.
    pub continuation: Option<Continuation>,
}

/// Something of a model's own, carried from one request to the next.
#[derive(Clone)]
pub struct Continuation(Arc<dyn Any + Send + Sync>);

impl Continuation {
    /// Wraps it.
    pub fn new(value: impl Any + Send + Sync) -> Self {
        Self(Arc::new(value))
    }

    /// What was wrapped, if it was a `T`.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Continuation(..)")
    }
}

/// How many tokens were used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Calls of the provider.
    pub requests: u64,
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Tokens that came back, thoughts included.
    pub output_tokens: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }
}

/// How much of JSON schema a provider takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaDialect {
    /// All of it.
    Full,
    /// What the Gemini API names in its documentation of `parametersJsonSchema`.
    Gemini,
}

/// Why a model gave no message. Its text has the provider's own words, and no key.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ModelError {
    /// The provider refused, and asking again does not help.
    #[error("{model} refused{}: {message}", status_text(*.status))]
    Refused {
        /// The model.
        model: String,
        /// The HTTP status.
        status: Option<u16>,
        /// The provider's own message.
        message: String,
    },
    /// The provider can't answer now.
    #[error("{model} can't answer now{}: {message}", status_text(*.status))]
    Busy {
        /// The model.
        model: String,
        /// The HTTP status.
        status: Option<u16>,
        /// The provider's own message.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// Nothing could be reached, or the connection was lost.
    #[error("{model} can't be reached: {message}")]
    Lost {
        /// The model.
        model: String,
        /// What was wrong.
        message: String,
    },
    /// The answer has a call in it whose arguments are no JSON, so that nothing of it is known.
    #[error("{model} made a call whose arguments are not JSON")]
    MalformedCall {
        /// The model.
        model: String,
    },
    /// The answer can't be understood.
    #[error("the answer of {model} can't be understood: {message}")]
    NotUnderstood {
        /// The model.
        model: String,
        /// What was wrong.
        message: String,
    },
    /// A model of the caller's own failed.
    #[error("{model} failed: {message}")]
    Failed {
        /// The model.
        model: String,
        /// What it says.
        message: String,
    },
}

fn status_text(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| format!(" (status {status})"))
}

impl ModelError {
    /// Whether the same request may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Lost { .. })
    }
}
