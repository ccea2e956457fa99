//! Kills a gateway again and again, and sees that it keeps what it acknowledged.
//!
//! The real `toolfront` binary runs on a fresh data directory. Workers create, rotate and revoke tokens, deploy, roll back and
//! delete environments, run tools that each leave a mark of their own outside the gateway, and read; a ledger notes what was
//! sent and what was acknowledged. At a random moment the process gets SIGKILL. Then the disk is looked at, the gateway is
//! started again, and everything is compared with the ledger.
//!
//! What this does not show: a kill leaves the kernel's caches alone, so that a missing `fsync` is not found here.

mod campaign;
mod check;
mod choices;
mod content;
mod findings;
mod ledger;
mod load;
mod marks;
mod process;
mod world;

pub use campaign::{Round, Settings, Summary, binary_beside, run};
pub use findings::{Promise, Violation};
