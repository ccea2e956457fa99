//! `/api/v1/authorize`: the same tokens in front of anything else, for proxies that ask before they pass a
//! request on (nginx `auth_request`, Traefik `ForwardAuth`, Caddy `forward_auth`, Envoy `ext_authz`).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use toolfront_api::{Code, Problem};
use toolfront_token::{ActiveToken, Denied, EnvGrant, ManageEnvironment, ReadPage, RunTool, Scope, UseSelf};
use utoipa::IntoParams;

use super::described::{Routes, routes};
use super::query::Query;
use crate::access::Allow;
use crate::gateway::Gateway;
use crate::problem::Refusal;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(get, post))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuthorizeQuery {
    /// The environment, by id or name. Without one, the token must be for all environments.
    environment: Option<String>,
    /// `read`, `execute` or `admin`; `read` unless said.
    action: Option<String>,
}

/// Says whether the token may do that: 200, 401 or 403.
#[utoipa::path(
    get,
    path = "/api/v1/authorize",
    operation_id = "authorize",
    tag = "tokens",
    params(AuthorizeQuery),
    responses(
        (status = 200, description = "It may; the headers `x-toolfront-token`, `x-toolfront-organization` and \
            `x-toolfront-scope` say who asks"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    Allow(permit): Allow<UseSelf>,
    State(gateway): State<Gateway>,
    Query(query): Query<AuthorizeQuery>,
) -> Result<Response, Refusal> {
    judge(&gateway, permit.by().ok_or_else(Refusal::hidden)?, &query)
}

/// The same, for proxies that ask with the method of the request.
#[utoipa::path(
    post,
    path = "/api/v1/authorize",
    operation_id = "authorize_post",
    tag = "tokens",
    params(AuthorizeQuery),
    responses(
        (status = 200, description = "It may; headers as for GET"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn post(
    Allow(permit): Allow<UseSelf>,
    State(gateway): State<Gateway>,
    Query(query): Query<AuthorizeQuery>,
) -> Result<Response, Refusal> {
    judge(&gateway, permit.by().ok_or_else(Refusal::hidden)?, &query)
}

fn judge(gateway: &Gateway, caller: &ActiveToken, query: &AuthorizeQuery) -> Result<Response, Refusal> {
    let action = query.action.as_deref().unwrap_or("read");
    let scope = Scope::parse(action).map_err(|fault| Refusal::invalid_field("action", fault))?;
    let judged = match query.environment.as_deref() {
        None if caller.scope() < scope => Err(Denied::MissingScope(scope)),
        None if *caller.environments() != EnvGrant::All => Err(Denied::NotForAll),
        None => Ok(()),
        Some(named) => match gateway.memory().trusted()?.environments().named(named) {
            None => Err(Denied::OutOfSight),
            Some(environment) => {
                let target = environment.target();
                match scope {
                    Scope::Read => caller.authorize::<ReadPage>(target).map(|_| ()),
                    Scope::Execute => caller.authorize::<RunTool>(target).map(|_| ()),
                    Scope::Admin => caller.authorize::<ManageEnvironment>(target).map(|_| ()),
                }
            }
        },
    };
    judged.map_err(|denied| match denied {
        // Proxies know 401 and 403 and take every other status for a failure of their own.
        Denied::OutOfSight => Refusal::new(
            Code::InsufficientScope,
            "This token may not do that in an environment of that name.",
        ),
        denied => denied.into(),
    })?;
    let mut answer = StatusCode::OK.into_response();
    for (name, text) in [
        ("x-toolfront-token", caller.token().to_string()),
        ("x-toolfront-organization", caller.organization().to_string()),
        ("x-toolfront-scope", caller.scope().to_string()),
    ] {
        let value = HeaderValue::from_str(&text).map_err(|err| Refusal::internal(&err))?;
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(answer)
}
