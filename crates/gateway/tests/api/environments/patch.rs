//! PATCH /api/v1/environments/{id}.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, events};

async fn patch(gateway: &TestGateway, name: &str, body: Value) -> Answer {
    gateway.as_admin("PATCH", &format!("/api/v1/environments/{name}")).json(&body).send().await
}

#[tokio::test]
async fn a_new_name_is_where_it_is_served_from_then_on() {
    let gateway = TestGateway::start().await;
    let id = gateway.deploy("docs").await;
    let agent = gateway.token().only(&["docs"]).issue().await;
    let changed = patch(&gateway, "docs", json!({ "name": "New Docs" })).await.data();
    assert_eq!((&changed["id"], &changed["name"]), (&json!(id), &json!("new-docs")));
    assert!(changed["url"].as_str().unwrap().ends_with("/e/new-docs"), "{changed}");
    let get = async |path: &str| gateway.get(path).token(&agent.value).send().await;
    // The token's set names the environment, not its name.
    assert_eq!(get("/e/new-docs/notes.txt").await.text(), "some notes\n");
    get("/e/docs/notes.txt").await.assert_problem(404, "not-found");
    patch(&gateway, "docs", json!({ "visibility": "public" })).await.assert_problem(404, "not-found");
    // The old name is free, and what takes it is another environment.
    let other = gateway.deploy("docs").await;
    assert_ne!(other, id);
    get("/e/docs/notes.txt").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_and_ones_own_is_not() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.deploy("other").await;
    patch(&gateway, "docs", json!({ "name": "other" })).await.assert_problem(409, "name-taken");
    patch(&gateway, "docs", json!({ "name": "OTHER", "visibility": "public" }))
        .await
        .assert_problem(409, "name-taken");
    let shown = patch(&gateway, "docs", json!({ "name": "Docs" })).await.data();
    assert_eq!((&shown["name"], &shown["visibility"]), (&json!("docs"), &json!("private")));
    for name in ["", "-", "\u{e9}"] {
        let answer = patch(&gateway, "docs", json!({ "name": name })).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "name");
    }
}

#[tokio::test]
async fn a_visibility_counts_from_the_answer_on() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for (visibility, status) in [("public", 200), ("private", 401), ("public", 200), ("private", 401)] {
        assert_eq!(
            patch(&gateway, "docs", json!({ "visibility": visibility })).await.data()["visibility"],
            visibility
        );
        assert_eq!(gateway.get("/e/docs").send().await.status, status, "{visibility}");
        let run = gateway.call("POST", "/e/docs").json(&json!({ "command": ["ls"] })).send().await;
        assert_eq!(run.status, status, "{visibility}");
    }
}

#[tokio::test]
async fn nothing_that_is_asked_for_changes_nothing() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let before = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    gateway.advance(std::time::Duration::from_mins(1));
    for body in [
        json!({}),
        json!({ "visibility": "private" }),
        json!({ "name": "docs" }),
        json!({ "name": null }),
        json!({ "network": "outbound" }),
        json!({ "network": null }),
        json!({ "limits": {} }),
        json!({ "limits": null }),
        json!({ "limits": { "runs": null } }),
        json!({ "end_runs_with_token": false }),
        json!({ "end_runs_with_token": null }),
    ] {
        assert_eq!(patch(&gateway, "docs", body).await.data(), before);
    }
    assert!(events(gateway.data(), "environment.update").is_empty());
    gateway.advance(std::time::Duration::from_mins(1));
    let changed = patch(&gateway, "docs", json!({ "visibility": "public" })).await.data();
    assert_eq!(changed["updated_at"], "2026-01-01T00:02:00Z");
    assert_eq!(events(gateway.data(), "environment.update").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_changed_is_named_and_nothing_of_the_call_is_done() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for (body, field) in [
        (json!({ "visibility": "public", "owner": "x" }), "owner"),
        (json!({ "visibility": "public", "release": 1 }), "release"),
        (json!({ "visibility": "public", "id": "env-aaaaaaaaaaaa" }), "id"),
        (json!({ "visibility": "PUBLIC", "name": "fine" }), "visibility"),
        (json!({ "visibility": true }), "body"),
        (json!({ "network": "inbound" }), "network"),
        (json!({ "network": "NONE" }), "network"),
        (json!({ "limits": { "memory": 5 } }), "memory"),
        (json!({ "limits": 5 }), "body"),
        (json!({ "limits": { "runs": -1 } }), "body"),
        (json!({ "limits": { "runs": "2" } }), "body"),
        (json!({ "end_runs_with_token": "yes" }), "body"),
    ] {
        let answer = patch(&gateway, "docs", body.clone()).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
    }
    let both = patch(&gateway, "docs", json!({ "visibility": "x", "name": "-" })).await.json();
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
    let shown = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    assert_eq!((&shown["name"], &shown["visibility"]), (&json!("docs"), &json!("private")));
    gateway.get("/e/docs").send().await.assert_problem(401, "unauthorized");
}

fn told(gateway: &TestGateway) -> Value {
    let events = events(gateway.data(), "environment.update");
    let detail = &events.last().unwrap().detail;
    json!({ "network": detail["network"], "limits": detail["limits"] })
}

#[tokio::test]
async fn the_network_and_the_limits_of_commands_are_shown_told_and_kept() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let unlimited = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    assert_eq!(unlimited["network"], "outbound");
    let limits = unlimited["limits"].as_object().unwrap();
    assert!(limits.len() == 8 && limits.values().all(Value::is_null), "{unlimited}");
    let first = json!({ "network": "none", "limits": { "memory_bytes": 64 << 20, "runs": 2 } });
    let changed = patch(&gateway, "docs", first.clone()).await.data();
    assert_eq!((&changed["network"], &changed["limits"]["runs"]), (&json!("none"), &json!(2)));
    assert_eq!(told(&gateway), first);
    let second = json!({ "limits": { "runs": null, "timeout_seconds": 5 } });
    let changed = patch(&gateway, "docs", second).await.data();
    assert_eq!(
        told(&gateway),
        json!({ "network": "none", "limits": { "memory_bytes": 64 << 20, "timeout_seconds": 5 } })
    );
    let gateway = gateway.restart().await;
    let kept = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    assert_eq!((&kept["network"], &kept["limits"]), (&changed["network"], &changed["limits"]));
    let changed = patch(&gateway, "docs", json!({ "network": "outbound", "limits": null })).await.data();
    assert_eq!((&changed["network"], &changed["limits"]), (&unlimited["network"], &unlimited["limits"]));
    assert_eq!(told(&gateway), json!({ "network": "outbound", "limits": {} }));
}

#[tokio::test]
async fn whether_commands_end_with_their_token_is_shown_told_and_kept() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let get = async |gateway: &TestGateway| gateway.as_admin("GET", "/api/v1/environments/docs").send().await;
    assert_eq!(get(&gateway).await.data()["end_runs_with_token"], false);
    let changed = patch(&gateway, "docs", json!({ "end_runs_with_token": true })).await.data();
    assert_eq!(changed["end_runs_with_token"], true);
    assert_eq!(events(gateway.data(), "environment.update")[0].detail["end_runs_with_token"], true);
    // What is absent stays as it is, also over a release and a restart.
    patch(&gateway, "docs", json!({ "network": "none" })).await.data();
    gateway.deploy("docs").await;
    let gateway = gateway.restart().await;
    assert_eq!(get(&gateway).await.data()["end_runs_with_token"], true);
    let changed = patch(&gateway, "docs", json!({ "end_runs_with_token": false })).await.data();
    assert_eq!(changed["end_runs_with_token"], false);
}

#[tokio::test]
async fn a_limit_is_within_the_gateways_own() {
    let gateway = TestGateway::start_with(|settings| {
        settings.limits.output_bytes_max = 1000;
        settings.limits.runs_per_environment_max = 3;
    })
    .await;
    gateway.deploy("docs").await;
    for (name, least, most) in [
        ("output_bytes", 1, 1000),
        ("memory_bytes", 16 << 20, 4 << 30),
        ("processes", 1, 256),
        ("file_bytes", 1, 1 << 30),
        ("open_files", 16, 1024),
        ("cpu_seconds", 1, 600),
        ("runs", 1, 3),
        ("timeout_seconds", 1, 600),
    ] {
        for beyond in [0, least - 1, most + 1, u64::MAX] {
            let answer = patch(&gateway, "docs", json!({ "limits": { name: beyond } })).await;
            let fault = answer.assert_invalid(&format!("limits.{name}"));
            assert_eq!(fault, format!("is from {least} to {most}"));
        }
        for within in [least, most] {
            let changed = patch(&gateway, "docs", json!({ "limits": { name: within } })).await.data();
            assert_eq!(changed["limits"][name], within);
        }
    }
    let both = json!({ "network": "none", "limits": { "runs": 0, "processes": 0, "open_files": 20 } });
    let refused = patch(&gateway, "docs", both).await.json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2, "{refused}");
    let shown = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    assert_eq!((&shown["network"], &shown["limits"]["open_files"]), (&json!("outbound"), &json!(1024)));
}

#[tokio::test]
async fn the_gateways_own_limits_of_a_command_are_the_most_that_an_environment_can_have() {
    let gateway = TestGateway::start_with(|settings| {
        settings.limits.run_memory_bytes_max = 64 << 20;
        settings.limits.run_processes_max = 10;
        settings.limits.run_file_bytes_max = 4096;
        settings.limits.run_open_files_max = 50;
        settings.limits.run_cpu_time_max = std::time::Duration::from_secs(9);
    })
    .await;
    gateway.deploy("docs").await;
    for (name, most) in [
        ("memory_bytes", 64 << 20),
        ("processes", 10),
        ("file_bytes", 4096),
        ("open_files", 50),
        ("cpu_seconds", 9),
    ] {
        let changed = patch(&gateway, "docs", json!({ "limits": { name: most } })).await.data();
        assert_eq!(changed["limits"][name], most);
        let refused = patch(&gateway, "docs", json!({ "limits": { name: most + 1 } })).await;
        let told = refused.assert_invalid(&format!("limits.{name}"));
        assert!(told.ends_with(&format!("to {most}")), "{told}");
    }
}

#[tokio::test]
async fn where_no_network_can_be_withheld_commands_that_are_to_have_none_do_not_run() {
    // A gateway of these tests has no launcher, and so no cage, which it was allowed.
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.deploy("other").await;
    patch(&gateway, "docs", json!({ "network": "none" })).await.data();
    let refused = gateway.run(&gateway.admin, "docs", &["echo", "ran"]).await;
    refused.assert_problem(503, "unavailable");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("it is to have no network, and this machine can't withhold it"), "{detail}");
    let path = "/e/docs/README.md";
    let streamed = gateway.as_admin("POST", path).header("accept", "text/event-stream");
    streamed.json(&json!({ "command": ["echo", "ran"] })).send().await.assert_problem(503, "unavailable");
    let ends = events(gateway.data(), "run.end");
    assert!(ends.len() == 2 && ends.iter().all(|end| end.detail["outcome"] == "not_started"), "{ends:?}");
    assert_eq!(gateway.run(&gateway.admin, "other", &["echo", "ran"]).await.json()["stdout"], "ran\n");
    patch(&gateway, "docs", json!({ "network": "outbound" })).await.data();
    assert_eq!(gateway.run(&gateway.admin, "docs", &["echo", "ran"]).await.json()["stdout"], "ran\n");
}

#[tokio::test]
async fn output_and_time_of_a_command_are_its_environments() {
    let gateway = TestGateway::start().await;
    let page = "---\ntools:\n  - [sleep, {}, ;]\n  - [head, -c, {}, /dev/zero, ;]\n---\n";
    gateway.deploy_files("docs", &[("README.md", page)]).await.data();
    let limits = json!({ "limits": { "output_bytes": 10, "timeout_seconds": 1 } });
    patch(&gateway, "docs", limits).await.data();
    let run = async |command: &[&str]| gateway.run(&gateway.admin, "docs", command).await.json();
    let cut = run(&["head", "-c", "11", "/dev/zero"]).await;
    assert_eq!((cut["stdout"].as_str().unwrap().len(), &cut["truncated"]), (10, &json!(true)));
    assert_eq!(run(&["sleep", "20"]).await["timed_out"], true);
}
