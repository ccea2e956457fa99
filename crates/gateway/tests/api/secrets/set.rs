//! PUT /api/v1/environments/{id}/secrets/{name}.

use serde_json::{Value, json};

use crate::support::{TestGateway, events};

#[tokio::test]
async fn a_secret_is_made_and_then_replaced() {
    let gateway = TestGateway::with_page().await;
    let made = gateway.set("docs", "KEY", "hunter2").await;
    assert_eq!(made.status, 201, "{}", made.text());
    let at = "2026-01-01T00:00:00Z";
    assert_eq!(made.data(), json!({ "name": "KEY", "created_at": at, "updated_at": at }));
    assert_eq!(made.header("cache-control"), "no-store");
    gateway.advance(std::time::Duration::from_mins(1));
    let replaced = gateway.set("docs", "KEY", "another one").await;
    assert_eq!(replaced.status, 200, "{}", replaced.text());
    let later = "2026-01-01T00:01:00Z";
    assert_eq!(replaced.data(), json!({ "name": "KEY", "created_at": at, "updated_at": later }));
    assert_eq!(gateway.names("docs").await, ["KEY"]);
    assert_eq!(gateway.output(&["sh", "-c", "test \"$KEY\" = 'another one'"]).await["returncode"], 0);
}

#[tokio::test]
async fn each_change_is_an_event_with_the_name_alone() {
    let gateway = TestGateway::with_page().await;
    gateway.set("docs", "KEY", "hunter2").await.data();
    gateway.set("docs", "KEY", "hunter3").await.data();
    gateway.set("docs", "KEY", "").await.assert_problem(422, "invalid");
    gateway.secret("DELETE", "docs", "KEY").send().await.data();
    let told: Vec<_> = events(gateway.data(), "secret.")
        .into_iter()
        .map(|event| {
            assert_eq!(event.detail, json!({ "name": "KEY" }));
            assert!(event.request_id.is_some());
            event.action
        })
        .collect();
    assert_eq!(told, ["secret.set", "secret.set", "secret.delete"]);
}

#[tokio::test]
async fn a_name_is_that_of_a_variable_which_steers_nothing() {
    let gateway = TestGateway::with_page().await;
    for (name, told) in [
        ("2FA", "digit"),
        ("A-B", "letters, digits"),
        ("A%20B", "letters, digits"),
        ("A%00B", "letters, digits"),
        ("%C3%84", "letters, digits"),
        ("PATH", "steers"),
        ("LD_PRELOAD", "steers"),
        ("PYTHONPATH", "steers"),
        ("HOME", "steers"),
        ("GIT_SSH_COMMAND", "steers"),
        ("BASH_ENV", "steers"),
        (&"A".repeat(129), "at most"),
    ] {
        let answer = gateway.set("docs", name, "hunter2").await;
        let message = answer.assert_invalid("name");
        assert!(message.contains(told), "{name}: {message}");
    }
    gateway.set("docs", "%FF", "hunter2").await.assert_problem(404, "not-found");
    gateway.set("docs", "", "hunter2").await.assert_problem(404, "not-found");
    assert!(gateway.names("docs").await.is_empty());
    gateway.set("docs", &"A".repeat(128), "hunter2").await.data();
    gateway.set("docs", "_", "hunter2").await.data();
    gateway.set("docs", "pgpassword%31", "hunter2").await.data();
    assert!(gateway.names("docs").await.contains(&"pgpassword1".to_owned()));
}

#[tokio::test]
async fn a_value_can_be_given_as_a_variable_and_masked() {
    let gateway = TestGateway::with_page().await;
    for (value, told) in [
        (String::new(), "not empty"),
        ("abc".to_owned(), "masking everything"),
        ("s3cr\0et".to_owned(), "NUL"),
        ("x".repeat(64 * 1024 + 1), "65536"),
    ] {
        let message = gateway.set("docs", "KEY", &value).await.assert_invalid("value");
        assert!(message.contains(told), "{message}");
    }
    assert!(gateway.names("docs").await.is_empty());
    // Both faults at once.
    let both = gateway.set("docs", "A-B", "").await.json();
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
    for value in ["abcd", "é\u{1F511} \"\\\n\r\t'$KEY`", &"\u{1}".repeat(64 * 1024)] {
        gateway.set("docs", "KEY", value).await.data();
        let script = "printf %s \"$KEY\" | wc -c";
        let reply = gateway.output(&["sh", "-c", script]).await;
        assert_eq!(reply["stdout"].as_str().unwrap().trim(), value.len().to_string());
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_without_being_repeated() {
    let gateway = TestGateway::with_page().await;
    let put = |body: Value| gateway.secret("PUT", "docs", "KEY").json(&body).send();
    for body in [
        json!({}),
        json!([]),
        json!(["hunter2"]),
        json!("hunter2"),
        json!(null),
        json!({ "value": null }),
        json!({ "value": 20_571_998 }),
        json!({ "value": ["hunter2"] }),
        json!({ "value": { "hunter2": 1 } }),
        json!({ "value": "hunter2", "hunter2": 1 }),
        json!({ "hunter2": "hunter2" }),
    ] {
        let answer = put(body.clone()).await;
        let message = answer.assert_invalid("value");
        assert!(message.contains("`value`"), "{body}: {message}");
        let text = answer.text();
        assert!(!text.contains("hunter2") && !text.contains("20571998"), "{body}: {text}");
    }
    for bytes in
        [&b"hunter2"[..], b"{\"value\": \"hunter2", b"{\"value\": \"hunter2\"} hunter2", b"\xff", b""]
    {
        let answer =
            gateway.secret("PUT", "docs", "KEY").bytes("application/json", bytes.to_vec()).send().await;
        answer.assert_problem(400, "bad-request");
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
    let text = gateway.secret("PUT", "docs", "KEY").bytes("text/plain", b"hunter2".to_vec()).send().await;
    text.assert_problem(415, "unsupported-media-type");
    let long = vec![b' '; 1024 * 1024 + 1];
    let long = gateway.secret("PUT", "docs", "KEY").bytes("application/json", long).send().await;
    long.assert_problem(413, "too-large");
    assert!(gateway.names("docs").await.is_empty());
}

#[tokio::test]
async fn an_environment_has_a_hundred_secrets_and_half_a_megabyte_of_them() {
    let gateway = TestGateway::with_page().await;
    for number in 0..100 {
        gateway.set("docs", &format!("KEY_{number}"), "hunter2").await.data();
    }
    let refused = gateway.set("docs", "ONE_MORE", "hunter2").await;
    refused.assert_problem(409, "conflict");
    assert!(refused.text().contains("100 secrets"), "{}", refused.text());
    gateway.set("docs", "KEY_7", "another").await.data();
    // All of them reach a command.
    let count = gateway.output(&["sh", "-c", "env | grep -c '^KEY_'"]).await;
    assert_eq!(count["stdout"], "100\n");

    gateway.deploy_files("full", &[("README.md", super::PAGE)]).await.data();
    let long = "x".repeat(64 * 1024);
    for number in 0..7 {
        gateway.set("full", &format!("KEY_{number}"), &long).await.data();
    }
    let refused = gateway.set("full", "KEY_7", &long).await;
    refused.assert_problem(409, "conflict");
    assert!(refused.text().contains("524288 bytes"), "{}", refused.text());
    let body = json!({ "command": ["sh", "-c", "env | grep -c '^KEY_'"] });
    let ran = gateway.as_admin("POST", "/e/full").json(&body).send().await;
    assert_eq!((ran.status, &ran.json()["stdout"]), (200, &json!("7\n")), "{}", ran.text());
}

#[tokio::test]
async fn it_takes_an_administrator_of_the_environment() {
    let gateway = TestGateway::with_page().await;
    gateway.deploy("other").await;
    let path = "/api/v1/environments/docs/secrets/KEY";
    let body = json!({ "value": "hunter2" });
    let put = |value: &str| gateway.call("PUT", path).token(value).json(&body).send();
    gateway.call("PUT", path).json(&body).send().await.assert_problem(401, "unauthorized");
    put("tf_nonsense").await.assert_problem(401, "invalid-token");
    for scope in ["read", "execute"] {
        let token = gateway.token().scope(scope).issue().await;
        put(&token.value).await.assert_problem(403, "insufficient-scope");
    }
    let stranger = gateway.token().scope("admin").only(&["other"]).issue().await;
    let hidden = put(&stranger.value).await;
    hidden.assert_problem(404, "not-found");
    let absent = gateway.call("PUT", "/api/v1/environments/absent/secrets/KEY").token(&stranger.value);
    assert_eq!(hidden.without_request_id(), absent.json(&body).send().await.without_request_id());
    assert!(gateway.names("docs").await.is_empty());
    let own = gateway.token().scope("admin").only(&["docs"]).issue().await;
    assert_eq!(put(&own.value).await.status, 201);
}
