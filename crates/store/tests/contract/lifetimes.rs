//! Any sequence of changes leaves the same index whether it is built from the changes or loaded.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use toolfront_token::{EnvGrant, EnvId, Expiry, Grace, Grant, RotateRequest, Scope, TokenRecord};

use crate::world::{Backend, World, at, by, rotation, selector};

/// How many environments grants are made of.
const ENVIRONMENTS: u64 = 4;

#[derive(Clone, Debug)]
enum Step {
    Issue(Grant),
    Rotate { which: usize, scope: Option<Scope>, environments: Option<EnvGrant>, grace: Grace },
    FirstUse { which: usize, earlier: u32 },
    Revoke { which: usize },
    Reopen,
}

fn scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(Scope::ALL.to_vec())
}

fn environments() -> impl Strategy<Value = EnvGrant> {
    let ids = prop::collection::btree_set(0..ENVIRONMENTS, 1..3);
    prop_oneof![
        Just(EnvGrant::All),
        ids.prop_map(|ids| EnvGrant::only(ids.into_iter().map(|id| EnvId::from_bits(id).unwrap())).unwrap()),
    ]
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let expiry = prop_oneof![Just(Expiry::Never), (1000_i64..2000).prop_map(|end| Expiry::At(at(end)))];
    (scope(), environments(), expiry).prop_map(|(scope, environments, expiry)| Grant {
        scope,
        environments,
        expiry,
    })
}

fn grace() -> impl Strategy<Value = Grace> {
    prop_oneof![
        Just(Grace::Immediately),
        (0_u64..100).prop_map(|seconds| Grace::AfterFirstUse(Duration::from_secs(seconds))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0_usize..8;
    prop_oneof![
        3 => any_grant().prop_map(Step::Issue),
        6 => (which.clone(), prop::option::of(scope()), prop::option::of(environments()), grace())
            .prop_map(|(which, scope, environments, grace)| Step::Rotate { which, scope, environments, grace }),
        4 => (which.clone(), 0_u32..2).prop_map(|(which, earlier)| Step::FirstUse { which, earlier }),
        2 => which.prop_map(|which| Step::Revoke { which }),
        1 => Just(Step::Reopen),
    ]
}

async fn take<B: Backend>(
    world: World<B>,
    issued: &mut Vec<TokenRecord>,
    step: Step,
    second: i64,
) -> World<B> {
    let now = at(second);
    let pick = |which: usize| {
        let record = issued.get(which % issued.len().max(1))?;
        world.memory.token(record.id())
    };
    match step {
        Step::Issue(grant) => issued.push(world.issue(grant, now).await),
        Step::Rotate { which, scope, environments, grace } => {
            let Some(record) = pick(which) else { return world };
            let request = RotateRequest { scope, environments, grace, ..rotation(&record) };
            let revoked = record.parts().revocation.is_some();
            assert_eq!(world.rotate(&record, request, now).await.is_err(), revoked);
        }
        Step::FirstUse { which, earlier } => {
            let Some(record) = pick(which) else { return world };
            let generation = record.generation().saturating_sub(earlier);
            world.store.record_first_use(selector(&record), generation, by(&record), now).await.unwrap();
        }
        Step::Revoke { which } => {
            let Some(record) = pick(which) else { return world };
            world.revoke(&record, now).await;
        }
        Step::Reopen => return world.reopen(),
    }
    world
}

pub(crate) fn the_index_built_from_changes_is_the_one_loaded_at_reopening<B: Backend>() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec(step(), 1..40);
    let ran = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let mut world = World::<B>::set_up().await;
            let mut issued = Vec::new();
            for (second, step) in (1..).zip(steps) {
                world = take(world, &mut issued, step, second).await;
            }
            let (built, tokens) = (world.memory.index(), world.memory.tokens());
            let world = world.reopen();
            prop_assert_eq!(world.memory.index(), built);
            prop_assert_eq!(world.memory.tokens(), tokens);
            Ok(())
        })
    });
    ran.unwrap();
}
