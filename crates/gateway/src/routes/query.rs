//! Reading query strings, with unknown and unfit parameters named.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::gateway::Gateway;
use crate::problem::Refusal;

/// The parameters of a request's query string.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Gateway> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Refusal> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let query = read.map_err(|err| {
            let cause = std::error::Error::source(&err).map_or_else(|| err.to_string(), ToString::to_string);
            Refusal::invalid_field("query", cause)
        })?;
        Ok(Self(query.0))
    }
}
