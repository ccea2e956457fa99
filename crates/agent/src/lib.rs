//! An agent over an application: a model that reads pages and runs tools until it can answer a question.
//!
//! [`Agent`] is the loop, over an [`ApplicationClient`](toolfront_client::ApplicationClient) and any [`ChatModel`];
//! [`ProviderModel`] is one of a provider such as OpenAI or Anthropic. The library that speaks to the providers stays
//! behind that trait. What may be run is decided by the application's server alone: whatever a model is talked into, it can
//! run nothing that the pages do not allow.
//!
//! Nothing here prints or reads an environment variable.

mod agent;
mod chat_model;
mod context_window;
mod conversation;
mod event;
mod fence;
mod final_answer;
mod kept_output;
mod page_tools;
mod patience;
mod prompt;
mod provider;
mod schema;

pub use agent::{Agent, AgentError, AgentOptions, Answer, EventSink, Question};
pub use chat_model::{
    BoxFuture, ChatModel, Completion, Continuation, Delta, DeltaSink, Message, ModelError, ModelRequest,
    SchemaDialect, ToolCall, ToolDefinition, ToolResult, Usage,
};
pub use event::Event;
pub use final_answer::{AnswerCheck, AnswerFormat};
pub use patience::Patience;
pub use provider::{ModelSetupFault, ProviderModel, provider_variables};
pub use schema::{AnswerSchema, SchemaFault};
