//! Each access leaves its event: who, what, from where, and how it went.

use std::time::Duration;

use serde_json::{Value, json};

use super::outcomes;
use crate::support::{Answer, Issued, TestGateway, unknown_value};

struct World {
    gateway: TestGateway,
    docs: String,
    agent: Issued,
}

impl World {
    async fn new() -> Self {
        let gateway = TestGateway::start().await;
        let docs = gateway.deploy("docs").await;
        let agent = gateway.token().only(&["docs"]).issue().await;
        Self { gateway, docs, agent }
    }

    async fn send(&self, value: Option<&str>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut call = self.gateway.call(method, path).header("user-agent", "probe/1");
        if let Some(value) = value {
            call = call.token(value);
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        call.send().await
    }

    /// Holds what a request has left to be those events, from here and by that token.
    async fn assert_told(
        &self,
        answer: &Answer,
        token: Option<&Issued>,
        expected: &[(&str, &str)],
    ) -> Vec<Value> {
        let events = self.gateway.told_of(answer).await;
        assert_eq!(outcomes(&events), expected, "{events:?}");
        for event in &events {
            let id = token.map_or(Value::Null, |token| token.id.as_str().into());
            let generation = token.map_or(Value::Null, |_| 1.into());
            assert_eq!((&event["token_id"], &event["generation"]), (&id, &generation), "{event}");
            assert_eq!(event["address"], "127.0.0.1");
            assert_eq!(event["user_agent"], "probe/1");
            assert_eq!(event["v"], 1);
        }
        events
    }
}

#[tokio::test]
async fn a_page_that_is_read_is_told_and_one_that_is_not_there_too() {
    let world = World::new().await;
    let value = world.agent.value.as_str();
    for (method, path, status, outcome, page, release) in [
        ("GET", "/e/docs/README.md", 200, "allowed", "README.md", json!(1)),
        ("HEAD", "/e/docs/guide", 200, "allowed", "guide.md", json!(1)),
        ("GET", "/e/docs/notes.txt", 200, "allowed", "notes.txt", json!(1)),
        ("GET", "/e/docs/nothing", 404, "refused", "/e/docs/nothing", Value::Null),
    ] {
        let answer = world.send(Some(value), method, path, None).await;
        assert_eq!(answer.status, status);
        let events = world.assert_told(&answer, Some(&world.agent), &[("page.read", outcome)]).await;
        let event = &events[0];
        assert_eq!((&event["environment_id"], &event["uses"]), (&json!(world.docs), &json!(1)));
        let detail = &event["detail"];
        assert_eq!((&detail["release"], &detail["status"]), (&release, &json!(status)), "{event}");
        assert!(page.ends_with(detail["page"].as_str().unwrap()), "{event}");
        assert_eq!(detail["count"], 1);
        if method == "GET" && status == 200 {
            assert_eq!(detail["bytes"], answer.body.len());
        }
    }
}

#[tokio::test]
async fn a_command_is_told_at_its_begin_and_at_its_end_and_one_that_is_refused_once() {
    let world = World::new().await;
    let value = world.agent.value.as_str();
    let run = async |command: &[&str]| {
        world.send(Some(value), "POST", "/e/docs/README.md", Some(json!({ "command": command }))).await
    };
    let answer = run(&["echo", "hello"]).await;
    assert_eq!(answer.status, 200);
    let both = [("run.begin", "allowed"), ("run.end", "allowed")];
    let events = world.assert_told(&answer, Some(&world.agent), &both).await;
    assert_eq!(events[0]["detail"]["command"], json!(["echo", "hello"]));
    assert_eq!(events[1]["detail"]["begin"], events[0]["sequence"]);
    assert_eq!(events[1]["detail"]["outcome"], json!({ "exited": 0 }));
    assert_eq!(events[1]["detail"]["output_bytes"], 6);
    assert_eq!((&events[0]["uses"], &events[1]["uses"]), (&json!(1), &json!(0)), "it is one use");
    assert!(events.iter().all(|event| event["environment_id"] == world.docs));

    let answer = run(&["rm", "-rf", "/"]).await;
    assert!((400..500).contains(&answer.status));
    let events = world.assert_told(&answer, Some(&world.agent), &[("run.refuse", "refused")]).await;
    assert_eq!(events[0]["detail"]["status"], answer.status);
    assert_eq!((&events[0]["environment_id"], &events[0]["uses"]), (&json!(world.docs), &json!(1)));
}

#[tokio::test]
async fn what_a_token_may_not_do_is_told_with_the_reason() {
    let world = World::new().await;
    world.gateway.deploy("other").await;
    let reader = world.gateway.token().scope("read").only(&["docs"]).issue().await;
    let run = json!({ "command": ["ls"] });
    for (method, path, body, outcome) in [
        ("POST", "/e/docs/README.md", Some(run.clone()), "scope"),
        ("GET", "/e/other/README.md", None, "environment"),
        ("GET", "/e/nowhere/README.md", None, "environment"),
        ("POST", "/e/other/README.md", Some(run), "environment"),
        ("GET", "/api/v1/tokens", None, "scope"),
        ("POST", "/api/v1/tokens", Some(json!({ "name": "x", "scope": "read" })), "scope"),
    ] {
        let answer = world.send(Some(&reader.value), method, path, body).await;
        assert!([403, 404].contains(&answer.status), "{}", answer.text());
        let events = world.assert_told(&answer, Some(&reader), &[("access.deny", outcome)]).await;
        let (event, detail) = (&events[0], &events[0]["detail"]);
        assert_eq!((&detail["method"], &detail["path"]), (&json!(method), &json!(path)));
        assert_eq!((&detail["status"], &event["uses"]), (&json!(answer.status), &json!(1)));
    }
}

#[tokio::test]
async fn pitfall_29_a_value_that_is_not_let_in_is_told() {
    let world = World::new().await;
    let gateway = &world.gateway;
    let issue = async || gateway.token().only(&["docs"]).issue().await;
    let (revoked, rotated) = (issue().await, issue().await);
    let expired = gateway.token().only(&["docs"]).set("expires_at", "2026-01-01T00:01:00Z").issue().await;
    let path = |token: &Issued, verb: &str| format!("/api/v1/tokens/{}{verb}", token.id);
    gateway.as_admin("DELETE", &path(&revoked, "")).send().await.data();
    gateway.as_admin("POST", &path(&rotated, "/rotate")).json(&json!({})).send().await.data();
    gateway.advance(Duration::from_mins(1));
    let (unknown, malformed) = (unknown_value(1), "tf_nonsense".to_owned());
    for (value, token, outcome) in [
        (&unknown, None, "invalid"),
        (&malformed, None, "invalid"),
        (&expired.value, Some(&expired), "expired"),
        (&revoked.value, Some(&revoked), "revoked"),
        (&rotated.value, Some(&rotated), "rotated"),
    ] {
        for (method, path) in
            [("GET", "/e/docs/README.md"), ("GET", "/api/v1/environments"), ("POST", "/e/docs/mcp")]
        {
            let answer = world.send(Some(value), method, path, None).await;
            assert_eq!(answer.status, 401);
            let events = world.assert_told(&answer, token, &[("access.deny", outcome)]).await;
            assert_eq!(events[0]["uses"], 0, "a value that is not let in is not used");
            assert_eq!(events[0]["detail"]["path"], path);
        }
    }
}

#[tokio::test]
async fn a_call_of_the_api_is_told_and_a_change_by_its_own_event() {
    let world = World::new().await;
    let admin = &world.gateway.admin;
    let value = Some(admin.value.as_str());
    for path in ["/api/v1/tokens", "/api/v1/environments", "/api/v1/tokens/self"] {
        let answer = world.send(value, "GET", path, None).await;
        assert_eq!(answer.status, 200);
        let events = world.assert_told(&answer, Some(admin), &[("api.call", "allowed")]).await;
        let detail = &events[0]["detail"];
        assert_eq!((&detail["method"], &detail["path"]), (&json!("GET"), &json!(path)));
        assert_eq!(events[0]["uses"], 1);
    }
    let body = json!({ "name": "x", "scope": "read" });
    let answer = world.send(value, "POST", "/api/v1/tokens", Some(body)).await;
    let events = world.assert_told(&answer, Some(admin), &[("token.create", "allowed")]).await;
    assert_eq!((&events[0]["subject_id"], &events[0]["uses"]), (&answer.data()["id"], &json!(1)));
    let body = json!({ "name": "x", "scope": "nonsense" });
    let answer = world.send(value, "POST", "/api/v1/tokens", Some(body)).await;
    assert_eq!(answer.status, 422);
    world.assert_told(&answer, Some(admin), &[("api.call", "refused")]).await;
}

#[tokio::test]
async fn a_visitor_of_a_public_application_is_told_without_a_token() {
    let world = World::new().await;
    let body = json!({ "visibility": "public" });
    world
        .send(Some(&world.gateway.admin.value), "PATCH", "/api/v1/environments/docs", Some(body))
        .await
        .data();
    let answer = world.send(None, "GET", "/e/docs/README.md", None).await;
    assert_eq!(answer.status, 200);
    let events = world.assert_told(&answer, None, &[("page.read", "allowed")]).await;
    assert_eq!((&events[0]["environment_id"], &events[0]["uses"]), (&json!(world.docs), &json!(0)));
    // What is open to everybody and concerns nobody leaves nothing.
    for path in ["/healthz", "/nowhere"] {
        let answer = world.send(None, "GET", path, None).await;
        world.assert_told(&answer, None, &[]).await;
    }
}

#[tokio::test]
async fn a_request_that_first_uses_a_rotated_value_is_told_too() {
    let world = World::new().await;
    let path = format!("/api/v1/tokens/{}/rotate", world.agent.id);
    let rotated = world.gateway.as_admin("POST", &path).json(&json!({ "grace_seconds": 60 })).send().await;
    let value = Issued::in_answer(&rotated).value;
    let answer = world.send(Some(&value), "GET", "/e/docs/README.md", None).await;
    let events = world.gateway.told_of(&answer).await;
    assert_eq!(outcomes(&events), [("token.first_use", "allowed"), ("page.read", "allowed")]);
    assert_eq!((&events[0]["uses"], &events[1]["uses"]), (&json!(0), &json!(1)));
    assert_eq!(events[1]["generation"], 2);
}

#[tokio::test]
async fn a_command_of_a_visitor_is_told_by_its_begin_and_its_end_alone() {
    let world = World::new().await;
    world
        .gateway
        .as_admin("PATCH", "/api/v1/environments/docs")
        .json(&json!({ "visibility": "public" }))
        .send()
        .await
        .data();
    let answer = world.send(None, "POST", "/e/docs", Some(json!({ "command": ["ls"] }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.assert_told(&answer, None, &[("run.begin", "allowed"), ("run.end", "allowed")]).await;
}
