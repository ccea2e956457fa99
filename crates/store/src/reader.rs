//! Reading: a few connections, used off the async threads.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::error::StoreError;
use crate::sqlite;

/// How many reads go on at once.
const CONNECTIONS_MAX: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Reader {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default(), places: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
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
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            let pooled = idle.lock().pop();
            let connection = match pooled {
                Some(connection) => connection,
                None => sqlite::open_reader(&path).map_err(StoreError::from)?,
            };
            let snapshot = connection.unchecked_transaction().map_err(StoreError::from)?;
            let result = read(&snapshot);
            drop(snapshot);
            idle.lock().push(connection);
            result
        });
        done.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}
