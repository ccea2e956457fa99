//! Gateways that share a database, their blobs and their keys, and nothing else.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::server::{Answer, Home, Server};

/// How long something may take to come about. Long: only what never does is a failure.
const PATIENCE: Duration = Duration::from_mins(3);
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// A page with harmless tools.
pub(super) const PAGE: &str =
    "---\ntools:\n  - [ls]\n  - [echo, {}, ;]\n  - [sleep, {regex: '^600\\.[0-9]+$'}, ;]\n---\n# Notes\n";

/// A database of its own on the server that tests use.
struct Database {
    name: String,
}

/// Three gateways, and the administrator of their organization.
pub(super) struct Cluster {
    // The order matters: gateways end before their database does.
    pub(super) nodes: Vec<Server>,
    pub(super) admin: String,
    home: Home,
    database: Database,
}

/// A token that was just made, or got another value.
pub(super) struct Issued {
    pub(super) id: String,
    pub(super) value: String,
}

impl Database {
    fn make() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e_{}_{number}", std::process::id());
        on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        on_server(&format!("CREATE DATABASE {name}"));
        Self { name }
    }

    /// The server's URL, with this database in the place of its own.
    fn url(&self) -> String {
        let server = server_url();
        let (scheme, rest) = server.split_once("://").unwrap();
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap();
        format!("{scheme}://{authority}/{}?{query}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        on_server(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn server_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "a test is told where its server is")]
    let url = std::env::var("TOOLFRONT_TEST_POSTGRES");
    url.unwrap_or_else(|_| {
        panic!(
            "TOOLFRONT_TEST_POSTGRES has to be the URL of a PostgreSQL server: \
             export TOOLFRONT_TEST_POSTGRES=$(scripts/postgres start)"
        )
    })
}

fn on_server(statement: &str) {
    run_statements(&server_url(), statement);
}

fn run_statements(url: &str, statements: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let driven = tokio::spawn(connection);
        client.batch_execute(statements).await.unwrap();
        drop(client);
        driven.await.unwrap().unwrap();
    });
}

impl Cluster {
    /// Three gateways that listen, with the private application `docs`.
    pub(super) fn start() -> Self {
        let mut cluster =
            Self { nodes: Vec::new(), admin: String::new(), home: Home::new(), database: Database::make() };
        std::fs::create_dir(cluster.home.path().join("blobs")).unwrap();
        let ended = cluster.run(0, &["init"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout.trim_end().clone_into(&mut cluster.admin);
        for number in 0..3 {
            let node = cluster.start_node(number);
            cluster.nodes.push(node);
        }
        let deployed = cluster.deploy(0, "docs", PAGE);
        assert_eq!(deployed.status, 201, "{}", deployed.body);
        cluster
    }

    /// Starts the gateway that has this data directory.
    pub(super) fn start_node(&self, number: usize) -> Server {
        Server::start(self.command(number, &["--listen", "127.0.0.1:0"]))
    }

    /// Runs `toolfront gateway` with these words and this data directory to its end.
    pub(super) fn run(&self, number: usize, words: &[&str]) -> crate::server::Ended {
        self.command(number, words).output().unwrap().into()
    }

    fn command(&self, number: usize, words: &[&str]) -> std::process::Command {
        let below = |name: &str| self.home.path().join(name).display().to_string();
        let (data, blobs, key) = (below(&format!("data{number}")), below("blobs"), below("secrets.key"));
        let options = ["--data-dir", &data, "--secrets-key", &key];
        let words: Vec<&str> = ["gateway"].iter().chain(words).chain(&options).copied().collect();
        let mut command = self.home.command(&words);
        // `init` has no flag for the place of the blobs.
        command.env("TOOLFRONT_DATABASE_URL", self.database.url()).env("TOOLFRONT_BLOBS", blobs);
        command
    }

    /// Publishes a page, or makes the environment.
    pub(super) fn deploy(&self, at: usize, name: &str, page: &str) -> Answer {
        let directory = self.write_page(name, page);
        let url = self.nodes[at].url();
        let ended = self.home.run(&[
            "deploy",
            directory.to_str().unwrap(),
            "--name",
            name,
            "--gateway-url",
            &url,
            "--api-key",
            &self.admin,
            "--json",
        ]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let body: Value = serde_json::from_str(&ended.stdout).unwrap();
        let status = if body["created"] == json!(true) { 201 } else { 200 };
        Answer { status, head: String::new(), body: ended.stdout }
    }

    /// Runs `toolfront audit` with these words, as the administrator of a gateway.
    pub(super) fn audit(&self, at: usize, words: &[&str]) -> crate::server::Ended {
        let url = self.nodes[at].url();
        let gateway = ["--gateway-url", url.as_str(), "--api-key", &self.admin];
        self.home.run(&["audit"].iter().chain(words).chain(&gateway).copied().collect::<Vec<_>>())
    }

    /// A place of the cluster's own.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Changes the database behind the gateways' backs.
    pub(super) fn change_database(&self, statements: &str) {
        run_statements(&self.database.url(), statements);
    }

    fn write_page(&self, name: &str, page: &str) -> PathBuf {
        self.home.write(&format!("{name}/README.md"), page).parent().unwrap().to_owned()
    }

    /// A call with the administrator's token; yields the `data` of its answer.
    #[track_caller]
    pub(super) fn admin(&self, at: usize, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.nodes[at].send(method, path, &self.admin, &body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        answer.json()["data"].clone()
    }

    /// A new token that may run tools, for all environments unless some are named.
    #[track_caller]
    pub(super) fn issue(&self, at: usize, only: Option<&[&str]>) -> Issued {
        let body = json!({ "name": "e2e", "scope": "execute", "allowed_environment_ids": only });
        Issued::of(&self.admin(at, "POST", "/api/v1/tokens", &body))
    }

    #[track_caller]
    pub(super) fn revoke(&self, at: usize, token: &Issued) {
        self.admin(at, "DELETE", &format!("/api/v1/tokens/{}", token.id), &Value::Null);
    }

    /// What each gateway answers to a read of the page.
    pub(super) fn read_everywhere(&self, name: &str, value: &str) -> Vec<u16> {
        self.nodes.iter().map(|node| node.get(&format!("/e/{name}"), value).status).collect()
    }

    /// The events of a token that a gateway shows, by their actions.
    pub(super) fn actions(&self, at: usize, token: &Issued) -> Vec<(String, Value)> {
        let path = format!("/api/v1/audit?token={}&limit=1000", token.id);
        let events = self.admin(at, "GET", &path, &Value::Null);
        let event = |event: &Value| (event["action"].as_str().unwrap().to_owned(), event.clone());
        events.as_array().unwrap().iter().map(event).collect()
    }
}

impl Issued {
    pub(super) fn of(data: &Value) -> Self {
        let text = |field: &str| data[field].as_str().unwrap().to_owned();
        Self { id: text("id"), value: text("token") }
    }
}

/// Looks again and again until there is a value.
#[track_caller]
pub(super) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    panic!("{what} did not come about");
}
