//! A gateway that shares its database, and has not heard from it lately enough to know what others have changed.

use std::time::Duration;

use serde_json::json;
use toolfront_store::{Lease, Moment};

use crate::support::{Answer, Call, Connection, Issued, Napper, TestGateway, unknown_value};

/// The operations that take no token.
const PUBLIC: &str = include_str!("public_routes.txt");
const PAGE: &str =
    "---\ntools:\n  - [ls]\n  - [sh, -c, 'echo begun; sleep \"$$1\"; echo went on', sh, {}, ;]\n---\n";
const SCRIPT: &str = "echo begun; sleep \"$$1\"; echo went on";

/// A gateway with the private application `docs` and the public one `open`, and its lease, which is held.
async fn start() -> (TestGateway, Lease) {
    let lease = Lease::not_held();
    hold(&lease);
    let domain = |settings: &mut toolfront_gateway::Settings| {
        settings.public_url = Some("https://tools.example.com".to_owned());
        settings.app_domain = Some("apps.example.com".to_owned());
    };
    let gateway = TestGateway::start_trusting(Some(lease.clone()), domain).await;
    for name in ["docs", "open"] {
        gateway.deploy_files(name, &[("README.md", PAGE)]).await.data();
    }
    let public = gateway.as_admin("PATCH", "/api/v1/environments/open");
    public.json(&json!({ "visibility": "public" })).send().await.data();
    (gateway, lease)
}

/// For longer than any test takes.
fn hold(lease: &Lease) {
    lease.extend(Moment::now().plus(Duration::from_hours(1)));
}

/// Every kind of request that is judged by what is in memory, and what is answered to it otherwise.
fn judged(gateway: &TestGateway, token: &Issued) -> Vec<(u16, Call)> {
    let admin = |method: &str, path: &str| gateway.as_admin(method, path);
    let as_token = |method: &str, path: &str| gateway.call(method, path).token(&token.value);
    let run = json!({ "command": ["ls"] });
    let named = json!({ "name": "another", "scope": "read" });
    let list_tools = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    let form = |value: &str| format!("token={value}").into_bytes();
    let introspect = as_token("POST", "/api/v1/introspect");
    vec![
        (200, as_token("GET", "/e/docs")),
        (200, as_token("HEAD", "/e/docs/README.md")),
        (401, gateway.get("/e/docs")),
        (401, gateway.get("/e/docs").token(&unknown_value(1))),
        (401, gateway.get("/e/nowhere")),
        (404, as_token("GET", "/e/nowhere")),
        (200, gateway.get("/e/open")),
        (200, as_token("GET", "/e/open")),
        (401, gateway.get("/e/open").token(&unknown_value(1))),
        (200, as_token("GET", "/").header("host", "docs.apps.example.com")),
        (401, gateway.get("/").header("host", "nowhere.apps.example.com")),
        (200, as_token("POST", "/e/docs").json(&run)),
        (200, as_token("POST", "/e/docs").json(&run).header("accept", "text/event-stream")),
        (200, gateway.call("POST", "/e/open").json(&run)),
        (
            200,
            as_token("POST", "/e/docs/mcp")
                .json(&list_tools)
                .header("accept", "application/json, text/event-stream")
                .header("mcp-protocol-version", "2025-11-25"),
        ),
        (200, admin("GET", "/api/v1/tokens")),
        (200, admin("GET", &format!("/api/v1/tokens/{}", token.id))),
        (201, admin("POST", "/api/v1/tokens").json(&named)),
        (200, as_token("GET", "/api/v1/tokens/self")),
        (200, admin("GET", "/api/v1/environments")),
        (200, admin("GET", "/api/v1/environments/docs")),
        (404, admin("GET", "/api/v1/environments/nowhere")),
        (200, as_token("GET", "/api/v1/authorize?environment=docs&action=execute")),
        (403, as_token("POST", "/api/v1/authorize?environment=nowhere")),
        (200, introspect.bytes("application/x-www-form-urlencoded", form(&token.value))),
        (200, admin("GET", "/api/v1/audit")),
    ]
}

fn assert_lost(answer: &Answer) {
    answer.assert_problem(503, "lease-lost");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("www-authenticate"), "", "a token has nothing to do with it");
}

#[tokio::test]
async fn while_the_lease_is_not_held_nothing_is_judged_by_memory_and_then_all_is_as_before() {
    let (gateway, lease) = start().await;
    let token = gateway.token().issue().await;
    for _ in 0..2 {
        for (status, call) in judged(&gateway, &token) {
            let answer = call.clone().send().await;
            assert_eq!(answer.status, status, "{} {}: {}", call.method, call.target, answer.text());
        }
        lease.let_go();
        for (_, call) in judged(&gateway, &token) {
            if call.method == "HEAD" {
                assert_eq!(call.send().await.status, 503);
            } else {
                assert_lost(&call.send().await);
            }
        }
        hold(&lease);
    }
    let made = gateway.as_admin("GET", "/api/v1/tokens").send().await.data();
    let made = made.as_array().unwrap().iter().filter(|token| token["name"] == "another").count();
    assert_eq!(made, 2, "what was refused has made nothing");
}

#[tokio::test]
async fn every_operation_of_the_api_that_takes_a_token_is_refused_while_the_lease_is_not_held() {
    let (gateway, lease) = start().await;
    let document = gateway.get("/api/v1/openapi.json").send().await.json();
    let before = gateway.world().await;
    lease.let_go();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            if PUBLIC.lines().any(|line| line == format!("{method} {path}")) {
                continue;
            }
            count += 1;
            let part = |part| if str::starts_with(part, '{') { "docs" } else { part };
            let target = path.split('/').map(part).collect::<Vec<_>>().join("/");
            assert_lost(&gateway.as_admin(&method, &target).send().await);
            assert_lost(&gateway.call(&method, &target).token(&unknown_value(1)).send().await);
        }
    }
    assert!(count >= 25, "{count}");
    hold(&lease);
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn a_gateway_without_its_lease_is_alive_and_not_ready_and_says_why() {
    let (gateway, lease) = start().await;
    assert_eq!(gateway.get("/readyz").send().await.status, 200);
    lease.let_go();
    assert_eq!(gateway.get("/healthz").send().await.status, 200);
    let answer = gateway.get("/readyz").send().await;
    assert_eq!(answer.status, 503);
    let status = answer.json()["status"].as_str().unwrap().to_owned();
    assert!(status.starts_with("the lease is not held: "), "{status}");
    hold(&lease);
    assert_eq!(gateway.get("/readyz").send().await.status, 200);
}

#[tokio::test]
async fn metrics_are_shown_to_those_who_run_a_gateway_without_its_lease() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let lease = Lease::not_held();
    let gateway =
        TestGateway::start_trusting(Some(lease), |settings| settings.ops_listen = Some(address)).await;
    assert_eq!(gateway.get_at(address, "/healthz").await.status, 200);
    assert_eq!(gateway.get_at(address, "/readyz").await.status, 503);
    let metrics = gateway.get_at(address, "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().contains("toolfront_ready 0"), "{}", metrics.text());
}

#[tokio::test]
async fn a_command_that_runs_goes_on_when_the_lease_is_lost() {
    let (gateway, lease) = start().await;
    gateway
        .as_admin("PATCH", "/api/v1/environments/docs")
        .json(&json!({ "end_runs_with_token": true }))
        .send()
        .await
        .data();
    let token = gateway.token().issue().await;
    let nappers = [Napper::new(), Napper::new()];
    let call = |napper: &Napper| {
        let body = json!({ "command": ["sh", "-c", SCRIPT, "sh", napper.seconds()] });
        gateway.call("POST", "/e/docs").token(&token.value).json(&body)
    };
    let waiting = tokio::spawn(call(&nappers[0]).send());
    let streaming = tokio::spawn(call(&nappers[1]).header("accept", "text/event-stream").send());
    for napper in &nappers {
        napper.fall_asleep().await;
    }
    lease.let_go();
    assert_lost(&gateway.run(&token, "docs", &["ls"]).await);
    for napper in &nappers {
        assert!(napper.is_asleep());
        napper.wake();
    }
    assert_eq!(waiting.await.unwrap().json()["stdout"], "begun\nwent on\n");
    let streamed = streaming.await.unwrap().text();
    assert!(streamed.contains("went on") && streamed.contains("event: exit"), "{streamed}");
}

#[tokio::test]
async fn whoever_follows_the_log_is_told_no_more_until_the_lease_is_held_again() {
    let (gateway, lease) = start().await;
    let napper = Napper::new();
    let body = json!({ "command": ["sh", "-c", SCRIPT, "sh", napper.seconds()] });
    let running = tokio::spawn(gateway.as_admin("POST", "/e/docs").json(&body).send());
    napper.fall_asleep().await;
    let mut follower = Connection::open(gateway.address).await;
    let head = format!(
        "GET /api/v1/audit HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\naccept: text/event-stream\r\n\
         authorization: Bearer {}\r\n\r\n",
        gateway.admin.value
    );
    follower.send(head).await;
    follower.read_until("\r\n\r\n").await;
    lease.let_go();
    // Its end is recorded all the same, and is what the follower would be told.
    napper.wake();
    assert_eq!(running.await.unwrap().status, 200);
    let told = follower.read_to_end().await;
    assert!(!told.contains("run.end"), "{told}");
    hold(&lease);
    let log = gateway.as_admin("GET", "/api/v1/audit").send().await.text();
    assert!(log.contains("run.end"), "{log}");
}
