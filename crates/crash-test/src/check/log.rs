//! The audit log as a kill left it: its chain, held against its documented form and not by the gateway's own code; and
//! the counters, which have to be what the log tells.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use rusqlite::{Connection, Row};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use toolfront_token::{EnvId, OrgId, Timestamp, TokenId};

/// What is wrong with the chain, at its first fault.
pub(super) fn chain_fault(database: &Connection) -> anyhow::Result<Option<String>> {
    let (name, head, head_hash): (String, i64, Option<Vec<u8>>) =
        database.query_row("SELECT name, head_sequence, head_hash FROM audit_chain", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let mut before = hex(&Sha256::digest(format!("toolfront audit chain {name}")));
    let mut last = 0;
    let mut statement = database.prepare(
        "SELECT sequence, at, action, outcome, organization_id, token_id, generation, subject_id, environment_id,
            address, user_agent, request_id, uses, detail, hash
         FROM audit_events ORDER BY sequence",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (sequence, stored): (i64, Vec<u8>) = (row.get(0)?, row.get(14)?);
        if sequence != last + 1 {
            return Ok(Some(format!("event {sequence} follows event {last}")));
        }
        let hash = hex(&Sha256::digest(format!("{before}\n{}", line(row)?)));
        if hash != hex(&stored) {
            return Ok(Some(format!("event {sequence} does not fit its hash")));
        }
        (before, last) = (hash, sequence);
    }
    let is_whole = last == head && head_hash.is_none_or(|stored| hex(&stored) == before);
    Ok((!is_whole).then(|| format!("the log ends with event {last}, and has to end with {head}")))
}

/// The canonical line of an event.
fn line(row: &Row<'_>) -> anyhow::Result<String> {
    let token = |bits: Option<i64>| bits.and_then(|bits| TokenId::from_bits(bits.cast_unsigned()));
    let environment: Option<i64> = row.get(8)?;
    let organization = OrgId::from_bits(row.get::<_, i64>(4)?.cast_unsigned()).context("no organization")?;
    let (address, user_agent): (Option<String>, Option<String>) = (row.get(9)?, row.get(10)?);
    let detail: Value = serde_json::from_str(&row.get::<_, String>(13)?)?;
    Ok(json!({
        "v": 1,
        "sequence": row.get::<_, i64>(0)?,
        "at": Timestamp::from_micros(row.get(1)?).to_string(),
        "action": row.get::<_, String>(2)?,
        "outcome": row.get::<_, String>(3)?,
        "organization_id": organization,
        "token_id": token(row.get(5)?),
        "generation": row.get::<_, Option<u32>>(6)?,
        "subject_id": token(row.get(7)?),
        "environment_id": environment.and_then(|bits| EnvId::from_bits(bits.cast_unsigned())),
        "address": address,
        "user_agent": user_agent,
        "request_id": row.get::<_, Option<String>>(11)?,
        "uses": row.get::<_, i64>(12)?,
        "detail": detail,
    })
    .to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Where the counters are not what the events tell that they were made of.
pub(super) fn miscounted(database: &Connection) -> anyhow::Result<Vec<String>> {
    let through: i64 = database.query_row("SELECT counted_through FROM audit_chain", [], |row| row.get(0))?;
    let told = counts(
        database,
        &format!(
            "SELECT token_id, generation, sum(uses) FROM audit_events
             WHERE uses > 0 AND sequence <= {through} GROUP BY token_id, generation"
        ),
    )?;
    let counted = counts(
        database,
        "SELECT token_id, number, usage_count FROM token_generations WHERE usage_count > 0",
    )?;
    let by_day: i64 =
        database.query_row("SELECT coalesce(sum(count), 0) FROM usage_days", [], |row| row.get(0))?;
    let mut faults: Vec<String> = told
        .iter()
        .filter(|(value, told)| counted.get(value) != Some(told))
        .map(|(value, told)| {
            format!("{value:?} was used {told} times, and {:?} are counted", counted.get(value))
        })
        .collect();
    faults.extend(
        counted
            .keys()
            .filter(|value| !told.contains_key(value))
            .map(|value| format!("{value:?} was never used")),
    );
    let all: i64 = told.values().sum();
    if all != by_day {
        faults.push(format!("{all} uses are told of, and {by_day} are counted by day"));
    }
    Ok(faults)
}

fn counts(database: &Connection, query: &str) -> anyhow::Result<BTreeMap<(i64, u32), i64>> {
    let mut statement = database.prepare(query)?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
