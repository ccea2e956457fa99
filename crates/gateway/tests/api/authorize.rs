//! `/api/v1/authorize`: what proxies ask before they pass a request on.

use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, Issued, TestGateway, unknown_value};

async fn ask(gateway: &TestGateway, by: &Issued, query: &str) -> Answer {
    let call = |method| gateway.call(method, &format!("/api/v1/authorize{query}")).token(&by.value).send();
    let (get, post) = (call("GET").await, call("POST").await);
    assert_eq!(get.status, post.status, "{query}");
    assert_eq!(get.headers.keys().collect::<Vec<_>>(), post.headers.keys().collect::<Vec<_>>(), "{query}");
    get
}

#[tokio::test]
async fn every_scope_action_and_set_answers_as_the_matrix_says() {
    let gateway = TestGateway::start().await;
    for name in ["docs", "other"] {
        gateway.deploy(name).await;
    }
    let scopes = ["read", "execute", "admin"];
    for (had, scope) in scopes.iter().enumerate() {
        let all = gateway.token().scope(scope).issue().await;
        let some = gateway.token().scope(scope).only(&["docs"]).issue().await;
        for (needed, action) in scopes.iter().enumerate() {
            for token in [&all, &some] {
                let answer = ask(&gateway, token, &format!("?environment=docs&action={action}")).await;
                if had >= needed {
                    assert_eq!(answer.status, 200, "{scope} {action}: {}", answer.text());
                    assert_eq!(answer.body, b"");
                } else {
                    answer.assert_problem(403, "insufficient-scope");
                    let needed = format!(r#"scope="environments:{action}""#);
                    assert!(answer.header("www-authenticate").contains(&needed), "{scope} {action}");
                }
            }
            let answer = ask(&gateway, &some, &format!("?environment=other&action={action}")).await;
            answer.assert_problem(403, "insufficient-scope");
        }
    }
}

#[tokio::test]
async fn the_answer_says_who_asks() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    let token = gateway.token().only(&["docs"]).issue().await;
    let organization = gateway.record(&token).await["organization_id"].clone();
    for named in ["docs", docs.as_str(), &docs["env-".len()..]] {
        for query in
            [format!("?environment={named}"), format!("?environment={named}&action=environments:read")]
        {
            let answer = ask(&gateway, &token, &query).await;
            assert_eq!(answer.status, 200, "{query}");
            assert_eq!(answer.header("x-toolfront-token"), token.id);
            assert_eq!(json!(answer.header("x-toolfront-organization")), organization);
            assert_eq!(answer.header("x-toolfront-scope"), "environments:execute");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn without_an_environment_the_token_must_be_for_all() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let all = gateway.token().issue().await;
    let some = gateway.token().only(&["docs"]).issue().await;
    assert_eq!(ask(&gateway, &all, "").await.status, 200);
    assert_eq!(ask(&gateway, &all, "?action=execute").await.status, 200);
    ask(&gateway, &all, "?action=admin").await.assert_problem(403, "insufficient-scope");
    ask(&gateway, &some, "").await.assert_problem(403, "insufficient-scope");
    // An empty name is a name, and nothing has it.
    ask(&gateway, &all, "?environment=").await.assert_problem(403, "insufficient-scope");
}

#[tokio::test]
async fn pitfall_25_an_environment_outside_the_set_is_answered_like_one_that_does_not_exist() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let hidden = gateway.deploy("hidden").await;
    gateway.deploy("open").await;
    let public = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/open").json(&public).send().await.data();
    for scope in ["read", "execute", "admin"] {
        let token = gateway.token().scope(scope).only(&["docs"]).issue().await;
        for action in ["read", "execute", "admin"] {
            let absent = ask(&gateway, &token, &format!("?environment=absent&action={action}")).await;
            for named in ["hidden", "open", hidden.as_str(), "env-aaaaaaaaaaaa", ""] {
                let answer = ask(&gateway, &token, &format!("?environment={named}&action={action}")).await;
                let (mut answer, mut absent) = (answer.without_request_id(), absent.without_request_id());
                // A 403 carries the request's id; it is all that may differ.
                let strip = |answer: &mut Answer| {
                    let mut body = answer.json();
                    body.as_object_mut().unwrap().remove("request_id");
                    answer.body = body.to_string().into_bytes();
                };
                strip(&mut answer);
                strip(&mut absent);
                assert_eq!(answer, absent, "{scope} {action} {named:?}");
            }
        }
    }
}

#[tokio::test]
async fn proxies_get_401_for_every_value_that_is_not_alive() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let revoked = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    let expired = gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await;
    gateway.advance(Duration::from_hours(1));
    for value in [&revoked.value, &expired.value, &unknown_value(1), "nonsense"] {
        let holder = Issued { id: String::new(), value: value.to_owned() };
        let answer = ask(&gateway, &holder, "?environment=docs").await;
        answer.assert_problem(401, "invalid-token");
        assert_eq!(answer.header("x-toolfront-token"), "");
    }
    for method in ["GET", "POST", "HEAD"] {
        let answer = gateway.call(method, "/api/v1/authorize?environment=docs").send().await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="toolfront""#);
    }
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_named() {
    let gateway = TestGateway::start().await;
    for action in ["write", "", "Read", "*", "page:read"] {
        let told = ask(&gateway, &gateway.admin, &format!("?action={action}")).await.assert_invalid("action");
        assert!(told.contains("read, execute and admin"), "{told}");
    }
    for query in ["?environments=docs", "?environment=a&environment=b", "?x=1"] {
        ask(&gateway, &gateway.admin, query).await.assert_invalid("query");
    }
}

#[tokio::test]
async fn a_body_that_a_proxy_passes_on_is_not_read() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let call = gateway.as_admin("POST", "/api/v1/authorize?environment=docs");
    let answer = call.bytes("text/plain", b"whatever".to_vec()).send().await;
    assert_eq!(answer.status, 200);
}
