//! For the benchmarks alone: the check of a value as a request meets it, without HTTP around it. Nothing else may use it, and
//! it promises nothing.

use std::sync::Arc;

use toolfront_store::{Change, ChangeSink, Lease};
use toolfront_token::{EnvRef, Permit, PresentedToken, ReadPage, Timestamp, TokenRecord};

use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::runs::Runs;

/// The gateway's own index of tokens, filled as it is when a store is opened.
#[derive(Debug)]
pub struct ValueCheck {
    memory: Memory,
}

impl Default for ValueCheck {
    fn default() -> Self {
        let memory = Memory::new(Runs::default(), Arc::new(Metrics::new()));
        memory.trust_while_held(Lease::default());
        Self { memory }
    }
}

impl ValueCheck {
    /// Takes in one more token.
    pub fn put(&self, record: TokenRecord) {
        self.memory.apply(&Change::Token(Arc::new(record)));
    }

    /// Parses a value, looks it up, and decides whether it may read a page of `target` now.
    pub fn check(&self, value: &str, target: EnvRef, now: Timestamp) -> Option<Permit<ReadPage>> {
        let presented = PresentedToken::parse(value).ok()?;
        let tokens = self.memory.trusted().ok()?.tokens();
        let found = tokens.find(&presented.digest(), |credential| credential.activate(now));
        found?.ok()?.authorize::<ReadPage>(target).ok()
    }
}
