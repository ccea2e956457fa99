//! A token's value is in the answer that shows it, and nowhere else: not in the log, not in an error, not on the
//! disk, not in what `Debug` prints.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use toolfront_api::{IssuedToken, ShownOnce};
use toolfront_gateway::{Confinement, FirstToken, ServeSettings, Settings};
use toolfront_token::{NewValue, PresentedToken, TokenSecret};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Answer, Call, Issued, TestGateway, percent_encoded, unknown_value};

/// All that is logged in this process, at every level.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Begins to log, also from the threads of the store. Tests of one process share the log.
    pub(crate) fn begin() -> Self {
        static SHARED: OnceLock<Log> = OnceLock::new();
        let begun = SHARED.get_or_init(|| {
            let log = Self::default();
            let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE);
            subscriber.with_ansi(false).with_writer(log.clone()).init();
            log
        });
        begun.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Values, and where they were found though they should not be.
#[derive(Default)]
struct Search {
    values: BTreeSet<String>,
}

impl Search {
    fn add(&mut self, token: &Issued) -> Issued {
        self.values.insert(token.value.clone());
        token.clone()
    }

    /// Looks for every value whole, and for the random part of it.
    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        for value in &self.values {
            let random = value[3..37].to_ascii_lowercase();
            assert!(!text.contains(&random), "{place} has the value {}…", &value[..8]);
        }
    }

    fn assert_absent_below(&self, directory: &Path) -> usize {
        let mut files = 0;
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            self.assert_absent("a file's name", path.to_string_lossy().as_bytes());
            if path.is_dir() {
                files += self.assert_absent_below(&path);
            } else {
                files += 1;
                self.assert_absent(&path.display().to_string(), &std::fs::read(&path).unwrap());
            }
        }
        files
    }
}

/// Calls that are refused, with the value wherever a client might put it.
fn mistaken(gateway: &TestGateway, value: &str) -> Vec<Call> {
    let admin = |method: &str, path: &str| gateway.as_admin(method, path);
    let create = |body: Value| admin("POST", "/api/v1/tokens").json(&body);
    let form = format!("token={value}").into_bytes();
    let encoded = percent_encoded(value);
    vec![
        gateway.get(&format!("/e/docs?token={value}")),
        gateway.get(&format!("/e/docs/{value}")),
        gateway.get(&format!("/{value}")),
        gateway.get(&format!("/api/v1/tokens?x={encoded}")),
        gateway.get(&format!("/api/v1/tokens/{encoded}")).token(value),
        gateway.get("/e/docs").header("authorization", &format!("Basic {value}")),
        gateway.get("/e/docs").header("authorization", value),
        gateway.get("/e/docs").token(&format!("{value}x")),
        gateway.get("/e/docs").token(value).header("token", &unknown_value(77)),
        admin("GET", "/e/docs").header("token", value),
        admin("GET", "/api/v1/tokens").header("x-statespace-org-id", value),
        gateway.get("/healthz").header("host", &format!("{value}.example")),
        create(json!({ "name": "a", "scope": value })),
        create(json!({ "name": "a", "scope": "read", "expires_at": value })),
        create(json!({ "name": "a", "scope": "read", "allowed_environment_ids": [value] })),
        create(json!({ "name": "a", "scope": "read", "allowed_environment_ids": value })),
        create(json!({ "name": "a", "scope": "read", "organization_id": value })),
        create(json!({ "name": "a", "scope": "read", value: 1 })),
        create(json!(value)),
        admin("POST", "/api/v1/tokens/self/rotate").json(&json!({ "grace_seconds": value })),
        admin("POST", "/api/v1/tokens/self/rotate").json(&json!({ "environment_scope": { "type": value } })),
        admin("POST", "/api/v1/tokens/self/rotate").json(&json!({ value: value })),
        admin("DELETE", "/api/v1/tokens/self").json(&json!({ "kill": value })),
        admin("POST", "/api/v1/tokens").bytes("application/json", value.as_bytes().to_vec()),
        admin("POST", "/api/v1/tokens").bytes(value, b"{}".to_vec()),
        admin("POST", "/api/v1/introspect").bytes("application/json", form.clone()),
        gateway.call("POST", "/api/v1/introspect").bytes("application/x-www-form-urlencoded", form),
        admin("POST", "/e/docs").json(&json!({ "command": [value] })),
        admin("POST", "/e/docs").json(&json!({ "command": value })),
        admin("POST", "/e/docs").json(&json!({ "command": ["ls"], "env": value })),
        admin("PATCH", "/api/v1/environments/docs").json(&json!({ "visibility": value })),
        admin("POST", "/api/v1/environments/docs/rollback").json(&json!({ "release": value })),
        admin("POST", "/api/v1/environments/docs/publish").json(&json!({ "files": value })),
        admin("POST", "/api/v1/uploads").json(&json!([{ "path": value, "checksum": value, "size": 1 }])),
    ]
}

/// Calls that are answered well, with the value where only a tool or nobody reads it.
fn harmless(gateway: &TestGateway, value: &str) -> Vec<Call> {
    let run = |body: Value| gateway.as_admin("POST", "/e/docs").json(&body);
    vec![
        gateway.get("/e/docs/guide").token(value),
        gateway.get("/e/docs/guide").header("token", value),
        gateway.get("/api/v1/tokens/self").token(value).header("user-agent", &format!("agent {value}")),
        gateway.as_admin("GET", "/api/v1/tokens").header("user-agent", value),
        gateway.as_admin("GET", "/e/docs/guide").header("cookie", value).header("referer", value),
        run(json!({ "command": ["echo", value] })),
        run(json!({ "command": ["echo", "$NAME"], "env": { "NAME": value } })),
        run(json!({ "command": ["ls"], "env": { "NAME": value } })),
        gateway
            .as_admin("POST", "/api/v1/introspect")
            .bytes("application/x-www-form-urlencoded", format!("token={value}").into_bytes()),
    ]
}

#[tokio::test]
async fn pitfall_21_a_value_is_in_no_log_no_error_and_no_file() {
    let log = Log::begin();
    let mut search = Search::default();
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    search.add(&gateway.admin);
    let first = search.add(&gateway.token().issue().await);
    let path = format!("/api/v1/tokens/{}/rotate", first.id);
    let rotate = gateway.as_admin("POST", &path).header("idempotency-key", "k1");
    let rotate = rotate.json(&json!({ "grace_seconds": 60 }));
    let second = search.add(&Issued::in_answer(&rotate.clone().send().await));
    let own = gateway.call("POST", "/api/v1/tokens/self/rotate").token(&second.value);
    let third = search.add(&Issued::in_answer(&own.send().await));
    let revoked = search.add(&gateway.token().issue().await);
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    let unknown = search.add(&Issued { id: String::new(), value: unknown_value(9) });

    let refused = |answer: &Answer, call: &Call| {
        let what =
            format!("{} {} {:?}", call.method, call.target.split('?').next().unwrap_or(""), call.body.len());
        assert!(answer.status >= 400, "{what}: {} {}", answer.status, answer.text());
        answer.text()
    };
    search.assert_absent("a repeated call", rotate.send().await.text().as_bytes());
    for token in [&third, &first, &revoked, &unknown] {
        for call in mistaken(&gateway, &token.value) {
            let answer = call.clone().send().await;
            search.assert_absent("an error", refused(&answer, &call).as_bytes());
            search.assert_absent("a header", format!("{:?}", answer.headers).as_bytes());
        }
    }
    for token in [&third, &unknown] {
        for call in harmless(&gateway, &token.value) {
            let answer = call.send().await;
            assert!(answer.status < 400 || token.id.is_empty(), "{}", answer.text());
        }
    }
    for path in ["/api/v1/tokens?only_active=false", "/api/v1/tokens/self", "/api/v1/environments"] {
        let answer = gateway.as_admin("GET", path).send().await;
        assert_eq!(answer.status, 200);
        search.assert_absent(path, &answer.body);
    }

    assert!(search.assert_absent_below(gateway.directory.path()) >= 3, "while it runs");
    let directory = gateway.stop().await;
    assert!(search.assert_absent_below(directory.path()) >= 3, "when it has stopped");
    let text = log.text();
    assert!(text.contains("/api/v1/tokens") && text.lines().count() > 100, "{text}");
    search.assert_absent("the log", text.as_bytes());
}

#[tokio::test]
async fn a_request_is_logged_without_its_query_and_headers() {
    let log = Log::begin();
    let gateway = TestGateway::start().await;
    let call =
        gateway.as_admin("GET", "/api/v1/tokens?cursor=seen-in-query").header("x-seen", "seen-in-header");
    call.send().await.assert_problem(422, "invalid");
    gateway.get(&format!("/secret-place/{}?a=b", unknown_value(1))).send().await;
    let text = log.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("request_id")).collect();
    assert!(lines.iter().any(|line| line.contains(r#"path="/api/v1/tokens""#)), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("withheld")), "{lines:?}");
    assert!(!text.contains("seen-in") && !text.contains("secret-place"), "{text}");
}

#[test]
fn what_holds_a_value_prints_none_of_it() {
    let value = unknown_value(5);
    let mut search = Search::default();
    search.add(&Issued { id: String::new(), value: value.clone() });
    let secret = || TokenSecret::parse(&value).unwrap();
    let print = |thing: &dyn Debug| {
        for text in [format!("{thing:?}"), format!("{thing:#?}")] {
            search.assert_absent("Debug", text.as_bytes());
        }
    };
    print(&secret());
    print(&PresentedToken::parse(&value).unwrap());
    print(&NewValue::of(&secret()));
    print(&secret().digest());
    print(&ShownOnce::new(secret()));
    print(&FirstToken {
        organization: toolfront_token::OrgId::from_bits(1).unwrap(),
        token: toolfront_token::TokenId::from_bits(1).unwrap(),
        value: secret(),
    });
    print(&ServeSettings {
        directory: ".".into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        tokens: vec![secret()],
        hidden: false,
        behind_proxy: false,
        confinement: Confinement::default(),
        tls: None,
    });
    print(&Settings::new(".".into(), "127.0.0.1:0".parse().unwrap()));
    print(&TokenSecret::parse(&value[..42]).unwrap_err());
}

#[tokio::test]
async fn an_answer_that_shows_a_value_prints_none_of_it_once_it_is_read() {
    let gateway = TestGateway::start().await;
    let body = json!({ "name": "a", "scope": "read" });
    let answer = gateway.as_admin("POST", "/api/v1/tokens").json(&body).send().await;
    let read: IssuedToken = serde_json::from_value(answer.data()).unwrap();
    let mut search = Search::default();
    let issued = search.add(&Issued::in_answer(&answer));
    search.assert_absent("Debug", format!("{read:?} {read:#?}").as_bytes());
    assert_eq!(read.token.into_secret().reveal(), issued.value);
}

#[tokio::test]
async fn every_answer_with_a_value_is_not_to_be_stored() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let create = gateway.as_admin("POST", "/api/v1/tokens").json(&json!({ "name": "a", "scope": "read" }));
    let rotate = gateway.as_admin("POST", &format!("/api/v1/tokens/{}/rotate", token.id));
    let own = gateway.as_admin("POST", "/api/v1/tokens/self/rotate");
    for call in [create, rotate, own] {
        let answer = call.send().await;
        assert!(answer.data()["token"].is_string());
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}
