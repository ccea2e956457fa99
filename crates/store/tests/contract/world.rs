//! A store with an organization and its first token, a copy in memory that records what it is handed, and short
//! ways to say what the tests do.

pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod postgres;
pub(crate) mod s3;
pub(crate) mod shared_directory;
pub(crate) mod sqlite;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use toolfront_app::{BlobDigest, EnvName, Manifest, ManifestLimits, RawEntry};
use toolfront_store::{
    Attribution, Blobs, ChangeSink, EnvironmentRecord, IdempotencyKey, NewEnvironment, OpenError,
    Organization, Store, Summary, TokenRefusal, TokenSelector,
};
use toolfront_token::{
    Action, Authority, Entropy, EntropyFailed, EnvGrant, EnvId, EnvRef, Expiry, Grace, Grant, ManageTokens,
    NewToken, NewValue, OrgId, Permit, RevocationReason, RotateRequest, Scope, Timestamp, TokenId, TokenName,
    TokenRecord, TokenSecret, UseSelf, Visibility,
};

use self::memory::Memory;

/// What a backend is to the contract.
pub(crate) trait Backend: Send + Sync + 'static {
    /// A place where nothing was stored yet; what is stored there goes with it.
    fn fresh() -> Self;
    /// Opens what is stored there.
    fn open(&self, sink: Arc<dyn ChangeSink>, now: Timestamp) -> Result<(Store, Summary), OpenError>;
    /// The audit events, in their order.
    fn events(&self) -> Vec<AuditEvent>;
    /// What another process finds there when this one is killed now.
    fn crashed(&self) -> Self;
    /// All bytes that are kept there.
    fn everything(&self) -> Vec<Vec<u8>>;
    /// In how many places a blob is kept.
    const COPIES: usize = 1;
    /// Makes a blob as if it had been put there long ago.
    fn age(&self, blobs: &Blobs, digest: &BlobDigest) {
        blobs.open_file(digest).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    }
}

/// A backend whose blobs several gateways have.
pub(crate) trait Shared: Backend {
    /// A gateway of its own in everything but the blobs.
    fn beside(&self) -> Self;
}

/// An audit event, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuditEvent {
    pub(crate) sequence: i64,
    pub(crate) action: String,
    pub(crate) token: Option<TokenId>,
    pub(crate) generation: Option<u32>,
    pub(crate) environment: Option<EnvId>,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) detail: serde_json::Value,
}

/// So many seconds after the world began.
pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_800_000_000 + seconds) * 1_000_000)
}

/// Other bytes at every call in one process, the same in every run.
pub(crate) struct Counter;

static COUNTED: AtomicU64 = AtomicU64::new(0);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        for chunk in bytes.chunks_mut(8) {
            let count = COUNTED.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            let mixed = count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(crate) fn secret() -> TokenSecret {
    TokenSecret::mint(&mut Counter).unwrap()
}

pub(crate) fn value() -> NewValue {
    NewValue::of(&secret())
}

pub(crate) fn token_id() -> TokenId {
    TokenId::generate(&mut Counter).unwrap()
}

pub(crate) fn env_id() -> EnvId {
    EnvId::generate(&mut Counter).unwrap()
}

pub(crate) fn organization() -> OrgId {
    OrgId::from_bits(7).unwrap()
}

pub(crate) fn another_organization() -> OrgId {
    OrgId::from_bits(8).unwrap()
}

pub(crate) fn name(text: &str) -> TokenName {
    TokenName::parse(text).unwrap()
}

pub(crate) fn env_name(text: &str) -> EnvName {
    EnvName::parse(text).unwrap()
}

/// A grant on all environments, for ever.
pub(crate) fn grant(scope: Scope) -> Grant {
    Grant { scope, environments: EnvGrant::All, expiry: Expiry::Never }
}

pub(crate) fn grant_on(scope: Scope, environments: impl IntoIterator<Item = EnvId>) -> Grant {
    Grant { scope, environments: EnvGrant::only(environments).unwrap(), expiry: Expiry::Never }
}

pub(crate) fn grant_until(scope: Scope, end: Timestamp) -> Grant {
    Grant { scope, environments: EnvGrant::All, expiry: Expiry::At(end) }
}

pub(crate) fn new_token(grant: Grant) -> NewToken {
    NewToken { organization: organization(), name: name("ci"), grant }
}

/// A rotation of what `record` is now, that changes nothing but the value.
pub(crate) fn rotation(record: &TokenRecord) -> RotateRequest {
    RotateRequest {
        expected_generation: record.generation(),
        name: None,
        scope: None,
        environments: None,
        expiry: None,
        grace: Grace::Immediately,
    }
}

pub(crate) fn selector(record: &TokenRecord) -> TokenSelector {
    TokenSelector { organization: record.organization(), token: record.id() }
}

pub(crate) fn reason(text: &str) -> RevocationReason {
    RevocationReason::parse(text).unwrap()
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

/// The permit of the record's newest value.
pub(crate) fn permit<A: Action>(record: &TokenRecord, target: A::Target) -> Permit<A> {
    let (_, credential) = record.credentials().pop().unwrap();
    credential.activate(at(0)).unwrap().authorize(target).unwrap()
}

pub(crate) fn administrator(record: &TokenRecord) -> Authority {
    Authority::administrator(&permit::<ManageTokens>(record, record.organization())).unwrap()
}

pub(crate) fn holder(record: &TokenRecord) -> Authority {
    Authority::holder(&permit::<UseSelf>(record, ())).unwrap()
}

pub(crate) fn by(record: &TokenRecord) -> Attribution {
    Attribution {
        token: Some(record.id()),
        generation: Some(record.generation()),
        ..Attribution::host(organization())
    }
}

pub(crate) fn env_ref(environment: EnvId) -> EnvRef {
    EnvRef { organization: organization(), environment }
}

/// A manifest of pages with these paths and contents.
pub(crate) fn manifest(files: &[(&str, &str)]) -> Manifest {
    let entry = |&(path, content): &(&str, &str)| RawEntry {
        path: path.to_owned(),
        checksum: BlobDigest::of(content.as_bytes()).to_string(),
        size: u64::try_from(content.len()).unwrap(),
        mode: None,
    };
    Manifest::parse(files.iter().map(entry).collect(), &ManifestLimits::default()).unwrap()
}

/// A backend, opened, with an organization and its first token.
pub(crate) struct World<B> {
    pub(crate) backend: B,
    pub(crate) store: Store,
    pub(crate) memory: Arc<Memory>,
    /// The first token: admin, all environments, for ever.
    pub(crate) admin: TokenRecord,
}

impl<B: Backend> World<B> {
    pub(crate) async fn set_up() -> Self {
        let backend = B::fresh();
        let memory = Arc::new(Memory::default());
        let (store, _) = backend.open(memory.clone(), at(0)).unwrap();
        store.make_key(&mut Counter).await.unwrap();
        let admin = set_up(&store).await;
        Self { backend, store, memory, admin }
    }

    /// Closes the store, and opens it with an empty copy in memory.
    pub(crate) fn reopen(self) -> Self {
        let Self { backend, store, memory, admin } = self;
        drop((store, memory));
        let memory = Arc::new(Memory::default());
        let (store, _) = backend.open(memory.clone(), at(0)).unwrap();
        Self { backend, store, memory, admin }
    }

    /// Issues a token in the first one's name.
    pub(crate) async fn issue(&self, grant: Grant, now: Timestamp) -> TokenRecord {
        self.issue_by(&self.admin, grant, now).await.unwrap()
    }

    pub(crate) async fn issue_by(
        &self,
        actor: &TokenRecord,
        grant: Grant,
        now: Timestamp,
    ) -> Result<TokenRecord, TokenRefusal> {
        let new = new_token(grant);
        self.store.issue_token(administrator(actor), token_id(), new, value(), None, by(actor), now).await
    }

    /// Rotates a token in the first one's name.
    pub(crate) async fn rotate(
        &self,
        record: &TokenRecord,
        request: RotateRequest,
        now: Timestamp,
    ) -> Result<TokenRecord, TokenRefusal> {
        let (authority, by) = (administrator(&self.admin), by(&self.admin));
        self.store.rotate_token(authority, selector(record), request, value(), None, by, now).await
    }

    /// Revokes a token in the first one's name.
    pub(crate) async fn revoke(&self, record: &TokenRecord, now: Timestamp) -> TokenRecord {
        let (authority, by) = (administrator(&self.admin), by(&self.admin));
        self.store.revoke_token(authority, selector(record), None, by, now).await.unwrap()
    }

    /// Makes a private environment in the first token's name.
    pub(crate) async fn create(&self, name: &str, files: Option<Manifest>) -> EnvironmentRecord {
        let new = NewEnvironment { name: env_name(name), visibility: Visibility::Private, manifest: files };
        let permit = permit(&self.admin, organization());
        self.store.create_environment(&permit, env_id(), new, by(&self.admin), at(1)).await.unwrap()
    }

    /// What happened in the store since `before` events were there.
    pub(crate) fn actions_since(&self, before: usize) -> Vec<String> {
        self.backend.events().split_off(before).into_iter().map(|event| event.action).collect()
    }
}

/// Sends a call on its way to a writer that is held, and yields what will be its answer.
pub(crate) async fn begin<F: Future>(call: F) -> Pin<Box<F>> {
    let mut call = Box::pin(call);
    std::future::poll_fn(|context| {
        assert!(call.as_mut().poll(context).is_pending(), "the writer is held");
        Poll::Ready(())
    })
    .await;
    call
}

pub(crate) async fn set_up(store: &Store) -> TokenRecord {
    let organization = Organization { id: organization(), name: "acme".to_owned() };
    store.set_up(organization, token_id(), new_token(grant(Scope::Admin)), value(), at(0)).await.unwrap()
}
