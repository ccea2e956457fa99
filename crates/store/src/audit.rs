//! The audit log: typed events in a chain of hashes, each written in the transaction of what it tells of.

mod append;
mod attribution;
mod chain;
mod decision;
mod event;
mod query;
mod record;
mod recovery;
mod requests;
mod retention;
mod tail;
mod verify;

pub(crate) use self::append::append;
pub use self::attribution::{Attribution, UseSlip};
pub use self::chain::{ChainHash, ChainHead, ChainNumber};
pub use self::decision::Decision;
pub(crate) use self::event::Event;
pub use self::event::{AccessEvent, Outcome, RequestGroup, RunBegun, RunEnded};
pub use self::query::{AuditCursor, AuditFilter, AuditOrder, AuditPage, AuditSight, LogPlace, Written};
pub use self::record::AuditRecord;
pub(crate) use self::recovery::{Recovered, look, put_right, recover};
pub use self::retention::Pruned;
pub(crate) use self::tail::{Effects, LogTail, Told};
pub use self::verify::{ChainFault, ChainVerification, Verification, Verifier, verify_directory};
