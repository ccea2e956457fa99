//! From a request to who answers it: an application, by its path or its host, or the management API.

mod audit;
mod authorize;
mod blobs;
mod deploying;
mod described;
mod environments;
mod fields;
mod introspect;
mod limits;
mod operations;
mod organizations;
mod own_token;
mod query;
mod secrets;
mod token_records;
mod token_stories;
mod tokens;
mod views;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};
use hyper::body::Incoming;
use toolfront_api::{Code, REQUEST_ID_HEADER};
use tower::ServiceExt;
use tracing::Instrument;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use self::described::Routes;
use crate::access::refuse_token_in_url;
use crate::access_log::{self, OpenRequest};
use crate::application;
use crate::gateway::Gateway;
use crate::problem::{self, Refusal};
use crate::request::{Context, HostKind, Hosts};
use crate::server::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);

/// Below which applications stand, each at its name.
const APPLICATIONS: &str = "/e/";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ToolFront gateway",
        description = "Hosts private AI applications, and controls with personal access tokens who may use them."
    ),
    modifiers(&BearerToken),
    security(("token" = []))
)]
struct Document;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("tf_…")
            .description(Some("A personal access token."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

fn management() -> Routes {
    Routes::default()
        .merge(tokens::router())
        .merge(token_stories::router())
        .merge(own_token::router())
        .merge(environments::router())
        .merge(secrets::router())
        .merge(blobs::router())
        .merge(organizations::router())
        .merge(introspect::router())
        .merge(authorize::router())
        .merge(audit::router())
        .merge(operations::router())
}

/// The OpenAPI 3.1 document of the management API, as JSON.
pub fn openapi_document() -> String {
    management().describe_in(Document::openapi()).to_json().unwrap_or_default()
}

/// What answers every request of a gateway.
pub(crate) fn service(gateway: Gateway) -> Service {
    let router = management()
        .into_router()
        .fallback(|| async { Refusal::new(Code::NotFound, "There is nothing at this path.") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(Code::MethodNotAllowed, "The header Allow names the methods that this path takes.")
        })
        .with_state(gateway.clone());
    Arc::new(move |request: Request<Incoming>, peer: SocketAddr| {
        let (gateway, router) = (gateway.clone(), router.clone());
        Box::pin(async move { answer(&gateway, router, request, peer).await })
    })
}

/// What answers at the address for those who run the gateway.
pub(crate) fn operations_service(gateway: Gateway) -> Service {
    let router = operations::open_router().with_state(gateway.clone());
    Arc::new(move |request: Request<Incoming>, _: SocketAddr| {
        let (router, request_id) = (router.clone(), gateway.request_ids().next_text());
        Box::pin(async move {
            let Ok(answer) = router.oneshot(request.map(Body::new)).await;
            match problem::refusal_in(&answer) {
                Some(refusal) => refusal.into_answer(&request_id),
                None => answer,
            }
        })
    })
}

async fn answer(gateway: &Gateway, router: Router, request: Request<Incoming>, peer: SocketAddr) -> Response {
    let started = std::time::Instant::now();
    let behind_proxy = gateway.settings().behind_proxy;
    let request_id = gateway.request_ids().next();
    let (parts, body) = request.into_parts();
    let context = Arc::new(Context::new(request_id, &parts.headers, peer, behind_proxy));
    let (method, path) = (&parts.method, parts.uri.path());
    let open = OpenRequest::begin(gateway, &context, method, path);
    let has_token_in_url = refuse_token_in_url(&parts.uri);
    let is_loggable = has_token_in_url.is_ok();
    let answer = match has_token_in_url {
        Err(refusal) => Err(refusal),
        Ok(()) if head_bytes(&parts) > gateway.limits().header_bytes_max => {
            Err(Refusal::new(Code::HeadersTooLarge, "The path and the headers are too large together."))
        }
        Ok(()) => {
            // At the debug level, so that it costs nothing where nobody collects spans.
            let span = tracing::debug_span!("request", request_id = %context.request_id, %method);
            dispatch(gateway, router, &context, &parts, body).instrument(span).await
        }
    };
    let answer = answer.and_then(|answer| match problem::refusal_in(&answer) {
        Some(refusal) => Err(refusal.allowing(answer.headers().get(header::ALLOW).cloned())),
        None => Ok(answer),
    });
    let decision = access_log::decision(&answer);
    let answer = answer.unwrap_or_else(|refusal| refusal.into_answer(&context.request_id));
    let kind = open.kind();
    let mut answer = open.answered(decision, answer).await;
    let took = started.elapsed();
    gateway.metrics().requests.answered(kind, answer.status().as_u16(), took);
    answer.headers_mut().extend(HeaderValue::from_str(&context.request_id).map(|id| (REQUEST_ID, id)));
    let path = if is_loggable { path } else { "(withheld: it carries a token)" };
    log(method, path, &answer, &context, took);
    answer
}

/// About how many bytes a request's path and headers take.
fn head_bytes(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    parts.headers.iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len() + 4)
}

/// One line a request. Reads that went well are told at the debug level: they are many.
fn log(method: &Method, path: &str, answer: &Response, context: &Context, took: std::time::Duration) {
    let status = answer.status().as_u16();
    let duration_ms = took.as_secs_f64() * 1000.0;
    let (id, address) = (&context.request_id, context.address);
    if status < 400 && (method == Method::GET || method == Method::HEAD) {
        tracing::debug!(%method, path, status, duration_ms, %address, request_id = %id, "request");
    } else {
        tracing::info!(%method, path, status, duration_ms, %address, request_id = %id, "request");
    }
}

/// A name that another page in a browser made to point here is none of ours.
pub(crate) fn refuse_foreign_host<'r>(
    hosts: &Hosts,
    uri: &'r Uri,
    headers: &'r HeaderMap,
) -> Result<HostKind<'r>, Refusal> {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    match hosts.kind(host.or_else(|| uri.host())) {
        HostKind::Foreign => Err(Refusal::new(
            Code::MisdirectedRequest,
            "This gateway does not answer to that host name; its own is given by --public-url.",
        )),
        kind => Ok(kind),
    }
}

/// The head of the request is lent, not given: it is large, and each call on the way would make a copy of it.
async fn dispatch(
    gateway: &Gateway,
    router: Router,
    context: &Arc<Context>,
    parts: &Parts,
    body: Incoming,
) -> Result<Response, Refusal> {
    let Parts { uri, headers, .. } = parts;
    let kind = refuse_foreign_host(gateway.hosts(), uri, headers)?;
    if let Some(metadata) = application::resource_metadata(gateway, &kind, uri, headers) {
        return Ok(metadata);
    }
    if let HostKind::Application(name) = kind {
        return application::serve(gateway, context, name, "", uri.path(), parts, body).await;
    }
    let path = single_slash(uri.path());
    if let Some(below) = path.strip_prefix(APPLICATIONS) {
        // The slash stays with the rest: one more behind it is a path that is never served.
        let (name, rest) = below.split_at(below.find('/').unwrap_or(below.len()));
        let (mount, _) = path.split_at(APPLICATIONS.len() + name.len());
        return application::serve(gateway, context, name, mount, rest, parts, body).await;
    }
    let mut request = Request::from_parts(parts.clone(), Body::new(body));
    if path.len() != uri.path().len() {
        // Clients of the original product begin paths with two slashes.
        let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        *request.uri_mut() = target.parse::<Uri>().map_err(|_| Refusal::hidden())?;
    }
    request.extensions_mut().insert(Arc::clone(context));
    let Ok(mut answer) = Box::pin(router.oneshot(request)).await;
    let headers = answer.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}

fn single_slash(path: &str) -> &str {
    let rest = path.trim_start_matches('/');
    let skipped = path.len() - rest.len();
    path.get(skipped.saturating_sub(1)..).unwrap_or(path)
}
