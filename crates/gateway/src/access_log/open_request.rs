//! A request under way: however it ends, it is told of.

use std::sync::Arc;

use axum::body::HttpBody as _;
use axum::response::Response;
use http::Method;
use toolfront_store::{AccessEvent, Decision};

use super::story::Door;
use super::{Told, path_text};
use crate::gateway::Gateway;
use crate::metrics::RequestKind;
use crate::problem::Refusal;
use crate::request::Context;
use crate::settings::RecordReads;

/// What is told of a request whose client went away before it was answered; other servers' logs use the number too.
const CLIENT_GONE: u16 = 499;

/// A request that is not answered yet. When it is dropped, because its client went away, it is told of as such.
pub(crate) struct OpenRequest<'r> {
    gateway: &'r Gateway,
    context: Arc<Context>,
    method: &'r Method,
    path: &'r str,
    is_over: bool,
}

impl<'r> OpenRequest<'r> {
    pub(crate) fn begin(
        gateway: &'r Gateway,
        context: &Arc<Context>,
        method: &'r Method,
        path: &'r str,
    ) -> Self {
        Self { gateway, context: Arc::clone(context), method, path, is_over: false }
    }

    /// What the request is for.
    pub(crate) fn kind(&self) -> RequestKind {
        match self.context.story.door() {
            Some(Door::Application) if self.method == Method::POST => RequestKind::Run,
            Some(Door::Application) => RequestKind::Read,
            Some(Door::Mcp) => RequestKind::Mcp,
            None => RequestKind::Api,
        }
    }

    /// Tells of the answer, and yields it; where reads have to be on the disk first, once they are.
    pub(crate) async fn answered(mut self, decision: Decision, answer: Response) -> Response {
        self.is_over = true;
        let bytes = answer.body().size_hint().exact().unwrap_or_default();
        let log = self.gateway.access_log();
        let is_decided = self.context.story.has_caller() || self.context.story.environment().is_some();
        if is_decided || decision.is_denial() {
            self.gateway.metrics().decided(decision);
        }
        let Some(told) = self.told(decision, answer.status().as_u16(), bytes) else { return answer };
        let is_read = matches!(told.kind.event, AccessEvent::PageRead { .. });
        let batch = log.add(told);
        if is_read
            && log.reads == RecordReads::Strict
            && let Err(refusal) = Box::pin(log.is_written(batch)).await
        {
            return refusal.into_answer(&self.context.request_id);
        }
        answer
    }

    fn told(&self, decision: Decision, status: u16, bytes: u64) -> Option<Told> {
        let (context, story) = (&self.context, &self.context.story);
        // A stranger at a door that is open to strangers, or one who said nothing at a closed one.
        let is_known = story.has_caller() || story.environment().is_some() || decision.is_denial();
        if !is_known || !story.take() {
            return None;
        }
        let (event, uses) = (self.event(decision, status), u64::from(story.has_caller()));
        Some(Told::of(self.gateway, context, event, decision, uses, bytes))
    }

    fn event(&self, decision: Decision, status: u16) -> AccessEvent {
        let story = &self.context.story;
        let page = || story.found().map_or_else(|| path_text(self.path), |found| found.path.clone());
        if decision.is_denial() {
            return AccessEvent::Denied {
                method: self.method.as_str().into(),
                path: path_text(self.path),
                status,
            };
        }
        match (story.door(), self.method) {
            (Some(Door::Application), &Method::GET | &Method::HEAD) => {
                let release = story.found().map(|found| found.release);
                AccessEvent::PageRead { release, page: page(), status }
            }
            (Some(Door::Application), &Method::POST) => AccessEvent::RunRefused { page: page(), status },
            _ => AccessEvent::Called {
                method: self.method.as_str().into(),
                path: path_text(self.path),
                status,
            },
        }
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(told) = self.told(Decision::Refused, CLIENT_GONE, 0)
        {
            self.gateway.access_log().add(told);
        }
    }
}

/// What was answered: allowed, or why not.
pub(crate) fn decision(answer: &Result<Response, Refusal>) -> Decision {
    match answer {
        Ok(answer) if answer.status().is_client_error() || answer.status().is_server_error() => {
            Decision::Refused
        }
        Ok(_) => Decision::Allowed,
        Err(refusal) => refusal.denial().unwrap_or(Decision::Refused),
    }
}
