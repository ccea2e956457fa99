//! The environments, by id and by name.

use std::sync::Arc;

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use toolfront_app::EnvName;
use toolfront_store::EnvironmentRecord;
use toolfront_token::{EnvId, EnvRef};

use crate::application::Release;

/// An environment, and its release once somebody asked for it.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) record: Arc<EnvironmentRecord>,
    pub(crate) release: OnceCell<Arc<Release>>,
}

impl Environment {
    pub(crate) fn target(&self) -> EnvRef {
        EnvRef { organization: self.record.organization, environment: self.record.id }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    by_id: papaya::HashMap<EnvId, Arc<Environment>, RandomState>,
    by_name: papaya::HashMap<String, EnvId, RandomState>,
    /// Held while both maps change, which the store's writer alone does.
    changing: Mutex<()>,
}

impl Catalogue {
    pub(crate) fn by_id(&self, id: EnvId) -> Option<Arc<Environment>> {
        self.by_id.pin().get(&id).cloned()
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Environment>> {
        let id = *self.by_name.pin().get(name)?;
        // Between the change of both maps a name can point to an environment that has another by now.
        self.by_id(id).filter(|environment| environment.record.name.as_str() == name)
    }

    /// The environment that somebody means by an id, with its prefix or without, or by a name.
    pub(crate) fn named(&self, text: &str) -> Option<Arc<Environment>> {
        let by_id = EnvId::parse(text).ok().and_then(|id| self.by_id(id));
        let is_name = EnvName::parse(text).is_ok_and(|name| name.as_str() == text);
        // What is written like an id means that id and nothing else, also when it is gone.
        let is_id = text.starts_with(EnvId::PREFIX) && EnvId::parse(text).is_ok();
        by_id.or_else(|| if is_name && !is_id { self.by_name(text) } else { None })
    }

    /// All of them, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Environment>> {
        self.by_id.pin().values().cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn put(&self, record: &Arc<EnvironmentRecord>) {
        let _changing = self.changing.lock();
        let old = self.by_id(record.id);
        let release = match &old {
            Some(old) if old.record.release == record.release => {
                OnceCell::new_with(old.release.get().map(Arc::clone))
            }
            _ => OnceCell::new(),
        };
        let environment = Environment { record: Arc::clone(record), release };
        self.by_id.pin().insert(record.id, Arc::new(environment));
        self.by_name.pin().insert(record.name.to_string(), record.id);
        if let Some(old) = old.filter(|old| old.record.name != record.name) {
            self.forget_name(&old.record);
        }
    }

    pub(super) fn remove(&self, id: EnvId) {
        let _changing = self.changing.lock();
        if let Some(old) = self.by_id.pin().remove(&id) {
            self.forget_name(&old.record);
        }
    }

    /// Takes a name away, unless another environment has it by now.
    fn forget_name(&self, record: &EnvironmentRecord) {
        let names = self.by_name.pin();
        let name = record.name.to_string();
        if names.get(&name) == Some(&record.id) {
            names.remove(&name);
        }
    }
}
