//! Who is let in: which values, in which headers, and what is told to those who are not.

mod brake;
mod dead_values;
mod in_url;

use serde_json::json;

use crate::support::{Answer, Issued, TestGateway, percent_encoded, unknown_value};

/// The forms in which a client may present a value.
fn forms(value: &str) -> Vec<(&'static str, String)> {
    vec![
        ("authorization", format!("Bearer {value}")),
        ("Authorization", format!("bearer {value}")),
        ("AUTHORIZATION", format!("BEARER  {value} ")),
        ("token", value.to_owned()),
        ("Token", format!(" {value}")),
        ("token", format!("Bearer {value}")),
    ]
}

/// A route of each kind: the management API, a private application, a public one.
const ROUTES: [&str; 4] = ["/api/v1/tokens/self", "/api/v1/environments", "/e/docs/guide", "/e/open/guide"];

async fn with_applications() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.deploy("open").await;
    let public = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/open").json(&public).send().await.data();
    gateway
}

async fn present(gateway: &TestGateway, route: &str, header: &str, text: &str) -> Answer {
    gateway.get(route).header(header, text).send().await
}

#[tokio::test]
async fn a_living_token_is_let_in_however_its_header_is_written() {
    let gateway = with_applications().await;
    let token = gateway.token().scope("read").issue().await;
    for (header, text) in forms(&token.value) {
        for route in ROUTES {
            let answer = present(&gateway, route, header, &text).await;
            assert_eq!(answer.status, 200, "{header}: {text:?} at {route}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn pitfall_04_a_bad_value_is_refused_alike_however_it_is_presented() {
    let gateway = with_applications().await;
    let revoked = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    let low = gateway.token().scope("read").issue().await;
    for value in ["tf_short", &unknown_value(1), &revoked.value] {
        for route in ROUTES {
            let mut answers = Vec::new();
            for (header, text) in forms(value) {
                let answer = present(&gateway, route, header, &text).await;
                answer.assert_problem(401, "invalid-token");
                answers.push(answer.without_request_id());
            }
            for answer in &answers {
                assert_eq!(answer.headers, answers[0].headers, "{route}");
                assert_eq!(answer.json()["detail"], answers[0].json()["detail"], "{route}");
            }
        }
    }
    for (header, text) in forms(&low.value) {
        present(&gateway, "/api/v1/tokens", header, &text).await.assert_problem(403, "insufficient-scope");
    }
}

#[tokio::test]
async fn a_token_that_is_sent_is_judged_on_a_public_application_too() {
    let gateway = with_applications().await;
    assert_eq!(gateway.get("/e/open/guide").send().await.status, 200);
    for value in ["nonsense", "", &unknown_value(2)] {
        let read = gateway.get("/e/open/guide").token(value).send().await;
        read.assert_problem(401, "invalid-token");
        let holder = Issued { id: String::new(), value: value.to_owned() };
        gateway.run(&holder, "open", &["ls"]).await.assert_problem(401, "invalid-token");
    }
}

#[tokio::test]
async fn another_scheme_than_bearer_is_a_token_that_is_none() {
    let gateway = with_applications().await;
    let token = gateway.token().issue().await;
    let basic = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("token:{}", token.value))
    };
    for text in [
        format!("Basic {basic}"),
        format!("Digest {}", token.value),
        format!("Token {}", token.value),
        token.value.clone(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer\t{}", token.value),
        format!("Bearer: {}", token.value),
        format!("Bearer {} {}", token.value, token.value),
        format!("Bearer {},", token.value),
        format!("Bearer \"{}\"", token.value),
    ] {
        for route in ROUTES {
            let answer = present(&gateway, route, "authorization", &text).await;
            answer.assert_problem(401, "invalid-token");
        }
    }
}

#[tokio::test]
async fn two_different_tokens_in_one_request_are_refused_whichever_is_valid() {
    let gateway = with_applications().await;
    let (one, other) = (gateway.token().issue().await, gateway.token().issue().await);
    let bearer = |value: &str| ("authorization", format!("Bearer {value}"));
    let plain = |value: &str| ("token", value.to_owned());
    for pair in [
        [bearer(&one.value), plain(&other.value)],
        [bearer(&one.value), bearer(&other.value)],
        [plain(&one.value), plain(&other.value)],
        [bearer(&one.value), plain("nonsense")],
        [bearer("nonsense"), plain(&one.value)],
        [bearer(&one.value), plain("")],
        [("authorization", "Basic YTpi".to_owned()), plain(&one.value)],
    ] {
        for route in ROUTES {
            let [first, second] = &pair;
            let call = gateway.get(route).header(first.0, &first.1).header(second.0, &second.1);
            let answer = call.send().await;
            answer.assert_problem(400, "conflicting-tokens");
            assert_eq!(answer.header("www-authenticate"), "");
        }
    }
    let used = gateway.record(&one).await;
    assert_eq!(used["usage_count"], 0, "a call that is refused for its two tokens uses neither");
}

#[tokio::test]
async fn the_same_token_twice_is_one_token() {
    let gateway = with_applications().await;
    let token = gateway.token().issue().await;
    let call = gateway.get("/e/docs").token(&token.value).token(&token.value).header("token", &token.value);
    assert_eq!(call.send().await.status, 200);
    assert_eq!(gateway.record(&token).await["usage_count"], 1);
}

#[tokio::test]
async fn a_strangers_body_is_not_waited_for() {
    let gateway = with_applications().await;
    for (method, path) in [
        ("POST", "/api/v1/tokens"),
        ("POST", "/api/v1/tokens/self/rotate"),
        ("PUT", "/api/v1/environments/by-name/docs"),
        ("POST", "/api/v1/introspect"),
        ("POST", "/e/docs"),
    ] {
        let call = gateway.call(method, path).header("content-length", "1000");
        call.header("content-type", "application/json").send().await.assert_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn an_organization_that_a_header_names_must_be_the_callers() {
    let gateway = TestGateway::start().await;
    let own = gateway.record(&gateway.admin).await["organization_id"].as_str().unwrap().to_owned();
    let call = |named: &str| {
        gateway.as_admin("GET", "/api/v1/tokens/self").header("X-Statespace-Org-Id", named).send()
    };
    for named in [own.as_str(), &own["org-".len()..], " ", &format!(" {own} ")] {
        assert_eq!(call(named).await.status, 200, "{named:?}");
    }
    let absent = gateway.as_admin("GET", "/api/v1/tokens/tok-aaaaaaaaaaaa").send().await;
    for named in ["org-aaaaaaaaaaaa", "aaaaaaaaaaaa", "acme", "*", &own.replace("org-", "tok-"), "\u{fc}"] {
        let answer = call(named).await;
        answer.assert_problem(404, "not-found");
        assert_eq!(answer.without_request_id(), absent.without_request_id(), "{named:?}");
    }
    let stranger = gateway.get("/api/v1/tokens/self").header("x-statespace-org-id", "org-aaaaaaaaaaaa");
    stranger.send().await.assert_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_path_may_begin_with_two_slashes() {
    let gateway = with_applications().await;
    let token = gateway.token().scope("admin").issue().await;
    for path in
        ["//api/v1/tokens?limit=1", "///api/v1/tokens/self", "//healthz", "//e/docs/guide", "//e/open/guide"]
    {
        let answer = gateway.get(path).token(&token.value).send().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let made = gateway.as_admin("POST", "//api/v1/tokens").json(&json!({ "name": "a", "scope": "read" }));
    assert_eq!(made.send().await.status, 201);
    gateway.get("//api/v1/tokens").send().await.assert_problem(401, "unauthorized");
    gateway.get("//e/docs/guide").send().await.assert_problem(401, "unauthorized");
}

#[tokio::test]
async fn pitfall_23_what_is_sent_is_never_read_as_sql() {
    let gateway = with_applications().await;
    let before = gateway.world().await;
    let wicked = ["' OR '1'='1", "tf_' OR 1=1 --", "x'; DROP TABLE tokens; --", "%' UNION SELECT digest --"];
    for text in wicked {
        for header in ["authorization", "token"] {
            let text = if header == "token" { text.to_owned() } else { format!("Bearer {text}") };
            for route in ROUTES {
                present(&gateway, route, header, &text).await.assert_problem(401, "invalid-token");
            }
        }
        let encoded = percent_encoded(text);
        for path in [format!("/api/v1/tokens/{encoded}"), format!("/api/v1/environments/{encoded}")] {
            gateway.as_admin("GET", &path).send().await.assert_problem(404, "not-found");
        }
        let path = format!("/api/v1/tokens?cursor={encoded}&environment_id={encoded}");
        let answer = gateway.as_admin("GET", &path).send().await;
        answer.assert_invalid("cursor");
        answer.assert_invalid("environment_id");
        let call = gateway.as_admin("POST", "/api/v1/tokens").header("idempotency-key", text);
        let answer = call.json(&json!({ "name": "a", "scope": "read" })).send().await;
        answer.assert_problem(400, "bad-request");
        let call = gateway.as_admin("GET", "/api/v1/tokens").header("user-agent", text);
        assert_eq!(call.header("x-statespace-org-id", text).send().await.status, 404);
    }
    assert_eq!(gateway.world().await, before);
    assert_eq!(gateway.record(&gateway.admin).await["last_used_user_agent"], json!(null));
}

#[tokio::test]
async fn pitfall_24_a_value_is_judged_without_asking_the_store() {
    let gateway = with_applications().await;
    let token = gateway.token().issue().await;
    gateway.get("/e/docs/guide").token(&token.value).send().await;
    let database = gateway.database();
    // Who finds tokens by asking the database finds none now.
    database.execute_batch("ALTER TABLE token_generations RENAME TO gone").unwrap();
    for value in ["nonsense", &unknown_value(3)] {
        gateway.get("/e/docs/guide").token(value).send().await.assert_problem(401, "invalid-token");
    }
    assert_eq!(gateway.get("/e/docs/guide").token(&token.value).send().await.status, 200);
}
