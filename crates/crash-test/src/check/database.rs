//! The database as a kill left it, read from a copy, so that the gateway's own recovery finds it untouched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use rusqlite::Connection;
use serde_json::Value;
use toolfront_app::Manifest;
use toolfront_token::TokenId;

/// The files of a database in WAL mode that hold its content. The third, `-shm`, is made anew from them.
const FILES: [&str; 2] = ["toolfront.db", "toolfront.db-wal"];

/// A copy of the database.
#[derive(Debug)]
pub(super) struct Database(Connection);

/// A token's row.
#[derive(Debug)]
pub(super) struct TokenRow {
    pub(super) name: String,
    pub(super) generation: u32,
    pub(super) reason: Option<String>,
    pub(super) is_revoked: bool,
}

/// What the audit log tells.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// The commands that began, each with the event's number.
    pub(super) begun: BTreeMap<i64, Vec<String>>,
    /// The numbers of the begin events of those that ended.
    pub(super) ended: BTreeSet<i64>,
    /// How many events of an action there are about a token.
    pub(super) about_tokens: BTreeMap<(String, TokenId), u32>,
}

/// A release's files.
#[derive(Debug)]
pub(super) struct ReleaseRow {
    pub(super) environment: String,
    pub(super) number: u32,
    pub(super) is_current: bool,
    pub(super) manifest: Manifest,
}

impl Database {
    /// Copies the database of a data directory into another directory, and opens the copy.
    pub(super) fn copy(data: &Path, to: &Path) -> anyhow::Result<Self> {
        if to.exists() {
            fs::remove_dir_all(to)?;
        }
        fs::create_dir_all(to)?;
        for name in FILES.iter().filter(|name| data.join(name).exists()) {
            fs::copy(data.join(name), to.join(name)).with_context(|| format!("{name} can't be copied"))?;
        }
        Ok(Self(Connection::open(to.join("toolfront.db"))?))
    }

    /// What SQLite finds wrong; nothing when it is intact.
    pub(super) fn faults(&self) -> anyhow::Result<Vec<String>> {
        let mut statement = self.0.prepare("PRAGMA integrity_check")?;
        let said = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let mut faults: Vec<String> = said.into_iter().filter(|line| line != "ok").collect();
        let mut statement = self.0.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            faults.push(format!("a row of {} refers to nothing", row.get::<_, String>(0)?));
        }
        Ok(faults)
    }

    /// The connection to the copy.
    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }

    pub(super) fn tokens(&self) -> anyhow::Result<BTreeMap<TokenId, TokenRow>> {
        let mut statement = self.0.prepare(
            "SELECT id, name, generation, revocation_reason, revoked_at IS NOT NULL FROM tokens ORDER BY id",
        )?;
        let mut rows = statement.query([])?;
        let mut tokens = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let id =
                TokenId::from_bits(row.get::<_, i64>(0)?.cast_unsigned()).context("an id that is none")?;
            let token = TokenRow {
                name: row.get(1)?,
                generation: row.get(2)?,
                reason: row.get(3)?,
                is_revoked: row.get(4)?,
            };
            tokens.insert(id, token);
        }
        Ok(tokens)
    }

    pub(super) fn environment_names(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut statement = self.0.prepare("SELECT name FROM environments")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    pub(super) fn audit(&self) -> anyhow::Result<Audit> {
        let mut statement =
            self.0.prepare("SELECT sequence, action, detail FROM audit_events ORDER BY sequence")?;
        let mut rows = statement.query([])?;
        let mut audit = Audit::default();
        while let Some(row) = rows.next()? {
            let (sequence, action, detail): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let detail: Value = serde_json::from_str(&detail)?;
            audit.take(sequence, action, &detail);
        }
        Ok(audit)
    }

    /// The releases of the environments that are not deleted.
    pub(super) fn releases(&self) -> anyhow::Result<Vec<ReleaseRow>> {
        let mut statement = self.0.prepare(
            "SELECT e.name, r.number, r.number IS e.release, r.manifest
             FROM releases r JOIN environments e ON e.id = r.environment_id
             WHERE e.deleted_at IS NULL",
        )?;
        let mut rows = statement.query([])?;
        let mut releases = Vec::new();
        while let Some(row) = rows.next()? {
            let manifest: Vec<u8> = row.get(3)?;
            releases.push(ReleaseRow {
                environment: row.get(0)?,
                number: row.get(1)?,
                is_current: row.get(2)?,
                manifest: Manifest::decode(&manifest)?,
            });
        }
        Ok(releases)
    }
}

impl Audit {
    fn take(&mut self, sequence: i64, action: String, detail: &Value) {
        match action.as_str() {
            "run.begin" => {
                let words = detail.get("command").and_then(Value::as_array).into_iter().flatten();
                let words = words.filter_map(Value::as_str).map(str::to_owned).collect();
                self.begun.insert(sequence, words);
            }
            "run.end" => {
                self.ended.extend(detail.get("begin").and_then(Value::as_i64));
            }
            _ => {
                let token = detail.get("token").and_then(Value::as_str);
                if let Some(token) = token.and_then(|token| TokenId::parse(token).ok()) {
                    *self.about_tokens.entry((action, token)).or_default() += 1;
                }
            }
        }
    }

    /// How many events of this action there are about a token.
    pub(super) fn about(&self, action: &str, token: TokenId) -> u32 {
        self.about_tokens.get(&(action.to_owned(), token)).copied().unwrap_or_default()
    }
}
