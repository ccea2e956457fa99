//! Databases of other versions.

use std::sync::Arc;

use rusqlite::Connection;
use toolfront_store::OpenError;

use crate::contract::world::memory::Memory;
use crate::contract::world::sqlite::Sqlite;
use crate::contract::world::{Backend, World, at};

async fn closed_with(change: &str) -> Sqlite {
    let World { backend, store, memory, .. } = World::<Sqlite>::set_up().await;
    drop((store, memory));
    Connection::open(backend.path().join("toolfront.db")).unwrap().execute_batch(change).unwrap();
    backend
}

fn refusal(backend: &Sqlite) -> OpenError {
    let memory = Arc::new(Memory::default());
    let refused = backend.open(memory.clone(), at(9)).map(|_| ()).unwrap_err();
    assert!(memory.changes().is_empty());
    refused
}

fn applied(backend: &Sqlite) -> Vec<u32> {
    let connection = backend.look();
    let mut statement = connection.prepare("SELECT version FROM schema_migrations ORDER BY version").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let backend = closed_with("INSERT INTO schema_migrations VALUES (7, x'00', 0)").await;
    let refused = refusal(&backend);
    assert!(matches!(refused, OpenError::Newer { found: 7, known: 5 }), "{refused:?}");
    assert_eq!(applied(&backend), [1, 2, 3, 4, 5, 7]);
}

#[tokio::test]
async fn a_database_with_a_foreign_migration_is_refused() {
    let backend = closed_with("UPDATE schema_migrations SET checksum = x'00' WHERE version = 1").await;
    let refused = refusal(&backend);
    assert!(matches!(refused, OpenError::ForeignMigration { version: 1 }), "{refused:?}");
    assert_eq!(applied(&backend), [1, 2, 3, 4, 5]);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let backend = Sqlite::fresh();
    std::fs::create_dir(backend.path()).unwrap();
    let connection = Connection::open(backend.path().join("toolfront.db")).unwrap();
    connection.execute_batch("CREATE TABLE tokens (theirs TEXT)").unwrap();
    drop(connection);
    let refused = refusal(&backend);
    assert!(matches!(refused, OpenError::Store(_)), "{refused:?}");
    let names: i64 =
        backend.look().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(names, 1);
}

#[tokio::test]
async fn migrations_are_applied_once() {
    let world = World::<Sqlite>::set_up().await.reopen().reopen();
    assert_eq!(applied(&world.backend), [1, 2, 3, 4, 5]);
}
