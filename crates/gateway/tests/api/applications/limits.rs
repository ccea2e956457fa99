//! How many commands may run at once.

use serde_json::json;
use toolfront_gateway::{Limits, Settings};

use crate::support::{Answer, Issued, Napper, TestGateway, events, eventually};

const PAGE: &str = "---\ntools:\n  - [sleep, {}, ;]\n  - [ls]\n---\n";

async fn start(change: impl FnOnce(&mut Limits)) -> TestGateway {
    let gateway = TestGateway::start_with(|settings: &mut Settings| change(&mut settings.limits)).await;
    for name in ["one", "two"] {
        gateway.deploy_files(name, &[("README.md", PAGE)]).await.data();
    }
    gateway
}

/// A command that sleeps until it is woken.
struct Asleep {
    napper: Napper,
    answer: tokio::task::JoinHandle<Answer>,
}

impl Asleep {
    async fn begin(gateway: &TestGateway, token: Option<&Issued>, name: &str) -> Self {
        let napper = Napper::new();
        let mut call = gateway.call("POST", &format!("/e/{name}"));
        if let Some(token) = token {
            call = call.token(&token.value);
        }
        let call = call.json(&json!({ "command": ["sleep", napper.seconds()] }));
        let answer = tokio::spawn(call.send());
        napper.fall_asleep().await;
        Self { napper, answer }
    }

    async fn wake(self) {
        self.napper.wake();
        assert_eq!(self.answer.await.unwrap().json()["returncode"], 128 + 9);
    }
}

async fn list(gateway: &TestGateway, token: Option<&Issued>, name: &str) -> Answer {
    let call = gateway.call("POST", &format!("/e/{name}"));
    let call = token.map_or(call.clone(), |token| call.token(&token.value));
    call.json(&json!({ "command": ["ls"] })).send().await
}

#[track_caller]
fn assert_busy(answer: &Answer) {
    answer.assert_problem(429, "too-many-requests");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0, "{}", answer.text());
}

/// The place is given up when the answer is on its way, which the client can't see the moment of.
async fn assert_free_again(gateway: &TestGateway, token: Option<&Issued>, name: &str) {
    eventually("a free place", async || (list(gateway, token, name).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn one_token_runs_so_many_commands_and_the_others_are_not_in_its_way() {
    let gateway = start(|limits| limits.runs_per_token_max = 2).await;
    let (greedy, modest) = (gateway.token().issue().await, gateway.token().issue().await);
    let first = Asleep::begin(&gateway, Some(&greedy), "one").await;
    let second = Asleep::begin(&gateway, Some(&greedy), "two").await;
    for name in ["one", "two"] {
        assert_busy(&list(&gateway, Some(&greedy), name).await);
        assert_eq!(list(&gateway, Some(&modest), name).await.status, 200, "{name}");
    }
    first.wake().await;
    assert_free_again(&gateway, Some(&greedy), "one").await;
    second.wake().await;
}

#[tokio::test]
async fn one_environment_runs_so_many_commands_and_the_others_are_not_in_its_way() {
    let gateway = start(|limits| limits.runs_per_environment_max = 1).await;
    let (first, second) = (gateway.token().issue().await, gateway.token().issue().await);
    let asleep = Asleep::begin(&gateway, Some(&first), "one").await;
    assert_busy(&list(&gateway, Some(&second), "one").await);
    assert_eq!(list(&gateway, Some(&second), "two").await.status, 200);
    asleep.wake().await;
    assert_free_again(&gateway, Some(&second), "one").await;
}

#[tokio::test]
async fn the_gateway_runs_so_many_commands() {
    let gateway = start(|limits| limits.runs_max = 2).await;
    let (first, second) = (gateway.token().issue().await, gateway.token().issue().await);
    let asleep = [
        Asleep::begin(&gateway, Some(&first), "one").await,
        Asleep::begin(&gateway, Some(&second), "two").await,
    ];
    assert_busy(&list(&gateway, Some(&gateway.admin), "one").await);
    // Reading takes no place.
    assert_eq!(gateway.as_admin("GET", "/e/one").send().await.status, 200);
    for asleep in asleep {
        asleep.wake().await;
    }
    assert_free_again(&gateway, Some(&gateway.admin), "one").await;
}

#[tokio::test]
async fn the_visitors_of_a_public_application_share_one_allowance() {
    let gateway = start(|limits| limits.runs_per_token_max = 1).await;
    let public = json!({ "visibility": "public" });
    for name in ["one", "two"] {
        gateway.as_admin("PATCH", &format!("/api/v1/environments/{name}")).json(&public).send().await.data();
    }
    let asleep = Asleep::begin(&gateway, None, "one").await;
    assert_busy(&list(&gateway, None, "one").await);
    assert_eq!(list(&gateway, None, "two").await.status, 200);
    assert_eq!(list(&gateway, Some(&gateway.admin), "one").await.status, 200);
    asleep.wake().await;
    assert_free_again(&gateway, None, "one").await;
}

#[tokio::test]
async fn what_is_refused_for_want_of_a_place_has_not_begun() {
    let gateway = start(|limits| limits.runs_max = 1).await;
    let asleep = Asleep::begin(&gateway, Some(&gateway.admin), "one").await;
    for _ in 0..3 {
        assert_busy(&list(&gateway, Some(&gateway.admin), "one").await);
    }
    asleep.wake().await;
    assert_eq!(events(gateway.data(), "run.begin").len(), 1);
}

#[tokio::test]
async fn commands_that_are_refused_take_no_place() {
    let gateway = start(|limits| limits.runs_max = 1).await;
    for body in [json!({ "command": ["rm"] }), json!({ "command": [] }), json!({})] {
        for _ in 0..3 {
            let answer = gateway.as_admin("POST", "/e/one").json(&body).send().await;
            assert!([403, 422].contains(&answer.status), "{}", answer.text());
        }
    }
    assert_eq!(list(&gateway, Some(&gateway.admin), "one").await.status, 200);
}

#[tokio::test]
async fn an_environment_with_a_limit_of_its_own_runs_no_more() {
    let gateway = start(|_| {}).await;
    let path = "/api/v1/environments/one";
    gateway.as_admin("PATCH", path).json(&json!({ "limits": { "runs": 1 } })).send().await.data();
    let asleep = Asleep::begin(&gateway, Some(&gateway.admin), "one").await;
    let other = gateway.token().issue().await;
    assert_busy(&list(&gateway, Some(&other), "one").await);
    assert_eq!(list(&gateway, Some(&other), "two").await.status, 200);
    gateway.as_admin("PATCH", path).json(&json!({ "limits": { "runs": 2 } })).send().await.data();
    assert_eq!(list(&gateway, Some(&other), "one").await.status, 200);
    asleep.wake().await;
}

#[tokio::test]
async fn a_token_that_fills_the_gateway_leaves_room_for_the_first_command_of_another() {
    let gateway = start(|limits| limits.runs_max = 4).await;
    let (greedy, modest) = (gateway.token().issue().await, gateway.token().issue().await);
    let mut asleep = Vec::new();
    for name in ["one", "one", "two"] {
        asleep.push(Asleep::begin(&gateway, Some(&greedy), name).await);
    }
    assert_busy(&list(&gateway, Some(&greedy), "two").await);
    assert_eq!(list(&gateway, Some(&modest), "two").await.status, 200);
    for asleep in asleep {
        asleep.wake().await;
    }
}
