//! Models of providers, through a library that speaks their formats.

mod failure;
mod key;
mod known;
mod reasoning;
mod wire;

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use genai::chat::{ChatOptions, ChatStreamEvent, ReasoningEffort, StopReason};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use serde_json::json;

use self::key::ProviderKey;
pub use self::known::provider_variables;
use self::known::{Provider, by_name, names};
use self::reasoning::Reasoning;
use crate::chat_model::{
    BoxFuture, ChatModel, Completion, Delta, DeltaSink, ModelError, ModelRequest, SchemaDialect,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// For how long a provider may say nothing, be it before it answers or within its answer. Models that think say nothing
/// for minutes.
const SILENCE_MAX: Duration = Duration::from_mins(10);

/// A model of a provider.
pub struct ProviderModel {
    name: String,
    provider: &'static Provider,
    client: Client,
    model: ModelIden,
    endpoint: Endpoint,
    key: ProviderKey,
    is_streaming: bool,
}

/// Why a model can't be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum ModelSetupFault {
    /// No provider is named.
    #[error(
        "`{text}` names no model: write it as provider:name, such as openai:gpt-5 (providers: {})",
        names()
    )]
    NoProvider {
        /// What was given.
        text: String,
    },
    /// The provider is not known.
    #[error("there is no provider `{provider}` (providers: {})", names())]
    UnknownProvider {
        /// What was given.
        provider: String,
    },
    /// There is no key.
    #[error("{provider} needs a key: set {variables}")]
    NoKey {
        /// The provider.
        provider: &'static str,
        /// Where it is looked for.
        variables: String,
    },
    /// The base URL is none.
    #[error("the value of {variable} is not an http or https URL")]
    BaseUrl {
        /// Where it came from.
        variable: &'static str,
    },
    /// The HTTP client can't be made.
    #[error("the HTTP client can't be set up")]
    Http(#[source] reqwest::Error),
    /// The provider's client can't be made.
    #[error("the provider's client can't be set up: {0}")]
    Library(String),
}

impl ProviderModel {
    /// The model that `provider:name` means. `variable` looks an environment variable up: the provider's key and, where it
    /// is set, its base URL.
    ///
    /// # Errors
    /// [`ModelSetupFault`] says what is missing, and which variable gives it.
    pub fn from_name(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, ModelSetupFault> {
        let no_provider = || ModelSetupFault::NoProvider { text: text.to_owned() };
        let (prefix, name) = text.trim().split_once(':').ok_or_else(no_provider)?;
        let name = name.trim();
        let provider = by_name(prefix)
            .ok_or_else(|| ModelSetupFault::UnknownProvider { provider: prefix.to_owned() })?;
        if name.is_empty() {
            return Err(no_provider());
        }
        let key = ProviderKey::find(provider, variable)?;
        let base = provider.base_url(variable)?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("toolfront/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_MAX)
            // A key is never sent on to another address.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        if known::is_loopback(&base) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(ModelSetupFault::Http)?;
        let client = Client::builder()
            .with_reqwest(http)
            .build()
            .map_err(|error| ModelSetupFault::Library(error.to_string()))?;
        Ok(Self {
            name: format!("{prefix}:{name}"),
            provider,
            client,
            model: ModelIden::new(provider.adapter, name),
            endpoint: Endpoint::from_owned(base),
            key,
            is_streaming: true,
        })
    }

    /// The same, asking for answers as a whole or as they are made. Streaming unless said otherwise.
    #[must_use]
    pub fn with_streaming(self, is_streaming: bool) -> Self {
        Self { is_streaming, ..self }
    }

    fn target(&self) -> ServiceTarget {
        ServiceTarget {
            endpoint: self.endpoint.clone(),
            auth: AuthData::from_single(self.key.reveal()),
            model: self.model.clone(),
        }
    }

    fn options(&self, request: &ModelRequest<'_>) -> ChatOptions {
        let mut options = ChatOptions::default()
            .with_capture_usage(true)
            .with_capture_content(true)
            .with_capture_tool_calls(true)
            .with_capture_raw_body(!self.is_streaming);
        let model: &str = &self.model.model_name;
        if self.provider.is_openai_like() {
            // The library takes `-high` and the like at the end of a name for an effort, and the rest for the name. A budget is
            // what it does not send, and with it the name stays.
            options = options.with_reasoning_effort(ReasoningEffort::Budget(0));
        }
        if self.provider.is_responses() {
            let mut body = json!({ "input": wire::responses_input(request.messages) });
            if known::reasons(model) {
                // Nothing is stored at the provider: what the model thought comes along, encrypted, so that it goes back with the
                // results of its calls.
                body["include"] = json!(["reasoning.encrypted_content"]);
            }
            options = options.with_extra_body(body);
        }
        options
    }

    async fn whole(&self, request: &ModelRequest<'_>) -> Result<Completion, ModelError> {
        let options = self.options(request);
        let reasoning = Reasoning::default();
        let asked = self.client.exec_chat(self.target(), wire::request(request), Some(&options));
        let response = asked.await.map_err(|error| self.failure(&error))?;
        let is_cut = response.stop_reason.as_ref().is_some_and(StopReason::is_max_tokens);
        self.refuse_filtered(response.stop_reason.as_ref(), &response.content)?;
        if self.provider.is_responses() {
            reasoning.read(response.captured_raw_body.as_ref());
        }
        Ok(wire::completion(response.content, reasoning.take(), &response.usage, is_cut))
    }

    async fn streamed(
        &self,
        request: &ModelRequest<'_>,
        deltas: &DeltaSink<'_>,
    ) -> Result<Completion, ModelError> {
        let reasoning = Reasoning::default();
        let mut options = self.options(request);
        if self.provider.is_responses() {
            let heard = reasoning.clone();
            options = options.with_raw_frame_fn(move |_, frame| heard.hear(frame.data));
        }
        let asked = self.client.exec_chat_stream(self.target(), wire::request(request), Some(&options));
        let mut stream = asked.await.map_err(|error| self.failure(&error))?.stream;
        while let Some(event) = stream.next().await {
            match event.map_err(|error| self.failure(&error))? {
                ChatStreamEvent::Chunk(chunk) => deltas(Delta::Text(&chunk.content)),
                ChatStreamEvent::ReasoningChunk(chunk) => deltas(Delta::Thought(&chunk.content)),
                ChatStreamEvent::End(end) => {
                    let content = end.captured_content.unwrap_or_default();
                    let stop = end.captured_stop_reason;
                    // Where a stream ends without its last event, the library makes one up.
                    if stop.is_none() && !self.provider.is_lenient() {
                        break;
                    }
                    self.refuse_filtered(stop.as_ref(), &content)?;
                    let is_cut = stop.as_ref().is_some_and(StopReason::is_max_tokens);
                    let usage = end.captured_usage.unwrap_or_default();
                    return Ok(wire::completion(content, reasoning.take(), &usage, is_cut));
                }
                ChatStreamEvent::Start
                | ChatStreamEvent::ThoughtSignatureChunk(_)
                | ChatStreamEvent::ToolCallChunk(_)
                | ChatStreamEvent::Heartbeat => {}
            }
        }
        Err(ModelError::Lost { model: self.name.clone(), message: failure::BROKE_OFF.to_owned() })
    }

    fn refuse_filtered(
        &self,
        stop: Option<&StopReason>,
        content: &genai::chat::MessageContent,
    ) -> Result<(), ModelError> {
        match stop {
            Some(reason @ StopReason::ContentFilter(_)) if content.is_text_empty() => {
                Err(ModelError::Refused {
                    model: self.name.clone(),
                    status: None,
                    message: format!("the provider's filter ended the answer ({})", reason.raw()),
                })
            }
            _ => Ok(()),
        }
    }

    fn failure(&self, error: &genai::Error) -> ModelError {
        failure::told(error, &self.name, &self.key)
    }
}

impl ChatModel for ProviderModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
        deltas: &'a DeltaSink<'a>,
    ) -> BoxFuture<'a, Result<Completion, ModelError>> {
        Box::pin(async move {
            if self.is_streaming { self.streamed(request, deltas).await } else { self.whole(request).await }
        })
    }

    fn schema_dialect(&self) -> SchemaDialect {
        self.provider.dialect()
    }
}

impl fmt::Debug for ProviderModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderModel").field("name", &self.name).finish_non_exhaustive()
    }
}
