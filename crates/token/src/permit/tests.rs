//! The matrix, over every scope, grant and action.

use super::*;
use crate::action::*;
use crate::authority::Authority;
use crate::generation::NewValue;
use crate::grant::{EnvGrant, Expiry, Grant};
use crate::id::{EnvId, OrgId, TokenId};
use crate::name::TokenName;
use crate::record::{NewToken, TokenRecord};
use crate::testing::{Counter, at};
use crate::value::TokenSecret;

fn org(bits: u64) -> OrgId {
    OrgId::from_bits(bits).unwrap()
}

fn env(bits: u64) -> EnvId {
    EnvId::from_bits(bits).unwrap()
}

fn token(scope: Scope, environments: EnvGrant) -> ActiveToken {
    let new = NewToken {
        organization: org(1),
        name: TokenName::parse("t").unwrap(),
        grant: Grant { scope, environments, expiry: Expiry::Never },
    };
    let secret = TokenSecret::mint(&mut Counter::default()).unwrap();
    let id = TokenId::from_bits(1).unwrap();
    let record = TokenRecord::issue(&Authority::host(), id, new, NewValue::of(&secret), at(0)).unwrap();
    record.credentials()[0].1.activate(at(1)).unwrap()
}

fn here() -> EnvRef {
    EnvRef { organization: org(1), environment: env(1) }
}

fn row<A: Action>(scope: Scope, target: A::Target) -> [Result<(), Denied>; 3] {
    let grants =
        [EnvGrant::All, EnvGrant::only([env(1), env(3)]).unwrap(), EnvGrant::only([env(2)]).unwrap()];
    grants.map(|environments| token(scope, environments).authorize::<A>(target).map(|_| ()))
}

/// For `all`, a set with the environment, a set without it.
#[test]
fn every_cell_of_the_matrix_is_as_written() {
    use Denied::OutOfSight;
    let low = |needed| Err(Denied::MissingScope(needed));
    let (yes, hidden) = (Ok(()), Err(OutOfSight));
    for scope in Scope::ALL {
        let held = |needed: Scope| if scope >= needed { yes } else { low(needed) };
        for (name, cells) in [
            (ReadPage::NAME, row::<ReadPage>(scope, here())),
            (ViewEnvironment::NAME, row::<ViewEnvironment>(scope, here())),
        ] {
            assert_eq!(cells, [held(Scope::Read), held(Scope::Read), hidden], "{name} {scope}");
        }
        let run = held(Scope::Execute);
        assert_eq!(row::<RunTool>(scope, here()), [run, run, hidden], "{scope}");
        let admin = held(Scope::Admin);
        assert_eq!(row::<ManageEnvironment>(scope, here()), [admin, admin, hidden], "{scope}");
        let some = admin.and(Err(Denied::NotForAll));
        assert_eq!(row::<CreateEnvironment>(scope, org(1)), [admin, some, some], "{scope}");
        assert_eq!(row::<ManageTokens>(scope, org(1)), [admin; 3], "{scope}");
        assert_eq!(row::<ReadAudit>(scope, org(1)), [admin; 3], "{scope}");
        assert_eq!(row::<UploadBlobs>(scope, org(1)), [admin; 3], "{scope}");
        assert_eq!(row::<ViewEnvironments>(scope, org(1)), [held(Scope::Read); 3], "{scope}");
        assert_eq!(row::<UseSelf>(scope, ()), [yes; 3], "{scope}");
    }
}

#[test]
fn pitfall_12_another_organization_is_out_of_sight_whatever_the_token() {
    let there = EnvRef { organization: org(2), environment: env(1) };
    let admin = token(Scope::Admin, EnvGrant::All);
    assert_eq!(admin.authorize::<ReadPage>(there).err(), Some(Denied::OutOfSight));
    assert_eq!(admin.authorize::<ManageEnvironment>(there).err(), Some(Denied::OutOfSight));
    assert_eq!(admin.authorize::<ManageTokens>(org(2)).err(), Some(Denied::OutOfSight));
    assert_eq!(admin.authorize::<CreateEnvironment>(org(2)).err(), Some(Denied::OutOfSight));
}

#[test]
fn a_visitor_is_let_into_public_applications_only() {
    assert!(Permit::<RunTool>::for_visitor(here(), Visibility::Public).is_some());
    assert!(Permit::<RunTool>::for_visitor(here(), Visibility::Private).is_none());
    let stranger = token(Scope::Read, EnvGrant::only([env(2)]).unwrap());
    assert!(Permit::<ReadPage>::for_guest(&stranger, here(), Visibility::Private).is_none());
}
