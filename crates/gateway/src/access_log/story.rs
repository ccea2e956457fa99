//! What becomes known of a request while it is answered: what the event is made of that tells of it.

use std::sync::{Arc, OnceLock};

use toolfront_store::UseSlip;
use toolfront_token::{ActiveToken, Credential, EnvId, OrgId, TokenId};

/// Whose value a request presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    pub(crate) organization: OrgId,
    pub(crate) token: TokenId,
    pub(crate) generation: u32,
}

/// A page or file that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) release: u32,
    pub(crate) path: Box<str>,
}

/// What of the gateway a request is for, where that is not the management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// An application.
    Application,
    /// An application as an MCP server.
    Mcp,
}

/// What is known of a request so far. Each part is noted once, by whoever finds it out.
#[derive(Debug, Default)]
pub(crate) struct Story {
    door: OnceLock<Door>,
    holder: OnceLock<(Holder, bool)>,
    environment: OnceLock<(OrgId, EnvId)>,
    found: OnceLock<Found>,
    slip: OnceLock<Arc<UseSlip>>,
}

impl Story {
    /// The request is for an application.
    pub(crate) fn note_door(&self, door: Door) {
        let _ = self.door.set(door);
    }

    /// The request presented the value of a living token.
    pub(crate) fn note_caller(&self, token: &ActiveToken) {
        let (organization, token, generation) = (token.organization(), token.token(), token.generation());
        let _ = self.holder.set((Holder { organization, token, generation }, true));
    }

    /// The request presented a value that is dead.
    pub(crate) fn note_dead(&self, value: &Credential) {
        let (organization, token, generation) = (value.organization(), value.token(), value.generation());
        let _ = self.holder.set((Holder { organization, token, generation }, false));
    }

    /// The request is for this environment.
    pub(crate) fn note_environment(&self, organization: OrgId, environment: EnvId) {
        let _ = self.environment.set((organization, environment));
    }

    /// The request is answered with this page or file.
    pub(crate) fn note_found(&self, release: u32, path: &str) {
        let _ = self.found.set(Found { release, path: path.into() });
    }

    pub(super) fn door(&self) -> Option<Door> {
        self.door.get().copied()
    }

    pub(super) fn holder(&self) -> Option<Holder> {
        self.holder.get().map(|(holder, _)| *holder)
    }

    /// Whether a living token sent the request.
    pub(super) fn has_caller(&self) -> bool {
        self.holder.get().is_some_and(|(_, is_alive)| *is_alive)
    }

    pub(super) fn environment(&self) -> Option<(OrgId, EnvId)> {
        self.environment.get().copied()
    }

    /// The page or file that the request is answered with.
    pub(crate) fn found(&self) -> Option<&Found> {
        self.found.get()
    }

    /// The request's use, to go with the events that it leaves.
    pub(crate) fn slip(&self) -> Arc<UseSlip> {
        Arc::clone(self.slip.get_or_init(Arc::default))
    }

    /// Whether no event tells of the request yet; from now on one does.
    pub(super) fn take(&self) -> bool {
        self.slip.get_or_init(Arc::default).take()
    }
}
