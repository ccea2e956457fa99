//! How environments and releases stand in the tables, and back.

use toolfront_app::{EnvName, Manifest};
use toolfront_token::{Actor, EnvId, EnvRef, OrgId, Timestamp, TokenId, Visibility};

use super::{EnvironmentRecord, Network, Release, StoredRelease};
use crate::database::{Connection, Row};
use crate::error::StoreError;
use crate::secrets::{self, SealedSecrets};
use crate::sqlite::{self, Stored};

const ENVIRONMENT: &str = "SELECT e.id, e.organization_id, e.name, e.visibility, e.created_at, e.updated_at,
        e.network, e.limits, e.end_runs_with_token, e.release, r.files, r.bytes, r.pages
    FROM environments e LEFT JOIN releases r ON r.environment_id = e.id AND r.number = e.release";

pub(super) fn visibility_word(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "private",
        Visibility::Public => "public",
    }
}

/// The record without its secrets, which stand in another table.
fn record(row: Row<'_>) -> Result<EnvironmentRecord, StoreError> {
    let stored: i64 = row.get(0)?;
    let corrupt = |column| StoreError::Corrupt { table: "environments", column, id: stored };
    let name: String = row.get(2)?;
    let visibility: String = row.get(3)?;
    let (network, limits): (String, String) = (row.get(6)?, row.get(7)?);
    let release = match row.get::<Option<u32>>(9)? {
        None => None,
        Some(number) => Some(release_columns(row, number, 10)?),
    };
    Ok(EnvironmentRecord {
        id: EnvId::from_stored(stored, "environments", "id")?,
        organization: OrgId::from_stored(row.get(1)?, "environments", "organization_id")?,
        name: EnvName::parse(&name).map_err(|_| corrupt("name"))?,
        visibility: match visibility.as_str() {
            "public" => Visibility::Public,
            "private" => Visibility::Private,
            _ => return Err(corrupt("visibility")),
        },
        release,
        network: Network::from_word(&network).ok_or_else(|| corrupt("network"))?,
        limits: serde_json::from_str(&limits).map_err(|_| corrupt("limits"))?,
        end_runs_with_token: row.get(8)?,
        secrets: SealedSecrets::default(),
        created_at: Timestamp::from_micros(row.get(4)?),
        updated_at: Timestamp::from_micros(row.get(5)?),
    })
}

fn release_columns(row: Row<'_>, number: u32, first: usize) -> Result<Release, StoreError> {
    let count = |column: usize| Ok::<_, StoreError>(row.get::<i64>(first + column)?.unsigned_abs());
    Ok(Release { number, files: count(0)?, bytes: count(1)?, pages: count(2)? })
}

/// Hands every environment that is not deleted to `each`, and yields how many there are.
pub(crate) fn load(
    connection: &Connection,
    each: &mut dyn FnMut(EnvironmentRecord),
) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_scan(&format!("{ENVIRONMENT} WHERE e.deleted_at IS NULL"))?;
    let mut rows = statement.query(())?;
    let mut secrets = secrets::all(connection)?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let mut record = record(row)?;
        record.secrets = secrets.remove(&record.id.to_stored()).unwrap_or_default();
        each(record);
        count += 1;
    }
    Ok(count)
}

/// One environment that is not deleted, of the organization that is named.
pub(super) fn find(connection: &Connection, target: EnvRef) -> Result<Option<EnvironmentRecord>, StoreError> {
    let found = find_by_id(connection, target.environment)?;
    Ok(found.filter(|record| record.organization == target.organization))
}

/// One environment that is not deleted, of whichever organization.
pub(crate) fn find_by_id(
    connection: &Connection,
    environment: EnvId,
) -> Result<Option<EnvironmentRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("{ENVIRONMENT} WHERE e.id = ?1 AND e.deleted_at IS NULL"))?;
    let found = statement.find_row([environment.to_stored()], record)?;
    let secrets = secrets::of(connection, environment)?;
    Ok(found.map(|record| EnvironmentRecord { secrets, ..record }))
}

/// Those that are deleted.
pub(crate) fn deleted(connection: &Connection) -> Result<Vec<EnvId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM environments WHERE deleted_at IS NOT NULL")?;
    statement.query_all((), |row| EnvId::from_stored(row.get(0)?, "environments", "id"))
}

/// The environment that has the name now.
pub(super) fn id_of(connection: &Connection, name: &EnvName) -> Result<Option<EnvId>, StoreError> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT id FROM environments WHERE name = ?1 AND deleted_at IS NULL")?
        .find_row([name.as_str()], |row| row.get(0))?;
    found.map(|id| EnvId::from_stored(id, "environments", "id")).transpose()
}

fn limits_text(record: &EnvironmentRecord) -> Result<String, StoreError> {
    serde_json::to_string(&record.limits).map_err(|err| StoreError::Unavailable { reason: err.to_string() })
}

pub(super) fn insert(connection: &Connection, record: &EnvironmentRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO environments
                (id, organization_id, name, visibility, created_at, updated_at, network, limits, end_runs_with_token)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            record.id.to_stored(),
            record.organization.to_stored(),
            record.name.as_str(),
            visibility_word(record.visibility),
            record.created_at.micros(),
            record.updated_at.micros(),
            record.network.word(),
            limits_text(record)?,
            record.end_runs_with_token,
        ))?;
    Ok(())
}

pub(super) fn update(connection: &Connection, record: &EnvironmentRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE environments SET name = ?2, visibility = ?3, release = ?4, updated_at = ?5, network = ?6, limits = ?7,
                end_runs_with_token = ?8
             WHERE id = ?1",
        )?
        .execute((
            record.id.to_stored(),
            record.name.as_str(),
            visibility_word(record.visibility),
            record.release.as_ref().map(|release| release.number),
            record.updated_at.micros(),
            record.network.word(),
            limits_text(record)?,
            record.end_runs_with_token,
        ))?;
    Ok(())
}

pub(super) fn delete(connection: &Connection, id: EnvId, now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE environments SET deleted_at = ?2, updated_at = ?2 WHERE id = ?1")?
        .execute((id.to_stored(), now.micros()))?;
    Ok(())
}

/// The number of the newest release, whichever is served; 0 before the first.
pub(super) fn newest_release(connection: &Connection, id: EnvId) -> Result<u32, StoreError> {
    connection
        .prepare_cached("SELECT coalesce(max(number), 0) FROM releases WHERE environment_id = ?1")?
        .query_row([id.to_stored()], |row| row.get(0))
}

pub(super) fn insert_release(
    connection: &Connection,
    id: EnvId,
    release: &Release,
    manifest: &[u8],
    by: Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let by = match by {
        Actor::Setup => None,
        Actor::Token(token) => Some(token.to_stored()),
    };
    connection
        .prepare_cached(
            "INSERT INTO releases (environment_id, number, files, bytes, pages, manifest, created_at, created_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            id.to_stored(),
            release.number,
            sqlite::count(release.files),
            sqlite::count(release.bytes),
            sqlite::count(release.pages),
            manifest,
            now.micros(),
            by,
        ))?;
    Ok(())
}

const RELEASE: &str = "SELECT number, files, bytes, pages, created_at, created_by FROM releases";

fn stored_release(row: Row<'_>) -> Result<StoredRelease, StoreError> {
    let by: Option<i64> = row.get(5)?;
    Ok(StoredRelease {
        release: release_columns(row, row.get(0)?, 1)?,
        created_at: Timestamp::from_micros(row.get(4)?),
        created_by: by.map_or(Ok(Actor::Setup), |id| {
            TokenId::from_stored(id, "releases", "created_by").map(Actor::Token)
        })?,
    })
}

pub(super) fn releases(connection: &Connection, target: EnvRef) -> Result<Vec<StoredRelease>, StoreError> {
    let EnvRef { organization, environment } = target;
    let mut statement = connection.prepare_cached(&format!(
        "{RELEASE} WHERE environment_id = ?1 AND EXISTS (
            SELECT 1 FROM environments WHERE id = ?1 AND organization_id = ?2 AND deleted_at IS NULL)
         ORDER BY number DESC"
    ))?;
    let mut rows = statement.query((environment.to_stored(), organization.to_stored()))?;
    let mut releases = Vec::new();
    while let Some(row) = rows.next()? {
        releases.push(stored_release(row)?);
    }
    Ok(releases)
}

pub(super) fn release(
    connection: &Connection,
    id: EnvId,
    number: u32,
) -> Result<Option<StoredRelease>, StoreError> {
    connection
        .prepare_cached(&format!("{RELEASE} WHERE environment_id = ?1 AND number = ?2"))?
        .find_row((id.to_stored(), number), stored_release)
}

pub(super) fn manifest(
    connection: &Connection,
    id: EnvId,
    number: u32,
) -> Result<Option<Manifest>, StoreError> {
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT manifest FROM releases WHERE environment_id = ?1 AND number = ?2")?
        .find_row((id.to_stored(), number), |row| row.get(0))?;
    stored.map(|bytes| decode(&bytes, id.to_stored())).transpose()
}

/// Whether the files of a release are these, by the form that they are stored in: the same files have the same bytes.
pub(super) fn has_manifest(
    connection: &Connection,
    id: EnvId,
    number: u32,
    manifest: &[u8],
) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT manifest = ?3 FROM releases WHERE environment_id = ?1 AND number = ?2")?
        .find_row((id.to_stored(), number, manifest), |row| row.get(0))?
        .unwrap_or(false))
}

fn decode(bytes: &[u8], id: i64) -> Result<Manifest, StoreError> {
    Manifest::decode(bytes).map_err(|_| StoreError::Corrupt { table: "releases", column: "manifest", id })
}

pub(super) fn each_manifest(
    connection: &Connection,
    environment: Option<EnvId>,
    each: &mut dyn FnMut(&Manifest),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_scan(
        "SELECT r.environment_id, r.manifest
         FROM releases r JOIN environments e ON e.id = r.environment_id
         WHERE e.deleted_at IS NULL AND (?1 IS NULL OR e.id = ?1)",
    )?;
    let mut rows = statement.query([environment.map(Stored::to_stored)])?;
    while let Some(row) = rows.next()? {
        let bytes = row.blob(1)?;
        each(&decode(bytes, row.get(0)?)?);
    }
    Ok(())
}
