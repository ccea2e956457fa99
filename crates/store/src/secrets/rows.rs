//! How secrets stand in their table, and back.

use std::collections::HashMap;

use toolfront_app::VariableName;
use toolfront_token::{Actor, EnvId, EnvRef, Timestamp};

use super::SecretRecord;
use super::key::{Ciphertext, KeyId};
use super::sealed::{SealedSecret, SealedSecrets};
use crate::database::{Connection, Row};
use crate::error::StoreError;
use crate::sqlite::Stored;

const TABLE: &str = "environment_secrets";
const SEALED: &str = "SELECT environment_id, name, key_id, nonce, ciphertext FROM environment_secrets";
const RECORD: &str = "SELECT environment_id, name, created_at, updated_at FROM environment_secrets";

fn name(row: Row<'_>) -> Result<VariableName, StoreError> {
    let corrupt = StoreError::Corrupt { table: TABLE, column: "name", id: row.get(0)? };
    VariableName::parse(row.text(1)?).map_err(|_| corrupt)
}

fn sealed(row: Row<'_>) -> Result<SealedSecret, StoreError> {
    let value = Ciphertext { key: KeyId(row.get(2)?), nonce: row.get(3)?, bytes: row.blob(4)?.into() };
    Ok(SealedSecret { name: name(row)?, value })
}

fn record(row: Row<'_>) -> Result<SecretRecord, StoreError> {
    Ok(SecretRecord {
        name: name(row)?,
        created_at: Timestamp::from_micros(row.get(2)?),
        updated_at: Timestamp::from_micros(row.get(3)?),
    })
}

/// The secrets of one environment, by name.
pub(crate) fn of(connection: &Connection, environment: EnvId) -> Result<SealedSecrets, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("{SEALED} WHERE environment_id = ?1 ORDER BY name"))?;
    statement.query_all([environment.to_stored()], sealed)
}

/// The secrets of every environment that has any, by its stored id.
pub(crate) fn all(connection: &Connection) -> Result<HashMap<i64, SealedSecrets>, StoreError> {
    let mut statement = connection.prepare_scan(&format!("{SEALED} ORDER BY environment_id, name"))?;
    let mut rows = statement.query(())?;
    let mut found: HashMap<i64, Vec<SealedSecret>> = HashMap::new();
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().push(sealed(row)?);
    }
    Ok(found.into_iter().map(|(id, secrets)| (id, secrets.into_iter().collect())).collect())
}

/// What is shown of the secrets of an environment that is not deleted, by name.
pub(super) fn records(connection: &Connection, target: EnvRef) -> Result<Vec<SecretRecord>, StoreError> {
    let EnvRef { organization, environment } = target;
    let mut statement = connection.prepare_cached(&format!(
        "{RECORD} WHERE environment_id = ?1 AND EXISTS (
            SELECT 1 FROM environments WHERE id = ?1 AND organization_id = ?2 AND deleted_at IS NULL)
         ORDER BY name"
    ))?;
    statement.query_all((environment.to_stored(), organization.to_stored()), record)
}

pub(super) fn find(
    connection: &Connection,
    environment: EnvId,
    name: &VariableName,
) -> Result<Option<SecretRecord>, StoreError> {
    connection
        .prepare_cached(&format!("{RECORD} WHERE environment_id = ?1 AND name = ?2"))?
        .find_row((environment.to_stored(), name.as_str()), record)
}

/// How many secrets an environment has, and how many bytes their names and values take, without the one of that name.
pub(super) fn beside(
    connection: &Connection,
    environment: EnvId,
    name: &VariableName,
) -> Result<(usize, usize), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*), CAST(coalesce(sum(length(name) + length(ciphertext)), 0) AS BIGINT)
         FROM environment_secrets WHERE environment_id = ?1 AND name <> ?2",
    )?;
    let (count, bytes): (u32, u32) = statement
        .query_row((environment.to_stored(), name.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let as_usize = |number| usize::try_from(number).unwrap_or(usize::MAX);
    Ok((as_usize(count), as_usize(bytes)))
}

/// The keys that anything is encrypted under.
pub(super) fn keys(connection: &Connection) -> Result<Vec<KeyId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT key_id FROM environment_secrets")?;
    statement.query_all((), |row| row.get(0).map(KeyId))
}

/// Stores a secret, in the place of the one that has its name.
pub(super) fn put(
    connection: &Connection,
    environment: EnvId,
    secret: &SealedSecret,
    by: Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let by = match by {
        Actor::Setup => None,
        Actor::Token(token) => Some(token.to_stored()),
    };
    connection
        .prepare_cached(
            "INSERT INTO environment_secrets
                (environment_id, name, key_id, nonce, ciphertext, created_at, created_by, updated_at, updated_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6, ?7)
             ON CONFLICT (environment_id, name) DO UPDATE SET
                key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext,
                updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        )?
        .execute((
            environment.to_stored(),
            secret.name.as_str(),
            secret.value.key.0,
            secret.value.nonce,
            &*secret.value.bytes,
            now.micros(),
            by,
        ))?;
    Ok(())
}

/// Puts another ciphertext of the same value in the place of the one there is.
pub(super) fn reseal(
    connection: &Connection,
    environment: EnvId,
    secret: &SealedSecret,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE environment_secrets SET key_id = ?3, nonce = ?4, ciphertext = ?5
             WHERE environment_id = ?1 AND name = ?2",
        )?
        .execute((
            environment.to_stored(),
            secret.name.as_str(),
            secret.value.key.0,
            secret.value.nonce,
            &*secret.value.bytes,
        ))?;
    Ok(())
}

pub(super) fn delete(
    connection: &Connection,
    environment: EnvId,
    name: &VariableName,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM environment_secrets WHERE environment_id = ?1 AND name = ?2")?
        .execute((environment.to_stored(), name.as_str()))?;
    Ok(())
}

/// Deletes all secrets of an environment.
pub(crate) fn delete_all(connection: &Connection, environment: EnvId) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM environment_secrets WHERE environment_id = ?1")?
        .execute([environment.to_stored()])?;
    Ok(())
}
