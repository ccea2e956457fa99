//! Calls under way, to be ended by a notification that comes as a request of its own.
//!
//! Revisions before 2026-07-28 cancel a request by `notifications/cancelled`, over HTTP in another POST. The two belong
//! together when the same caller sends them under the same session id: an id that is given out by `initialize`, that
//! carries no right, and of which nothing is kept here but the calls under way.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Which call is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallKey {
    /// Who calls: whatever the server tells callers apart by.
    pub(crate) caller: Arc<str>,
    /// The session id that was sent.
    pub(crate) session: Arc<str>,
    /// The request's id, as JSON.
    pub(crate) request: String,
}

/// The calls under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<HashMap<CallKey, CancellationToken>>>);

/// A call under way; dropping it forgets it.
#[derive(Debug)]
pub(crate) struct Call {
    calls: Calls,
    key: CallKey,
    cancelled: CancellationToken,
}

impl Calls {
    /// Notes a call. One with the same key that is under way already is not to be reached any more: ids are not to be
    /// used twice.
    pub(crate) fn begin(&self, key: CallKey) -> Call {
        let cancelled = CancellationToken::new();
        self.0.lock().insert(key.clone(), cancelled.clone());
        Call { calls: self.clone(), key, cancelled }
    }

    /// Ends a call, if there is such a one.
    pub(crate) fn cancel(&self, key: &CallKey) {
        if let Some(call) = self.0.lock().get(key) {
            call.cancel();
        }
    }
}

impl Call {
    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.0.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(caller: &str, session: &str, request: &str) -> CallKey {
        CallKey { caller: caller.into(), session: session.into(), request: request.to_owned() }
    }

    #[test]
    fn a_call_is_ended_by_its_own_caller_in_its_own_session_alone() {
        let calls = Calls::default();
        let call = calls.begin(key("a", "s", "1"));
        for other in [key("b", "s", "1"), key("a", "t", "1"), key("a", "s", "\"1\"")] {
            calls.cancel(&other);
            assert!(!call.cancelled().is_cancelled(), "{other:?}");
        }
        calls.cancel(&key("a", "s", "1"));
        assert!(call.cancelled().is_cancelled());
        drop(call);
        assert!(calls.0.lock().is_empty());
    }
}
