//! Metrics: who is told, and that they tell what happened.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::TestGateway;

async fn metrics(gateway: &TestGateway) -> String {
    let answer = gateway.as_admin("GET", "/metrics").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.text()
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("{name} is not in {metrics}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn metrics_are_for_administrators_of_everything() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.get("/metrics").send().await.assert_problem(401, "unauthorized");
    for (token, status) in [
        (gateway.token().scope("execute"), 403),
        (gateway.token().scope("admin").only(&["docs"]), 403),
        (gateway.token().scope("admin"), 200),
    ] {
        let token = token.issue().await;
        assert_eq!(gateway.get("/metrics").token(&token.value).send().await.status, status);
    }
}

#[tokio::test]
async fn what_happens_is_counted() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let reader = gateway.token().scope("read").issue().await;
    let before = metrics(&gateway).await;
    gateway.get("/e/docs").token(&reader.value).send().await;
    gateway.run(&reader, "docs", &["ls"]).await.assert_problem(403, "insufficient-scope");
    assert_eq!(gateway.run(&gateway.admin, "docs", &["ls"]).await.status, 200);
    let after = metrics(&gateway).await;
    for (name, more) in [
        (r#"toolfront_requests_total{kind="read",status="2xx"}"#, 1.0),
        (r#"toolfront_requests_total{kind="run",status="2xx"}"#, 1.0),
        (r#"toolfront_requests_total{kind="run",status="4xx"}"#, 1.0),
        (r#"toolfront_request_duration_seconds_count{kind="run"}"#, 2.0),
        (r#"toolfront_decisions_total{outcome="scope"}"#, 1.0),
        ("toolfront_run_begin_wait_seconds_count", 1.0),
    ] {
        assert!((value(&after, name) - value(&before, name) - more).abs() < 0.1, "{name}\n{before}\n{after}");
    }
    assert!(value(&after, r#"toolfront_runs_total{outcome="succeeded"}"#) > 0.5);
    assert!(value(&after, "toolfront_store_commits_total") > value(&before, "toolfront_store_commits_total"));
    assert!((value(&after, "toolfront_ready") - 1.0).abs() < 0.1);
    assert!((value(&after, "toolfront_tokens_active") - 2.0).abs() < 0.1);
    assert!(value(&after, "toolfront_disk_free_bytes") > 0.0);
}

#[tokio::test]
async fn nothing_that_names_somebody_is_a_label() {
    let gateway = TestGateway::start().await;
    let id = gateway.deploy("docs-of-somebody").await;
    let token = gateway.token().issue().await;
    gateway.get("/e/docs-of-somebody").token(&token.value).send().await;
    let metrics = metrics(&gateway).await;
    for name in ["docs-of-somebody", id.as_str(), &token.id, &token.value] {
        assert!(!metrics.contains(name), "{name} in {metrics}");
    }
}

#[tokio::test]
async fn at_an_address_of_their_own_metrics_are_for_everybody_who_reaches_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let gateway = TestGateway::start_with(move |settings| settings.ops_listen = Some(address)).await;
    for (path, text) in [("/metrics", "toolfront_ready 1"), ("/healthz", "ok"), ("/readyz", "ok")] {
        let answer = gateway.get_at(address, path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains(text), "{}", answer.text());
    }
    assert_eq!(gateway.get_at(address, "/api/v1/tokens").await.status, 404);
}

/// A dashboard that asks for what is not there shows empty panels, and nobody knows why.
#[tokio::test]
async fn the_dashboard_asks_for_nothing_that_is_not_told() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.run(&gateway.admin, "docs", &["ls"]).await;
    let metrics = metrics(&gateway).await;
    let dashboard = include_str!("../../../../deploy/grafana/toolfront.json");
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let name = regex::Regex::new("toolfront_[a-z0-9_]+").unwrap();
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let found =
                name.find_iter(target["expr"].as_str().unwrap()).map(|found| found.as_str().to_owned());
            asked.extend(found);
        }
    }
    assert!(asked.len() > 15, "{asked:?}");
    for name in asked {
        let is_told = metrics
            .lines()
            .any(|line| line.strip_prefix(&*name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        assert!(is_told, "{name}");
    }
}
