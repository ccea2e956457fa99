//! How many files, and how large: 413 beyond the limits.

use serde_json::{Value, json};
use toolfront_gateway::Limits;

use crate::support::{Answer, TestGateway, entry, inline};

async fn start() -> TestGateway {
    TestGateway::start_with(|settings| {
        settings.limits = Limits {
            files_max: 4,
            file_bytes_max: 1000,
            total_bytes_max: 2500,
            inline_bytes_max: 20_000,
            json_bytes_max: 2000,
            ..settings.limits.clone()
        };
    })
    .await
}

async fn put(gateway: &TestGateway, body: Value) -> Answer {
    gateway.as_admin("PUT", "/api/v1/environments/by-name/docs").json(&body).send().await
}

async fn assert_nothing_was_made(gateway: &TestGateway) {
    assert_eq!(gateway.as_admin("GET", "/api/v1/environments").send().await.data(), json!([]));
}

#[tokio::test]
async fn what_is_at_the_limits_is_taken() {
    let gateway = start().await;
    let (page, rest) = ("x".repeat(1000), "x".repeat(500));
    let files = inline(&[("README.md", &page), ("b.txt", &page), ("c.txt", &rest), ("d.txt", "")]);
    put(&gateway, json!({ "files": files })).await.data();
}

#[tokio::test]
async fn too_many_files_are_refused() {
    let gateway = start().await;
    let files = inline(&[("README.md", "x"), ("a", "a"), ("b", "b"), ("c", "c"), ("d", "d")]);
    let answer = put(&gateway, json!({ "files": files })).await;
    answer.assert_problem(413, "too-large");
    assert!(answer.json()["detail"].as_str().unwrap().contains("at most 4"), "{}", answer.text());
    let manifest: Vec<_> = ["README.md", "a", "b", "c", "d"].iter().map(|path| entry(path, b"x")).collect();
    put(&gateway, json!({ "manifest": manifest })).await.assert_problem(413, "too-large");
    let uploads = gateway.as_admin("POST", "/api/v1/uploads").json(&json!(manifest)).send().await;
    uploads.assert_problem(413, "too-large");
    assert_nothing_was_made(&gateway).await;
}

#[tokio::test]
async fn every_file_that_is_too_large_is_named_and_so_is_the_whole() {
    let gateway = start().await;
    let large = "x".repeat(1001);
    let files = inline(&[("README.md", "x"), ("a", &large), ("b", &large), ("c", &large)]);
    let answer = put(&gateway, json!({ "files": files })).await;
    answer.assert_problem(413, "too-large");
    let errors = answer.json()["errors"].clone();
    let fields: Vec<_> =
        errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["files[1].size", "files[2].size", "files[3].size", "files"]);
    assert_nothing_was_made(&gateway).await;
}

#[tokio::test]
async fn the_files_may_not_be_too_large_together() {
    let gateway = start().await;
    let page = "x".repeat(900);
    let files = inline(&[("README.md", &page), ("b", &page), ("c", &page)]);
    let answer = put(&gateway, json!({ "files": files })).await;
    answer.assert_problem(413, "too-large");
    assert_eq!(answer.json()["errors"][0]["field"], "files");
    let manifest: Vec<_> =
        ["README.md", "b", "c"].iter().map(|path| entry(path, format!("{page}{path}").as_bytes())).collect();
    put(&gateway, json!({ "manifest": manifest })).await.assert_problem(413, "too-large");
    assert_nothing_was_made(&gateway).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let gateway = start().await;
    let files = inline(&[("README.md", &"x".repeat(20_000))]);
    put(&gateway, json!({ "files": files })).await.assert_problem(413, "too-large");
    let long = json!({ "name": "x".repeat(3000) });
    gateway.deploy_files("docs", &[("README.md", "# Hi\n")]).await.data();
    for (method, path) in [
        ("PATCH", "/api/v1/environments/docs"),
        ("POST", "/api/v1/environments/docs/rollback"),
        ("POST", "/e/docs"),
        ("POST", "/api/v1/tokens"),
    ] {
        let answer = gateway.as_admin(method, path).json(&long).send().await;
        answer.assert_problem(413, "too-large");
    }
}
