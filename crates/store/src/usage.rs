//! How often values were used: told by audit events, added up, and written together.

mod pending;
mod shown;

use std::net::IpAddr;

use toolfront_token::{EnvId, Timestamp, TokenId};

pub(crate) use self::pending::PendingUsage;
pub use self::shown::{DayUsage, UsageDetail, UsedFrom};

/// Uses of one value from one place.
#[derive(Clone, Debug)]
pub struct Use {
    /// Whose value.
    pub token: TokenId,
    /// Which of its values.
    pub generation: u32,
    /// For which environment, when it was for one.
    pub environment: Option<EnvId>,
    /// When the last of them was.
    pub at: Timestamp,
    /// How many.
    pub count: u64,
    /// From which address.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: Option<String>,
}

/// The last use of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: Option<String>,
}

/// All uses of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueUsage {
    /// How many.
    pub count: u64,
    /// The last of them.
    pub last: Option<LastUse>,
}
