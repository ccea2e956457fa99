//! Lists of tokens, the newest first, in pages that stay as they are while tokens are made.

use toolfront_token::{Authority, EnvGrant, EnvId, OrgId, Scope, Timestamp, TokenId};

use super::{StoredToken, TokenSelector, rows};
use crate::database::Connection;
use crate::error::StoreError;
use crate::sqlite::{self, Stored};

/// How many rows are looked at in one go at the most.
const CHUNK: usize = 200;

/// Newest first, straight from the index of the organization's tokens by age.
const CANDIDATES: &str = "SELECT t.created_at, t.id
    FROM tokens t JOIN token_generations g ON g.token_id = t.id AND g.number = t.generation
    WHERE t.organization_id = ?1
      AND (t.created_at, t.id) < (?2, ?3)
      AND (NOT ?4 OR (t.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > ?5)))
      AND (?6 IS NULL OR g.all_environments OR EXISTS (
            SELECT 1 FROM generation_environments e
            WHERE e.token_id = g.token_id AND e.number = g.number AND e.environment_id = ?6))
      AND (?7 IS NULL OR g.expires_at < ?7)
      AND (?8 IS NULL OR (t.created_at < ?8 AND NOT EXISTS (
            SELECT 1 FROM token_generations u WHERE u.token_id = t.id AND u.last_used_at >= ?8)))
    ORDER BY t.created_at DESC, t.id DESC
    LIMIT ?9";

/// Where a page of a list ends: the next one begins behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    created_at: Timestamp,
    token: TokenId,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Behind so many tokens.
    Offset(u64),
    /// Behind the page that ended there.
    Behind(Cursor),
}

/// Which tokens are listed.
#[derive(Clone, Debug)]
pub struct TokenFilter {
    /// Only active ones.
    pub only_active: bool,
    /// Only those whose grant names this environment or is for all.
    pub environment: Option<EnvId>,
    /// Only those that expire before this instant.
    pub expiring_before: Option<Timestamp>,
    /// Only those that were made before this instant and not used since.
    pub unused_since: Option<Timestamp>,
    /// How many at the most.
    pub limit: usize,
    /// Where to begin.
    pub from: Position,
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct TokenPage {
    /// The tokens.
    pub tokens: Vec<StoredToken>,
    /// Where the next page begins; `None` behind the last token.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// Reads what [`Cursor::encode`] wrote.
    pub fn decode(text: &str) -> Option<Self> {
        let (micros, token) = text.split_once('.')?;
        Some(Self {
            created_at: Timestamp::from_micros(micros.parse().ok()?),
            token: TokenId::parse(token).ok()?,
        })
    }

    /// The cursor as clients hand it back.
    pub fn encode(self) -> String {
        format!("{}.{}", self.created_at.micros(), self.token)
    }
}

pub(super) fn page(
    connection: &Connection,
    organization: OrgId,
    authority: &Authority,
    filter: &TokenFilter,
    now: Timestamp,
) -> Result<TokenPage, StoreError> {
    let (mut skip, mut scanned) = match filter.from {
        Position::Offset(offset) => (offset, None),
        Position::Behind(cursor) => (0, Some(cursor)),
    };
    let (mut tokens, mut last) = (Vec::new(), scanned);
    let sees_all = sees_all(authority, organization);
    loop {
        let missing = usize::try_from(skip).unwrap_or(usize::MAX).saturating_add(filter.limit - tokens.len());
        let wanted = if sees_all { missing.saturating_add(1).min(CHUNK) } else { CHUNK };
        let candidates = candidates(connection, organization, filter, scanned, wanted, now)?;
        let last_chunk = candidates.len() < wanted;
        for cursor in candidates {
            scanned = Some(cursor);
            if sees_all && skip > 0 {
                skip -= 1;
                continue;
            }
            let selector = TokenSelector { organization, token: cursor.token };
            let Some(record) = rows::find(connection, selector)?.filter(|record| authority.sees(record))
            else {
                continue;
            };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if tokens.len() == filter.limit {
                return Ok(TokenPage { tokens, next: last });
            }
            tokens.push(rows::with_usage(connection, record)?);
            last = Some(cursor);
        }
        if last_chunk {
            return Ok(TokenPage { tokens, next: None });
        }
    }
}

/// Whether there is no token of the organization that the actor may not know of: then those that are left
/// out need not be loaded.
fn sees_all(authority: &Authority, organization: OrgId) -> bool {
    authority.token().is_some_and(|token| {
        token.organization() == organization
            && token.scope() == Scope::Admin
            && *token.environments() == EnvGrant::All
    })
}

/// The next tokens of the organization that fit the filter, whoever may see them.
fn candidates(
    connection: &Connection,
    organization: OrgId,
    filter: &TokenFilter,
    behind: Option<Cursor>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Cursor>, StoreError> {
    let mut statement = connection.prepare_cached(CANDIDATES)?;
    let from =
        behind.map_or((i64::MAX, i64::MAX), |cursor| (cursor.created_at.micros(), cursor.token.to_stored()));
    let mut rows = statement.query((
        organization.to_stored(),
        from.0,
        from.1,
        filter.only_active,
        now.micros(),
        filter.environment.map(Stored::to_stored),
        sqlite::micros(filter.expiring_before),
        sqlite::micros(filter.unused_since),
        i64::try_from(limit).unwrap_or(i64::MAX),
    ))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let created_at = Timestamp::from_micros(row.get(0)?);
        found.push(Cursor { created_at, token: TokenId::from_stored(row.get(1)?, "tokens", "id")? });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_page_is_read_from_the_index_without_scanning_or_sorting() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../migrations/sqlite/0001_spine.sql")).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {CANDIDATES}")).unwrap();
        let unbound = rusqlite::params_from_iter([rusqlite::types::Null; 9]);
        let steps = statement.query_map(unbound, |row| row.get("detail")).unwrap();
        let plan: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        let tokens = plan.first().unwrap();
        assert!(tokens.starts_with("SEARCH t USING INDEX tokens_by_age (organization_id=? AND"), "{plan:?}");
        for step in [
            "SEARCH g USING PRIMARY KEY (token_id=? AND number=?)",
            "SEARCH u USING PRIMARY KEY (token_id=?)",
        ] {
            assert!(plan.iter().any(|found| found == step), "{plan:?}");
        }
        assert!(!plan.iter().any(|step| step.contains("SCAN") || step.contains("B-TREE")), "{plan:?}");
    }
}
