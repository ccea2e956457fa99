//! Reading: a few connections, used off the async threads.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::database::{Connection, PostgresConnection};
use crate::database_url::DatabaseUrl;
use crate::error::StoreError;
use crate::sqlite;

/// How many reads go on at once.
const CONNECTIONS_MAX: usize = 4;

/// What is read from.
#[derive(Clone, Debug)]
pub(crate) enum ReadFrom {
    File(PathBuf),
    Server(DatabaseUrl),
}

#[derive(Clone, Debug)]
pub(crate) struct Reader {
    from: ReadFrom,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl ReadFrom {
    fn open(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::File(path) => Connection::Sqlite(sqlite::open_reader(path)?),
            Self::Server(url) => Connection::Postgres(Box::new(PostgresConnection::open(url)?)),
        })
    }
}

impl Reader {
    pub(crate) fn new(from: ReadFrom) -> Self {
        Self { from, idle: Arc::default(), places: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }

    /// Closes the connections that nobody uses now.
    pub(crate) fn let_go(&self) {
        self.idle.lock().clear();
    }

    /// Has `read` done on a connection that sees all that was committed before, and the same throughout.
    pub(crate) async fn read<T, E>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (from, idle) = (self.from.clone(), Arc::clone(&self.idle));
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            // One that was lost while nobody used it is of no use.
            let pooled = std::iter::from_fn(|| idle.lock().pop()).find(|pooled| !pooled.is_closed());
            let connection = pooled.map_or_else(|| from.open(), Ok)?;
            let result = connection.in_snapshot(read);
            idle.lock().push(connection);
            result
        });
        done.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}
