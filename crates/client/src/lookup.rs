//! Finding a token by what a person calls it.

use std::fmt;

use toolfront_api::{Token, TokenStatus};
use toolfront_token::TokenId;

use crate::api_client::ApiClient;
use crate::error::ClientError;
use crate::tokens::{TokenFilter, WhichToken};

/// The fewest characters of an id, without `tok-`, that stand for it: a short word is a name.
const ID_PREFIX_MIN: usize = 4;

/// What a person calls a token: `self`, an id with or without `tok-`, the beginning of an id, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenReference {
    /// The one that calls.
    Own,
    /// An id, written whole and with its prefix: there is nothing to find.
    Id(TokenId),
    /// Something that has to be looked up.
    Text(String),
}

/// A token that was found.
#[derive(Debug)]
pub struct FoundToken {
    /// Which one.
    pub which: WhichToken,
    /// Its record, when finding it took one.
    pub record: Option<Box<Token>>,
}

/// Why a token was not found.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The text is empty.
    #[error("a token is named by its id, the beginning of its id, or its name; this is empty")]
    Empty,
    /// No token is called so.
    #[error(
        "no token has the id or the name {text:?} (a beginning of an id needs at least {ID_PREFIX_MIN} characters)"
    )]
    Nothing {
        /// What was looked for.
        text: String,
    },
    /// More than one is called so.
    #[error("{text:?} may mean {} tokens; give the id of one:{}", candidates.len(), lines(candidates))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// The tokens that it may mean.
        candidates: Vec<Token>,
    },
    /// A call did not succeed.
    #[error(transparent)]
    Call(ClientError),
}

impl TokenReference {
    /// Reads what a person wrote.
    ///
    /// # Errors
    /// [`LookupError::Empty`] when there is nothing.
    pub fn parse(text: &str) -> Result<Self, LookupError> {
        match text.trim() {
            "" => Err(LookupError::Empty),
            "self" => Ok(Self::Own),
            text if text.starts_with(TokenId::PREFIX) => {
                Ok(TokenId::parse(text).map_or_else(|_| Self::Text(text.to_owned()), Self::Id))
            }
            text => Ok(Self::Text(text.to_owned())),
        }
    }

    /// Finds the token. Asks the gateway only when the text is not an id as a whole.
    ///
    /// # Errors
    /// [`LookupError`] when there is none, or more than one.
    pub async fn find(&self, client: &ApiClient) -> Result<FoundToken, LookupError> {
        let text = match self {
            Self::Own => return Ok(FoundToken { which: WhichToken::Own, record: None }),
            Self::Id(id) => return Ok(FoundToken { which: WhichToken::Id(*id), record: None }),
            Self::Text(text) => text,
        };
        let everything = TokenFilter { only_active: false, ..TokenFilter::default() };
        let (tokens, _) = client.tokens(&everything).await.map_err(LookupError::Call)?;
        let record = choose(text, tokens)?;
        Ok(FoundToken { which: WhichToken::Id(record.id), record: Some(Box::new(record)) })
    }
}

/// The one token that `text` means. A whole id comes before all else; among tokens of the same name, active ones before others.
fn choose(text: &str, tokens: Vec<Token>) -> Result<Token, LookupError> {
    if let Ok(id) = TokenId::parse(text)
        && let Some(token) = tokens.iter().find(|token| token.id == id)
    {
        return Ok(token.clone());
    }
    let named = |token: &Token| token.name == text;
    let any_active = tokens.iter().any(|token| named(token) && token.status == TokenStatus::Active);
    let bare = text.strip_prefix(TokenId::PREFIX).unwrap_or(text);
    let by_prefix = |token: &Token| {
        bare.len() >= ID_PREFIX_MIN
            && token.id.to_string().strip_prefix(TokenId::PREFIX).is_some_and(|id| id.starts_with(bare))
    };
    let is_meant = |token: &Token| {
        by_prefix(token) || named(token) && (!any_active || token.status == TokenStatus::Active)
    };
    let mut candidates: Vec<Token> = tokens.into_iter().filter(|token| is_meant(token)).collect();
    match candidates.len() {
        0 => Err(LookupError::Nothing { text: text.to_owned() }),
        1 => candidates.pop().ok_or_else(|| LookupError::Nothing { text: text.to_owned() }),
        _ => Err(LookupError::Ambiguous { text: text.to_owned(), candidates }),
    }
}

/// The candidates, a line for each; not more than a screen of them.
fn lines(candidates: &[Token]) -> String {
    const SHOWN: usize = 20;
    let mut text = String::new();
    for token in candidates.iter().take(SHOWN) {
        text.push_str("\n  ");
        text.push_str(&Line(token).to_string());
    }
    if candidates.len() > SHOWN {
        text.push_str("\n  …");
    }
    text
}

struct Line<'t>(&'t Token);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.0.status {
            TokenStatus::Active => "active",
            TokenStatus::Expired => "expired",
            TokenStatus::Revoked => "revoked",
        };
        write!(f, "{}  {:?}  {status}, …{}, made {}", self.0.id, self.0.name, self.0.hint, self.0.created_at)
    }
}

#[cfg(test)]
mod tests;
