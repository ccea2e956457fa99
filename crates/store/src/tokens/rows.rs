//! How a token's record stands in the tables, and back.

use std::time::Duration;

use toolfront_app::EnvName;
use toolfront_token::{
    Actor, EnvGrant, EnvId, EnvSet, Expiry, Generation, Grant, Hint, OrgId, Revocation, RevocationReason,
    Scope, Timestamp, TokenDigest, TokenId, TokenName, TokenParts, TokenRecord,
};

use super::{NamedEnvironment, StoredToken, TokenSelector};
use crate::audit::{self, Attribution, Event};
use crate::database::{Ahead, Connection, Row, Rows};
use crate::error::StoreError;
use crate::sqlite::{self, Stored};
use crate::usage::{LastUse, ValueUsage};
use crate::writer::WriteTransaction;

const TOKEN: &str = "id, organization_id, name, created_at, created_by, generation, revoked_at, revoked_by, revocation_reason";
const GENERATION: &str = "number, digest, hint, issued_at, scope, all_environments, expires_at, first_used_at, \
                          grace, ended_at";

/// A token's row, without its values.
struct Head {
    id: TokenId,
    organization: OrgId,
    name: TokenName,
    created_at: Timestamp,
    created_by: Actor,
    generation: u32,
    revocation: Option<Revocation>,
}

fn actor(stored: Option<i64>, column: &'static str) -> Result<Actor, StoreError> {
    stored.map_or(Ok(Actor::Setup), |id| TokenId::from_stored(id, "tokens", column).map(Actor::Token))
}

fn stored_actor(actor: Actor) -> Option<i64> {
    match actor {
        Actor::Setup => None,
        Actor::Token(id) => Some(id.to_stored()),
    }
}

fn head(row: Row<'_>) -> Result<Head, StoreError> {
    let stored: i64 = row.get(0)?;
    let corrupt = |column| StoreError::Corrupt { table: "tokens", column, id: stored };
    let name = row.text(2).map_err(|_| corrupt("name"))?;
    let revocation = match sqlite::timestamp(row.get(6)?) {
        None => None,
        Some(at) => Some(Revocation {
            at,
            by: actor(row.get(7)?, "revoked_by")?,
            reason: row
                .get::<Option<String>>(8)?
                .map(|text| RevocationReason::parse(&text).map_err(|_| corrupt("revocation_reason")))
                .transpose()?,
        }),
    };
    Ok(Head {
        id: TokenId::from_stored(stored, "tokens", "id")?,
        organization: OrgId::from_stored(row.get(1)?, "tokens", "organization_id")?,
        name: TokenName::parse(name).map_err(|_| corrupt("name"))?,
        created_at: Timestamp::from_micros(row.get(3)?),
        created_by: actor(row.get(4)?, "created_by")?,
        generation: row.get(5)?,
        revocation,
    })
}

/// A value's row, from column `first` on; `environments` are those that the row names.
fn generation(
    row: Row<'_>,
    first: usize,
    token: i64,
    environments: impl FnOnce(u32) -> Result<Vec<EnvId>, StoreError>,
) -> Result<Generation, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "token_generations", column, id: token };
    let number: u32 = row.get(first)?;
    let digest = row.blob(first + 1).map_err(|_| corrupt("digest"))?;
    let hint = row.text(first + 2).map_err(|_| corrupt("hint"))?;
    let scope = row.text(first + 4).map_err(|_| corrupt("scope"))?;
    let environments =
        if row.get(first + 5)? { EnvGrant::All } else { EnvGrant::Only(EnvSet::new(environments(number)?)) };
    let grace: Option<i64> = row.get(first + 8)?;
    Ok(Generation {
        number,
        digest: TokenDigest::from_bytes(digest).map_err(|_| corrupt("digest"))?,
        hint: Hint::parse(hint).ok_or_else(|| corrupt("hint"))?,
        issued_at: Timestamp::from_micros(row.get(first + 3)?),
        grant: Grant {
            scope: Scope::parse(scope).map_err(|_| corrupt("scope"))?,
            environments,
            expiry: sqlite::timestamp(row.get(first + 6)?).map_or(Expiry::Never, Expiry::At),
        },
        first_used_at: sqlite::timestamp(row.get(first + 7)?),
        grace: grace.map(|micros| Duration::from_micros(micros.unsigned_abs())),
        ended_at: sqlite::timestamp(row.get(first + 9)?),
    })
}

fn record(head: Head, mut values: Vec<Generation>) -> Result<TokenRecord, StoreError> {
    let corrupt =
        StoreError::Corrupt { table: "token_generations", column: "number", id: head.id.to_stored() };
    let Some(newest) = values.pop().filter(|newest| newest.number == head.generation) else {
        return Err(corrupt);
    };
    let Head { id, organization, name, created_at, created_by, generation: _, revocation } = head;
    let parts =
        TokenParts { id, organization, name, created_at, created_by, earlier: values, newest, revocation };
    TokenRecord::restore(parts).map_err(|_| corrupt)
}

/// One record, of the organization that is named.
pub(crate) fn find(
    connection: &Connection,
    selector: TokenSelector,
) -> Result<Option<TokenRecord>, StoreError> {
    let found = find_by_id(connection, selector.token)?;
    Ok(found.filter(|record| record.organization() == selector.organization))
}

/// One record, of whichever organization.
pub(crate) fn find_by_id(connection: &Connection, token: TokenId) -> Result<Option<TokenRecord>, StoreError> {
    let stored = token.to_stored();
    let found = connection.prepare_cached(&find_head())?.find_row([stored], head)?;
    let Some(head) = found else { return Ok(None) };
    let mut statement = connection.prepare_cached(&find_generations())?;
    let mut rows = statement.query([stored])?;
    let (mut values, mut named) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        values.push(generation(row, 0, stored, |number| {
            let named = match &mut named {
                Some(named) => named,
                None => named.insert(environments_of(connection, stored)?),
            };
            Ok(named.iter().filter(|(of, _)| *of == number).map(|(_, environment)| *environment).collect())
        })?);
    }
    record(head, values).map(Some)
}

/// What [`find_by_id`] will ask for, the environments that are named aside: many tokens name none.
pub(crate) fn ahead_of_find(ahead: &mut Ahead, token: TokenId) {
    let stored = token.to_stored();
    ahead.query(&find_head(), [stored]);
    ahead.query(&find_generations(), [stored]);
}

fn find_head() -> String {
    format!("SELECT {TOKEN} FROM tokens WHERE id = ?1")
}

fn find_generations() -> String {
    format!("SELECT {GENERATION} FROM token_generations WHERE token_id = ?1 ORDER BY number")
}

const FIND_ENVIRONMENTS: &str =
    "SELECT number, environment_id FROM generation_environments WHERE token_id = ?1";

/// The environments that a token's values name, each with the value's number.
fn environments_of(connection: &Connection, token: i64) -> Result<Vec<(u32, EnvId)>, StoreError> {
    connection.prepare_cached(FIND_ENVIRONMENTS)?.query_all([token], |row| {
        let environment = EnvId::from_stored(row.get(1)?, "generation_environments", "environment_id")?;
        Ok((row.get(0)?, environment))
    })
}

/// Hands every record to `each`, and yields how many there are. Three scans in the order of the keys, merged.
pub(crate) fn load(connection: &Connection, each: &mut dyn FnMut(TokenRecord)) -> Result<u64, StoreError> {
    let mut heads = connection.prepare_scan(&format!("SELECT {TOKEN} FROM tokens ORDER BY id"))?;
    let mut values = connection.prepare_scan(&format!(
        "SELECT token_id, {GENERATION} FROM token_generations ORDER BY token_id, number"
    ))?;
    let mut named = connection.prepare_scan(
        "SELECT token_id, number, environment_id FROM generation_environments ORDER BY token_id, number",
    )?;
    let (mut heads, mut values, mut named) = (heads.query(())?, values.query(())?, named.query(())?);
    let mut next_value = values.next()?.map(|row| row.get::<i64>(0)).transpose()?;
    let mut next_named = next_named_environment(&mut named)?;
    let mut count = 0;
    while let Some(row) = heads.next()? {
        let head = head(row)?;
        let stored = head.id.to_stored();
        let mut generations = Vec::with_capacity(1);
        while next_value == Some(stored) {
            let row = values_row(&values, stored)?;
            generations.push(generation(row, 1, stored, |number| {
                let mut environments = Vec::new();
                // What belongs to values before this one is passed over: a grant for all may not be followed
                // by grants for none.
                while let Some((token, of, environment)) =
                    next_named.filter(|(token, of, _)| (*token, *of) <= (stored, number))
                {
                    if (token, of) == (stored, number) {
                        environments.push(environment);
                    }
                    next_named = next_named_environment(&mut named)?;
                }
                Ok(environments)
            })?);
            next_value = values.next()?.map(|row| row.get::<i64>(0)).transpose()?;
        }
        each(record(head, generations)?);
        count += 1;
    }
    Ok(count)
}

/// The row that the scan stands at.
fn values_row<'r>(rows: &'r Rows<'_>, token: i64) -> Result<Row<'r>, StoreError> {
    rows.current().ok_or(StoreError::Corrupt { table: "token_generations", column: "token_id", id: token })
}

fn next_named_environment(rows: &mut Rows<'_>) -> Result<Option<(i64, u32, EnvId)>, StoreError> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let environment = EnvId::from_stored(row.get(2)?, "generation_environments", "environment_id")?;
    Ok(Some((row.get(0)?, row.get(1)?, environment)))
}

/// Writes a new record, and the event that tells of it.
pub(crate) fn insert(
    transaction: &mut WriteTransaction<'_>,
    record: &TokenRecord,
    by: &Attribution,
    now: Timestamp,
) -> Result<(), StoreError> {
    let parts = record.parts();
    transaction
        .prepare_cached(
            "INSERT INTO tokens (id, organization_id, name, created_at, created_by, generation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            parts.id.to_stored(),
            parts.organization.to_stored(),
            parts.name.as_str(),
            parts.created_at.micros(),
            stored_actor(parts.created_by),
            record.generation(),
        ))?;
    insert_generation(transaction, parts.id, &parts.newest)?;
    let event =
        Event::TokenCreated { token: parts.id, name: parts.name.to_string(), grant: record.grant().into() };
    audit::append(transaction, by, None, &event, now).map(|_| ())
}

fn insert_generation(connection: &Connection, token: TokenId, value: &Generation) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO token_generations
                (token_id, number, digest, hint, issued_at, scope, all_environments, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            token.to_stored(),
            value.number,
            value.digest.as_bytes(),
            value.hint.as_str(),
            value.issued_at.micros(),
            value.grant.scope.word(),
            value.grant.environments == EnvGrant::All,
            sqlite::micros(value.grant.expiry.at()),
        ))?;
    if let EnvGrant::Only(set) = &value.grant.environments {
        let mut statement = connection.prepare_cached(
            "INSERT INTO generation_environments (token_id, number, environment_id) VALUES (?1, ?2, ?3)",
        )?;
        for environment in set.iter() {
            statement.execute((token.to_stored(), value.number, environment.to_stored()))?;
        }
    }
    Ok(())
}

/// Writes what differs between a record and what became of it.
pub(super) fn update(
    connection: &Connection,
    before: &TokenRecord,
    after: &TokenRecord,
) -> Result<(), StoreError> {
    let parts = after.parts();
    let revocation = parts.revocation.as_ref();
    connection
        .prepare_cached(
            "UPDATE tokens SET name = ?2, generation = ?3, revoked_at = ?4, revoked_by = ?5, revocation_reason = ?6
             WHERE id = ?1",
        )?
        .execute_later((
            parts.id.to_stored(),
            parts.name.as_str(),
            after.generation(),
            revocation.map(|revocation| revocation.at.micros()),
            revocation.and_then(|revocation| stored_actor(revocation.by)),
            revocation.and_then(|revocation| revocation.reason.as_ref()).map(RevocationReason::as_str),
        ))?;
    let mut old = before.parts().generations();
    for value in parts.generations() {
        match old.next() {
            None => insert_generation(connection, parts.id, value)?,
            Some(same) if same == value => {}
            Some(_) => update_generation(connection, parts.id, value)?,
        }
    }
    Ok(())
}

fn update_generation(connection: &Connection, token: TokenId, value: &Generation) -> Result<(), StoreError> {
    let grace = value.grace.map(|grace| i64::try_from(grace.as_micros()).unwrap_or(i64::MAX));
    connection
        .prepare_cached(
            "UPDATE token_generations SET first_used_at = ?3, grace = ?4, ended_at = ?5
             WHERE token_id = ?1 AND number = ?2",
        )?
        .execute_later((
            token.to_stored(),
            value.number,
            sqlite::micros(value.first_used_at),
            grace,
            sqlite::micros(value.ended_at),
        ))?;
    Ok(())
}

/// A record with its usage, and the names of its environments.
pub(super) fn with_usage(connection: &Connection, record: TokenRecord) -> Result<StoredToken, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT usage_count, last_used_at, last_used_ip, last_used_user_agent
         FROM token_generations WHERE token_id = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([record.id().to_stored()])?;
    let mut usage = Vec::new();
    while let Some(row) = rows.next()? {
        let address: Option<String> = row.get(2)?;
        let user_agent = row.get(3)?;
        let last = sqlite::timestamp(row.get(1)?).map(|at| LastUse {
            at,
            address: address.and_then(|text| text.parse().ok()),
            user_agent,
        });
        usage.push(ValueUsage { count: row.get::<i64>(0)?.unsigned_abs(), last });
    }
    let environments = match &record.grant().environments {
        EnvGrant::All => Vec::new(),
        EnvGrant::Only(set) => {
            let organization = record.organization();
            set.iter().map(|id| named_environment(connection, organization, id)).collect::<Result<_, _>>()?
        }
    };
    Ok(StoredToken { record, usage, environments })
}

/// An id that the organization has no environment of grants nothing: it is shown as a deleted one that is
/// named after its id, so that one odd grant does not hide a whole list.
fn named_environment(
    connection: &Connection,
    organization: OrgId,
    id: EnvId,
) -> Result<NamedEnvironment, StoreError> {
    let stored = id.to_stored();
    let found: Option<(String, bool)> = connection
        .prepare_cached(
            "SELECT name, deleted_at IS NOT NULL FROM environments WHERE id = ?1 AND organization_id = ?2",
        )?
        .find_row((stored, organization.to_stored()), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (name, deleted) = found.unwrap_or_else(|| (id.to_string(), true));
    let corrupt = StoreError::Corrupt { table: "environments", column: "name", id: stored };
    Ok(NamedEnvironment { id, name: EnvName::parse(&name).map_err(|_| corrupt)?, deleted })
}
