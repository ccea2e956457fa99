//! Whether a token that acts is still alive when its change is made.
//!
//! A call is let in when it arrives, and its body may take minutes to follow. What a token makes or changes
//! after the answer to its revocation would outlive that revocation, so it is asked again in the
//! transaction of the change. Its lifetime was judged at the call's arrival and is not judged again.

use toolfront_token::{ActiveToken, TokenId};

use crate::database::{Ahead, Connection};
use crate::error::StoreError;
use crate::sqlite::Stored;

const IS_ALIVE: &str = "SELECT EXISTS (
        SELECT 1 FROM tokens t JOIN token_generations g ON g.token_id = t.id
        WHERE t.id = ?1 AND t.revoked_at IS NULL AND g.number = ?2 AND g.ended_at IS NULL)";

/// The value that acts; `None` is the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acting(Option<(TokenId, u32)>);

impl Acting {
    pub(crate) fn new(token: Option<&ActiveToken>) -> Self {
        Self(token.map(|token| (token.token(), token.generation())))
    }

    /// Whether the actor is this very token.
    pub(crate) fn is(self, token: TokenId) -> bool {
        self.0.is_some_and(|(actor, _)| actor == token)
    }

    /// What [`Acting::is_alive`] will ask for.
    pub(crate) fn ahead(self, ahead: &mut Ahead) {
        if let Some((token, generation)) = self.0 {
            ahead.query(IS_ALIVE, (token.to_stored(), generation));
        }
    }

    /// Whether its token is not revoked, and this value not ended by a rotation.
    pub(crate) fn is_alive(self, connection: &Connection) -> Result<bool, StoreError> {
        let Some((token, generation)) = self.0 else { return Ok(true) };
        let mut statement = connection.prepare_cached(IS_ALIVE)?;
        statement.query_row((token.to_stored(), generation), |row| row.get(0))
    }
}
