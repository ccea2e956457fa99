//! Holding an export against its own hashes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use toolfront_api::{AuditChain, AuditVerification};
use toolfront_gateway::{ChainFault, ChainHash, ChainHead, ChainNumber, Verifier};

use super::cut_off;
use crate::failure::Failure;
use crate::printer::Printer;

/// What stands in front of an event's last member.
const HASH: &str = ",\"hash\":";

#[derive(Deserialize)]
struct Numbered {
    sequence: i64,
}

/// An event as its line of the export has it: what is hashed, and the hash.
struct Exported {
    sequence: i64,
    line: String,
    hash: Option<ChainHash>,
}

pub(super) fn verify(
    path: &Path,
    anchors: &[ChainHead],
    printer: Printer,
) -> Result<AuditVerification, Failure> {
    let unreadable = |fault| Failure::wrong_use(format!("{} can't be read: {fault}", path.display()));
    if path == Path::new("-") {
        return verify_lines(std::io::stdin().lock(), anchors, printer);
    }
    verify_lines(BufReader::new(File::open(path).map_err(unreadable)?), anchors, printer)
}

fn verify_lines(
    input: impl BufRead,
    anchors: &[ChainHead],
    printer: Printer,
) -> Result<AuditVerification, Failure> {
    let mut walk = Walk { anchors, begun: BTreeMap::new(), unchained: 0 };
    let mut fault = None;
    for (line, number) in input.lines().zip(1_u64..) {
        let line = line.map_err(|fault| Failure::failed(format!("the export can't be read: {fault}")))?;
        if line.trim().is_empty() {
            continue;
        }
        let event = read(&line).ok_or_else(|| {
            Failure::failed(format!("the audit log does not hold: line {number} of the export is no event"))
        })?;
        if let Err(found) = walk.take(&event) {
            fault = Some(found);
            break;
        }
    }
    for Begun { first, .. } in walk.begun.values().filter(|begun| !begun.is_proven) {
        printer.say(format_args!(
            "The first event, {first}, is taken at its word: its hash is made with the one before, which is not in the \
             export."
        ));
    }
    let chains: Vec<AuditChain> = walk.begun.values().map(Begun::so_far).collect();
    let Some(first) = chains.first() else {
        return Err(Failure::failed("there is no event with a hash in the export"));
    };
    let fault = fault.or_else(|| cut_off(&chains, anchors));
    Ok(AuditVerification {
        events: chains.iter().map(|chain| chain.events).sum(),
        unchained: walk.unchained,
        base_sequence: first.base_sequence,
        head_sequence: first.head_sequence,
        head_hash: first.head_hash.clone(),
        fault: fault.map(|fault| fault.to_string()),
        fault_sequence: fault.map(ChainFault::sequence),
        chains,
    })
}

/// A walk along an export.
struct Walk<'a> {
    anchors: &'a [ChainHead],
    /// The chains that it has come to: each is held against itself alone.
    begun: BTreeMap<ChainNumber, Begun>,
    unchained: u64,
}

/// A walk along one chain.
struct Begun {
    first: i64,
    /// Whether the event before the first is known by an anchor.
    is_proven: bool,
    verifier: Verifier,
}

impl Begun {
    fn so_far(&self) -> AuditChain {
        let head = self.verifier.head();
        AuditChain {
            base_sequence: self.first.saturating_sub(1),
            base_hash: None,
            head_sequence: head.sequence,
            head_hash: head.hash.to_string(),
            events: head.sequence.saturating_sub(self.first).saturating_add(1).unsigned_abs(),
        }
    }
}

impl Walk<'_> {
    fn take(&mut self, event: &Exported) -> Result<(), ChainFault> {
        let (sequence, line) = (event.sequence, event.line.as_str());
        let number = ChainNumber::of(sequence);
        let head = match (self.begun.get_mut(&number), event.hash) {
            (Some(begun), hash) => {
                begun.verifier.take_line(sequence, hash, line)?;
                begun.verifier.head()
            }
            // From before the chain, which begins with the first hash.
            (None, None) => {
                self.unchained += 1;
                return Ok(());
            }
            (None, Some(hash)) => {
                let before = self.anchors.iter().find(|anchor| anchor.sequence == sequence.saturating_sub(1));
                let own = Verifier::behind(ChainHead { sequence, hash });
                let mut begun = Begun { first: sequence, is_proven: before.is_some(), verifier: own };
                let fits = before.map_or(Ok(()), |before| {
                    begun.verifier = Verifier::behind(*before);
                    begun.verifier.take_line(sequence, Some(hash), line)
                });
                let head = begun.verifier.head();
                self.begun.insert(number, begun);
                fits?;
                head
            }
        };
        let is_other = |anchor: &ChainHead| anchor.sequence == head.sequence && *anchor != head;
        // They are in order.
        let from = self.anchors.partition_point(|anchor| anchor.sequence < head.sequence);
        let kept = self.anchors.iter().skip(from).take_while(|anchor| anchor.sequence == head.sequence);
        if kept.into_iter().any(is_other) {
            return Err(ChainFault::Rewritten { sequence: head.sequence });
        }
        Ok(())
    }
}

/// Takes the hash off the end of a line; the rest, to the byte, is what it is over.
fn read(line: &str) -> Option<Exported> {
    let line = line.trim_end();
    let Numbered { sequence } = serde_json::from_str(line).ok()?;
    let (body, hash) = line.rsplit_once(HASH)?;
    let hash = match hash.strip_suffix('}')? {
        "null" => None,
        quoted => Some(ChainHash::parse(quoted.strip_prefix('"')?.strip_suffix('"')?)?),
    };
    Some(Exported { sequence, line: format!("{body}}}"), hash })
}
