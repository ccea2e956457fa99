//! The backend that gateways share: a schema of its own on a PostgreSQL server, and a data directory.

use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};
use toolfront_store::{ChangeSink, DatabasePlace, DatabaseUrl, OpenError, Store, StorePlace, Summary};
use toolfront_token::{EnvId, Timestamp, TokenId};

use super::sqlite::{copy, read_all};
use super::{AuditEvent, Backend};

/// The tables, each behind those that it refers to.
const TABLES: [&str; 17] = [
    "schema_migrations",
    "organizations",
    "tokens",
    "token_generations",
    "generation_environments",
    "environments",
    "releases",
    "environment_secrets",
    "idempotency_keys",
    "audit_events",
    "nodes",
    "audit_chain",
    "changes",
    "change_head",
    "usage_days",
    "usage_addresses",
    "uploads",
];

static MADE: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Postgres {
    pub(crate) schema: String,
    directory: TempDir,
}

/// The server that the tests use.
#[expect(clippy::disallowed_methods, reason = "where the server is, is told by whoever runs the tests")]
fn server() -> String {
    std::env::var("TOOLFRONT_TEST_POSTGRES").expect(
        "TOOLFRONT_TEST_POSTGRES has to be the URL of a PostgreSQL server: \
         export TOOLFRONT_TEST_POSTGRES=$(scripts/postgres start)",
    )
}

/// Has something done on a connection of its own, from wherever it is called.
pub(crate) fn on_server<T: Send, F: Future<Output = T>>(what: impl FnOnce(Client) -> F + Send) -> T {
    let on_thread = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let config: Config = server().parse().unwrap();
            let (client, connection) = config.connect(NoTls).await.unwrap();
            let driven = tokio::spawn(connection);
            let done = what(client).await;
            driven.await.unwrap().unwrap();
            done
        })
    };
    std::thread::scope(|scope| scope.spawn(on_thread).join().unwrap())
}

impl Postgres {
    /// A place in the schema of that name, with a data directory of its own.
    pub(crate) fn at(schema: String) -> Self {
        Self { schema, directory: tempfile::tempdir().unwrap() }
    }

    fn make_schema() -> String {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let schema = format!("test_{}_{number}", std::process::id());
        on_server(|client| async move {
            let made = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
            client.batch_execute(&made).await.unwrap();
            schema
        })
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn place(&self) -> StorePlace {
        let server = server();
        let and = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{and}options=-csearch_path%3D{0}&application_name={0}", self.schema);
        let database = DatabasePlace::Postgres(DatabaseUrl::parse(&url).unwrap());
        StorePlace { database, ..StorePlace::embedded(self.path()) }
    }

    /// Rows of the schema.
    pub(crate) fn query(&self, statement: &str) -> Vec<Row> {
        let statement = format!("SET search_path = {}; {statement}", self.schema);
        let (path, statement) = statement.split_once("; ").unwrap();
        on_server(|client| async move {
            client.batch_execute(path).await.unwrap();
            client.query(statement, &[] as &[&(dyn ToSql + Sync)]).await.unwrap()
        })
    }
}

impl Backend for Postgres {
    fn fresh() -> Self {
        Self::at(Self::make_schema())
    }

    fn open(&self, sink: Arc<dyn ChangeSink>, now: Timestamp) -> Result<(Store, Summary), OpenError> {
        // It blocks, and tests call it from where one may not.
        std::thread::scope(|scope| scope.spawn(|| Store::open(&self.place(), sink, now)).join().unwrap())
    }

    fn events(&self) -> Vec<AuditEvent> {
        let rows = self.query(
            "SELECT sequence, action, token_id, generation, environment_id, address, user_agent, request_id, detail
             FROM audit_events ORDER BY sequence",
        );
        let event = |row: &Row| {
            let (token, environment): (Option<i64>, Option<i64>) = (row.get(2), row.get(4));
            AuditEvent {
                sequence: row.get(0),
                action: row.get(1),
                token: token.map(|id| TokenId::from_bits(id.cast_unsigned()).unwrap()),
                generation: row.get::<_, Option<i64>>(3).map(|number| u32::try_from(number).unwrap()),
                environment: environment.map(|id| EnvId::from_bits(id.cast_unsigned()).unwrap()),
                address: row.get(5),
                user_agent: row.get(6),
                request_id: row.get(7),
                detail: serde_json::from_str(row.get(8)).unwrap(),
            }
        };
        rows.iter().map(event).collect()
    }

    fn crashed(&self) -> Self {
        let crashed = Self::fresh();
        let mut statements = String::from("BEGIN ISOLATION LEVEL REPEATABLE READ;");
        for table in TABLES {
            let (from, to) = (format!("{}.{table}", self.schema), format!("{}.{table}", crashed.schema));
            let _ = write!(
                statements,
                "CREATE TABLE {to} (LIKE {from} INCLUDING ALL); INSERT INTO {to} OVERRIDING SYSTEM VALUE TABLE {from};"
            );
        }
        let nodes = format!("{}.nodes", crashed.schema);
        let _ = write!(
            statements,
            "SELECT setval(pg_get_serial_sequence('{nodes}', 'id'), (SELECT max(id) FROM {nodes}));
             ALTER TABLE {0}.audit_chain ADD FOREIGN KEY (holder) REFERENCES {nodes} (id) ON DELETE SET NULL;
             UPDATE {nodes} SET applied = 9223372036854775807; -- long enough ago that nobody waits for it
             COMMIT",
            crashed.schema
        );
        on_server(|client| async move { client.batch_execute(&statements).await.unwrap() });
        copy(&self.path(), &crashed.path());
        crashed
    }

    fn everything(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        read_all(&self.path(), &mut found);
        for table in TABLES {
            for row in self.query(&format!("SELECT CAST(t AS TEXT) FROM {table} t")) {
                found.push(row.get::<_, String>(0).into_bytes());
            }
            // Bytes are written in hexadecimal digits in a text.
            for column in ["digest", "manifest", "nonce", "ciphertext", "key_id", "hash"] {
                let has = format!(
                    "SELECT 1 FROM information_schema.columns
                     WHERE table_schema = '{}' AND table_name = '{table}' AND column_name = '{column}'",
                    self.schema
                );
                if !self.query(&has).is_empty() {
                    let rows =
                        self.query(&format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL"));
                    found.extend(rows.iter().map(|row| row.get::<_, Vec<u8>>(0)));
                }
            }
        }
        found
    }
}
