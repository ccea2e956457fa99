//! A gateway that is started for one test.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use toolfront_app::BlobDigest;
use toolfront_gateway::{Clock, Gateway, Limits, Settings};
use toolfront_store::Lease;
use toolfront_token::Timestamp;

use super::client::{Answer, Call};

/// A page with a few harmless tools.
pub(crate) const PAGE: &str = "---\n\
    tools:\n  \
    - [ls]\n  \
    - [echo, {}]\n  \
    - [cat, {regex: '^[a-z]+\\.txt$'}, ;]\n  \
    - [printenv, {}, ;]\n  \
    - [sh, -c, 'echo out; echo err >&2; exit 3', ;]\n  \
    - [sleep, {}, ;]\n  \
    - [echo, $NAME, ;]\n\
    env: [NAME]\n\
    ---\n\
    # A page\n\nRead [another](guide.md).\n";

/// The time that the tests turn; it begins at a fixed instant.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A running gateway with an organization and its admin token.
pub(crate) struct TestGateway {
    pub(crate) address: SocketAddr,
    pub(crate) directory: TempDir,
    pub(crate) admin: Issued,
    settings: Settings,
    clock: Arc<ManualClock>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    server: Option<tokio::task::JoinHandle<()>>,
}

/// A token that was just made.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) id: String,
    pub(crate) value: String,
}

/// What a new token is to be.
pub(crate) struct TokenBuilder<'g> {
    gateway: &'g TestGateway,
    body: Value,
}

impl TestGateway {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_trusting(None, change).await
    }

    /// One that trusts its memory while this lease is held.
    pub(crate) async fn start_trusting(lease: Option<Lease>, change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Other users, whom commands run as when this one is root, pass through to it as to any data directory.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(directory.path(), mode).unwrap();
        // 2026-01-01T00:00:00Z
        let clock = Arc::new(ManualClock(AtomicI64::new(1_767_225_600_000_000)));
        let mut settings = Settings::new(directory.path().join("data"), "127.0.0.1:0".parse().unwrap());
        // The tests of the brake set their own.
        settings.limits = Limits { failures_per_minute_max: 10_000, ..Limits::default() };
        // The cage takes a launcher, which is a binary: it is tried end to end, with the real one.
        settings.confinement.allow_weak = true;
        change(&mut settings);
        let opened = Gateway::open_with_lease(settings.clone(), Arc::clone(&clock) as Arc<dyn Clock>, lease);
        let gateway = opened.await.unwrap();
        let first = gateway.initialize("acme").await.unwrap();
        let admin = Issued { id: first.token.to_string(), value: first.value.reveal().to_owned() };
        let mut this =
            Self { address: settings.listen, directory, admin, settings, clock, stop: None, server: None };
        this.serve(&gateway).await;
        this
    }

    async fn serve(&mut self, gateway: &Gateway) {
        let bound = gateway.bind().await.unwrap();
        self.address = bound.local_addr();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        self.stop = Some(stop);
        self.server = Some(tokio::spawn(async move {
            bound.serve(async { drop(stopped.await) }).await.unwrap();
        }));
    }

    /// Stops the gateway as a signal would, and waits until it has.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.end().await;
        self.directory
    }

    /// Stops it, and starts another one on the same directory and the same clock.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// The same, with something done to the data directory in between.
    pub(crate) async fn restart_after(mut self, change: impl FnOnce(&Path)) -> Self {
        self.end().await;
        change(&self.settings.data_dir);
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let gateway = Gateway::open_with_clock(self.settings.clone(), clock).await.unwrap();
        self.serve(&gateway).await;
        self
    }

    async fn end(&mut self) {
        drop(self.stop.take());
        self.server.take().unwrap().await.unwrap();
    }

    /// Where the data is.
    pub(crate) fn data(&self) -> &Path {
        &self.settings.data_dir
    }

    /// The database, as somebody with the right to its file may open it beside the gateway.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.settings.data_dir.join("toolfront.db")).unwrap()
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.clock.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn call(&self, method: &str, target: &str) -> Call {
        Call {
            address: self.address,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(&self, target: &str) -> Call {
        self.call("GET", target)
    }

    /// What is answered at another address of the gateway's.
    pub(crate) async fn get_at(&self, address: SocketAddr, target: &str) -> Answer {
        Call { address, ..self.get(target) }.send().await
    }

    /// A call with the admin token.
    pub(crate) fn as_admin(&self, method: &str, target: &str) -> Call {
        self.call(method, target).token(&self.admin.value)
    }

    /// A new token; *execute* on all environments unless said.
    pub(crate) fn token(&self) -> TokenBuilder<'_> {
        TokenBuilder { gateway: self, body: json!({"name": "test", "scope": "execute"}) }
    }

    /// Deploys a page with [`PAGE`]'s tools, a guide and a text; yields the environment's id.
    pub(crate) async fn deploy(&self, name: &str) -> String {
        let files = [("README.md", PAGE), ("guide.md", "# Guide\n"), ("notes.txt", "some notes\n")];
        let answer = self.deploy_files(name, &files).await;
        answer.data()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn deploy_files(&self, name: &str, files: &[(&str, &str)]) -> Answer {
        let body = json!({ "files": inline(files) });
        self.as_admin("PUT", &format!("/api/v1/environments/by-name/{name}")).json(&body).send().await
    }

    pub(crate) async fn run(&self, token: &Issued, name: &str, command: &[&str]) -> Answer {
        let body = json!({ "command": command });
        self.call("POST", &format!("/e/{name}/README.md")).token(&token.value).json(&body).send().await
    }
}

/// Files as the API takes them.
pub(crate) fn inline(files: &[(&str, &str)]) -> Value {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let file = |(path, text): &(&str, &str)| {
        let checksum = BlobDigest::of(text.as_bytes()).to_string();
        json!({ "path": path, "content": encode(text), "checksum": checksum })
    };
    files.iter().map(file).collect()
}

impl TokenBuilder<'_> {
    pub(crate) fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body[field] = value.into();
        self
    }

    pub(crate) fn scope(self, scope: &str) -> Self {
        self.set("scope", scope)
    }

    pub(crate) fn only(self, environments: &[&str]) -> Self {
        self.set("allowed_environment_ids", environments.to_vec())
    }

    pub(crate) async fn issue(self) -> Issued {
        let answer = self.gateway.as_admin("POST", "/api/v1/tokens").json(&self.body).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Issued::in_answer(&answer)
    }
}

impl Issued {
    pub(crate) fn in_answer(answer: &Answer) -> Self {
        let data = answer.data();
        let text = |field: &str| data[field].as_str().unwrap().to_owned();
        Self { id: text("id"), value: text("token") }
    }
}
