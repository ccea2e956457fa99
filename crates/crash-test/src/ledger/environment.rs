//! One environment's name, and what was deployed under it as far as it was acknowledged.

use std::collections::BTreeMap;

use toolfront_token::EnvId;

use crate::choices::Choices;
use crate::content::Revision;

/// A name, and the environment that has it.
#[derive(Debug)]
pub(crate) struct Slot {
    index: usize,
    living: Option<Living>,
    change: Option<EnvironmentChange>,
    revisions: u32,
    version: u64,
    /// The ids of environments that had the name and were deleted.
    pub(crate) gone: Vec<EnvId>,
}

/// An environment that exists, and its releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) id: EnvId,
    /// The number of the release that is served.
    pub(crate) current: u32,
    /// What each release holds.
    pub(crate) releases: BTreeMap<u32, Revision>,
}

/// A change that was sent and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EnvironmentChange {
    Create(Revision),
    Publish(Revision),
    RollBack(u32),
    Delete,
}

impl Slot {
    pub(super) fn new(index: usize) -> Self {
        Self { index, living: None, change: None, revisions: 0, version: 0, gone: Vec::new() }
    }

    pub(crate) fn name(&self) -> String {
        format!("app-{}", self.index)
    }

    pub(crate) fn living(&self) -> Option<&Living> {
        self.living.as_ref()
    }

    pub(crate) fn change(&self) -> Option<EnvironmentChange> {
        self.change
    }

    /// Another number after each step of a change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// What has to be served, when that is certain.
    pub(crate) fn served(&self) -> Option<Revision> {
        let living = self.living.as_ref().filter(|_| self.change.is_none())?;
        living.releases.get(&living.current).copied()
    }

    /// Chooses a change, and notes that it is about to be sent; none while another is under way.
    pub(crate) fn begin(&mut self, choices: &mut Choices) -> Option<EnvironmentChange> {
        if self.change.is_some() {
            return None;
        }
        let change = match &self.living {
            None => EnvironmentChange::Create(self.next_revision()),
            Some(living) => {
                let earlier: Vec<u32> =
                    living.releases.keys().copied().filter(|number| *number != living.current).collect();
                match (choices.below(100), choices.pick(&earlier)) {
                    (0..8, _) => EnvironmentChange::Delete,
                    (8..35, Some(earlier)) => EnvironmentChange::RollBack(*earlier),
                    _ => EnvironmentChange::Publish(self.next_revision()),
                }
            }
        };
        self.change = Some(change);
        self.version += 1;
        Some(change)
    }

    fn next_revision(&mut self) -> Revision {
        self.revisions += 1;
        Revision { slot: self.index, number: self.revisions }
    }

    /// Notes that the change was made; `id` and `release` are what the gateway says of the environment.
    pub(crate) fn done(&mut self, id: EnvId, release: u32) {
        match (self.change.take(), &mut self.living) {
            (Some(EnvironmentChange::Create(revision)), living) => {
                let releases = BTreeMap::from([(release, revision)]);
                *living = Some(Living { id, current: release, releases });
            }
            (Some(EnvironmentChange::Publish(revision)), Some(living)) => {
                living.releases.insert(release, revision);
                living.current = release;
            }
            (Some(EnvironmentChange::RollBack(earlier)), Some(living)) => living.current = earlier,
            (Some(EnvironmentChange::Delete), living) => {
                living.take();
                self.gone.push(id);
            }
            (_, None) | (None, _) => {}
        }
        self.version += 1;
    }

    /// Notes that the change was not made.
    pub(crate) fn not_done(&mut self) {
        self.change = None;
        self.version += 1;
    }
}
