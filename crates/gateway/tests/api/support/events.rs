//! What stands in the audit log, read from the database itself.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// An event of the audit log.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) sequence: i64,
    pub(crate) action: String,
    pub(crate) request_id: Option<String>,
    pub(crate) detail: Value,
}

/// The events whose action begins so, the oldest first.
pub(crate) fn events(data_directory: &Path, action: &str) -> Vec<Event> {
    let path = data_directory.join("toolfront.db");
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = database
        .prepare("SELECT sequence, action, request_id, detail FROM audit_events ORDER BY sequence")
        .unwrap();
    let rows = statement.query_map([], |row| {
        let detail: String = row.get(3)?;
        let detail = serde_json::from_str(&detail).unwrap();
        Ok(Event { sequence: row.get(0)?, action: row.get(1)?, request_id: row.get(2)?, detail })
    });
    rows.unwrap().map(Result::unwrap).filter(|event| event.action.starts_with(action)).collect()
}
