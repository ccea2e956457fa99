//! What an agent tells while it works.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// What happens while an agent works. New kinds may come: match with a `_` arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The model is asked; the first turn is 1.
    Turn {
        /// Which turn.
        turn: u32,
    },
    /// A piece of what the model thinks.
    Thought {
        /// The piece.
        text: String,
    },
    /// A piece of what the model says.
    Text {
        /// The piece.
        text: String,
    },
    /// The model calls a tool.
    Call {
        /// The id of the call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A command prints.
    Output {
        /// The id of the call.
        id: String,
        /// The piece.
        text: String,
    },
    /// What a call came to.
    Result {
        /// The id of the call.
        id: String,
        /// The tool.
        name: String,
        /// What the model is told.
        content: String,
        /// Whether it is an error.
        is_error: bool,
    },
    /// The provider is asked again; what it had said is void.
    Retry {
        /// Why.
        reason: String,
        /// After how long, in seconds.
        #[serde(serialize_with = "seconds")]
        after: Duration,
    },
    /// The answer does not fit, and the model is told so.
    Repair {
        /// What is wrong with it.
        reason: String,
    },
    /// The conversation grew too long: the oldest results were dropped from it.
    Dropped {
        /// How many results.
        results: usize,
    },
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
