//! `toolfront audit verify`.

mod anchors;
mod file;

use std::path::PathBuf;

use clap::Args;
use toolfront_api::{AuditChain, AuditVerification};
use toolfront_client::ApiClient;
use toolfront_gateway::{
    ChainFault, ChainHash, ChainHead, ChainNumber, ChainVerification, Verification, verify_directory,
};

use self::anchors::AnchorArguments;
use crate::failure::Failure;
use crate::layout::count;
use crate::session::Invocation;

/// Hold the log against its chain of hashes, and name the first event that does not fit
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront audit verify\n  toolfront audit verify --head >> /mnt/elsewhere/heads\n  \
                  toolfront audit verify --anchor $(tail -n 1 /mnt/elsewhere/heads)\n  \
                  toolfront audit verify --anchors anchors.jsonl --public-key anchors.pub --data-dir /var/lib/toolfront\n  \
                  toolfront audit export | toolfront audit verify --file -\n\n\
                  Exit codes: 0 it holds, 1 it does not. The chain alone shows what was changed by somebody who did not make it anew; \
                  an anchor that was kept elsewhere shows the rest."
)]
pub(crate) struct Arguments {
    /// Print where the log ends, alone on standard output: SEQUENCE:HASH, an anchor to be kept elsewhere
    #[arg(long)]
    head: bool,
    /// An event and its hash as --head printed them once; give it again for more
    #[arg(long = "anchor", value_name = "SEQUENCE:HASH", value_parser = parse_anchor)]
    anchors: Vec<ChainHead>,
    #[command(flatten)]
    signed: AnchorArguments,
    /// Read a gateway's data directory on this host in the place of asking it; nothing there is changed, whether it runs or not.
    /// It is for a store in that directory: the log of gateways that share a database is asked of one of them, or read as an export
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    data_dir: Option<PathBuf>,
    /// Read an export (JSON Lines) in the place of asking a gateway; `-` is standard input
    #[arg(long, value_name = "EXPORT")]
    file: Option<PathBuf>,
}

fn parse_anchor(text: &str) -> Result<ChainHead, &'static str> {
    let head = text.trim().split_once(':').and_then(|(sequence, hash)| {
        Some(ChainHead { sequence: sequence.parse().ok()?, hash: ChainHash::parse(hash)? })
    });
    head.ok_or("has to be SEQUENCE:HASH, as `toolfront audit verify --head` prints it")
}

pub(super) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let printer = invocation.printer;
    let signed = arguments.signed.read(printer)?;
    let mut anchors = arguments.anchors;
    let given = anchors.len() + signed.len();
    anchors.extend(signed);
    anchors.sort_by_key(|anchor| anchor.sequence);
    let found = match (arguments.data_dir, arguments.file) {
        (Some(directory), _) if !directory.is_dir() => {
            return Err(Failure::wrong_use(format!("{} is no data directory", directory.display())));
        }
        (Some(directory), _) => {
            let found = tokio::task::spawn_blocking(move || {
                verify_directory(&directory, &anchors).map_err(|fault| {
                    Failure::of(&fault).after(&format!("the log in {}", directory.display()))
                })
            });
            of_store(&found.await.map_err(|fault| Failure::of(&fault))??)
        }
        (None, Some(path)) => file::verify(&path, &anchors, printer)?,
        (None, None) => through_gateway(&invocation.session()?.client, &anchors).await?,
    };
    if arguments.head && found.fault.is_none() {
        return printer.result(format_args!("{}:{}", found.head_sequence, found.head_hash));
    }
    if printer.is_json() {
        printer.json(&found)?;
    }
    match &found.fault {
        Some(fault) => Err(Failure::failed(format!("the audit log does not hold: {fault}"))),
        None if printer.is_json() => Ok(()),
        None => printer.result(holds(&found, given)),
    }
}

fn holds(found: &AuditVerification, anchors: usize) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut text = format!(
        "The audit log holds: {}, the last is {}:{}.",
        count(number(found.events), "event fits", "events fit"),
        found.head_sequence,
        found.head_hash
    );
    if anchors > 0 {
        text.push_str(" So ");
        text.push_str(&count(anchors, "anchor does.", "anchors do."));
    }
    if found.unchained > 0 {
        let before = count(number(found.unchained), "event", "events");
        text.push_str(" Of ");
        text.push_str(&before);
        text.push_str(" from before the chain nothing can be said.");
    }
    text
}

fn of_store(found: &Verification) -> AuditVerification {
    let chain = |chain: &ChainVerification| AuditChain {
        base_sequence: chain.base.sequence,
        base_hash: Some(chain.base.hash.to_string()),
        head_sequence: chain.head.sequence,
        head_hash: chain.head.hash.to_string(),
        events: chain.events,
    };
    AuditVerification {
        events: found.events,
        unchained: found.unchained,
        base_sequence: found.base.sequence,
        head_sequence: found.head.sequence,
        head_hash: found.head.hash.to_string(),
        chains: found.chains.iter().map(chain).collect(),
        fault: found.fault.map(|fault| fault.to_string()),
        fault_sequence: found.fault.map(ChainFault::sequence),
    }
}

/// Has the gateway walk its chains, held to the last anchor; the others are held against its events here.
async fn through_gateway(client: &ApiClient, anchors: &[ChainHead]) -> Result<AuditVerification, Failure> {
    let last = anchors.last().map(|anchor| format!("{}:{}", anchor.sequence, anchor.hash));
    let mut found = client.verify_audit(last).await?;
    if found.fault.is_none() {
        let rewritten = rewritten(client, &found.chains, anchors).await?;
        let fault = rewritten.or_else(|| cut_off(&found.chains, anchors));
        found.fault = fault.map(|fault| fault.to_string());
        found.fault_sequence = fault.map(ChainFault::sequence);
    }
    Ok(found)
}

/// The first anchor that tells of another event than the gateway has. Of those that are older than what its chain
/// still has nothing can be said.
async fn rewritten(
    client: &ApiClient,
    chains: &[AuditChain],
    anchors: &[ChainHead],
) -> Result<Option<ChainFault>, Failure> {
    const TOGETHER: usize = 1000;
    let mut kept = Vec::new();
    for anchor in anchors {
        let Some(chain) = chain_of(chains, anchor.sequence) else { continue };
        let hash = Some(anchor.hash.to_string());
        if anchor.sequence == chain.base_sequence && hash != chain.base_hash {
            return Ok(Some(ChainFault::Rewritten { sequence: anchor.sequence }));
        }
        if anchor.sequence > chain.base_sequence && anchor.sequence <= chain.head_sequence {
            kept.push((anchor.sequence, hash));
        }
    }
    let mut rest = kept.into_iter().peekable();
    while let Some((first, _)) = rest.peek() {
        let page = client.audit_events_behind(first.saturating_sub(1), TOGETHER).await?;
        let Some(end) = page.data.last().map(|event| event.sequence) else { break };
        while let Some((sequence, hash)) = rest.next_if(|(sequence, _)| *sequence <= end) {
            let event = page.data.iter().find(|event| event.sequence == sequence);
            if event.and_then(|event| event.hash.clone()) != hash {
                return Ok(Some(ChainFault::Rewritten { sequence }));
            }
        }
    }
    Ok(None)
}

fn chain_of(chains: &[AuditChain], sequence: i64) -> Option<&AuditChain> {
    let number = ChainNumber::of(sequence);
    chains.iter().find(|chain| ChainNumber::of(chain.base_sequence) == number)
}

/// The first chain that ends before an anchor of it, or is not there at all. The anchors are in order.
fn cut_off(chains: &[AuditChain], anchors: &[ChainHead]) -> Option<ChainFault> {
    let end = |sequence| {
        let start = ChainNumber::of(sequence).start();
        chain_of(chains, sequence).map_or(start, |chain| chain.head_sequence)
    };
    let first = anchors.iter().find(|anchor| anchor.sequence > end(anchor.sequence))?.sequence;
    let is_same = |anchor: &&ChainHead| ChainNumber::of(anchor.sequence) == ChainNumber::of(first);
    let last = anchors.iter().rfind(is_same).map_or(first, |anchor| anchor.sequence);
    Some(ChainFault::CutOff { sequence: end(first).saturating_add(1), last })
}
