//! A node's place in the database: its row, and the chain of the audit log that it alone writes to.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::audit::ChainNumber;
use crate::database::Connection;
use crate::error::StoreError;

use super::RELIES_ON_NOTHING;

/// A node, and its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) node: i64,
    pub(super) chain: ChainNumber,
}

/// The file in a data directory that says which node had it last.
const FILE: &str = "node";

const LOCK: &str = "SELECT number FROM audit_chain WHERE number = ?1 AND holder = ?2 FOR UPDATE";

impl Seat {
    /// Makes a new node, and gives it a chain that nobody has, in the transaction. `before` is the node that had this
    /// data directory.
    pub(super) fn take(connection: &Connection, before: Option<Predecessor>) -> Result<Self, StoreError> {
        let mut own = None;
        if let Some(before) = before {
            own = connection
                .prepare_cached("SELECT number FROM audit_chain WHERE holder = ?1")?
                .find_row([before.node], |row| row.get::<i64>(0))?;
            // In the order in which everybody takes what others may hold: the chain, then the head of changes.
            connection.execute("UPDATE audit_chain SET holder = NULL WHERE holder = ?1", [before.node])?;
            if before.has_ended {
                connection.execute("DELETE FROM nodes WHERE id = ?1", [before.node])?;
            }
        }
        // One at a time.
        super::lock_head(connection)?;
        let node: i64 = connection.query_row(
            "INSERT INTO nodes (applied) VALUES (?1) RETURNING id",
            [RELIES_ON_NOTHING],
            |row| row.get(0),
        )?;
        // The one that it had before comes first: what was under way there is put right by whoever takes it.
        let free: Option<i64> = connection
            .prepare_cached(
                "SELECT number FROM audit_chain WHERE holder IS NULL
                 ORDER BY coalesce(number = ?1, FALSE) DESC, number LIMIT 1 FOR UPDATE",
            )?
            .find_row([own], |row| row.get(0))?;
        let number = match free {
            Some(number) => number,
            None => Self::new_chain(connection)?,
        };
        connection.execute("UPDATE audit_chain SET holder = ?1 WHERE number = ?2", (node, number))?;
        Ok(Self { node, chain: ChainNumber::from_stored(number) })
    }

    fn new_chain(connection: &Connection) -> Result<i64, StoreError> {
        let number: i64 =
            connection
                .query_row("SELECT coalesce(max(number), 0) + 1 FROM audit_chain", (), |row| row.get(0))?;
        let start = ChainNumber::from_stored(number).start();
        connection.execute(
            "INSERT INTO audit_chain (number, name, base_sequence, head_sequence, counted_through, runs_from)
             VALUES (?1, replace(gen_random_uuid()::text, '-', ''), ?2, ?2, ?2, ?2)",
            (number, start),
        )?;
        Ok(number)
    }

    /// Keeps others from taking the place until the end of the transaction; false when it is not this node's any more.
    pub(super) fn lock(self, connection: &Connection) -> Result<bool, StoreError> {
        let mut statement = connection.prepare_cached(LOCK)?;
        let found = statement.find_row((self.chain.to_stored(), self.node), |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// The same, where nothing is waited for: the transaction fails when it is not this node's any more.
    pub(super) fn lock_later(self, connection: &Connection) -> Result<(), StoreError> {
        connection.require_later(LOCK, (self.chain.to_stored(), self.node))
    }

    /// Leaves it.
    pub(super) fn leave(self, connection: &Connection) -> Result<(), StoreError> {
        connection.execute("DELETE FROM nodes WHERE id = ?1", [self.node]).map(|_| ())
    }

    /// Removes a node that shows no sign of life since its row had that beat.
    pub(super) fn bury(connection: &Connection, node: i64, beat: i64) -> Result<Buried, StoreError> {
        let chain: Option<i64> = connection
            .prepare_cached("SELECT number FROM audit_chain WHERE holder = ?1 FOR UPDATE")?
            .find_row([node], |row| row.get(0))?;
        let gone = connection.execute("DELETE FROM nodes WHERE id = ?1 AND beat = ?2", (node, beat))?;
        Ok(if gone > 0 { Buried::Node(chain.map(ChainNumber::from_stored)) } else { Buried::Nothing })
    }
}

/// What [`Seat::bury`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buried {
    /// The node lives, or somebody was quicker.
    Nothing,
    /// The node is gone, and the chain that it had is nobody's.
    Node(Option<ChainNumber>),
}

/// The node that had a data directory before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Predecessor {
    node: i64,
    /// Whether it is certain that it does not run any more: others need not wait for it.
    has_ended: bool,
}

/// Which node had the data directory last, if it was one of that database. The directory is locked: when it is the very
/// one, and the machine was not started since, its process has ended. Of a copy somebody else may have the original.
pub(super) fn last_of(directory: &Path, database: &str) -> Option<Predecessor> {
    let text = fs::read_to_string(directory.join(FILE)).ok()?;
    let mut words = text.split_whitespace();
    let (of, node, place) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let has_ended = here(directory).is_some_and(|here| here == place);
    (of == database).then_some(Predecessor { node, has_ended })
}

/// Notes which node has the data directory. Without the note its place is free a minute after it ended.
pub(super) fn note(directory: &Path, database: &str, seat: Seat) -> std::io::Result<()> {
    let mut file = NamedTempFile::new_in(directory)?;
    let place = here(directory).unwrap_or_else(|| "-".to_owned());
    writeln!(file, "{database} {} {place}", seat.node)?;
    file.persist(directory.join(FILE)).map(|_| ()).map_err(|err| err.error)
}

/// This directory on this machine since it was started; `None` where that can't be told.
fn here(directory: &Path) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let found = fs::metadata(directory).ok()?;
    Some(format!("{}:{}:{}", boot.trim(), found.dev(), found.ino()))
}
