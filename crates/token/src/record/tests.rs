use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::action::{ManageTokens, UseSelf};
use crate::credential::{ActiveToken, Dead};
use crate::id::EnvId;
use crate::testing::{Counter, at};
use crate::value::TokenSecret;

const HOUR: Grace = Grace::AfterFirstUse(Duration::from_hours(1));

fn org() -> OrgId {
    OrgId::from_bits(1).unwrap()
}

fn env(bits: u64) -> EnvId {
    EnvId::from_bits(bits).unwrap()
}

fn grant(scope: Scope, environments: EnvGrant, expiry: Expiry) -> Grant {
    Grant { scope, environments, expiry }
}

/// A token with the digests of its values, and a hand that makes new ones.
struct Life {
    record: TokenRecord,
    digests: Vec<TokenDigest>,
    entropy: Counter,
}

impl Life {
    fn begin(grant: Grant) -> Self {
        let mut entropy = Counter::default();
        let value = NewValue::of(&TokenSecret::mint(&mut entropy).unwrap());
        let new = NewToken { organization: org(), name: TokenName::parse("t").unwrap(), grant };
        let id = TokenId::from_bits(9).unwrap();
        let record = TokenRecord::issue(&Authority::host(), id, new, value, at(0)).unwrap();
        Self { record, digests: vec![value.digest], entropy }
    }

    fn execute() -> Self {
        Self::begin(grant(Scope::Execute, EnvGrant::All, Expiry::Never))
    }

    fn request(&self, grace: Grace) -> RotateRequest {
        let expected_generation = self.record.generation();
        RotateRequest {
            expected_generation,
            name: None,
            scope: None,
            environments: None,
            expiry: None,
            grace,
        }
    }

    fn rotate_as(
        &mut self,
        authority: &Authority,
        request: RotateRequest,
        now: Timestamp,
    ) -> Result<(), RotateError> {
        let value = NewValue::of(&TokenSecret::mint(&mut self.entropy).unwrap());
        self.record = self.record.rotate(authority, request, value, now)?;
        self.digests.push(value.digest);
        Ok(())
    }

    fn rotate(&mut self, grace: Grace, now: Timestamp) {
        let request = self.request(grace);
        self.rotate_as(&Authority::host(), request, now).unwrap();
    }

    /// Presents the value of that generation, and records its first use as a gateway does.
    fn present(&mut self, generation: usize, now: Timestamp) -> Result<ActiveToken, Dead> {
        let digest = self.digests[generation - 1];
        let (_, credential) =
            self.record.credentials().into_iter().find(|(known, _)| *known == digest).unwrap();
        let active = credential.activate(now)?;
        if active.first_use_pending() {
            self.record = self.record.first_used(active.generation(), now).unwrap();
        }
        Ok(active)
    }

    fn holder(&mut self, generation: usize, now: Timestamp) -> Authority {
        let active = self.present(generation, now).unwrap();
        Authority::holder(&active.authorize::<UseSelf>(()).unwrap()).unwrap()
    }
}

#[test]
fn without_grace_the_old_value_dies_with_the_rotation() {
    let mut life = Life::execute();
    life.rotate(Grace::Immediately, at(10));
    assert_eq!(life.present(1, at(10)).err(), Some(Dead::Rotated));
    assert_eq!(life.present(2, at(10)).unwrap().generation(), 2);
}

#[test]
fn with_grace_the_old_value_lives_until_so_long_after_the_first_use_of_the_new_one() {
    let mut life = Life::execute();
    life.rotate(HOUR, at(10));
    assert!(life.present(1, at(5000)).is_ok());
    assert!(life.present(2, at(10_000)).is_ok());
    assert!(life.present(1, at(13_599)).is_ok());
    assert_eq!(life.present(1, at(13_600)).err(), Some(Dead::Rotated));
    assert!(life.present(2, at(13_600)).is_ok());
}

#[test]
fn no_grace_goes_beyond_seven_days() {
    let mut life = Life::execute();
    life.rotate(HOUR, at(10));
    let week = 7 * 24 * 3600;
    assert!(life.present(1, at(10 + week - 1)).is_ok());
    assert_eq!(life.present(1, at(10 + week)).err(), Some(Dead::Rotated));
    assert!(Grace::from_seconds(604_800).is_ok());
    assert!(Grace::from_seconds(604_801).is_err());
    assert_eq!(Grace::from_seconds(0), Ok(Grace::Immediately));
}

#[test]
fn pitfall_11_grace_outlives_neither_the_old_expiry_nor_the_new_one() {
    let mut life = Life::begin(grant(Scope::Execute, EnvGrant::All, Expiry::At(at(100))));
    let request = RotateRequest { expiry: Some(Expiry::At(at(100_000))), ..life.request(HOUR) };
    life.rotate_as(&Authority::host(), request, at(10)).unwrap();
    assert!(life.present(1, at(99)).is_ok());
    assert_eq!(life.present(1, at(100)).err(), Some(Dead::Expired));

    let mut life = Life::execute();
    let request = RotateRequest { expiry: Some(Expiry::At(at(50))), ..life.request(HOUR) };
    life.rotate_as(&Authority::host(), request, at(10)).unwrap();
    assert_eq!(life.present(1, at(50)).err(), Some(Dead::Expired));
}

#[test]
fn in_grace_an_old_value_has_the_narrower_of_both_grants() {
    let only = EnvGrant::only([env(1), env(2)]).unwrap();
    let mut life = Life::begin(grant(Scope::Read, only, Expiry::Never));
    let other = EnvGrant::only([env(2), env(3)]).unwrap();
    let request =
        RotateRequest { scope: Some(Scope::Admin), environments: Some(other), ..life.request(HOUR) };
    life.rotate_as(&Authority::host(), request, at(10)).unwrap();
    let old = life.present(1, at(11)).unwrap();
    assert_eq!(old.scope(), Scope::Read);
    assert_eq!(old.environments(), &EnvGrant::only([env(2)]).unwrap());
}

#[test]
fn pitfall_15_rotating_again_cancels_the_value_nobody_used_and_keeps_the_one_in_use() {
    let mut life = Life::execute();
    life.present(1, at(1)).unwrap();
    life.rotate(HOUR, at(10));
    life.rotate(HOUR, at(20));
    assert!(life.present(1, at(21)).is_ok());
    assert_eq!(life.present(2, at(21)).err(), Some(Dead::Rotated));
    assert!(life.present(3, at(21)).is_ok());
    life.rotate(Grace::Immediately, at(30));
    assert_eq!(life.present(1, at(30)).err(), Some(Dead::Rotated));
    assert_eq!(life.present(3, at(30)).err(), Some(Dead::Rotated));
}

#[test]
fn whoever_rotates_itself_is_not_stranded_by_a_lost_answer() {
    let mut life = Life::execute();
    let holder = life.holder(1, at(1));
    let request = life.request(Grace::Immediately);
    life.rotate_as(&holder, request, at(10)).unwrap();
    // The answer is lost: the old value is all there is, and it rotates once more.
    let holder = life.holder(1, at(20));
    let request = life.request(Grace::Immediately);
    life.rotate_as(&holder, request, at(20)).unwrap();
    assert_eq!(life.present(2, at(21)).err(), Some(Dead::Rotated));
    assert!(life.present(1, at(21)).is_ok());
    assert!(life.present(3, at(22)).is_ok());
    assert_eq!(life.present(1, at(22)).err(), Some(Dead::Rotated));
}

#[test]
fn an_old_value_cannot_rotate_once_the_new_one_is_in_use() {
    let mut life = Life::execute();
    life.rotate(HOUR, at(10));
    life.present(2, at(20)).unwrap();
    let holder = life.holder(1, at(30));
    let request = life.request(HOUR);
    assert_eq!(life.rotate_as(&holder, request, at(30)), Err(RotateError::OldValue));
}

#[test]
fn pitfall_13_of_two_rotations_of_one_generation_one_wins() {
    let mut life = Life::execute();
    let (first, second) = (life.request(Grace::Immediately), life.request(Grace::Immediately));
    life.rotate_as(&Authority::host(), first, at(10)).unwrap();
    let lost = life.rotate_as(&Authority::host(), second, at(10));
    assert_eq!(lost, Err(RotateError::Superseded { current: 2 }));
}

#[test]
fn revoked_is_final_beats_expired_and_keeps_its_first_reason() {
    let mut life = Life::begin(grant(Scope::Execute, EnvGrant::All, Expiry::At(at(100))));
    let reason = RevocationReason::parse("leaked").ok();
    let host = Authority::host();
    life.record = life.record.revoke(&host, reason.clone(), at(10)).unwrap();
    let again = life.record.revoke(&host, RevocationReason::parse("other").ok(), at(20)).unwrap();
    assert_eq!(again, life.record);
    assert_eq!(life.record.parts().revocation.as_ref().unwrap().reason, reason);
    assert_eq!(life.record.status(at(500)), Status::Revoked);
    assert_eq!(life.present(1, at(10)).err(), Some(Dead::Revoked));
    let request = life.request(HOUR);
    assert_eq!(life.rotate_as(&host, request, at(20)), Err(RotateError::Revoked));
}

#[test]
fn an_expired_token_is_rotated_only_with_a_new_end() {
    let mut life = Life::begin(grant(Scope::Execute, EnvGrant::All, Expiry::At(at(100))));
    assert_eq!(life.record.status(at(100)), Status::Expired);
    let host = Authority::host();
    let request = life.request(HOUR);
    assert_eq!(life.rotate_as(&host, request, at(100)), Err(RotateError::Expired));
    let request = RotateRequest { expiry: Some(Expiry::At(at(100))), ..life.request(HOUR) };
    assert_eq!(life.rotate_as(&host, request, at(100)), Err(RotateError::PastExpiry));
    let request = RotateRequest { expiry: Some(Expiry::At(at(200))), ..life.request(HOUR) };
    life.rotate_as(&host, request, at(100)).unwrap();
    assert_eq!(life.record.status(at(150)), Status::Active);
}

fn any_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![Just(Scope::Read), Just(Scope::Execute), Just(Scope::Admin)]
}

fn any_environments() -> impl Strategy<Value = EnvGrant> {
    prop_oneof![
        Just(EnvGrant::All),
        prop::collection::btree_set(0_u64..4, 1..4)
            .prop_map(|ids| EnvGrant::only(ids.into_iter().map(env)).unwrap()),
    ]
}

fn any_expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![Just(Expiry::Never), (1_i64..2_000_000).prop_map(|second| Expiry::At(at(second)))]
}

fn any_grace() -> impl Strategy<Value = Grace> {
    prop_oneof![
        Just(Grace::Immediately),
        (0_u64..604_800).prop_map(|second| Grace::AfterFirstUse(Duration::from_secs(second)))
    ]
}

prop_compose! {
    fn any_grant()(scope in any_scope(), environments in any_environments(), expiry in any_expiry()) -> Grant {
        Grant { scope, environments, expiry }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Rotate { change: Grant, grace: Grace, keep: bool, by_self: bool },
    Use { generation: usize },
    Revoke,
    DeleteEnvironment { env: u64 },
    Wait { seconds: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any_grant(), any_grace(), any::<bool>(), any::<bool>())
            .prop_map(|(change, grace, keep, by_self)| Step::Rotate { change, grace, keep, by_self }),
        4 => (1_usize..6).prop_map(|generation| Step::Use { generation }),
        1 => Just(Step::Revoke),
        1 => (0_u64..4).prop_map(|env| Step::DeleteEnvironment { env }),
        3 => (1_i64..300_000).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// What each value may do: a bit for each scope and living environment, 0 when it is dead.
fn powers(life: &Life, deleted: &[u64], now: Timestamp) -> BTreeMap<u32, u32> {
    let powers = life.record.credentials().into_iter().map(|(_, credential)| {
        let Ok(active) = credential.activate(now) else { return (credential.generation(), 0) };
        let mut bits = 0;
        for (place, scope) in Scope::ALL.into_iter().enumerate() {
            // 5 stands for the environments that are yet to come.
            for id in (0..=5).filter(|id| !deleted.contains(id)) {
                if active.scope() >= scope && active.environments().contains(env(id)) {
                    bits |= 1 << (place * 6 + usize::try_from(id).unwrap());
                }
            }
        }
        (credential.generation(), bits)
    });
    powers.collect()
}

proptest! {
    #[test]
    fn no_sequence_of_steps_enlarges_what_a_value_may_do(
        first in any_grant(),
        steps in prop::collection::vec(any_step(), 1..24),
    ) {
        let mut life = Life::begin(first);
        let (mut now, mut deleted) = (at(0), Vec::new());
        let mut before = powers(&life, &deleted, now);
        for step in steps {
            match step {
                Step::Wait { seconds } => now = now.plus(Duration::from_secs(seconds.unsigned_abs())),
                Step::DeleteEnvironment { env } => deleted.push(env),
                Step::Revoke => {
                    life.record = life.record.revoke(&Authority::host(), None, now).unwrap();
                }
                Step::Use { generation } => {
                    if generation <= life.digests.len() {
                        let _ = life.present(generation, now);
                    }
                }
                Step::Rotate { change, grace, keep, by_self } => {
                    let request = RotateRequest {
                        scope: (!keep).then_some(change.scope),
                        environments: (!keep).then_some(change.environments),
                        expiry: (!keep).then_some(change.expiry),
                        ..life.request(grace)
                    };
                    let newest = life.digests.len();
                    if by_self {
                        if let Ok(active) = life.present(newest, now) {
                            let own = active.grant().clone();
                            let holder = Authority::holder(&active.authorize::<UseSelf>(()).unwrap()).unwrap();
                            if life.rotate_as(&holder, request, now).is_ok() {
                                prop_assert_eq!(&life.record.grant().meet(&own), life.record.grant());
                            }
                        }
                    } else {
                        let _ = life.rotate_as(&Authority::host(), request, now);
                    }
                }
            }
            let after = powers(&life, &deleted, now);
            for (generation, power) in &before {
                let grown = after[generation] & !power;
                prop_assert_eq!(grown, 0, "value {} may do more than before", generation);
            }
            if life.record.status(now) == Status::Revoked {
                prop_assert!(after.values().all(|power| *power == 0));
            }
            before = after;
        }
    }

    #[test]
    fn pitfall_09_no_actor_gives_what_it_does_not_have(own in any_grant(), asked in any_grant()) {
        let administrator = Life::begin(Grant { scope: Scope::Admin, ..own.clone() });
        let Ok(active) = administrator.record.credentials()[0].1.activate(at(0)) else { return Ok(()) };
        let permit = active.authorize::<ManageTokens>(org()).unwrap();
        let authority = Authority::administrator(&permit).unwrap();
        let secret = TokenSecret::mint(&mut Counter::default()).unwrap();
        let new = NewToken { organization: org(), name: TokenName::parse("n").unwrap(), grant: asked.clone() };
        let id = TokenId::from_bits(3).unwrap();
        let issued = TokenRecord::issue(&authority, id, new, NewValue::of(&secret), at(0));
        let contained = asked.environments.is_within(&own.environments) && asked.expiry.is_within(own.expiry);
        prop_assert_eq!(issued.is_ok(), contained);
        if let Ok(record) = issued {
            prop_assert_eq!(&record.grant().meet(active.grant()), record.grant());
            prop_assert!(authority.sees(&record));
        }
    }
}

#[test]
fn an_administrator_of_some_environments_neither_sees_nor_touches_a_wider_token() {
    let only = EnvGrant::only([env(1)]).unwrap();
    let administrator = Life::begin(grant(Scope::Admin, only.clone(), Expiry::Never));
    let active = administrator.record.credentials()[0].1.activate(at(0)).unwrap();
    let authority = Authority::administrator(&active.authorize::<ManageTokens>(org()).unwrap()).unwrap();

    let mut wider = Life::execute();
    assert!(!authority.sees(&wider.record));
    let request = RotateRequest { environments: Some(only.clone()), ..wider.request(HOUR) };
    assert_eq!(wider.rotate_as(&authority, request, at(1)), Err(RotateError::OutOfSight));
    assert!(wider.record.revoke(&authority, None, at(1)).is_err());

    let mut narrow = Life::begin(grant(Scope::Execute, only, Expiry::Never));
    let request = RotateRequest { environments: Some(EnvGrant::All), ..narrow.request(HOUR) };
    let refused = narrow.rotate_as(&authority, request, at(1));
    assert_eq!(refused, Err(RotateError::Escalation(Escalation::Environments)));
    assert!(narrow.record.revoke(&authority, None, at(1)).is_ok());
}

#[test]
fn nobody_makes_a_token_of_another_organization_and_no_holder_makes_any() {
    let mut administrator = Life::begin(grant(Scope::Admin, EnvGrant::All, Expiry::Never));
    let active = administrator.present(1, at(1)).unwrap();
    let manager = Authority::administrator(&active.authorize::<ManageTokens>(org()).unwrap()).unwrap();
    let holder = administrator.holder(1, at(1));
    let elsewhere = OrgId::from_bits(2).unwrap();
    let mut issue = |authority: &Authority, organization| {
        let secret = TokenSecret::mint(&mut administrator.entropy).unwrap();
        let grant = grant(Scope::Read, EnvGrant::All, Expiry::Never);
        let new = NewToken { organization, name: TokenName::parse("n").unwrap(), grant };
        TokenRecord::issue(authority, TokenId::from_bits(3).unwrap(), new, NewValue::of(&secret), at(1))
    };
    assert!(issue(&manager, org()).is_ok());
    assert_eq!(issue(&manager, elsewhere).err(), Some(IssueError::OutOfSight));
    assert_eq!(issue(&holder, org()).err(), Some(IssueError::OutOfSight));
}

#[test]
fn pitfall_06_the_weakest_token_can_revoke_itself() {
    let mut life = Life::begin(grant(Scope::Read, EnvGrant::only([env(1)]).unwrap(), Expiry::Never));
    let holder = life.holder(1, at(1));
    let revoked = life.record.revoke(&holder, None, at(2)).unwrap();
    assert_eq!(revoked.status(at(2)), Status::Revoked);
    assert_eq!(revoked.parts().revocation.as_ref().unwrap().by, Actor::Token(life.record.id()));
}
