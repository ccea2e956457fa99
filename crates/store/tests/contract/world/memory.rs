//! A copy in memory, as a gateway keeps it: what it was handed, in order, and the index that comes of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use toolfront_store::{Change, ChangeSink, EnvironmentRecord};
use toolfront_token::{Credential, EnvId, TokenDigest, TokenId, TokenRecord};

#[derive(Debug, Default)]
pub(crate) struct Memory {
    kept: Mutex<Kept>,
    held: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

/// Holds the writer, behind a commit and before its answer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    reached: mpsc::Receiver<()>,
    _let_go: mpsc::Sender<()>,
}

impl Hold {
    /// Returns when the writer has come to where it is held.
    pub(crate) fn reached(&self) {
        self.reached.recv().unwrap();
    }
}

#[derive(Debug, Default)]
struct Kept {
    changes: Vec<Change>,
    index: BTreeMap<TokenDigest, Credential>,
    tokens: BTreeMap<TokenId, Arc<TokenRecord>>,
    environments: BTreeMap<EnvId, Arc<EnvironmentRecord>>,
}

impl Memory {
    /// Holds the writer at the next change, so that the calls that come meanwhile wait together.
    pub(crate) fn hold(&self) -> Hold {
        let ((let_go, held), (reach, reached)) = (mpsc::channel(), mpsc::channel());
        *self.held.lock().unwrap() = Some((reach, held));
        Hold { reached, _let_go: let_go }
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        self.kept.lock().unwrap().changes.clone()
    }

    pub(crate) fn index(&self) -> BTreeMap<TokenDigest, Credential> {
        self.kept.lock().unwrap().index.clone()
    }

    pub(crate) fn token(&self, id: TokenId) -> Option<TokenRecord> {
        self.kept.lock().unwrap().tokens.get(&id).map(|record| TokenRecord::clone(record))
    }

    pub(crate) fn tokens(&self) -> usize {
        self.kept.lock().unwrap().tokens.len()
    }

    pub(crate) fn environment(&self, id: EnvId) -> Option<EnvironmentRecord> {
        self.kept.lock().unwrap().environments.get(&id).map(|record| EnvironmentRecord::clone(record))
    }

    pub(crate) fn environments(&self) -> Vec<EnvId> {
        self.kept.lock().unwrap().environments.keys().copied().collect()
    }
}

impl ChangeSink for Memory {
    fn apply(&self, change: &Change) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((reach, held)) = held {
            let _ = reach.send(());
            let _ = held.recv();
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.changes.push(change.clone());
        match change {
            Change::Token(record) => {
                kept.index.extend(record.credentials());
                kept.tokens.insert(record.id(), record.clone());
            }
            Change::Environment(record) => {
                kept.environments.insert(record.id, record.clone());
            }
            Change::EnvironmentDeleted(id) => {
                kept.environments.remove(id);
            }
            Change::RunsEnded(_) => {}
        }
    }
}
