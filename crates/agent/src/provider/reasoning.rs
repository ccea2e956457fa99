//! What models of OpenAI's responses think, encrypted: items that go back with the results of their calls exactly as they
//! came, with their ids, which the library does not keep.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

/// The items of one answer.
#[derive(Clone, Default)]
pub(super) struct Reasoning(Arc<Mutex<Vec<Value>>>);

impl Reasoning {
    /// Keeps what an event of a stream brings.
    pub(super) fn hear(&self, event: &str) {
        if !event.contains("response.output_item.done") {
            return;
        }
        let event: Value = serde_json::from_str(event).unwrap_or_default();
        self.keep(event.get("item"));
    }

    /// Keeps what is in an answer as a whole.
    pub(super) fn read(&self, body: Option<&Value>) {
        let items = body.and_then(|body| body.get("output")?.as_array());
        items.into_iter().flatten().for_each(|item| self.keep(Some(item)));
    }

    /// What was kept.
    pub(super) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, item: Option<&Value>) {
        let Some(item) = item.and_then(Value::as_object) else { return };
        let is_encrypted = item.get("encrypted_content").is_some_and(Value::is_string);
        if item.get("type").and_then(Value::as_str) != Some("reasoning") || !is_encrypted {
            return;
        }
        let wanted = ["type", "id", "summary", "encrypted_content"];
        let kept: Map<String, Value> =
            wanted.into_iter().filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Value::Object(kept));
    }
}
