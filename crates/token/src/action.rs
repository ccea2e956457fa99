//! The actions that a permit can be for: the matrix, as types.

use crate::grant::EnvGrant;
use crate::id::{EnvId, OrgId};
use crate::scope::Scope;

/// An environment, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvRef {
    /// The organization that owns it.
    pub organization: OrgId,
    /// Which of its environments.
    pub environment: EnvId,
}

mod sealed {
    pub trait Sealed {}
}

/// Something that a token may or may not do. One type for each row of the matrix; there are no others.
pub trait Action: sealed::Sealed + Send + Sync + 'static {
    /// `noun:verb`, as it reads in logs and audit events.
    const NAME: &'static str;
    /// The scope that it takes; `None` when any living token will do.
    const SCOPE: Option<Scope>;
    /// Whether it takes a token for *all* environments.
    const NEEDS_ALL: bool = false;
    /// What it is done to.
    type Target: Copy + Send + Sync + 'static;

    /// Whether `target` lies in what a token of `organization` with `environments` may see at all.
    fn within(organization: OrgId, environments: &EnvGrant, target: &Self::Target) -> bool;
}

/// The actions on an application that a public application allows to everybody.
pub trait Visit: Action<Target = EnvRef> {}

fn sees(organization: OrgId, environments: &EnvGrant, target: &EnvRef) -> bool {
    organization == target.organization && environments.contains(target.environment)
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident, $text:literal, $scope:expr, $target:ty, $within:expr $(, $needs_all:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Action for $name {
            const NAME: &'static str = $text;
            const SCOPE: Option<Scope> = $scope;
            $(const NEEDS_ALL: bool = $needs_all;)?
            type Target = $target;

            fn within(organization: OrgId, environments: &EnvGrant, target: &Self::Target) -> bool {
                let within: fn(OrgId, &EnvGrant, &$target) -> bool = $within;
                within(organization, environments, target)
            }
        }
    };
}

action!(
    /// Reading a page or file of an application.
    ReadPage, "page:read", Some(Scope::Read), EnvRef, sees
);
action!(
    /// Running a tool that a page declares.
    RunTool, "tool:run", Some(Scope::Execute), EnvRef, sees
);
action!(
    /// Listing environments; the list holds only those in the set.
    ViewEnvironments, "environment:list", Some(Scope::Read), OrgId,
    |mine, _, theirs| mine == *theirs
);
action!(
    /// Seeing the metadata of one environment.
    ViewEnvironment, "environment:get", Some(Scope::Read), EnvRef, sees
);
action!(
    /// Creating an environment: for tokens of *all* environments only.
    CreateEnvironment, "environment:create", Some(Scope::Admin), OrgId,
    |mine, _, theirs| mine == *theirs, true
);
action!(
    /// Publishing, rolling back, changing and deleting one environment, and setting its secrets.
    ManageEnvironment, "environment:manage", Some(Scope::Admin), EnvRef, sees
);
action!(
    /// Sending files for a release to come.
    UploadBlobs, "blob:upload", Some(Scope::Admin), OrgId,
    |mine, _, theirs| mine == *theirs
);
action!(
    /// Creating, listing, reading, rotating and revoking the tokens that the caller dominates.
    ManageTokens, "token:manage", Some(Scope::Admin), OrgId,
    |mine, _, theirs| mine == *theirs
);
action!(
    /// Reading the audit log.
    ReadAudit, "audit:read", Some(Scope::Admin), OrgId,
    |mine, _, theirs| mine == *theirs
);
action!(
    /// What any living token may do: look at itself, rotate itself without widening, revoke itself.
    UseSelf, "token:self", None, (),
    |_, _, ()| true
);

impl Visit for ReadPage {}
impl Visit for RunTool {}
