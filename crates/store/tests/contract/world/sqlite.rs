//! The embedded backend: a data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use toolfront_store::{ChangeSink, OpenError, Store, StorePlace, Summary};
use toolfront_token::{EnvId, Timestamp, TokenId};

use super::{AuditEvent, Backend};

pub(crate) struct Sqlite {
    directory: TempDir,
}

impl Sqlite {
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A connection beside the store's, that only reads.
    pub(crate) fn look(&self) -> Connection {
        let path = self.path().join("toolfront.db");
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }
}

impl Backend for Sqlite {
    fn fresh() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn open(&self, sink: Arc<dyn ChangeSink>, now: Timestamp) -> Result<(Store, Summary), OpenError> {
        Store::open(&StorePlace::embedded(self.path()), sink, now)
    }

    fn events(&self) -> Vec<AuditEvent> {
        let connection = self.look();
        let mut statement = connection
            .prepare(
                "SELECT sequence, action, token_id, generation, environment_id, address, user_agent, request_id, detail
                 FROM audit_events ORDER BY sequence",
            )
            .unwrap();
        let events = statement.query_map([], |row| {
            let (token, environment): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(4)?);
            Ok(AuditEvent {
                sequence: row.get(0)?,
                action: row.get(1)?,
                token: token.map(|id| TokenId::from_bits(id.cast_unsigned()).unwrap()),
                generation: row.get(3)?,
                environment: environment.map(|id| EnvId::from_bits(id.cast_unsigned()).unwrap()),
                address: row.get(5)?,
                user_agent: row.get(6)?,
                request_id: row.get(7)?,
                detail: serde_json::from_str(&row.get::<_, String>(8)?).unwrap(),
            })
        });
        events.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn crashed(&self) -> Self {
        let crashed = Self::fresh();
        copy(&self.path(), &crashed.path());
        crashed
    }

    fn everything(&self) -> Vec<Vec<u8>> {
        let mut files = Vec::new();
        read_all(&self.path(), &mut files);
        files
    }
}

pub(crate) fn read_all(directory: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, files);
        } else {
            files.push(std::fs::read(&path).unwrap());
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}
