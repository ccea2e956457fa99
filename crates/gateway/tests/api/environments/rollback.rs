//! POST /api/v1/environments/{id}/rollback.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, events};

const PAGE: &str = "---\ntools:\n  - [cat, text.txt, ;]\n---\n";

async fn with_releases(count: u32) -> TestGateway {
    let gateway = TestGateway::start().await;
    for number in 1..=count {
        let text = format!("release {number}\n");
        gateway.deploy_files("docs", &[("README.md", PAGE), ("text.txt", &text)]).await.data();
    }
    gateway
}

async fn roll_back(gateway: &TestGateway, body: Value) -> Answer {
    gateway.as_admin("POST", "/api/v1/environments/docs/rollback").json(&body).send().await
}

/// What is read, and what a command reads.
async fn served(gateway: &TestGateway) -> (String, String) {
    let read = gateway.as_admin("GET", "/e/docs/text.txt").send().await.text();
    let run = gateway.run(&gateway.admin, "docs", &["cat", "text.txt"]).await.json();
    (read, run["stdout"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_earlier_release_is_served_again_and_a_later_one_after_it() {
    let gateway = with_releases(3).await;
    for number in [1, 3, 2] {
        let answer = roll_back(&gateway, json!({ "release": number })).await.data();
        assert_eq!(
            (&answer["release"], &answer["current"], &answer["name"]),
            (&json!(number), &json!(true), &json!("docs"))
        );
        let text = format!("release {number}\n");
        assert_eq!(served(&gateway).await, (text.clone(), text));
        let shown = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
        assert_eq!(shown["release"], number);
    }
    let rollbacks: Vec<_> =
        events(gateway.data(), "release.rollback").into_iter().map(|event| event.detail).collect();
    let expected = [(3, 1), (1, 3), (3, 2)].map(|(from, to)| json!({ "from": from, "release": to }));
    assert_eq!(rollbacks, expected);
}

#[tokio::test]
async fn a_release_that_is_not_there_is_told_and_nothing_changes() {
    let gateway = with_releases(2).await;
    for number in [0, 3, u32::MAX] {
        let answer = roll_back(&gateway, json!({ "release": number })).await;
        answer.assert_problem(404, "not-found");
        assert!(answer.json()["detail"].as_str().unwrap().contains(&number.to_string()), "{}", answer.text());
    }
    for body in [
        json!({}),
        json!({ "release": -1 }),
        json!({ "release": "1" }),
        json!({ "release": 1, "force": true }),
    ] {
        roll_back(&gateway, body).await.assert_problem(422, "invalid");
    }
    assert_eq!(served(&gateway).await.0, "release 2\n");
    assert!(events(gateway.data(), "release.rollback").is_empty());
}

#[tokio::test]
async fn rolling_back_to_the_current_release_changes_nothing() {
    let gateway = with_releases(2).await;
    let before = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    gateway.advance(std::time::Duration::from_mins(1));
    assert_eq!(roll_back(&gateway, json!({ "release": 2 })).await.data()["current"], true);
    let after = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data();
    assert_eq!(after, before);
    assert!(events(gateway.data(), "release.rollback").is_empty());
}

#[tokio::test]
async fn after_a_rollback_the_numbers_go_on_and_the_same_set_is_the_one_that_is_served() {
    let gateway = with_releases(2).await;
    roll_back(&gateway, json!({ "release": 1 })).await.data();
    let deploy = async |text: &str| {
        let files = [("README.md", PAGE), ("text.txt", text)];
        gateway.deploy_files("docs", &files).await.data()["release"].clone()
    };
    assert_eq!(deploy("release 1\n").await, 1);
    assert_eq!(deploy("release 2\n").await, 3);
    assert_eq!(deploy("release 4\n").await, 4);
    assert_eq!(served(&gateway).await.0, "release 4\n");
}
