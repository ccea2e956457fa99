//! Holding an export against its own hashes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use toolfront_api::AuditVerification;
use toolfront_gateway::{ChainFault, ChainHash, ChainHead, Verifier};

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
    let mut walk = Walk { anchors, begun: None, unchained: 0 };
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
    let Some(Begun { first, is_proven, verifier }) = walk.begun else {
        return Err(Failure::failed("there is no event with a hash in the export"));
    };
    if !is_proven {
        printer.say(format_args!(
            "The first event, {first}, is taken at its word: its hash is made with the one before, which is not in the \
             export."
        ));
    }
    let head = verifier.head();
    let last = anchors.last().map(|anchor| anchor.sequence).filter(|last| *last > head.sequence);
    let cut_off = || last.map(|last| ChainFault::CutOff { sequence: head.sequence.saturating_add(1), last });
    let fault = fault.or_else(cut_off);
    Ok(AuditVerification {
        events: head.sequence.saturating_sub(first).saturating_add(1).unsigned_abs(),
        unchained: walk.unchained,
        base_sequence: first.saturating_sub(1),
        head_sequence: head.sequence,
        head_hash: head.hash.to_string(),
        fault: fault.map(|fault| fault.to_string()),
        fault_sequence: fault.map(ChainFault::sequence),
    })
}

/// A walk along an export.
struct Walk<'a> {
    anchors: &'a [ChainHead],
    begun: Option<Begun>,
    unchained: u64,
}

/// A walk that has come to the chain.
struct Begun {
    first: i64,
    /// Whether the event before the first is known by an anchor.
    is_proven: bool,
    verifier: Verifier,
}

impl Walk<'_> {
    fn take(&mut self, event: &Exported) -> Result<(), ChainFault> {
        let (sequence, line) = (event.sequence, event.line.as_str());
        let head = match (&mut self.begun, event.hash) {
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
                self.begun = Some(begun);
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
