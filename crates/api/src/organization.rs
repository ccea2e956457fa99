//! Organizations.

use serde::{Deserialize, Serialize};
use toolfront_token::OrgId;
use utoipa::ToSchema;

/// The owner of environments and tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Its id.
    #[schema(value_type = String, example = "org-k5x2mq7abcde")]
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Always `self-hosted`; there for clients that print it.
    pub tier: String,
}
