//! The application as a remote MCP server, at `/mcp` below its base URL.
//!
//! Every request is judged by itself, like any other request to the application: the same tokens, the same permits, the
//! same record. There are no sessions that could outlive a token.

mod hosted;
mod origin;
mod resource_metadata;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use toolfront_api::Code;
use toolfront_mcp::Answer;
use toolfront_token::{ActiveToken, ReadPage};

pub(crate) use self::origin::refuse_foreign_origin;
pub(crate) use self::resource_metadata::resource_metadata;

use self::hosted::Hosted;
use super::entry::enter;
use crate::body;
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::request::Context;

/// Where it is, below the application's base URL. A page of this name is reached as `/mcp.md`.
pub(super) const PATH: &str = "/mcp";
/// GET would open a stream for messages that no request asked for, and DELETE end a session: there are none.
const METHODS: &str = "POST";
const SESSION_BYTES: usize = 16;
/// How much of the words of a refusal is told.
const WORDS_BYTES_MAX: usize = 4096;

pub(super) async fn serve(
    gateway: &Gateway,
    context: &Arc<Context>,
    name: &str,
    mount: &str,
    parts: Parts,
    sent: Body,
) -> Result<Response, Refusal> {
    refuse_foreign_origin(gateway.settings().public_url.as_deref(), &parts)?;
    let (limits, arrived) = (gateway.limits(), gateway.now());
    let entered = enter::<ReadPage>(gateway, &parts.headers, context, name).await;
    let (permit, environment) = entered.map_err(|refusal| {
        let address = resource_metadata::address(gateway, &parts.headers, mount);
        refusal.with_resource_metadata(address.as_deref())
    })?;
    if parts.method != Method::POST {
        return Err(Refusal::method_not_allowed(METHODS));
    }
    body::require_json(&parts.headers)?;
    let bytes = body::read(sent, limits.json_bytes_max, limits.body_time).await?;
    let caller = permit.by().map(ActiveToken::token).map_or_else(
        || format!("visitor {} {}", environment.record.id, context.address),
        |token| token.to_string(),
    );
    let application =
        Hosted::new(gateway, context, name, parts.headers.clone(), arrived, permit, environment)?;
    let session = session_id()?;
    told(gateway.mcp().answer(Arc::new(application), &caller, &session, parts, bytes).await).await
}

/// An answer of the protocol; where it is a refusal in plain words, the same as a problem.
pub(crate) async fn told(answer: Answer) -> Result<Response, Refusal> {
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE);
    if !(status.is_client_error() || status.is_server_error()) || kind.is_some() {
        return Ok(answer.map(Body::new));
    }
    let words = Limited::new(answer.into_body(), WORDS_BYTES_MAX).collect().await;
    let words =
        words.map(|words| String::from_utf8_lossy(&words.to_bytes()).into_owned()).unwrap_or_default();
    let code = match status {
        StatusCode::NOT_ACCEPTABLE => Code::NotAcceptable,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        status if status.is_server_error() => return Err(Refusal::internal(&words)),
        // The media type was judged before: what is meant is a body that is no message.
        _ => Code::BadRequest,
    };
    Err(Refusal::new(code, format!("{words}.")))
}

/// An id for a session that may begin: it tells calls apart and carries no right.
pub(crate) fn session_id() -> Result<String, Refusal> {
    let mut bytes = [0_u8; SESSION_BYTES];
    getrandom::fill(&mut bytes).map_err(|cause| Refusal::internal(&cause))?;
    Ok(bytes.iter().fold(String::with_capacity(2 * SESSION_BYTES), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    }))
}
