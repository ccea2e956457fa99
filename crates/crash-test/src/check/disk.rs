//! What a kill left on the disk: the database, the audit log against the marks of the runs, the blobs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toolfront_app::BlobDigest;

use super::Extent;
use super::database::{Audit, Database, ReleaseRow, TokenRow};
use super::log;
use crate::findings::{Findings, Promise};
use crate::ledger::{Ledger, Token, TokenChange};

/// Where to look.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) data: PathBuf,
    pub(crate) marks: PathBuf,
    pub(crate) copy: PathBuf,
    /// The name of the administrator's token.
    pub(crate) administrator: String,
}

/// Looks at everything that can be seen without a gateway.
pub(crate) fn at_rest(
    places: &Places,
    ledger: &mut Ledger,
    findings: &Findings,
    extent: Extent,
) -> anyhow::Result<()> {
    let database = Database::copy(&places.data, &places.copy)?;
    let faults = database.faults()?;
    findings.check(Promise::DatabaseIntact, faults.is_empty(), || faults.join("; "));
    if !faults.is_empty() {
        return Ok(());
    }
    let (tokens, audit) = (database.tokens()?, database.audit()?);
    for token in &ledger.tokens {
        check_token(findings, token, tokens.get(&token.id()), &audit);
    }
    check_nothing_invented(findings, places, ledger, &tokens, &database.environment_names()?);
    check_runs(findings, ledger, &audit, &marks(&places.marks)?);
    check_log(findings, ledger, database.connection(), &audit)?;
    check_blobs(findings, &places.data.join("blobs"), &database.releases()?, extent);
    Ok(())
}

fn check_token(findings: &Findings, token: &Token, row: Option<&TokenRow>, audit: &Audit) {
    let id = token.id();
    let created = row.is_some() && audit.about("token.create", id) == 1;
    findings.check(Promise::CreatedWorks, created, || {
        format!("{id} was made, and is not in the database with its audit event")
    });
    let Some(row) = row else { return };
    let mut possible = vec![token.generation()];
    possible
        .extend(matches!(token.change(), Some(TokenChange::Rotate { .. })).then(|| token.generation() + 1));
    let rotations = audit.about("token.rotate", id);
    let holds = possible.contains(&row.generation) && rotations + 1 == row.generation;
    findings.check(Promise::RotatedHolds, holds, || {
        format!(
            "{id} has to be at generation {possible:?}, and is at {} with {rotations} events",
            row.generation
        )
    });
    let sent = match token.change() {
        Some(TokenChange::Revoke { reason }) => Some(reason.as_str()),
        Some(TokenChange::Rotate { .. }) | None => None,
    };
    let found = row.is_revoked.then_some(row.reason.as_deref()).flatten();
    let holds = found == token.revocation() || (token.revocation().is_none() && found == sent);
    findings.check(Promise::RevokedIsRefused, holds, || {
        format!("{id} has to be revoked with {:?}, and is with {found:?} in the database", token.revocation())
    });
    let events = audit.about("token.revoke", id);
    findings.check(Promise::RevokedIsRefused, events == u32::from(row.is_revoked), || {
        format!("{id} is {}revoked, with {events} events", if row.is_revoked { "" } else { "not " })
    });
}

fn check_nothing_invented(
    findings: &Findings,
    places: &Places,
    ledger: &Ledger,
    tokens: &BTreeMap<toolfront_token::TokenId, TokenRow>,
    environments: &BTreeSet<String>,
) {
    let mut seen = BTreeSet::new();
    for (id, row) in tokens {
        let is_asked_for = ledger.names.contains(&row.name) || row.name == places.administrator;
        findings.check(Promise::NothingInvented, is_asked_for && seen.insert(row.name.as_str()), || {
            format!("nobody asked for {id} {}, or not for a second one", row.name)
        });
    }
    for name in environments {
        let is_asked_for = ledger.slots.iter().any(|slot| slot.name() == *name);
        findings.check(Promise::NothingInvented, is_asked_for, || format!("nobody asked for {name}"));
    }
}

/// The numbers of the runs that left a mark.
fn marks(directory: &Path) -> anyhow::Result<BTreeSet<u64>> {
    let mut marks = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        marks.insert(entry?.file_name().to_string_lossy().parse()?);
    }
    Ok(marks)
}

fn check_runs(findings: &Findings, ledger: &Ledger, audit: &Audit, marks: &BTreeSet<u64>) {
    let begun: BTreeMap<u64, i64> = audit
        .begun
        .iter()
        .filter_map(|(event, words)| Some((crate::marks::run_of(words)?, *event)))
        .collect();
    for mark in marks {
        findings.check(Promise::RunIsAudited, begun.contains_key(mark), || {
            format!("run {mark} left its mark, and has no run.begin in the audit log")
        });
    }
    for run in &ledger.runs.acknowledged {
        let event = begun.get(run).copied();
        let has_ended = event.is_some_and(|event| audit.ended.contains(&event));
        findings.check(Promise::RunIsAudited, has_ended && marks.contains(run), || {
            let mark = marks.contains(run);
            format!("run {run} was acknowledged: begin event {event:?}, end event {has_ended}, mark {mark}")
        });
    }
    for run in &ledger.runs.refused {
        let did_run = begun.contains_key(run) || marks.contains(run);
        findings.check(Promise::RefusedDidNotRun, !did_run, || format!("run {run} was refused, and ran"));
    }
    let sent = ledger.runs.sent();
    let invented = begun.keys().copied().find(|run| *run > sent);
    findings.check(Promise::NothingInvented, invented.is_none(), || {
        format!("run {} was never sent", invented.unwrap_or_default())
    });
}

/// The chain, the counters, and that every run from before the last start has its end.
fn check_log(
    findings: &Findings,
    ledger: &mut Ledger,
    database: &rusqlite::Connection,
    audit: &Audit,
) -> anyhow::Result<()> {
    let fault = log::chain_fault(database)?;
    findings.check(Promise::LogIsWhole, fault.is_none(), || fault.unwrap_or_default());
    let faults = log::miscounted(database)?;
    findings.check(Promise::CountersAreTheLogs, faults.is_empty(), || faults.join("; "));
    let before = ledger.runs.seen_through;
    let open = audit.begun.keys().find(|event| **event <= before && !audit.ended.contains(event));
    findings.check(Promise::RunsHaveEnds, open.is_none(), || format!("run.begin {open:?} has no run.end"));
    ledger.runs.seen_through = audit.begun.keys().next_back().copied().unwrap_or_default();
    Ok(())
}

/// The bytes of what is served are read; of other releases all of it only when everything is looked at.
fn check_blobs(findings: &Findings, blobs: &Path, releases: &[ReleaseRow], extent: Extent) {
    let mut whole: BTreeMap<BlobDigest, bool> = BTreeMap::new();
    for release in releases {
        for file in &release.manifest {
            let path = blob_path(blobs, &file.digest);
            let holds = if release.is_current || extent == Extent::Whole {
                let is_right = || fs::read(&path).is_ok_and(|bytes| BlobDigest::of(&bytes) == file.digest);
                *whole.entry(file.digest).or_insert_with(is_right)
            } else {
                fs::metadata(&path).is_ok_and(|metadata| metadata.len() == file.size)
            };
            findings.check(Promise::BlobsIntact, holds, || {
                format!(
                    "{} of release {} of {}: {} is missing or has other bytes",
                    file.path,
                    release.number,
                    release.environment,
                    path.display()
                )
            });
        }
    }
}

fn blob_path(blobs: &Path, digest: &BlobDigest) -> PathBuf {
    let text = digest.to_string();
    let hex = text.strip_prefix("sha256:").unwrap_or(&text);
    let (shard, rest) = hex.split_at_checked(2).unwrap_or(("", hex));
    blobs.join(shard).join(rest)
}
