//! What a client is told of the tokens that it needs (RFC 9728), without having one.
//!
//! Tokens are made beforehand and there is no authorization server, so that none is named: the document says where a
//! token goes, and what it may be made for. It says nothing of whether the application exists.

use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Uri};
use serde_json::json;
use toolfront_app::EnvName;
use toolfront_token::Scope;

use super::PATH;
use crate::gateway::Gateway;
use crate::request::HostKind;

/// What such a document's path begins with (RFC 9728 section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Where the document is that tells of the MCP endpoint below `mount` at the request's own host; `None` where no
/// application can be.
pub(super) fn address(gateway: &Gateway, headers: &HeaderMap, mount: &str) -> Option<String> {
    let name = mount.strip_prefix("/e/").unwrap_or(mount);
    if !mount.is_empty() && !is_name(name) {
        return None;
    }
    Some(format!("{}{WELL_KNOWN}{mount}{PATH}", base(gateway, headers)?))
}

/// The document that a request asks for, if it is one.
pub(crate) fn resource_metadata(
    gateway: &Gateway,
    kind: &HostKind<'_>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<Response> {
    let resource = uri.path().strip_prefix(WELL_KNOWN)?;
    let mount = resource.strip_suffix(PATH)?;
    let is_known = match kind {
        HostKind::Application(_) => mount.is_empty(),
        HostKind::Gateway => mount.strip_prefix("/e/").is_some_and(is_name),
        HostKind::Foreign => false,
    };
    if !is_known {
        return None;
    }
    let document = json!({
        "resource": format!("{}{resource}", base(gateway, headers)?),
        "resource_name": "An application on a ToolFront gateway",
        "bearer_methods_supported": ["header"],
        "scopes_supported": [Scope::Read.wire(), Scope::Execute.wire()],
    });
    let mut answer = Response::new(Body::from(document.to_string()));
    let told = answer.headers_mut();
    told.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    told.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Some(answer)
}

/// The scheme that clients use, and the host that this one named: one of ours, since it was let in.
fn base(gateway: &Gateway, headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let settings = gateway.settings();
    let is_https = settings.tls.is_some()
        || settings.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let scheme = if is_https { "https" } else { "http" };
    Some(format!("{scheme}://{host}"))
}

fn is_name(name: &str) -> bool {
    EnvName::parse(name).is_ok_and(|parsed| parsed.as_str() == name)
}
