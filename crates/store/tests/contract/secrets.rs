//! Secrets of environments: set, given to runs, never shown, and gone with what they belong to.

use serde_json::json;
use toolfront_app::{Secret, SecretName, SecretValue, VariableName};
use toolfront_store::{Change, NewSecret, SECRETS_BYTES_MAX, SECRETS_MAX, SecretRecord, SecretRefusal};
use toolfront_token::{EnvId, ManageEnvironment, RunTool, Scope, TokenRecord};
use zeroize::Zeroizing;

use super::world::{Backend, Counter, World, at, by, env_id, env_ref, grant, manifest, permit, rotation};

const VALUE: &str = "planted-0b5e55ed-value";

pub(crate) fn name(text: &str) -> VariableName {
    VariableName::parse(text).unwrap()
}

pub(crate) fn new_secret(name: &str, value: &str) -> NewSecret {
    let value = SecretValue::parse(Zeroizing::new(value.to_owned())).unwrap();
    NewSecret::new(SecretName::parse(name).unwrap(), value, &mut Counter).unwrap()
}

/// The secrets as a run in the environment gets them.
pub(crate) fn given<B>(world: &World<B>, environment: EnvId) -> Vec<(String, String)> {
    let record = world.memory.environment(environment).unwrap();
    let permit = permit::<RunTool>(&world.admin, env_ref(environment));
    let secrets = world.store.secrets_for_run(&permit, &record).unwrap();
    secrets.iter().map(|Secret { name, value }| (name.to_string(), value.reveal().to_owned())).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

impl<B: Backend> World<B> {
    pub(crate) async fn set_secret(
        &self,
        environment: EnvId,
        name: &str,
        value: &str,
    ) -> Result<(SecretRecord, bool), SecretRefusal> {
        self.set_secret_by(&self.admin, environment, name, value).await
    }

    async fn set_secret_by(
        &self,
        actor: &TokenRecord,
        environment: EnvId,
        name: &str,
        value: &str,
    ) -> Result<(SecretRecord, bool), SecretRefusal> {
        let permit = permit::<ManageEnvironment>(actor, env_ref(environment));
        self.store.set_secret(&permit, new_secret(name, value), by(actor), at(5)).await
    }
}

pub(crate) async fn a_secret_is_given_to_runs_after_reopening_too<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (docs, other) = (world.create("docs", None).await.id, world.create("other", None).await.id);
    let (record, is_new) = world.set_secret(docs, "KEY", VALUE).await.unwrap();
    let expected = SecretRecord { name: name("KEY"), created_at: at(5), updated_at: at(5) };
    assert_eq!((&record, is_new), (&expected, true));
    world.set_secret(docs, "A_KEY", "é\nsecond line").await.unwrap();
    let secrets = [pair("A_KEY", "é\nsecond line"), pair("KEY", VALUE)];
    assert_eq!(given(&world, docs), secrets);
    assert_eq!(given(&world, other), []);
    let world = world.reopen();
    assert_eq!(given(&world, docs), secrets);
    assert_eq!(given(&world, other), []);
    assert_eq!(world.store.key_fault().await.unwrap(), None);
}

pub(crate) async fn setting_a_secret_again_puts_another_value_in_its_place<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await;
    world.set_secret(docs.id, "KEY", VALUE).await.unwrap();
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    let again = world.store.set_secret(&permit, new_secret("KEY", "another"), by(&world.admin), at(9)).await;
    let expected = SecretRecord { name: name("KEY"), created_at: at(5), updated_at: at(9) };
    assert_eq!(again.unwrap(), (expected.clone(), false));
    assert_eq!(world.store.secrets(&permit).await.unwrap(), [expected]);
    assert_eq!(given(&world, docs.id), [pair("KEY", "another")]);
    assert_eq!(world.memory.environment(docs.id).unwrap().updated_at, docs.updated_at);
}

pub(crate) async fn a_deleted_secret_is_gone<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    for name in ["ONE", "TWO"] {
        world.set_secret(docs, name, VALUE).await.unwrap();
    }
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs));
    let delete = || world.store.delete_secret(&permit, name("ONE"), by(&world.admin), at(6));
    assert_eq!(delete().await.unwrap().name, name("ONE"));
    assert_eq!(given(&world, docs), [pair("TWO", VALUE)]);
    let again = delete().await;
    assert!(matches!(again, Err(SecretRefusal::NoSuchSecret(told)) if told == name("ONE")));
    let world = world.reopen();
    assert_eq!(given(&world, docs), [pair("TWO", VALUE)]);
}

pub(crate) async fn secrets_go_with_their_environment<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    world.set_secret(docs, "KEY", VALUE).await.unwrap();
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs));
    world.store.delete_environment(&permit, by(&world.admin), at(6)).await.unwrap();
    assert_eq!(world.store.secrets(&permit).await.unwrap(), []);
    let refused = world.set_secret(docs, "KEY", VALUE).await;
    assert!(matches!(refused, Err(SecretRefusal::NotFound)), "{refused:?}");
    let again = world.create("docs", None).await.id;
    assert_eq!(given(&world, again), []);
    assert_eq!(given(&world.reopen(), again), []);
}

pub(crate) async fn a_change_of_the_environment_keeps_its_secrets<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    world.set_secret(docs, "KEY", VALUE).await.unwrap();
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs));
    let files = manifest(&[("README.md", "# Docs")]);
    world.store.publish(&permit, files, by(&world.admin), at(6)).await.unwrap();
    assert_eq!(given(&world, docs), [pair("KEY", VALUE)]);
}

pub(crate) async fn a_run_gets_the_secrets_of_its_own_environment_alone<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (docs, other) = (world.create("docs", None).await.id, world.create("other", None).await.id);
    world.set_secret(docs, "KEY", VALUE).await.unwrap();
    let permit = permit::<RunTool>(&world.admin, env_ref(other));
    let record = world.memory.environment(docs).unwrap();
    assert!(world.store.secrets_for_run(&permit, &record).is_err());
}

pub(crate) async fn an_environment_has_a_number_of_secrets_and_no_more<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    for number in 0..SECRETS_MAX {
        world.set_secret(docs, &format!("KEY_{number}"), VALUE).await.unwrap();
    }
    let before = world.backend.events();
    let refused = world.set_secret(docs, "ONE_MORE", VALUE).await;
    assert!(matches!(refused, Err(SecretRefusal::TooMany)), "{refused:?}");
    assert_eq!(world.backend.events(), before);
    world.set_secret(docs, "KEY_7", "another").await.unwrap();
    let other = world.create("other", None).await.id;
    world.set_secret(other, "KEY", VALUE).await.unwrap();
}

pub(crate) async fn the_secrets_of_an_environment_fit_into_a_commands_variables<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    let long = "x".repeat(SECRETS_BYTES_MAX / 8 - 2);
    for number in 0..8 {
        world.set_secret(docs, &format!("K{number}"), &long).await.unwrap();
    }
    let refused = world.set_secret(docs, "MORE", VALUE).await;
    assert!(matches!(refused, Err(SecretRefusal::TooLong)), "{refused:?}");
    world.set_secret(docs, "K0", &long).await.unwrap();
    let refused = world.set_secret(docs, "K0", &format!("{long}x")).await;
    assert!(matches!(refused, Err(SecretRefusal::TooLong)), "{refused:?}");
}

pub(crate) async fn each_change_of_a_secret_writes_an_event_with_its_name_and_no_value<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    let before = world.backend.events().len();
    world.set_secret(docs, "KEY", VALUE).await.unwrap();
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs));
    world.store.delete_secret(&permit, name("KEY"), by(&world.admin), at(6)).await.unwrap();
    world.store.delete_secret(&permit, name("KEY"), by(&world.admin), at(6)).await.unwrap_err();
    let events = world.backend.events().split_off(before);
    let told: Vec<_> = events.iter().map(|event| (event.action.as_str(), event.environment)).collect();
    assert_eq!(told, [("secret.set", Some(docs)), ("secret.delete", Some(docs))]);
    assert!(events.iter().all(|event| event.detail == json!({ "name": "KEY" })), "{events:?}");
    assert!(events.iter().all(|event| event.token == Some(world.admin.id())));
}

pub(crate) async fn an_actor_that_ended_since_its_call_began_sets_nothing<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    world.set_secret(docs, "KEY", VALUE).await.unwrap();
    let stolen = world.issue(grant(Scope::Admin), at(1)).await;
    let rotated_away = world.issue(grant(Scope::Admin), at(1)).await;
    world.revoke(&stolen, at(2)).await;
    world.rotate(&rotated_away, rotation(&rotated_away), at(2)).await.unwrap();
    let before = world.memory.changes().len();
    for actor in [&stolen, &rotated_away] {
        let refused = world.set_secret_by(actor, docs, "KEY", "mine").await;
        assert!(matches!(refused, Err(SecretRefusal::NotFound)), "{refused:?}");
        let permit = permit::<ManageEnvironment>(actor, env_ref(docs));
        let refused = world.store.delete_secret(&permit, name("KEY"), by(actor), at(6)).await;
        assert!(matches!(refused, Err(SecretRefusal::NotFound)), "{refused:?}");
    }
    assert_eq!(world.memory.changes().len(), before);
    assert_eq!(given(&world, docs), [pair("KEY", VALUE)]);
}

pub(crate) async fn an_environment_out_of_reach_has_no_secrets<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    world.set_secret(docs, "KEY", VALUE).await.unwrap();
    let nowhere = permit::<ManageEnvironment>(&world.admin, env_ref(env_id()));
    assert_eq!(world.store.secrets(&nowhere).await.unwrap(), []);
    let refused = world.store.set_secret(&nowhere, new_secret("KEY", VALUE), by(&world.admin), at(6)).await;
    assert!(matches!(refused, Err(SecretRefusal::NotFound)), "{refused:?}");
}

pub(crate) async fn no_value_is_stored_in_clear<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    world.set_secret(docs, "KEY", VALUE).await.unwrap();
    world.set_secret(docs, "KEY", &VALUE.repeat(2000)).await.unwrap();
    let assert_absent = |place: &str, bytes: &[u8]| {
        let has_it = bytes.windows(VALUE.len()).any(|window| window.eq_ignore_ascii_case(VALUE.as_bytes()));
        assert!(!has_it, "{place} has the value");
    };
    for bytes in world.backend.everything() {
        assert_absent("a file", &bytes);
    }
    assert_absent("a change", format!("{:?}", world.memory.changes()).as_bytes());
    let world = world.reopen();
    for bytes in world.backend.everything() {
        assert_absent("a file", &bytes);
    }
}

pub(crate) async fn the_sink_is_handed_secrets_encrypted_and_in_order<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    let before = world.memory.changes().len();
    world.set_secret(docs, "ONE", VALUE).await.unwrap();
    world.set_secret(docs, "TWO", VALUE).await.unwrap();
    world.set_secret(docs, "TWO", "another").await.unwrap();
    let counts: Vec<_> = world.memory.changes()[before..]
        .iter()
        .map(|change| match change {
            Change::Environment(record) => record.secrets.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [1, 2, 2]);
}
