//! Several stores of one database in one process, each with a data directory and a copy in memory of its own.

use std::sync::Arc;

use toolfront_store::{Store, Summary};

use crate::contract::world::memory::Memory;
use crate::contract::world::postgres::{Postgres, on_server};
use crate::contract::world::{Backend, World, at};

/// The first world is set up; the others find it there.
pub(super) async fn of(count: usize) -> Vec<World<Postgres>> {
    let first = World::<Postgres>::set_up().await;
    let mut nodes = vec![first];
    while nodes.len() < count {
        nodes.push(beside(&nodes[0]));
    }
    nodes
}

/// Another node of the same database, with the same keys.
pub(super) fn beside(world: &World<Postgres>) -> World<Postgres> {
    let backend = world.backend.beside();
    std::fs::create_dir(backend.path()).unwrap();
    std::fs::copy(world.backend.path().join("secrets.key"), backend.path().join("secrets.key")).unwrap();
    let (store, memory) = opened(&backend);
    World { backend, store, memory, admin: world.admin.clone() }
}

pub(super) fn opened_with_summary(backend: &Postgres) -> (Store, Summary) {
    backend.open(Arc::new(Memory::default()), at(0)).unwrap()
}

fn opened(backend: &Postgres) -> (Store, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let (store, _) = backend.open(memory.clone(), at(0)).unwrap();
    (store, memory)
}

impl Postgres {
    /// Another gateway of the same database.
    pub(super) fn beside(&self) -> Self {
        Self::at(self.schema.clone())
    }

    /// Ends every session that a store has on the schema.
    pub(super) fn cut_off(&self) {
        self.query(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
            self.schema
        ));
    }

    /// Does something to the schema that no gateway does.
    pub(super) fn tamper(&self, statements: &str) {
        let statements = format!("SET search_path = {}; {statements}", self.schema);
        on_server(|client| async move { client.batch_execute(&statements).await.unwrap() });
    }
}
