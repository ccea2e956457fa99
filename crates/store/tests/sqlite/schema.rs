//! `pitfall_17`: the schema states what must hold, whoever writes to it; and stored data that breaks the rules is
//! refused or grants nothing.

use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, params};
use toolfront_store::{OpenError, StoreError};
use toolfront_token::{EnvId, Scope, TokenRecord};

use crate::contract::world::memory::Memory;
use crate::contract::world::sqlite::Sqlite;
use crate::contract::world::{
    Backend, World, administrator, at, env_id, grant, grant_on, manifest, rotation, selector,
};

/// A closed database with a token of two values and an environment with a release, opened by hand.
struct Database {
    backend: Sqlite,
    connection: Connection,
    token: TokenRecord,
    environment: EnvId,
}

impl Database {
    async fn new() -> Self {
        let world = World::<Sqlite>::set_up().await;
        let issued = world.issue(grant(Scope::Read), at(1)).await;
        let token = world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
        let environment = world.create("docs", Some(manifest(&[("README.md", "# Docs")]))).await.id;
        let World { backend, store, memory, .. } = world;
        drop((store, memory));
        let connection = Connection::open(backend.path().join("toolfront.db")).unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        Self { backend, connection, token, environment }
    }

    fn id(&self) -> i64 {
        self.token.id().bits().cast_signed()
    }

    fn refuses(&self, sql: &str) {
        let refused = self.connection.execute_batch(&self.filled(sql)).unwrap_err();
        assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::ConstraintViolation), "{sql}: {refused}");
    }

    fn takes(&self, sql: &str) {
        self.connection.execute_batch(&self.filled(sql)).unwrap();
    }

    fn filled(&self, sql: &str) -> String {
        let environment = self.environment.bits().to_string();
        sql.replace(":token", &self.id().to_string()).replace(":environment", &environment)
    }

    fn open(self) -> Result<(Sqlite, Arc<Memory>), OpenError> {
        drop(self.connection);
        let memory = Arc::new(Memory::default());
        self.backend.open(memory.clone(), at(0))?;
        Ok((self.backend, memory))
    }
}

const GENERATION: &str = "INSERT INTO token_generations
    (token_id, number, digest, hint, issued_at, scope, all_environments) VALUES";
const DIGEST: &str = "x'0000000000000000000000000000000000000000000000000000000000000000'";

#[tokio::test]
async fn pitfall_17_a_digest_belongs_to_one_value() {
    let database = Database::new().await;
    let digest = database.token.parts().newest.digest;
    let twice = database.connection.execute(
        &format!("{GENERATION} (?1, 3, ?2, 'abcd', 0, 'read', 1)"),
        params![database.id(), digest.as_bytes()],
    );
    assert_eq!(twice.unwrap_err().sqlite_error_code(), Some(ErrorCode::ConstraintViolation));
}

#[tokio::test]
async fn pitfall_17_a_token_has_one_value_of_each_number() {
    let database = Database::new().await;
    database.refuses(&format!("{GENERATION} (:token, 2, {DIGEST}, 'abcd', 0, 'read', 1)"));
    database.refuses(&format!("{GENERATION} (:token, 0, {DIGEST}, 'abcd', 0, 'read', 1)"));
    database.refuses(&format!("{GENERATION} (12345, 1, {DIGEST}, 'abcd', 0, 'read', 1)"));
    database.takes(&format!("{GENERATION} (:token, 3, {DIGEST}, 'abcd', 0, 'read', 1)"));
}

#[tokio::test]
async fn pitfall_17_a_value_is_of_a_known_scope_and_says_all_or_not_all() {
    let database = Database::new().await;
    for row in [
        format!("(:token, 3, {DIGEST}, 'abcd', 0, 'owner', 1)"),
        format!("(:token, 3, {DIGEST}, 'abcd', 0, '', 1)"),
        format!("(:token, 3, {DIGEST}, 'abcd', 0, NULL, 1)"),
        format!("(:token, 3, {DIGEST}, 'abcd', 0, 'READ', 1)"),
        format!("(:token, 3, {DIGEST}, 'abcd', 0, 'read', 2)"),
        format!("(:token, 3, {DIGEST}, 'abcd', 0, 'read', NULL)"),
        format!("(:token, 3, {DIGEST}, 'abcd', 0, 'read', 'all')"),
        format!("(:token, 3, {DIGEST}, 'abc', 0, 'read', 1)"),
        "(:token, 3, x'00', 'abcd', 0, 'read', 1)".to_owned(),
        "(:token, 3, NULL, 'abcd', 0, 'read', 1)".to_owned(),
    ] {
        database.refuses(&format!("{GENERATION} {row}"));
    }
    database.refuses("UPDATE token_generations SET usage_count = -1 WHERE token_id = :token");
    database.refuses("UPDATE token_generations SET grace = -1 WHERE token_id = :token");
}

#[tokio::test]
async fn pitfall_17_a_token_is_named_and_of_an_organization() {
    let database = Database::new().await;
    let token = "INSERT INTO tokens (id, organization_id, name, created_at, generation) VALUES";
    database.refuses(&format!("{token} (:token, 7, 'twice', 0, 1)"));
    database.refuses(&format!("{token} (5, 8, 'of nobody', 0, 1)"));
    database.refuses(&format!("{token} (5, 7, '', 0, 1)"));
    database.refuses(&format!("{token} (5, 7, '{}', 0, 1)", "x".repeat(101)));
    database.refuses(&format!("{token} (5, 7, 'zeroth', 0, 0)"));
    database.refuses(&format!("{token} (5, 7, 'never', NULL, 1)"));
    database.refuses("DELETE FROM tokens WHERE id = :token");
}

#[tokio::test]
async fn pitfall_17_who_revoked_and_why_is_said_only_of_revoked_tokens() {
    let database = Database::new().await;
    database.refuses("UPDATE tokens SET revocation_reason = 'leaked' WHERE id = :token");
    database.refuses("UPDATE tokens SET revoked_by = :token WHERE id = :token");
    database.takes("UPDATE tokens SET revoked_at = 1, revocation_reason = 'leaked' WHERE id = :token");
}

#[tokio::test]
async fn pitfall_17_a_living_name_is_taken_once() {
    let database = Database::new().await;
    let environment = "INSERT INTO environments
        (id, organization_id, name, visibility, created_at, updated_at, deleted_at) VALUES";
    database.refuses(&format!("{environment} (5, 7, 'docs', 'private', 0, 0, NULL)"));
    database.refuses(&format!("{environment} (:environment, 7, 'same-id', 'private', 0, 0, NULL)"));
    database.refuses(&format!("{environment} (5, 7, 'other', 'hidden', 0, 0, NULL)"));
    database.refuses(&format!("{environment} (5, 8, 'of-nobody', 'private', 0, 0, NULL)"));
    for column in [
        "network = 'inbound'",
        "network = NULL",
        "limits = '[]'",
        "limits = 'x'",
        "limits = NULL",
        "end_runs_with_token = 2",
        "end_runs_with_token = NULL",
    ] {
        database.refuses(&format!("UPDATE environments SET {column} WHERE id = :environment"));
    }
    // The index is over the half that lives: the dead may share a name, with each other and with the living.
    database.takes(&format!("{environment} (5, 7, 'docs', 'private', 0, 0, 1)"));
    database.takes(&format!("{environment} (6, 7, 'docs', 'private', 0, 0, 1)"));
    database.refuses("UPDATE environments SET deleted_at = NULL WHERE id = 5");
}

#[tokio::test]
async fn pitfall_17_what_is_served_is_a_release_of_the_environment() {
    let database = Database::new().await;
    database.refuses("UPDATE environments SET release = 2 WHERE id = :environment");
    database.refuses("DELETE FROM releases WHERE environment_id = :environment");
    database.refuses("INSERT INTO releases VALUES (:environment, 1, 1, 1, 1, x'00', 0, NULL)");
    database.refuses("INSERT INTO releases VALUES (5, 1, 1, 1, 1, x'00', 0, NULL)");
}

#[tokio::test]
async fn pitfall_17_a_caller_uses_a_key_once_and_an_event_is_json() {
    let database = Database::new().await;
    let key = "INSERT INTO idempotency_keys VALUES";
    database.takes(&format!("{key} (:token, 'k', :token, 0)"));
    database.refuses(&format!("{key} (:token, 'k', :token, 0)"));
    database.refuses(&format!("{key} (:token, 'other', 5, 0)"));
    let event = "INSERT INTO audit_events (at, action, organization_id, detail) VALUES";
    database.refuses(&format!("{event} (0, 'token.create', 7, 'not json')"));
    database.takes(&format!("{event} (0, 'token.create', 7, '{{}}')"));
}

#[tokio::test]
async fn a_token_whose_newest_value_is_missing_is_corrupt() {
    let database = Database::new().await;
    database.takes("UPDATE tokens SET generation = 3 WHERE id = :token");
    let id = database.id();
    let refused = database.open().err().unwrap();
    let OpenError::Store(StoreError::Corrupt { table, column, id: row }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((table, column, row), ("token_generations", "number", id));
}

#[tokio::test]
async fn a_token_without_a_value_is_corrupt() {
    let database = Database::new().await;
    database.takes(
        "INSERT INTO tokens (id, organization_id, name, created_at, generation) VALUES (5, 7, 'empty', 0, 1)",
    );
    let refused = database.open().err().unwrap();
    assert!(matches!(refused, OpenError::Store(StoreError::Corrupt { id: 5, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_name_that_no_call_would_take_is_corrupt() {
    let database = Database::new().await;
    database.takes("UPDATE tokens SET name = 'two' || char(10) || 'lines' WHERE id = :token");
    let refused = database.open().err().unwrap();
    assert!(
        matches!(refused, OpenError::Store(StoreError::Corrupt { table: "tokens", column: "name", .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn limits_that_this_version_does_not_know_are_corrupt() {
    for limits in [r#"{"memory": 5}"#, r#"{"memory_bytes": -5}"#, r#"{"memory_bytes": null}"#] {
        let database = Database::new().await;
        database.takes(&format!("UPDATE environments SET limits = '{limits}' WHERE id = :environment"));
        let refused = database.open().err().unwrap();
        assert!(
            matches!(
                refused,
                OpenError::Store(StoreError::Corrupt { table: "environments", column: "limits", .. })
            ),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn pitfall_02_a_value_for_environments_without_one_is_for_none() {
    let database = Database::new().await;
    database.takes("UPDATE token_generations SET all_environments = 0 WHERE token_id = :token");
    let (token, environment) = (database.token.id(), database.environment);
    let (_, memory) = database.open().unwrap();
    assert!(!memory.token(token).unwrap().grant().environments.contains(environment));
}

#[tokio::test]
async fn environments_named_beside_all_do_not_take_those_of_the_tokens_behind_them() {
    let world = World::<Sqlite>::set_up().await;
    let mut only = Vec::new();
    for _ in 0..8 {
        only.push(world.issue(grant_on(Scope::Read, [env_id(), env_id()]), at(1)).await);
    }
    let World { backend, store, memory, admin } = world;
    drop((store, memory));
    let connection = Connection::open(backend.path().join("toolfront.db")).unwrap();
    connection
        .execute(
            "INSERT INTO generation_environments SELECT token_id, number, 1 FROM token_generations
             WHERE all_environments = 1",
            [],
        )
        .unwrap();
    drop(connection);
    let memory = Arc::new(Memory::default());
    let (store, _) = backend.open(memory.clone(), at(0)).unwrap();
    for record in std::iter::once(&admin).chain(&only) {
        assert_eq!(memory.token(record.id()).as_ref(), Some(record));
        let loaded = store.load_token(administrator(&admin), selector(record)).await.unwrap();
        assert_eq!(loaded.record, *record);
    }
}

#[tokio::test]
async fn a_secret_is_of_an_environment_encrypted_and_under_a_nonce_of_its_own() {
    let database = Database::new().await;
    let secret = "INSERT INTO environment_secrets
        (environment_id, name, key_id, nonce, ciphertext, created_at, updated_at) VALUES";
    let (key, nonce) = ("x'0000000000000000'", "x'000000000000000000000000'");
    let value = "zeroblob(20)";
    database.takes(&format!("{secret} (:environment, 'KEY', {key}, {nonce}, {value}, 0, 0)"));
    let other = "x'010000000000000000000000'";
    for row in [
        format!("(:environment, 'KEY', {key}, {other}, {value}, 0, 0)"),
        format!("(:environment, 'OTHER', {key}, {nonce}, {value}, 0, 0)"),
        format!("(5, 'OTHER', {key}, {other}, {value}, 0, 0)"),
        format!("(:environment, '', {key}, {other}, {value}, 0, 0)"),
        format!("(:environment, 'OTHER', x'00', {other}, {value}, 0, 0)"),
        format!("(:environment, 'OTHER', {key}, x'00', {value}, 0, 0)"),
        format!("(:environment, 'OTHER', {key}, {other}, zeroblob(19), 0, 0)"),
        format!("(:environment, 'OTHER', {key}, {other}, zeroblob(65553), 0, 0)"),
        format!("(:environment, 'OTHER', {key}, {other}, 'a text of twenty characters', 0, 0)"),
        format!("(:environment, 'OTHER', NULL, {other}, {value}, 0, 0)"),
        format!("(:environment, 'OTHER', {key}, {other}, {value}, NULL, 0)"),
    ] {
        database.refuses(&format!("{secret} {row}"));
    }
    database.takes(&format!("{secret} (:environment, 'OTHER', {key}, {other}, {value}, 0, 0)"));
}

#[tokio::test]
async fn a_secret_whose_name_no_variable_can_have_is_corrupt() {
    let database = Database::new().await;
    database.takes(
        "INSERT INTO environment_secrets
            (environment_id, name, key_id, nonce, ciphertext, created_at, updated_at)
         VALUES (:environment, 'A-B', zeroblob(8), zeroblob(12), zeroblob(20), 0, 0)",
    );
    let refused = database.open().err().unwrap();
    assert!(
        matches!(
            refused,
            OpenError::Store(StoreError::Corrupt { table: "environment_secrets", column: "name", .. })
        ),
        "{refused:?}"
    );
}
