//! Who does something, and from where.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use toolfront_token::{Actor, OrgId, TokenId};

/// Who does something, and from where; goes with every change.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// The organization that it concerns.
    pub organization: OrgId,
    /// Which token, if it was one.
    pub token: Option<TokenId>,
    /// Which of its values.
    pub generation: Option<u32>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// The use of the value that the request is, for the event that tells of it.
    pub use_slip: Option<Arc<UseSlip>>,
}

impl Attribution {
    /// Something that is done on the gateway's host, not by a request.
    pub fn host(organization: OrgId) -> Self {
        Self {
            organization,
            token: None,
            generation: None,
            address: None,
            user_agent: None,
            request_id: None,
            use_slip: None,
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        self.token.map_or(Actor::Setup, Actor::Token)
    }
}

/// The one use of a token's value that a request is. The first event that tells of the request takes it, so that a
/// request counts once, however many events it leaves.
#[derive(Debug, Default)]
pub struct UseSlip {
    taken: AtomicBool,
}

impl UseSlip {
    /// Takes the use; false when it is taken already.
    pub fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    /// Gives the use back: the event that had taken it was not kept.
    pub fn put_back(&self) {
        self.taken.store(false, Ordering::Release);
    }
}
