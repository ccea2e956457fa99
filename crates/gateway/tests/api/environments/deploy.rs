//! PUT /api/v1/environments/by-name/{name}: create or publish.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, checksum_of, entry, inline};

async fn put(gateway: &TestGateway, name: &str, body: Value) -> Answer {
    gateway.as_admin("PUT", &format!("/api/v1/environments/by-name/{name}")).json(&body).send().await
}

#[tokio::test]
async fn the_first_deploy_creates_and_the_next_one_publishes() {
    let gateway = TestGateway::start().await;
    let first = put(&gateway, "docs", json!({ "files": inline(&[("README.md", "# One\n")]) })).await;
    assert_eq!(
        (first.status, &first.data()["created"], &first.data()["release"]),
        (201, &json!(true), &json!(1))
    );
    let next = put(&gateway, "docs", json!({ "files": inline(&[("README.md", "# Two\n")]) })).await;
    assert_eq!(
        (next.status, &next.data()["created"], &next.data()["release"]),
        (200, &json!(false), &json!(2))
    );
    assert_eq!(first.data()["id"], next.data()["id"]);
    assert_eq!(gateway.as_admin("GET", "/e/docs").send().await.text(), "# Two\n");
}

#[tokio::test]
async fn a_name_in_the_path_is_made_a_label_too() {
    let gateway = TestGateway::start().await;
    let files = json!({ "files": inline(&[("README.md", "# Hi\n")]) });
    let made = put(&gateway, "My%20App", files.clone()).await;
    assert_eq!((&made.data()["name"], made.status), (&json!("my-app"), 201));
    for name in ["my-app", "MY_APP", "My%2FApp"] {
        assert_eq!(put(&gateway, name, files.clone()).await.data()["id"], made.data()["id"], "{name}");
    }
    for name in ["-", "%20", "%C3%A9"] {
        let answer = put(&gateway, name, files.clone()).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "name", "{name}");
    }
}

#[tokio::test]
async fn files_and_a_manifest_exclude_each_other_and_one_is_needed_to_publish() {
    let gateway = TestGateway::start().await;
    let (files, manifest) = (inline(&[("README.md", "# Hi\n")]), json!([entry("README.md", b"# Hi\n")]));
    for name in ["docs", "new"] {
        if name == "docs" {
            gateway.deploy("docs").await;
        }
        let answer = put(&gateway, name, json!({ "files": files, "manifest": manifest })).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "manifest", "{name}");
    }
    put(&gateway, "docs", json!({})).await.assert_problem(422, "invalid");
    put(&gateway, "docs", json!({ "files": [] })).await.assert_problem(422, "invalid");
    put(&gateway, "new", json!({ "files": [] })).await.assert_problem(422, "invalid");
    gateway.as_admin("GET", "/api/v1/environments/new").send().await.assert_problem(404, "not-found");
    let none_yet = put(&gateway, "empty", json!({})).await;
    assert_eq!((none_yet.status, &none_yet.data()["status"]), (201, &json!("empty")));
}

#[tokio::test]
async fn a_visibility_is_for_what_is_created_and_an_existing_one_stays() {
    let gateway = TestGateway::start().await;
    let body =
        |visibility: &str| json!({ "files": inline(&[("README.md", "# Hi\n")]), "visibility": visibility });
    assert_eq!(put(&gateway, "docs", body("public")).await.data()["visibility"], "public");
    assert_eq!(put(&gateway, "docs", body("private")).await.data()["visibility"], "public");
    put(&gateway, "docs", body("secret")).await.assert_problem(422, "invalid");
    put(&gateway, "more", body("secret")).await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn deploys_of_the_same_name_at_once_make_one_environment() {
    let gateway = TestGateway::start().await;
    let deploys: Vec<_> = (0..8)
        .map(|number| {
            let body = json!({ "files": inline(&[("README.md", &format!("# {number}\n"))]) });
            let call = gateway.as_admin("PUT", "/api/v1/environments/by-name/docs").json(&body);
            tokio::spawn(call.send())
        })
        .collect();
    let mut created = 0;
    let mut ids = Vec::new();
    for deploy in deploys {
        let answer = deploy.await.unwrap();
        match answer.status {
            201 => created += 1,
            200 => {}
            // Both had seen that there was none: one of them is first.
            _ => {
                answer.assert_problem(409, "name-taken");
                continue;
            }
        }
        ids.push(answer.data()["id"].clone());
    }
    ids.dedup();
    assert_eq!((created, ids.len()), (1, 1));
    let list = gateway.as_admin("GET", "/api/v1/environments").send().await.data();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn all_that_was_deployed_is_there_after_a_restart() {
    let gateway = TestGateway::start().await;
    let large = vec![b'x'; 2 * 1024 * 1024];
    let script = b"#!/bin/sh\necho ran\n";
    let page = "---\ntools:\n  - [./run.sh]\n---\n# Hi\n";
    let files: [(&str, &[u8], u32); 3] =
        [("README.md", page.as_bytes(), 0o644), ("run.sh", script, 0o755), ("large.bin", &large, 0o644)];
    gateway.deploy_manifest("docs", &files).await.data();
    gateway.deploy_files("more", &[("README.md", "# One\n")]).await.data();
    gateway.deploy_files("more", &[("README.md", "# Two\n")]).await.data();
    let rollback = gateway.as_admin("POST", "/api/v1/environments/more/rollback");
    rollback.json(&json!({ "release": 1 })).send().await.data();
    let agent = gateway.token().only(&["docs"]).issue().await;
    let shown = async |gateway: &TestGateway| {
        let mut list = gateway.as_admin("GET", "/api/v1/environments").send().await.data();
        for environment in list.as_array_mut().unwrap() {
            // The port is another one.
            for field in ["url", "fly_url"] {
                environment.as_object_mut().unwrap().remove(field);
            }
        }
        list
    };
    let before = shown(&gateway).await;
    let gateway = gateway.restart().await;
    assert_eq!(shown(&gateway).await, before);
    let read = gateway.get("/e/docs/large.bin").token(&agent.value).send().await;
    assert_eq!(read.header("etag"), format!("\"{}\"", checksum_of(&large)));
    assert!(read.body == large);
    assert_eq!(gateway.run(&agent, "docs", &["./run.sh"]).await.json()["stdout"], "ran\n");
    assert_eq!(gateway.as_admin("GET", "/e/more").send().await.text(), "# One\n");
    gateway.get("/e/more").token(&agent.value).send().await.assert_problem(404, "not-found");
    let releases = gateway.as_admin("GET", "/api/v1/environments/more/releases").send().await.data();
    assert_eq!((&releases[0]["current"], &releases[1]["current"]), (&json!(false), &json!(true)));
}
