//! What the stand-in says, turn by turn.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the stand-in says, one turn for each request. Also read from JSON: `{"turns": [{"text": "Hello"}]}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The turns.
    pub turns: Vec<Turn>,
    /// Whether the last turn is said again and again; else requests beyond it are refused.
    #[serde(default)]
    pub repeat_last: bool,
}

/// One turn. With a status it is a failure, else a message.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// What is said.
    pub text: String,
    /// What is called.
    pub calls: Vec<Call>,
    /// What the model thought, in the provider's own unreadable form, which it wants back with the results of the calls:
    /// encrypted reasoning of OpenAI's responses, a thought signature of Gemini. The other formats have none.
    pub thought: Option<String>,
    /// The HTTP status of a failure.
    pub status: Option<u16>,
    /// The failure's message.
    pub message: String,
    /// How many seconds a failure asks to wait.
    pub retry_after: Option<u64>,
    /// Whether the connection is cut in the middle.
    pub cut: bool,
    /// Whether the answer ends in the middle, as if it were whole.
    pub ends_early: bool,
    /// Whether the answer never comes.
    pub hang: bool,
    /// A text that the request has to have in it, or it is refused.
    pub expect: Option<String>,
}

/// A call of a tool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
    /// In the place of the arguments: a text that is no JSON.
    pub raw_arguments: Option<String>,
}

impl Script {
    /// These turns, once.
    pub fn of(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self { turns: turns.into_iter().collect(), repeat_last: false }
    }

    /// This turn, again and again.
    pub fn repeating(turn: Turn) -> Self {
        Self { turns: vec![turn], repeat_last: true }
    }

    pub(crate) fn turn(&self, number: usize) -> Option<Turn> {
        let last = self.repeat_last.then(|| self.turns.last()).flatten();
        self.turns.get(number).or(last).cloned()
    }
}

impl Turn {
    /// Says a text.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Calls a tool.
    pub fn call(name: &str, arguments: Value) -> Self {
        Self::calls([(name, arguments)])
    }

    /// Calls several tools at once.
    pub fn calls<'n>(calls: impl IntoIterator<Item = (&'n str, Value)>) -> Self {
        let calls = calls.into_iter().map(|(name, arguments)| Call {
            name: name.to_owned(),
            arguments,
            raw_arguments: None,
        });
        Self { calls: calls.collect(), ..Self::default() }
    }

    /// Calls a tool with arguments that are no JSON.
    pub fn malformed_call(name: &str, raw: &str) -> Self {
        let call =
            Call { name: name.to_owned(), arguments: Value::Null, raw_arguments: Some(raw.to_owned()) };
        Self { calls: vec![call], ..Self::default() }
    }

    /// Fails.
    pub fn failure(status: u16, message: &str) -> Self {
        Self { status: Some(status), message: message.to_owned(), ..Self::default() }
    }

    /// The same, asking to wait for so many seconds.
    #[must_use]
    pub fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same, cut in the middle.
    #[must_use]
    pub fn cut(self) -> Self {
        Self { cut: true, ..self }
    }

    /// The same, ending in the middle as if it were whole.
    #[must_use]
    pub fn ending_early(self) -> Self {
        Self { ends_early: true, ..self }
    }

    /// An answer that never comes.
    pub fn hang() -> Self {
        Self { hang: true, ..Self::default() }
    }

    /// The same with a thought that is to come back.
    #[must_use]
    pub fn with_thought(self, thought: &str) -> Self {
        Self { thought: Some(thought.to_owned()), ..self }
    }

    /// The same, if the request has this text in it.
    #[must_use]
    pub fn expecting(self, text: &str) -> Self {
        Self { expect: Some(text.to_owned()), ..self }
    }
}

impl Call {
    /// The arguments as a text, as it is sent where a text is wanted.
    pub(crate) fn arguments_text(&self) -> String {
        self.raw_arguments.clone().unwrap_or_else(|| self.arguments.to_string())
    }

    /// The arguments as a value, as it is sent where an object is wanted.
    pub(crate) fn arguments_value(&self) -> Value {
        self.raw_arguments.clone().map_or_else(|| self.arguments.clone(), Value::String)
    }
}
