//! The streamable HTTP transport, without sessions: every request stands for itself.
//!
//! Revision 2026-07-28 knows no sessions, and the ones before let a server do without. So nothing outlives a request
//! that was judged, and a cluster needs no memory in common. What is answered with one message is answered as JSON,
//! what is told on the way (progress) as a stream of events.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use crate::application::Application;
use crate::calls::{CallKey, Calls};
use crate::message::Message;
use crate::server::Server;

/// The header that carries a session's id.
const SESSION: &str = "mcp-session-id";
/// The longest session id that is looked at.
const SESSION_BYTES_MAX: usize = 128;

/// An answer of the endpoint.
pub type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Where messages of clients arrive over HTTP.
#[derive(Clone, Debug)]
pub struct Endpoint {
    calls: Calls,
    stopping: CancellationToken,
}

impl Endpoint {
    /// An endpoint whose answers end when `stopping` is cancelled.
    pub fn new(stopping: CancellationToken) -> Self {
        Self { calls: Calls::default(), stopping }
    }

    /// Answers a request, of which everything else has been judged: who sends it, from which host and origin.
    ///
    /// `caller` is what callers are told apart by; it is neither shown nor kept. `session` is the id that a new session
    /// is to be given.
    pub async fn answer<A: Application>(
        &self,
        application: Arc<A>,
        caller: &str,
        session: &str,
        head: Parts,
        body: Bytes,
    ) -> Answer {
        let message = Message::peek(&body);
        let sent = head.headers.get(SESSION).and_then(|id| id.to_str().ok());
        let sent: Option<Arc<str>> = sent.filter(|id| id.len() <= SESSION_BYTES_MAX).map(Arc::from);
        let mut server = Server::new(application);
        if let Some(session) = sent {
            let caller: Arc<str> = caller.into();
            if let Some(request) = message.cancels() {
                let (caller, session) = (Arc::clone(&caller), Arc::clone(&session));
                self.calls.cancel(&CallKey { caller, session, request });
            }
            server = server.in_session(self.calls.clone(), caller, session);
        }
        let request = Request::from_parts(without_credentials(head), Full::new(body));
        let service = StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::new(NeverSessionManager::default()),
            self.config(),
        );
        let mut answer = service.handle(request).await;
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if message.is_initialize() && answer.status().is_success() {
            answer.headers_mut().extend(
                HeaderValue::from_str(session).map(|id| (header::HeaderName::from_static(SESSION), id)),
            );
        }
        answer
    }

    fn config(&self) -> StreamableHttpServerConfig {
        StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_cancellation_token(self.stopping.clone())
            // Hosts and origins were judged by whoever calls, who knows its own names.
            .disable_allowed_hosts()
            .disable_allowed_origins()
    }
}

/// The protocol's code needs none of them, and could write them into a log.
fn without_credentials(mut head: Parts) -> Parts {
    for name in [header::AUTHORIZATION, header::COOKIE, header::HeaderName::from_static("token")] {
        head.headers.remove(name);
    }
    head.extensions.clear();
    head
}
