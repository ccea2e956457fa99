//! A log that somebody with the right to the file has changed: what was changed is named.

use rusqlite::{Connection, params};
use toolfront_store::{ChainFault, ChainHash, ChainHead, Verification};
use toolfront_token::Scope;

use crate::contract::world::sqlite::Sqlite;
use crate::contract::world::{World, at, env_id, grant};

/// A log of some twenty events, and a connection beside the store's that may write.
struct Log {
    world: World<Sqlite>,
    connection: Connection,
    last: i64,
}

impl Log {
    async fn new() -> Self {
        let world = World::<Sqlite>::set_up().await;
        world.issue(grant(Scope::Read), at(1)).await;
        world.begin_run(env_id(), 1).await;
        world.record_reads(&world.admin, 2..20).await;
        let last = world.verified().await.head.sequence;
        let connection = Connection::open(world.backend.path().join("toolfront.db")).unwrap();
        connection.execute_batch("CREATE TEMP TABLE kept AS SELECT * FROM audit_events").unwrap();
        Self { world, connection, last }
    }

    fn change(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap();
    }

    async fn found(&self, anchor: Option<ChainHead>) -> Verification {
        self.world.store.verify_log(anchor).await.unwrap()
    }

    async fn fault(&self) -> Option<ChainFault> {
        self.found(None).await.fault
    }

    fn hash(&self, sequence: i64) -> ChainHash {
        let hash = self.connection.query_row(
            "SELECT hash FROM audit_events WHERE sequence = ?1",
            [sequence],
            |row| row.get::<_, [u8; 32]>(0),
        );
        ChainHash::from(hash.unwrap())
    }

    /// Puts an event of the reads back as it was.
    fn restore(&self, sequence: i64) {
        self.connection
            .execute(
                "UPDATE audit_events SET (at, action, outcome, organization_id, token_id, generation, subject_id,
                    environment_id, address, user_agent, request_id, uses, detail, hash)
                 = (SELECT at, action, outcome, organization_id, token_id, generation, subject_id,
                    environment_id, address, user_agent, request_id, uses, detail, hash
                    FROM kept WHERE kept.sequence = ?1) WHERE sequence = ?1",
                [sequence],
            )
            .unwrap();
    }
}

/// Each column, and what somebody writes into it of an event that has something else there.
const CHANGES: [(&str, &str); 22] = [
    ("at", "at + 1"),
    ("at", "9223372036854775807"),
    ("action", "'page.rea'"),
    ("action", "''"),
    ("outcome", "'refused'"),
    ("outcome", "'nonsense'"),
    ("organization_id", "8"),
    ("organization_id", "-1"),
    ("token_id", "token_id + 1"),
    ("token_id", "NULL"),
    ("generation", "2"),
    ("generation", "-1"),
    ("subject_id", "5"),
    ("environment_id", "5"),
    ("address", "'192.0.2.2'"),
    ("address", "NULL"),
    ("user_agent", "'agent/2'"),
    ("request_id", "'req-0000000000000002'"),
    ("uses", "0"),
    ("detail", "replace(detail, 'README.md', 'SECRET.md')"),
    ("hash", "NULL"),
    ("hash", "zeroblob(32)"),
];

#[tokio::test]
async fn a_change_of_any_column_is_named() {
    let log = Log::new().await;
    for (column, value) in CHANGES {
        for sequence in [9, log.last] {
            let changed = log.connection.execute(
                &format!("UPDATE audit_events SET {column} = {value} WHERE sequence = ?1"),
                [sequence],
            );
            assert_eq!(changed.unwrap(), 1);
            let found = log.found(None).await;
            assert_eq!(found.fault, Some(ChainFault::Changed { sequence }), "{column} = {value}");
            assert_eq!(found.head.sequence, sequence - 1, "so far it fits");
            log.restore(sequence);
            assert_eq!(log.fault().await, None, "{column}");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_of_the_detail_or_the_hash_is_named() {
    let log = Log::new().await;
    for column in ["detail", "hash"] {
        let (mut bytes, is_text): (Vec<u8>, bool) = log
            .connection
            .query_row(
                &format!("SELECT CAST({column} AS BLOB), typeof({column}) = 'text' FROM audit_events WHERE sequence = 7"),
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        // Within a string of the detail, where it stays JSON.
        let place = if is_text { bytes.iter().position(|byte| *byte == b'R').unwrap() } else { 31 };
        let write = |bytes: &[u8]| {
            let value = if is_text { "CAST(?1 AS TEXT)" } else { "?1" };
            let sql = format!("UPDATE audit_events SET {column} = {value} WHERE sequence = 7");
            log.connection.execute(&sql, params![bytes]).unwrap();
        };
        for bit in 0..6 {
            bytes[place] ^= 1 << bit;
            write(&bytes);
            assert_eq!(log.fault().await, Some(ChainFault::Changed { sequence: 7 }), "{column}, bit {bit}");
            bytes[place] ^= 1 << bit;
            write(&bytes);
            assert_eq!(log.fault().await, None);
        }
    }
}

#[tokio::test]
async fn a_missing_event_is_named() {
    for (condition, sequence) in [("= 1", 1), ("= 9", 9), ("BETWEEN 5 AND 12", 5)] {
        let log = Log::new().await;
        log.change(&format!("DELETE FROM audit_events WHERE sequence {condition}"));
        assert_eq!(log.fault().await, Some(ChainFault::Missing { sequence }));
    }
}

#[tokio::test]
async fn a_cut_tail_is_named() {
    let log = Log::new().await;
    log.change("DELETE FROM audit_events WHERE sequence > 15");
    assert_eq!(log.fault().await, Some(ChainFault::CutOff { sequence: 16, last: log.last }));
    // It is seen at once when the gateway starts, and stays known whatever is added.
    let (world, summary) = log.world.crash();
    assert!(!summary.log_ends_well);
    let fault = world.store.verify_log(None).await.unwrap().fault;
    assert_eq!(fault.map(ChainFault::sequence), Some(16), "{fault:?}");
    drop(world);
    let log = Log::new().await;
    log.change("DELETE FROM audit_events");
    assert_eq!(log.fault().await, Some(ChainFault::CutOff { sequence: 1, last: log.last }));
}

/// A gateway has tokens to end, whatever somebody did to its log.
#[tokio::test]
async fn a_log_that_can_not_be_read_is_named_and_keeps_no_store_from_opening() {
    let log = Log::new().await;
    log.change(&format!("UPDATE audit_events SET outcome = 'nonsense' WHERE sequence = {}", log.last - 1));
    log.change("UPDATE audit_chain SET counted_through = 0, runs_from = 0");
    let (world, summary) = log.world.crash();
    assert!(!summary.log_ends_well);
    let fault = world.store.verify_log(None).await.unwrap().fault;
    assert_eq!(fault, Some(ChainFault::Changed { sequence: log.last - 1 }));
}

#[tokio::test]
async fn a_tail_that_was_cut_with_care_is_named_by_an_anchor() {
    let log = Log::new().await;
    let anchor = ChainHead { sequence: log.last, hash: log.hash(log.last) };
    log.change(
        "DELETE FROM audit_events WHERE sequence > 15;
         UPDATE audit_chain SET head_sequence = 15,
            head_hash = (SELECT hash FROM audit_events WHERE sequence = 15)",
    );
    assert_eq!(log.fault().await, None, "the file alone does not show it");
    let cut = ChainFault::CutOff { sequence: 16, last: log.last };
    assert_eq!(log.found(Some(anchor)).await.fault, Some(cut));
}

#[tokio::test]
async fn events_that_changed_places_are_named() {
    for (one, other) in [(8, 9), (6, 14)] {
        let log = Log::new().await;
        // All of them, their hashes too.
        log.change(&format!(
            "UPDATE audit_events SET sequence = -1 WHERE sequence = {one};
             UPDATE audit_events SET sequence = {one} WHERE sequence = {other};
             UPDATE audit_events SET sequence = {other} WHERE sequence = -1"
        ));
        let moved = ChainFault::Reordered { sequence: one, found_at: other };
        assert_eq!(log.fault().await, Some(moved));
    }
}

#[tokio::test]
async fn events_whose_contents_changed_places_are_named() {
    let log = Log::new().await;
    // The hashes stay where they are.
    log.change(
        "UPDATE audit_events SET at = (SELECT at FROM kept WHERE sequence = 17 - audit_events.sequence)
         WHERE sequence IN (8, 9)",
    );
    assert_eq!(log.fault().await, Some(ChainFault::Changed { sequence: 8 }));
}

#[tokio::test]
async fn an_added_event_is_named() {
    let row = |sequence: &str| {
        format!(
            "INSERT INTO audit_events SELECT {sequence}, at, action, organization_id, token_id, generation,
                environment_id, address, user_agent, request_id, detail, outcome, subject_id, uses, hash
             FROM audit_events WHERE sequence = 9"
        )
    };
    for (sequence, named) in
        [("(SELECT max(sequence) + 1 FROM audit_events)", None), ("0", Some(0)), ("-5", Some(-5))]
    {
        let log = Log::new().await;
        log.change(&row(sequence));
        let sequence = named.unwrap_or(log.last + 1);
        assert_eq!(log.fault().await, Some(ChainFault::Added { sequence }));
    }
    // Where events were removed by their age there are none again.
    let log = Log::new().await;
    log.world.store.prune_log(at(5), at(100)).await.unwrap().unwrap();
    assert_eq!(log.fault().await, None);
    log.change(&row("2"));
    assert_eq!(log.fault().await, Some(ChainFault::Added { sequence: 2 }));
}

#[tokio::test]
async fn a_log_that_was_written_anew_is_named_by_an_anchor() {
    let log = Log::new().await;
    let anchor = ChainHead { sequence: 12, hash: log.hash(12) };
    // All hashes are computed as the documentation says, from a changed event on.
    let mut before = log.hash(8).to_string();
    log.change("UPDATE audit_events SET user_agent = 'forged' WHERE sequence = 9");
    for event in log.world.log().await.into_iter().filter(|event| event.sequence >= 9) {
        use sha2::{Digest, Sha256};
        let hash: [u8; 32] = Sha256::digest(format!("{before}\n{}", event.line())).into();
        let written = "UPDATE audit_events SET hash = ?2 WHERE sequence = ?1";
        log.connection.execute(written, params![event.sequence, hash]).unwrap();
        log.connection.execute("UPDATE audit_chain SET head_hash = ?1", [hash]).unwrap();
        before = ChainHash::from(hash).to_string();
    }
    assert_eq!(log.fault().await, None, "the file alone does not show it");
    let found = log.found(Some(anchor)).await;
    assert_eq!(found.fault, Some(ChainFault::Rewritten { sequence: 12 }));
}

#[tokio::test]
async fn a_head_that_was_changed_is_named() {
    let log = Log::new().await;
    log.change("UPDATE audit_chain SET head_hash = zeroblob(32)");
    assert_eq!(log.fault().await, Some(ChainFault::Rewritten { sequence: log.last }));
    let log = Log::new().await;
    log.change("UPDATE audit_chain SET name = 'another'");
    assert_eq!(log.fault().await, Some(ChainFault::Changed { sequence: 1 }));
}
