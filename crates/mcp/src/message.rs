//! A message of a client, so far as it is known before it is handed on.

use serde::Deserialize;
use serde_json::Value;

/// A JSON-RPC message of a client. What does not look like one is left to the protocol's own code to refuse.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    params: Option<Value>,
}

impl Message {
    /// Looks at a body.
    pub(crate) fn peek(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// Whether it begins a session.
    pub(crate) fn is_initialize(&self) -> bool {
        self.method.as_deref() == Some("initialize")
    }

    /// The request that it cancels, by its id as JSON.
    pub(crate) fn cancels(&self) -> Option<String> {
        if self.method.as_deref() != Some("notifications/cancelled") {
            return None;
        }
        self.params.as_ref()?.get("requestId").map(Value::to_string)
    }
}
