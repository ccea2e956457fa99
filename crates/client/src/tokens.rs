//! The endpoints of tokens.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use toolfront_api::{
    self as api, CreateToken, Data, FindToken, IssuedToken, Page, RevokeToken, RotateToken, Token, TokenUsage,
};
use toolfront_token::{TokenDigest, TokenId};

use crate::api_client::{ApiClient, NO_BODY};
use crate::error::ClientError;

/// The most records that one answer has.
const PAGE_LIMIT_MAX: usize = 1000;

/// Which token a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichToken {
    /// The one that calls.
    Own,
    /// The one with this id.
    Id(TokenId),
}

/// Which tokens are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFilter {
    /// Active ones only.
    pub only_active: bool,
    /// Those that may do something in this environment, by its id or name.
    pub environment: Option<String>,
    /// Those that end within this time.
    pub expiring_within: Option<Duration>,
    /// Those that were made longer ago than this, and not used since.
    pub unused_for: Option<Duration>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Default for TokenFilter {
    fn default() -> Self {
        Self {
            only_active: true,
            environment: None,
            expiring_within: None,
            unused_for: None,
            limit: usize::MAX,
        }
    }
}

impl ApiClient {
    /// Makes a token. The answer is the only one that has its value.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn create_token(&self, new: &CreateToken) -> Result<IssuedToken, ClientError> {
        let answer: Data<IssuedToken> = self.call(Method::POST, &["tokens"], &[], Some(new)).await?;
        Ok(answer.data)
    }

    /// Tokens, the newest first, over as many answers as it takes; and whether there are more than the filter's limit.
    ///
    /// # Errors
    /// [`ClientError`] when a call does not succeed.
    pub async fn tokens(&self, filter: &TokenFilter) -> Result<(Vec<Token>, bool), ClientError> {
        let mut found: Vec<Token> = Vec::new();
        let mut cursor = None;
        loop {
            let wanted = filter.limit.saturating_sub(found.len()).clamp(1, PAGE_LIMIT_MAX);
            let page = self.tokens_page(filter, wanted, cursor).await?;
            found.extend(page.data);
            cursor = page.next_cursor;
            if cursor.is_none() || found.len() >= filter.limit {
                let more = cursor.is_some() || found.len() > filter.limit;
                found.truncate(filter.limit);
                return Ok((found, more));
            }
        }
    }

    /// One answer of a list of tokens, from `cursor` on.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn tokens_page(
        &self,
        filter: &TokenFilter,
        limit: usize,
        cursor: Option<String>,
    ) -> Result<Page<Token>, ClientError> {
        let mut query = vec![("only_active", filter.only_active.to_string()), ("limit", limit.to_string())];
        if let Some(environment) = &filter.environment {
            query.push(("environment_id", environment.clone()));
        }
        for (name, span) in [("expiring_within", filter.expiring_within), ("unused_for", filter.unused_for)] {
            let seconds = span.map(|span| u32::try_from(span.as_secs()).unwrap_or(u32::MAX));
            query.extend(seconds.map(|seconds| (name, seconds.to_string())));
        }
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.call(Method::GET, &["tokens"], &query, NO_BODY).await
    }

    /// The record of a token.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn token(&self, which: WhichToken) -> Result<Token, ClientError> {
        let answer: Data<Token> =
            self.call(Method::GET, &["tokens", &which.to_string()], &[], NO_BODY).await?;
        Ok(answer.data)
    }

    /// How a token was used: by day and environment, of so many days up to today, and by address.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn token_usage(&self, token: TokenId, days: u16) -> Result<TokenUsage, ClientError> {
        let (segments, query) = (["tokens", &token.to_string(), "usage"], [("days", days.to_string())]);
        let answer: Data<TokenUsage> = self.call(Method::GET, &segments, &query, NO_BODY).await?;
        Ok(answer.data)
    }

    /// Finds the token that a value belongs to, alive or dead. Only the value's digest is sent.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed; 404 when it is no token's that the caller may know of.
    pub async fn find_token(&self, digest: &TokenDigest) -> Result<api::FoundToken, ClientError> {
        let wanted = FindToken { digest: digest.to_text() };
        let answer: Data<api::FoundToken> =
            self.call(Method::POST, &["tokens", "find"], &[], Some(&wanted)).await?;
        Ok(answer.data)
    }

    /// Gives a token a new value. The answer is the only one that has it.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed; 409 when somebody else rotated it first.
    pub async fn rotate_token(
        &self,
        which: WhichToken,
        change: &RotateToken,
    ) -> Result<IssuedToken, ClientError> {
        let segments = ["tokens", &which.to_string(), "rotate"];
        let answer: Data<IssuedToken> = self.call(Method::POST, &segments, &[], Some(change)).await?;
        Ok(answer.data)
    }

    /// Ends a token for good. Once this has returned, its values are refused.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn revoke_token(&self, which: WhichToken, how: &RevokeToken) -> Result<Token, ClientError> {
        let answer: Data<Token> =
            self.call(Method::DELETE, &["tokens", &which.to_string()], &[], Some(how)).await?;
        Ok(answer.data)
    }
}

/// As it is written in a path.
impl fmt::Display for WhichToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("self"),
            Self::Id(id) => id.fmt(f),
        }
    }
}
