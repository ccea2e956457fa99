//! `/api/v1/introspect`: what a value is (RFC 7662), for services that are handed one.

use axum::body::Body;
use axum::extract::State;
use http::{Request, header};
use toolfront_api::{Code, Introspection, IntrospectionRequest, Problem};
use toolfront_store::{TokenRefusal, TokenSelector};
use toolfront_token::{Authority, EnvGrant, PresentedToken, Scope, UseSelf};

use super::described::{Routes, routes};
use crate::access::Allow;
use crate::body;
use crate::gateway::Gateway;
use crate::problem::Refusal;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(introspect))
}

fn inactive() -> Introspection {
    Introspection {
        active: false,
        scope: None,
        sub: None,
        username: None,
        token_type: None,
        exp: None,
        iat: None,
        organization_id: None,
        allowed_environments: None,
    }
}

/// Tells whether a value is valid, and what it may do: to its own holder, and to administrators that
/// dominate it. To everybody else every value is inactive.
#[utoipa::path(
    post,
    path = "/api/v1/introspect",
    operation_id = "introspect_token",
    tag = "tokens",
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What the value is", body = Introspection),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn introspect(
    Allow(permit): Allow<UseSelf>,
    State(gateway): State<Gateway>,
    request: Request<Body>,
) -> Result<axum::Json<Introspection>, Refusal> {
    let caller = permit.by().ok_or_else(Refusal::hidden)?;
    let IntrospectionRequest { token } = form(&gateway, request).await?;
    let Ok(asked) = PresentedToken::parse(token.trim()) else { return Ok(axum::Json(inactive())) };
    let now = gateway.now();
    let tokens = gateway.memory().trusted()?.tokens();
    let found = tokens.find(&asked.digest(), |credential| credential.activate(now));
    let Some(Ok(active)) = found else { return Ok(axum::Json(inactive())) };
    let selector = TokenSelector { organization: caller.organization(), token: active.token() };
    let authority = if active.token() == caller.token() {
        Authority::holder(&permit)
    } else {
        let manager = caller.authorize(caller.organization()).ok();
        manager.as_ref().and_then(Authority::administrator)
    };
    let Some(authority) = authority else { return Ok(axum::Json(inactive())) };
    let stored = match gateway.store().load_token(authority, selector).await {
        Err(TokenRefusal::NotFound) => return Ok(axum::Json(inactive())),
        stored => stored?,
    };
    let parts = stored.record.parts();
    let issued = parts.generations().find(|value| value.number == active.generation());
    let scopes = Scope::ALL.into_iter().filter(|scope| *scope <= active.scope()).map(Scope::wire);
    Ok(axum::Json(Introspection {
        active: true,
        scope: Some(scopes.collect::<Vec<_>>().join(" ")),
        sub: Some(active.token().to_string()),
        username: Some(parts.name.to_string()),
        token_type: Some("Bearer".to_owned()),
        exp: active.grant().expiry.at().map(|at| at.micros().div_euclid(1_000_000)),
        iat: issued.map(|value| value.issued_at.micros().div_euclid(1_000_000)),
        organization_id: Some(active.organization().to_string()),
        allowed_environments: match active.environments() {
            EnvGrant::All => None,
            EnvGrant::Only(set) => Some(set.iter().map(|id| id.to_string()).collect()),
        },
    }))
}

async fn form(gateway: &Gateway, request: Request<Body>) -> Result<IntrospectionRequest, Refusal> {
    let (parts, sent) = request.into_parts();
    let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::new(
            Code::UnsupportedMediaType,
            "Send the body with `Content-Type: application/x-www-form-urlencoded`.",
        ));
    }
    let limits = gateway.limits();
    let bytes = body::read(sent, limits.json_bytes_max, limits.body_time).await?;
    let sent = form_urlencoded::parse(&bytes).find(|(name, _)| name == "token");
    let (_, token) = sent.ok_or_else(|| Refusal::invalid_field("token", "is missing"))?;
    Ok(IntrospectionRequest { token: token.into_owned() })
}
