//! Commands of an environment that asks for it end as soon as their token may no longer run them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Connection, Issued, Napper, TestGateway, events, eventually};

const PAGE: &str = "---\ntools:\n  - [sh, -c, 'echo begun; sleep \"$$1\"; echo went on', sh, {}, ;]\n---\n";
const SCRIPT: &str = "echo begun; sleep \"$$1\"; echo went on";

/// The applications `bound`, whose commands end with their token, and `free`, whose commands do not.
async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    for name in ["bound", "free"] {
        gateway.deploy_files(name, &[("README.md", PAGE)]).await.data();
    }
    bind(&gateway, "bound", true).await;
    gateway
}

async fn bind(gateway: &TestGateway, name: &str, is_bound: bool) {
    let change = gateway.as_admin("PATCH", &format!("/api/v1/environments/{name}"));
    change.json(&json!({ "end_runs_with_token": is_bound })).send().await.data();
}

/// A command that sleeps, and its client.
struct Sleeper {
    napper: Napper,
    client: tokio::task::JoinHandle<Answer>,
}

impl Sleeper {
    async fn start(gateway: &TestGateway, name: &str, token: Option<&Issued>) -> Self {
        let napper = Napper::new();
        let body = json!({ "command": ["sh", "-c", SCRIPT, "sh", napper.seconds()] });
        let mut call = gateway.call("POST", &format!("/e/{name}")).json(&body);
        if let Some(token) = token {
            call = call.token(&token.value);
        }
        let client = tokio::spawn(call.send());
        napper.fall_asleep().await;
        Self { napper, client }
    }

    async fn has_ended(self) {
        self.client.await.unwrap().assert_problem(401, "invalid-token");
        self.napper.be_gone().await;
    }

    async fn goes_on(self) {
        assert!(self.napper.is_asleep());
        self.napper.wake();
        let answer = self.client.await.unwrap();
        assert_eq!((answer.status, &answer.json()["stdout"]), (200, &json!("begun\nwent on\n")));
    }
}

/// The same as a stream; yields it when the command has begun.
async fn stream(gateway: &TestGateway, token: &Issued, napper: &Napper) -> Connection {
    let body = json!({ "command": ["sh", "-c", SCRIPT, "sh", napper.seconds()] }).to_string();
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "POST /e/bound HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         accept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        token.value,
        body.len(),
    );
    connection.send(head).await;
    connection.read_until("event: stdout").await;
    napper.fall_asleep().await;
    connection
}

async fn stream_has_ended(connection: Connection, napper: &Napper) {
    let received = connection.read_to_end().await;
    let error = received.split_once("event: error\ndata: ").unwrap().1.lines().next().unwrap();
    let problem: Value = serde_json::from_str(error).unwrap();
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/invalid-token"), &json!(401)));
    assert!(!received.contains("event: exit"), "{received}");
    napper.be_gone().await;
}

async fn revoke(gateway: &TestGateway, token: &Issued) {
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id)).send().await.data();
}

async fn rotate(gateway: &TestGateway, token: &Issued, body: Value) -> Issued {
    let call = gateway.as_admin("POST", &format!("/api/v1/tokens/{}/rotate", token.id));
    Issued::in_answer(&call.json(&body).send().await)
}

async fn one_that_expires(gateway: &TestGateway) -> Issued {
    gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await
}

/// Holds the runs that ended so far to have ended so.
async fn outcomes(gateway: &TestGateway, expected: &[Value]) {
    let ends = eventually("the ends", async || {
        Some(events(gateway.data(), "run.end")).filter(|ends| ends.len() >= expected.len())
    });
    let told: Vec<_> = ends.await.into_iter().map(|end| end.detail["outcome"].clone()).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn pitfall_18_a_revocation_ends_them_and_no_others() {
    let gateway = start().await;
    let (token, other) = (gateway.token().issue().await, gateway.token().issue().await);
    let bound = Sleeper::start(&gateway, "bound", Some(&token)).await;
    let free = Sleeper::start(&gateway, "free", Some(&token)).await;
    let others = Sleeper::start(&gateway, "bound", Some(&other)).await;
    revoke(&gateway, &token).await;
    bound.has_ended().await;
    outcomes(&gateway, &[json!("ended_with_token")]).await;
    free.goes_on().await;
    others.goes_on().await;
}

#[tokio::test]
async fn pitfall_18_an_expiry_ends_them_and_no_others() {
    let gateway = start().await;
    let token = one_that_expires(&gateway).await;
    let bound = Sleeper::start(&gateway, "bound", Some(&token)).await;
    let free = Sleeper::start(&gateway, "free", Some(&token)).await;
    let lasting = Sleeper::start(&gateway, "bound", Some(&gateway.admin)).await;
    gateway.advance(Duration::from_secs(3599));
    let next = Sleeper::start(&gateway, "bound", Some(&token)).await;
    gateway.advance(Duration::from_secs(1));
    bound.has_ended().await;
    next.has_ended().await;
    outcomes(&gateway, &[json!("ended_with_token"), json!("ended_with_token")]).await;
    free.goes_on().await;
    lasting.goes_on().await;
}

#[tokio::test]
async fn pitfall_18_a_rotation_without_grace_ends_what_the_value_before_runs() {
    let gateway = start().await;
    let token = gateway.token().issue().await;
    let bound = Sleeper::start(&gateway, "bound", Some(&token)).await;
    let free = Sleeper::start(&gateway, "free", Some(&token)).await;
    let new = rotate(&gateway, &token, json!({ "grace_seconds": 0 })).await;
    bound.has_ended().await;
    free.goes_on().await;
    Sleeper::start(&gateway, "bound", Some(&new)).await.goes_on().await;
}

#[tokio::test]
async fn pitfall_18_a_value_in_its_grace_goes_on_until_that_is_over() {
    let gateway = start().await;
    let token = gateway.token().issue().await;
    let bound = Sleeper::start(&gateway, "bound", Some(&token)).await;
    let new = rotate(&gateway, &token, json!({ "grace_seconds": 60 })).await;
    // From the first use of the new value on the old one has a minute.
    Sleeper::start(&gateway, "bound", Some(&new)).await.goes_on().await;
    assert!(bound.napper.is_asleep());
    gateway.advance(Duration::from_mins(1));
    bound.has_ended().await;
}

#[tokio::test]
async fn pitfall_18_a_stream_ends_with_its_token_too() {
    let gateway = start().await;
    let (expiring, revoked) = (one_that_expires(&gateway).await, gateway.token().issue().await);
    let nappers = [Napper::new(), Napper::new()];
    let first = stream(&gateway, &expiring, &nappers[0]).await;
    let second = stream(&gateway, &revoked, &nappers[1]).await;
    revoke(&gateway, &revoked).await;
    stream_has_ended(second, &nappers[1]).await;
    assert!(nappers[0].is_asleep());
    gateway.advance(Duration::from_hours(1));
    stream_has_ended(first, &nappers[0]).await;
    outcomes(&gateway, &[json!("ended_with_token"), json!("ended_with_token")]).await;
}

#[tokio::test]
async fn what_runs_with_a_dead_token_ends_when_its_environment_begins_to_ask_for_it() {
    let gateway = start().await;
    let token = gateway.token().issue().await;
    let free = Sleeper::start(&gateway, "free", Some(&token)).await;
    revoke(&gateway, &token).await;
    assert!(free.napper.is_asleep());
    bind(&gateway, "free", true).await;
    free.has_ended().await;
}

#[tokio::test]
async fn what_a_deleted_environment_had_asked_for_still_holds() {
    let gateway = start().await;
    let token = gateway.token().issue().await;
    let bound = Sleeper::start(&gateway, "bound", Some(&token)).await;
    gateway.as_admin("DELETE", "/api/v1/environments/bound").send().await.data();
    assert!(bound.napper.is_asleep());
    revoke(&gateway, &token).await;
    bound.has_ended().await;
}

#[tokio::test]
async fn on_a_public_application_a_token_that_is_sent_holds_and_a_visitor_needs_none() {
    let gateway = start().await;
    let public = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/bound").json(&public).send().await.data();
    // Not one for this application: its guest.
    let token = gateway.token().only(&["free"]).issue().await;
    let guest = Sleeper::start(&gateway, "bound", Some(&token)).await;
    let visitor = Sleeper::start(&gateway, "bound", None).await;
    let other = Sleeper::start(&gateway, "bound", Some(&gateway.admin)).await;
    revoke(&gateway, &token).await;
    guest.has_ended().await;
    visitor.goes_on().await;
    // A guest for whom the application is closed may not go on either.
    let token = gateway.token().only(&["free"]).issue().await;
    let guest = Sleeper::start(&gateway, "bound", Some(&token)).await;
    let private = json!({ "visibility": "private" });
    gateway.as_admin("PATCH", "/api/v1/environments/bound").json(&private).send().await.data();
    guest.has_ended().await;
    other.goes_on().await;
}
