//! How commands end that do not end by themselves: their time, their client, their token, their gateway.

use std::time::Duration;

use futures_util::future::{Either, select};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Answer, Connection, Event, Issued, Napper, TestGateway, events, eventually};

/// `$$1` is the shell's own `$1`: after the sleep it says that it went on.
const PAGE: &str = "---\ntools:\n  - command: [sleep, {}, ;]\n    timeout: 5m\n  \
    - [sh, -c, 'sleep \"$$1\"; echo went on', sh, {}, ;]\n  \
    - command: [sh, -c, 'echo begun; trap \"\" TERM; sleep \"$$1\"; sleep \"$$1\"', sh, {}]\n    timeout: 500ms\n---\n";

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    gateway
}

fn sleep(napper: &Napper) -> Value {
    json!({ "command": ["sleep", napper.seconds()] })
}

/// A shell that says so when its sleep is over.
fn sleep_and_go_on(napper: &Napper) -> Value {
    json!({ "command": ["sh", "-c", "sleep \"$$1\"; echo went on", "sh", napper.seconds()] })
}

fn begin(gateway: &TestGateway, token: &Issued, body: &Value) -> tokio::task::JoinHandle<Answer> {
    tokio::spawn(gateway.call("POST", "/e/docs").token(&token.value).json(body).send())
}

/// The end of the one run that there was.
async fn end_of_run(gateway: &TestGateway) -> Event {
    let end = eventually("the run's end event", async || events(gateway.data(), "run.end").pop()).await;
    let begins = events(gateway.data(), "run.begin");
    assert_eq!((begins.len(), &end.detail["begin"]), (1, &json!(begins[0].sequence)));
    end
}

async fn revoke(gateway: &TestGateway, token: &Issued, body: &Value) {
    let path = format!("/api/v1/tokens/{}", token.id);
    gateway.as_admin("DELETE", &path).json(body).send().await.data();
}

#[tokio::test]
async fn a_command_whose_time_is_over_is_ended_with_all_its_children() {
    let gateway = start().await;
    let napper = Napper::new();
    let script = "echo begun; trap \"\" TERM; sleep \"$$1\"; sleep \"$$1\"";
    let body = json!({ "command": ["sh", "-c", script, "sh", napper.seconds()] });
    let answer = begin(&gateway, &gateway.admin, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let reply = answer.json();
    assert_eq!((&reply["timed_out"], &reply["returncode"]), (&json!(true), &json!(124)));
    assert_eq!(reply["stdout"], "begun\n");
    napper.be_gone().await;
    assert_eq!(end_of_run(&gateway).await.detail["outcome"], "timed_out");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_command() {
    let gateway = start().await;
    let napper = Napper::new();
    let call = begin(&gateway, &gateway.admin, &sleep_and_go_on(&napper));
    napper.fall_asleep().await;
    call.abort();
    napper.be_gone().await;
    assert_eq!(end_of_run(&gateway).await.detail["outcome"], "ended");
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_command_is_being_recorded_leaves_a_run_with_an_end() {
    let gateway = TestGateway::start_with(|settings| settings.limits.runs_per_token_max = 1).await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    let (token, napper) = (gateway.token().issue().await, Napper::new());
    let call = || gateway.call("POST", "/e/docs").token(&token.value).json(&sleep(&napper)).send();
    let database = gateway.database();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One of them has the token's place and waits for the database; the other one's answer tells that.
    let first = select(tokio::spawn(call()), tokio::spawn(call())).await;
    let (Either::Left((refused, waiting)) | Either::Right((refused, waiting))) = first;
    assert_eq!(refused.unwrap().status, 429);
    waiting.abort();
    // Until the place is free again: then the gateway knows. Who is not refused waits too, and goes away as well.
    while let Ok(answer) = timeout(Duration::from_millis(200), call()).await {
        assert_eq!(answer.status, 429);
    }
    database.execute_batch("ROLLBACK").unwrap();
    let ends = eventually("each begin has an end", async || {
        let (begins, ends) = (events(gateway.data(), "run.begin"), events(gateway.data(), "run.end"));
        (!begins.is_empty() && begins.len() == ends.len()).then_some(ends)
    });
    for end in ends.await {
        assert_eq!(end.detail["outcome"], "ended");
    }
    napper.be_gone().await;
}

#[tokio::test]
async fn pitfall_18_revoking_with_kill_ends_what_the_token_runs() {
    let gateway = start().await;
    let (token, other) = (gateway.token().issue().await, gateway.token().issue().await);
    let (killed, spared) = (Napper::new(), Napper::new());
    let call = begin(&gateway, &token, &sleep_and_go_on(&killed));
    let bystander = begin(&gateway, &other, &sleep_and_go_on(&spared));
    killed.fall_asleep().await;
    spared.fall_asleep().await;
    revoke(&gateway, &token, &json!({ "kill": true })).await;
    call.await.unwrap().assert_problem(401, "invalid-token");
    killed.be_gone().await;
    assert!(spared.is_asleep());
    let ends = events(gateway.data(), "run.end");
    assert_eq!((ends.len(), &ends[0].detail["outcome"]), (1, &json!("ended_with_token")));
    spared.wake();
    assert_eq!(bystander.await.unwrap().json()["stdout"], "went on\n");
}

#[tokio::test]
async fn revoking_without_kill_lets_a_command_end_by_itself() {
    let gateway = start().await;
    for body in [json!({}), json!({ "kill": false })] {
        let (token, napper) = (gateway.token().issue().await, Napper::new());
        let call = begin(&gateway, &token, &sleep_and_go_on(&napper));
        napper.fall_asleep().await;
        revoke(&gateway, &token, &body).await;
        let next = gateway.run(&token, "docs", &["sleep", "0"]).await;
        next.assert_problem(401, "invalid-token");
        assert!(napper.is_asleep());
        napper.wake();
        let answer = call.await.unwrap();
        assert_eq!((answer.status, &answer.json()["stdout"]), (200, &json!("went on\n")));
    }
}

#[tokio::test]
async fn a_token_that_revokes_itself_with_kill_ends_its_own_commands() {
    let gateway = start().await;
    let (token, napper) = (gateway.token().issue().await, Napper::new());
    let call = begin(&gateway, &token, &sleep(&napper));
    napper.fall_asleep().await;
    let revoke = gateway.call("DELETE", "/api/v1/tokens/self").token(&token.value);
    revoke.json(&json!({ "kill": true })).send().await.data();
    call.await.unwrap().assert_problem(401, "invalid-token");
    napper.be_gone().await;
}

/// A request whose headers have been judged, and whose body has not come yet.
async fn half_sent(gateway: &TestGateway, token: &Issued, body: &str) -> Connection {
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "POST /e/docs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        token.value,
        body.len(),
    );
    connection.send(head).await;
    // It is said when the body is asked for, which is after the token was judged.
    connection.read_until("100 Continue").await;
    connection
}

#[tokio::test]
async fn a_command_does_not_begin_with_a_token_that_was_revoked_while_the_request_came() {
    let gateway = start().await;
    for kill in [true, false] {
        let (token, napper) = (gateway.token().issue().await, Napper::new());
        let body = sleep(&napper).to_string();
        let mut connection = half_sent(&gateway, &token, &body).await;
        revoke(&gateway, &token, &json!({ "kill": kill })).await;
        connection.send(&body).await;
        let answer = tokio::select! {
            answer = connection.read_to_end() => answer,
            () = napper.fall_asleep() => panic!("the command began, with kill: {kill}"),
        };
        assert!(answer.contains("HTTP/1.1 401"), "{answer}");
    }
    assert!(events(gateway.data(), "run.begin").is_empty());
}

#[tokio::test]
async fn a_command_does_not_begin_in_an_environment_that_was_deleted_while_the_request_came() {
    let gateway = start().await;
    let napper = Napper::new();
    let body = sleep(&napper).to_string();
    let mut connection = half_sent(&gateway, &gateway.admin, &body).await;
    gateway.as_admin("DELETE", "/api/v1/environments/docs").send().await.data();
    connection.send(&body).await;
    let answer = tokio::select! {
        answer = connection.read_to_end() => answer,
        () = napper.fall_asleep() => panic!("the command began"),
    };
    assert!(answer.contains("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn a_command_goes_on_in_its_release_when_another_is_published_and_when_all_is_deleted() {
    let gateway = start().await;
    let napper = Napper::new();
    let page = "---\ntools:\n  - [sh, -c, 'sleep \"$$1\"; cat note.txt', sh, {}, ;]\n---\n";
    gateway.deploy_files("docs", &[("README.md", page), ("note.txt", "the old note\n")]).await.data();
    let body = json!({ "command": ["sh", "-c", "sleep \"$$1\"; cat note.txt", "sh", napper.seconds()] });
    let call = begin(&gateway, &gateway.admin, &body);
    napper.fall_asleep().await;
    gateway.deploy_files("docs", &[("README.md", page), ("note.txt", "the new note\n")]).await.data();
    gateway.as_admin("DELETE", "/api/v1/environments/docs").send().await.data();
    napper.wake();
    assert_eq!(call.await.unwrap().json()["stdout"], "the old note\n");
}

#[tokio::test]
async fn a_gateway_that_stops_ends_what_does_not_end_in_time_and_records_it() {
    let gateway =
        TestGateway::start_with(|settings| settings.limits.drain_time = std::time::Duration::ZERO).await;
    gateway.deploy_files("docs", &[("README.md", PAGE)]).await.data();
    let napper = Napper::new();
    let call = begin(&gateway, &gateway.admin, &sleep(&napper));
    napper.fall_asleep().await;
    let directory = gateway.stop().await;
    assert!(!napper.is_asleep());
    let events = events(&directory.path().join("data"), "run.");
    let actions: Vec<_> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["run.begin", "run.end"]);
    call.abort();
}
