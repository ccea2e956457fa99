//! `/api/v1/user/organizations`: to whom the calling token belongs.

use axum::extract::State;
use toolfront_api::{Organization, Page, Problem};
use toolfront_token::UseSelf;

use super::described::{Routes, routes};
use crate::access::Allow;
use crate::gateway::Gateway;
use crate::problem::Refusal;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(list))
}

/// Lists the organizations of the caller: the one that its token belongs to.
#[utoipa::path(
    get,
    path = "/api/v1/user/organizations",
    operation_id = "list_organizations",
    tag = "organizations",
    responses(
        (status = 200, description = "The organizations", body = Page<Organization>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    Allow(permit): Allow<UseSelf>,
    State(gateway): State<Gateway>,
) -> Result<axum::Json<Page<Organization>>, Refusal> {
    let own = permit.by().ok_or_else(Refusal::hidden)?.organization();
    let organizations = gateway.store().organizations().await?.into_iter();
    let data = organizations
        .filter(|organization| organization.id == own)
        .map(|organization| Organization {
            id: organization.id,
            name: organization.name,
            tier: "self-hosted".to_owned(),
        })
        .collect();
    Ok(axum::Json(Page { data, next_cursor: None }))
}
