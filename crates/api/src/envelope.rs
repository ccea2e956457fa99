//! What success is wrapped in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Data<T> {
    /// The thing.
    pub data: T,
}

/// One page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The things on this page.
    pub data: Vec<T>,
    /// What to send as `cursor` for the next page; `null` on the last one.
    #[serde(default)]
    pub next_cursor: Option<String>,
}
