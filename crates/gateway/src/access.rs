//! Who calls, and what they may do.

mod allow;
mod caller;
mod presented;

pub(crate) use self::allow::{Allow, AllowDeploy, PathParameter, SecondPathParameter, check_organization};
pub(crate) use self::caller::{Identity, authenticate, reconsider};
pub(crate) use self::presented::{Presented, presented, refuse_token_in_url};
