//! The formats of the providers.

mod anthropic;
mod gemini;
mod openai_chat;
mod openai_responses;

use http::HeaderMap;
use serde_json::Value;

use crate::script::Turn;

/// The tokens that every message is said to have cost.
pub(crate) const INPUT_TOKENS: u64 = 100;
pub(crate) const OUTPUT_TOKENS: u64 = 20;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Chat completions of OpenAI, and of all who copy them.
    OpenAiChat,
    /// Responses of OpenAI.
    OpenAiResponses,
    /// Messages of Anthropic.
    Anthropic,
    /// `generateContent` of Gemini.
    Gemini,
}

/// What is asked for, from the path and the body.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) format: Format,
    pub(crate) model: String,
    pub(crate) is_streaming: bool,
    /// Of a stream of chat completions: whether the usage is wanted at its end.
    pub(crate) wants_usage: bool,
    /// Whether the path is that of Groq, which tells the usage of a stream in a field of its own.
    pub(crate) is_groq: bool,
    /// The number of the turn, so that ids differ.
    pub(crate) number: usize,
}

/// A result that a request carries, or a call that it repeats, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Call(String),
    Result(String),
    Other,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OpenAiChat, Self::OpenAiResponses, Self::Anthropic, Self::Gemini];

    /// The format that a path is of.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            Some(Self::OpenAiChat)
        } else if path.ends_with("/v1/responses") {
            Some(Self::OpenAiResponses)
        } else if path.ends_with("/v1/messages") {
            Some(Self::Anthropic)
        } else if path.contains("/v1beta/models/") && path.ends_with("enerateContent") {
            Some(Self::Gemini)
        } else {
            None
        }
    }

    pub(crate) fn asked(self, path: &str, query: Option<&str>, body: &Value, number: usize) -> Asked {
        let in_body = body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        let flag = |place: &str| body.pointer(place).and_then(Value::as_bool).unwrap_or(false);
        let (model, is_streaming) = match self {
            Self::Gemini => {
                (gemini::model(path), path.ends_with(":streamGenerateContent") && query == Some("alt=sse"))
            }
            Self::OpenAiChat | Self::OpenAiResponses | Self::Anthropic => (in_body, flag("/stream")),
        };
        Asked {
            format: self,
            model,
            is_streaming,
            wants_usage: flag("/stream_options/include_usage"),
            is_groq: path.starts_with("/openai/v1/"),
            number,
        }
    }

    /// The published schema of its requests.
    pub(crate) fn schema(self) -> &'static str {
        match self {
            Self::OpenAiChat => include_str!("../schemas/openai-chat.json"),
            Self::OpenAiResponses => include_str!("../schemas/openai-responses.json"),
            Self::Anthropic => include_str!("../schemas/anthropic-messages.json"),
            Self::Gemini => include_str!("../schemas/gemini-generate-content.json"),
        }
    }

    /// What is wrong with the headers.
    pub(crate) fn header_fault(self, headers: &HeaderMap, key: &str) -> Option<String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let has = |name: &str, wanted: &str| text(name) == Some(wanted);
        let bearer = format!("Bearer {key}");
        let is_known = match self {
            Self::OpenAiChat | Self::OpenAiResponses => has("authorization", &bearer),
            // Anthropic's own packages have sent the one or the other.
            Self::Anthropic => has("x-api-key", key) || has("authorization", &bearer),
            Self::Gemini => has("x-goog-api-key", key),
        };
        if !is_known {
            return Some("Incorrect API key provided".to_owned());
        }
        (self == Self::Anthropic && text("anthropic-version") != Some("2023-06-01"))
            .then(|| "anthropic-version: header is required".to_owned())
    }

    /// The calls and results of a request.
    pub(crate) fn said(self, body: &Value) -> Vec<Said> {
        match self {
            Self::OpenAiChat => openai_chat::said(body),
            Self::OpenAiResponses => openai_responses::said(body),
            Self::Anthropic => anthropic::said(body),
            Self::Gemini => gemini::said(body),
        }
    }

    /// A message as a whole.
    pub(crate) fn whole(asked: &Asked, turn: &Turn) -> Value {
        match asked.format {
            Self::OpenAiChat => openai_chat::whole(asked, turn),
            Self::OpenAiResponses => openai_responses::whole(asked, turn),
            Self::Anthropic => anthropic::whole(asked, turn),
            Self::Gemini => gemini::whole(asked, turn),
        }
    }

    /// A message as events.
    pub(crate) fn events(asked: &Asked, turn: &Turn) -> Vec<String> {
        match asked.format {
            Self::OpenAiChat => openai_chat::events(asked, turn),
            Self::OpenAiResponses => openai_responses::events(asked, turn),
            Self::Anthropic => anthropic::events(asked, turn),
            Self::Gemini => gemini::events(asked, turn),
        }
    }

    /// A failure.
    pub(crate) fn failure(self, status: u16, message: &str) -> Value {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => openai_chat::failure(status, message),
            Self::Anthropic => anthropic::failure(status, message),
            Self::Gemini => gemini::failure(status, message),
        }
    }
}

/// The text in pieces, as models say it.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(7.min(rest.len())));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// An event without a name.
pub(crate) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// An event whose name is its `type`.
pub(crate) fn named(value: &Value) -> String {
    let name = value.get("type").and_then(Value::as_str).unwrap_or_default();
    format!("event: {name}\ndata: {value}\n\n")
}
