//! What a token may not see is answered like what does not exist: the same bytes, for every call there is.

use serde_json::{Value, json};

use crate::support::{Answer, Call, Issued, TestGateway, inline};

/// Every call on an environment, which is named as `named`.
fn calls(gateway: &TestGateway, named: &str) -> Vec<Call> {
    let api =
        |method: &str, below: &str| gateway.call(method, &format!("/api/v1/environments/{named}{below}"));
    let page = |method: &str, below: &str| gateway.call(method, &format!("/e/{named}{below}"));
    let files = json!({ "files": inline(&[("README.md", "# New\n")]) });
    let run = json!({ "command": ["ls"] });
    vec![
        page("GET", ""),
        page("GET", "/"),
        page("GET", "/guide"),
        page("GET", "/nothing"),
        page("GET", "/notes.txt").header("range", "bytes=0-1"),
        page("GET", "/guide").header("accept", "text/html"),
        page("HEAD", "/guide"),
        page("DELETE", "/guide"),
        page("GET", "/..%2f"),
        page("POST", "").json(&run),
        page("POST", "/guide").json(&run),
        page("POST", "/guide").json(&json!({})),
        page("POST", "/guide").bytes("text/plain", b"x".to_vec()),
        api("GET", ""),
        api("HEAD", ""),
        api("GET", "/releases"),
        api("PATCH", "").json(&json!({ "visibility": "public" })),
        api("PATCH", "").json(&json!({ "visibility": "none" })),
        api("PATCH", "").json(&json!({ "name": "taken" })),
        api("PATCH", "").bytes("text/plain", b"x".to_vec()),
        api("DELETE", ""),
        api("POST", "/publish").json(&files),
        api("POST", "/publish").json(&json!({ "nonsense": 1 })),
        api("POST", "/rollback").json(&json!({ "release": 1 })),
        api("POST", "/rollback").json(&json!({ "release": 99 })),
        api("GET", "/secrets"),
        api("PUT", "/secrets/KEY").json(&json!({ "value": "hunter2" })),
        api("PUT", "/secrets/PATH").json(&json!({ "value": "" })),
        api("PUT", "/secrets/KEY").bytes("text/plain", b"x".to_vec()),
        api("DELETE", "/secrets/KEY"),
        api("DELETE", "/secrets/A-B"),
    ]
}

/// A gateway with `docs`, `taken` and `hidden`, where the last has two releases.
async fn with_a_hidden_one() -> (TestGateway, String) {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.deploy("taken").await;
    let hidden = gateway.deploy("hidden").await;
    gateway.deploy_files("hidden", &[("README.md", "# Two\n")]).await.data();
    (gateway, hidden)
}

async fn answers(gateway: &TestGateway, by: &Issued, named: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for call in calls(gateway, named) {
        answers.push(call.token(&by.value).send().await.without_request_id());
    }
    answers
}

#[tokio::test]
async fn pitfall_25_an_environment_outside_the_set_can_not_be_told_from_one_that_does_not_exist() {
    let (gateway, hidden) = with_a_hidden_one().await;
    let before = gateway.world().await["environments"].clone();
    for scope in ["read", "execute", "admin"] {
        let token = gateway.token().scope(scope).only(&["docs"]).issue().await;
        let pairs = [
            ("hidden", "absent"),
            (hidden.as_str(), "env-aaaaaaaaaaaa"),
            (&hidden["env-".len()..], "aaaaaaaaaaaa"),
        ];
        for (there, absent) in pairs {
            let (there, absent) =
                (answers(&gateway, &token, there).await, answers(&gateway, &token, absent).await);
            for (place, (there, absent)) in there.iter().zip(&absent).enumerate() {
                assert_eq!(there.status, 404, "{scope}, call {place}: {}", there.text());
                assert_eq!(there, absent, "{scope}, call {place}");
            }
        }
    }
    assert_eq!(gateway.world().await["environments"], before);
}

#[tokio::test]
async fn pitfall_25_without_a_living_token_every_environment_is_answered_alike() {
    let (gateway, hidden) = with_a_hidden_one().await;
    for named in ["docs", "hidden", hidden.as_str()] {
        for (there, absent) in calls(&gateway, named).into_iter().zip(calls(&gateway, "absent")) {
            let is_head = there.method == "HEAD";
            let (there, absent) = (there.send().await, absent.send().await);
            assert_eq!(there.status, 401);
            if !is_head {
                there.assert_problem(401, "unauthorized");
            }
            assert_eq!(but_the_id(&there), but_the_id(&absent), "{named}");
        }
    }
}

/// Headers and body without the request's id, which a 401 has in both.
fn but_the_id(answer: &Answer) -> (Answer, Value) {
    let mut headers = answer.without_request_id();
    headers.body = Vec::new();
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body.as_object_mut().and_then(|body| body.remove("request_id"));
    (headers, body)
}

#[tokio::test]
async fn pitfall_25_a_deleted_environment_is_answered_like_one_that_never_was() {
    let (gateway, hidden) = with_a_hidden_one().await;
    let named = gateway.token().scope("admin").only(&["hidden"]).issue().await;
    gateway.as_admin("DELETE", "/api/v1/environments/hidden").send().await.data();
    for token in [&named, &gateway.admin] {
        let absent = answers(&gateway, token, "absent").await;
        assert!(absent.iter().all(|answer| answer.status == 404));
        assert_eq!(answers(&gateway, token, "hidden").await, absent);
        assert_eq!(
            answers(&gateway, token, &hidden).await,
            answers(&gateway, token, "env-aaaaaaaaaaaa").await
        );
    }
}

#[tokio::test]
async fn pitfall_25_an_applications_host_tells_no_more_than_its_path() {
    let gateway =
        TestGateway::start_with(|settings| settings.app_domain = Some("apps.test".to_owned())).await;
    for name in ["docs", "hidden"] {
        gateway.deploy(name).await;
    }
    let token = gateway.token().only(&["docs"]).issue().await;
    let ask = |method: &str, name: &str, value: Option<&str>| {
        let call = gateway.call(method, "/guide").header("host", &format!("{name}.apps.test"));
        let call = if method == "POST" { call.json(&json!({ "command": ["ls"] })) } else { call };
        match value {
            None => call.send(),
            Some(value) => call.token(value).send(),
        }
    };
    assert_eq!(ask("GET", "docs", Some(&token.value)).await.status, 200);
    for method in ["GET", "POST"] {
        let hidden = ask(method, "hidden", Some(&token.value)).await;
        hidden.assert_problem(404, "not-found");
        let absent = ask(method, "absent", Some(&token.value)).await;
        assert_eq!(hidden.without_request_id(), absent.without_request_id());
        for name in ["docs", "hidden", "absent"] {
            ask(method, name, None).await.assert_problem(401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn pitfall_25_a_token_outside_the_set_can_not_be_told_from_one_that_does_not_exist() {
    let (gateway, _) = with_a_hidden_one().await;
    let hidden = gateway.token().only(&["hidden"]).issue().await;
    let some = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let ask = |method: &str, id: &str, below: &str, body: Option<Value>| {
        let call = gateway.call(method, &format!("/api/v1/tokens/{id}{below}")).token(&some.value);
        match body {
            None => call.send(),
            Some(body) => call.json(&body).header("idempotency-key", "k").send(),
        }
    };
    for (method, below, body) in [
        ("GET", "", None),
        ("HEAD", "", None),
        ("POST", "/rotate", None),
        ("POST", "/rotate", Some(json!({ "grace_seconds": 60 }))),
        ("POST", "/rotate", Some(json!({ "scope": "nonsense" }))),
        ("DELETE", "", None),
        ("DELETE", "", Some(json!({ "reason": "" }))),
        ("DELETE", "", Some(json!({ "kill": true }))),
    ] {
        let there = ask(method, &hidden.id, below, body.clone()).await;
        let absent = ask(method, "tok-aaaaaaaaaaaa", below, body.clone()).await;
        assert_eq!(but_the_id(&there), but_the_id(&absent), "{method} {below} {body:?}");
        if there.status != 422 {
            assert_eq!(there.status, 404);
            assert_eq!(there.without_request_id(), absent.without_request_id());
        }
    }
    assert_eq!(gateway.get("/e/hidden").token(&hidden.value).send().await.status, 200);
}
