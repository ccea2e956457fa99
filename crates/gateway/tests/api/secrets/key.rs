//! The key file: without a right one, what is given secrets is refused, and nothing else is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::support::TestGateway;

/// A gateway with a secret in `docs` and none in `other`, started again after `change` was done to its key file.
async fn after(change: impl FnOnce(&Path)) -> TestGateway {
    let gateway = TestGateway::with_page().await;
    gateway.deploy("other").await;
    gateway.set("docs", "KEY", "hunter2").await.data();
    gateway.restart_after(|data| change(&data.join("secrets.key"))).await
}

async fn assert_refused(gateway: &TestGateway) {
    let run = gateway.ask(&["printenv", "KEY"], json!({})).await;
    run.assert_problem(503, "secrets-unavailable");
    for answer in
        [run, gateway.set("docs", "KEY", "hunter2").await, gateway.set("other", "KEY", "hunter2").await]
    {
        answer.assert_problem(503, "secrets-unavailable");
        // Where the file is, and what is wrong with it, is in the log.
        assert!(!answer.text().contains("secrets.key") && answer.text().contains("log"), "{}", answer.text());
    }
    // All else goes on.
    assert_eq!(gateway.as_admin("GET", "/e/docs").send().await.status, 200);
    assert_eq!(gateway.run(&gateway.admin, "other", &["echo", "hi"]).await.json()["stdout"], "hi\n");
    assert_eq!(gateway.get("/readyz").send().await.status, 200);
    assert_eq!(gateway.names("docs").await, ["KEY"]);
    gateway.token().issue().await;
}

#[tokio::test]
async fn the_file_is_made_with_the_gateway_and_for_its_owner_alone() {
    let gateway = TestGateway::start().await;
    let file = gateway.data().join("secrets.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let made = fs::read(&file).unwrap();
    let gateway = gateway.restart().await;
    assert_eq!(fs::read(gateway.data().join("secrets.key")).unwrap(), made);
}

#[tokio::test]
async fn without_the_file_what_needs_a_secret_is_refused_until_it_is_back() {
    let mut kept = Vec::new();
    let gateway = after(|file| {
        kept = fs::read(file).unwrap();
        fs::remove_file(file).unwrap();
    })
    .await;
    assert_refused(&gateway).await;
    assert!(!gateway.data().join("secrets.key").exists());
    let gateway = gateway
        .restart_after(|data| {
            let file = data.join("secrets.key");
            fs::write(&file, &kept).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        })
        .await;
    assert_eq!(gateway.output(&["printenv", "KEY"]).await["stdout"], "***\n");
}

#[tokio::test]
async fn with_another_gateways_file_what_needs_a_secret_is_refused() {
    let another = TestGateway::start().await;
    let foreign = fs::read(another.data().join("secrets.key")).unwrap();
    assert_refused(&after(|file| fs::write(file, &foreign).unwrap()).await).await;
}

#[tokio::test]
async fn with_a_damaged_file_or_one_that_others_can_read_what_needs_a_secret_is_refused() {
    assert_refused(&after(|file| fs::write(file, "1 abcdef\n").unwrap()).await).await;
    let open = fs::Permissions::from_mode(0o640);
    assert_refused(&after(|file| fs::set_permissions(file, open).unwrap()).await).await;
}

#[tokio::test]
async fn a_lost_key_is_got_over_by_unsetting_what_was_under_it() {
    let gateway = after(|file| fs::remove_file(file).unwrap()).await;
    gateway.secret("DELETE", "docs", "KEY").send().await.data();
    assert_eq!(gateway.output(&["echo", "hi"]).await["stdout"], "hi\n");
    let gateway = gateway.restart().await;
    gateway.set("docs", "KEY", "hunter3").await.data();
    assert_eq!(gateway.output(&["printenv", "KEY"]).await["stdout"], "***\n");
}
