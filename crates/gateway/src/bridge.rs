//! An application that is somewhere else, served here as an MCP server, for programs of this machine.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, Request};
use tokio_util::sync::CancellationToken;
use toolfront_api::Code;
use toolfront_mcp::{Application, Endpoint};

use crate::application::{refuse_foreign_origin, session_id, told};
use crate::problem::Refusal;
use crate::request::{Hosts, RequestIds};
use crate::server::{self, Bound, StartError};
use crate::settings::Limits;
use crate::{body, routes};

const PATH: &str = "/mcp";

/// A server of one application for MCP clients. It asks nobody for a token: whoever reaches it uses the application as
/// the bridge does.
#[derive(Debug)]
pub struct BridgeServer<A> {
    application: Arc<A>,
    endpoint: Endpoint,
    hosts: Hosts,
    limits: Limits,
    request_ids: RequestIds,
}

impl<A: Application> BridgeServer<A> {
    /// Takes the port. Beyond the machine itself it listens only behind a proxy, which says who may come.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way.
    pub async fn bind(
        application: Arc<A>,
        listen: SocketAddr,
        behind_proxy: bool,
    ) -> Result<Bound, StartError> {
        server::check_listen(listen, false, behind_proxy)?;
        let mut start = [0_u8; 8];
        getrandom::fill(&mut start).map_err(|_| StartError::Entropy)?;
        let stopping = CancellationToken::new();
        let server = Arc::new(Self {
            application,
            endpoint: Endpoint::new(stopping.clone()),
            hosts: if behind_proxy { Hosts::any() } else { Hosts::local() },
            limits: Limits::default(),
            request_ids: RequestIds::starting_at(u64::from_le_bytes(start)),
        });
        let limits = server.limits.clone();
        let service = Arc::new(move |request: Request<hyper::body::Incoming>, _: SocketAddr| {
            let server = Arc::clone(&server);
            let answer: std::pin::Pin<Box<dyn Future<Output = Response> + Send>> =
                Box::pin(async move { server.answer(request.map(Body::new)).await });
            answer
        });
        let bound = Bound::new(listen, None, &limits, service).await?;
        Ok(bound.closing_with(async move { stopping.cancel() }))
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        let request_id = self.request_ids.next_text();
        let answer = self.respond(request).await;
        let mut answer = answer.unwrap_or_else(|refusal| refusal.into_answer(&request_id));
        let id = HeaderValue::from_str(&request_id);
        let name = HeaderName::from_static(toolfront_api::REQUEST_ID_HEADER);
        answer.headers_mut().extend(id.map(|id| (name, id)));
        answer
    }

    async fn respond(&self, request: Request<Body>) -> Result<Response, Refusal> {
        routes::refuse_foreign_host(&self.hosts, request.uri(), request.headers())?;
        let (parts, sent) = request.into_parts();
        refuse_foreign_origin(None, &parts)?;
        if parts.uri.path() != PATH {
            return Err(Refusal::new(Code::NotFound, "The server is at /mcp."));
        }
        if parts.method != Method::POST {
            return Err(Refusal::method_not_allowed("POST"));
        }
        body::require_json(&parts.headers)?;
        let bytes = body::read(sent, self.limits.json_bytes_max, self.limits.body_time).await?;
        let (application, session) = (Arc::clone(&self.application), session_id()?);
        told(self.endpoint.answer(application, "", &session, parts, bytes).await).await
    }
}
