//! Finding events, and the token of a value that somebody found.

use serde_json::{Value, json};

use crate::support::{Answer, Issued, TestGateway, checksum_of, unknown_value};

fn sequences(events: &Value) -> Vec<i64> {
    events.as_array().unwrap().iter().map(|event| event["sequence"].as_i64().unwrap()).collect()
}

fn last(log: &[Value]) -> i64 {
    log.last().unwrap()["sequence"].as_i64().unwrap()
}

struct World {
    gateway: TestGateway,
    docs: String,
    agent: Issued,
    log: Vec<Value>,
}

async fn world() -> World {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    gateway.deploy("other").await;
    let agent = gateway.token().only(&["docs"]).issue().await;
    for path in ["/e/docs/guide", "/e/docs/nothing", "/e/other/guide", "/api/v1/tokens"] {
        gateway.advance(std::time::Duration::from_secs(1));
        gateway.get(path).token(&agent.value).send().await;
        gateway.as_admin("GET", path).send().await;
    }
    gateway.run(&agent, "docs", &["ls"]).await;
    let log = gateway.told().await;
    World { gateway, docs, agent, log }
}

#[tokio::test]
async fn events_are_found_by_what_is_known_of_them() {
    let World { gateway, docs, agent, log } = world().await;
    let assert_found = async |query: &str, wanted: &dyn Fn(&Value) -> bool| {
        let found = gateway.audit(&gateway.admin, &format!("?order=oldest&limit=1000&{query}")).await.data();
        let seen: Vec<i64> = sequences(&found).into_iter().filter(|number| *number <= last(&log)).collect();
        let expected: Vec<i64> = log
            .iter()
            .filter(|event| wanted(event))
            .map(|event| event["sequence"].as_i64().unwrap())
            .collect();
        assert!(!expected.is_empty(), "{query} finds nothing");
        assert_eq!(seen, expected, "{query}");
    };
    let id = json!(agent.id);
    let is_agents = |event: &Value| event["token_id"] == id || event["subject_id"] == id;
    assert_found(&format!("token={}", agent.id), &is_agents).await;
    let is_of_docs = |event: &Value| event["environment_id"] == docs;
    assert_found("environment=docs", &is_of_docs).await;
    assert_found(&format!("environment={docs}"), &is_of_docs).await;
    assert_found("action=run.begin", &|event| event["action"] == "run.begin").await;
    assert_found("action=run.", &|event| event["action"].as_str().unwrap().starts_with("run.")).await;
    assert_found("outcome=scope,environment", &|event| {
        event["outcome"] == "scope" || event["outcome"] == "environment"
    })
    .await;
    let denied = ["invalid", "expired", "revoked", "rotated", "scope", "environment"];
    assert_found("outcome=denied", &|event| denied.contains(&event["outcome"].as_str().unwrap())).await;
    assert_found("since=2026-01-01T00:00:03Z", &|event| event["at"].as_str() >= Some("2026-01-01T00:00:03Z"))
        .await;
    assert_found("until=2026-01-01T00:00:03Z", &|event| event["at"].as_str() < Some("2026-01-01T00:00:03Z"))
        .await;
    assert_found("since=2026-01-01&until=2026-01-02", &|_| true).await;
    assert_found(
        &format!("environment=docs&token={}&action=page.read&outcome=allowed", agent.id),
        &|event| {
            is_of_docs(event)
                && is_agents(event)
                && event["action"] == "page.read"
                && event["outcome"] == "allowed"
        },
    )
    .await;
}

#[tokio::test]
async fn pages_follow_each_other_while_events_are_added() {
    let World { gateway, log, .. } = world().await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            gateway.audit(&gateway.admin, &format!("?limit=4&until=2026-01-01T00:00:04Z{cursor}")).await;
        seen.extend(sequences(&page.data()));
        gateway.advance(std::time::Duration::from_secs(10));
        gateway.as_admin("GET", "/e/docs/guide").send().await;
        match page.json()["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut expected: Vec<&Value> =
        log.iter().filter(|event| event["at"].as_str() < Some("2026-01-01T00:00:04Z")).collect();
    expected.sort_by_key(|event| {
        std::cmp::Reverse((
            event["at"].to_string().len(),
            event["at"].to_string(),
            event["sequence"].as_i64(),
        ))
    });
    let expected: Vec<i64> = expected.iter().map(|event| event["sequence"].as_i64().unwrap()).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_named() {
    let gateway = TestGateway::start().await;
    for (field, values) in [
        ("limit", &["0", "1001"][..]),
        ("environment", &["nowhere", "env-nonsense"]),
        ("outcome", &["nonsense", "allowed,nonsense"]),
        ("since", &["yesterday", "2026-13-01"]),
        ("until", &["24h"]),
        ("order", &["up"]),
        ("cursor", &["nonsense", "1.x"]),
    ] {
        for value in values {
            gateway.audit(&gateway.admin, &format!("?{field}={value}")).await.assert_invalid(field);
        }
    }
    // What is no id may be a value.
    let nonsense = gateway.audit(&gateway.admin, "?token=nonsense").await;
    nonsense.assert_problem(400, "token-in-url");
    let both = gateway.audit(&gateway.admin, "?limit=0&order=up").await;
    both.assert_invalid("limit");
    both.assert_invalid("order");
}

#[tokio::test]
async fn an_only_admin_sees_its_environments_and_the_tokens_below_it() {
    let World { gateway, docs, agent, .. } = world().await;
    let only = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let log = gateway.told().await;
    let own = [json!(agent.id), json!(only.id)];
    let sees = |event: &&Value| match (&event["environment_id"], &event["subject_id"], &event["token_id"]) {
        (Value::Null, Value::Null, token) | (Value::Null, token, _) => own.contains(token),
        (environment, ..) => *environment == docs,
    };
    let seen = gateway.audit(&only, "?order=oldest&limit=1000").await.data();
    let expected: Vec<i64> =
        log.iter().filter(sees).map(|event| event["sequence"].as_i64().unwrap()).collect();
    let seen: Vec<i64> = sequences(&seen).into_iter().filter(|number| *number <= last(&log)).collect();
    assert_eq!(seen, expected);
    assert!(expected.len() < log.len());
    gateway.audit(&only, "?environment=other").await.assert_invalid("environment");
    // Others may not read it at all.
    for scope in ["read", "execute"] {
        let token = gateway.token().scope(scope).issue().await;
        gateway.audit(&token, "").await.assert_problem(403, "insufficient-scope");
    }
    gateway.get("/api/v1/audit").send().await.assert_problem(401, "unauthorized");
}

impl TestGateway {
    async fn find(&self, by: &Issued, value: &str) -> Answer {
        let body = json!({ "digest": checksum_of(value.as_bytes()) });
        self.call("POST", "/api/v1/tokens/find").token(&by.value).json(&body).send().await
    }
}

#[tokio::test]
async fn a_value_is_found_by_its_digest_dead_or_alive() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let found = gateway.find(&gateway.admin, &token.value).await.data();
    assert_eq!(
        (&found["token"]["id"], &found["generation"], &found["is_alive"]),
        (&json!(token.id), &json!(1), &json!(true))
    );
    let path = format!("/api/v1/tokens/{}", token.id);
    let rotated = gateway.as_admin("POST", &format!("{path}/rotate")).json(&json!({})).send().await;
    let found = gateway.find(&gateway.admin, &token.value).await.data();
    assert_eq!((&found["generation"], &found["is_alive"]), (&json!(1), &json!(false)));
    gateway.as_admin("DELETE", &path).send().await.data();
    let found = gateway.find(&gateway.admin, &Issued::in_answer(&rotated).value).await.data();
    assert_eq!((&found["generation"], &found["is_alive"]), (&json!(2), &json!(false)));
}

#[tokio::test]
async fn a_value_of_a_token_out_of_sight_is_answered_as_one_that_never_was() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.deploy("other").await;
    let only = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let below = gateway.token().scope("read").only(&["docs"]).issue().await;
    assert_eq!(gateway.find(&only, &below.value).await.data()["token"]["id"], below.id);
    let never = gateway.find(&only, &unknown_value(1)).await;
    never.assert_problem(404, "not-found");
    let beside = gateway.token().scope("read").only(&["other"]).issue().await;
    for hidden in [&beside, &gateway.admin] {
        let answer = gateway.find(&only, &hidden.value).await;
        assert_eq!(without_ids(&answer), without_ids(&never));
    }
    for digest in ["", "sha256:00", "md5:00"] {
        let call = gateway.as_admin("POST", "/api/v1/tokens/find").json(&json!({ "digest": digest }));
        call.send().await.assert_invalid("digest");
    }
    let agent = gateway.token().issue().await;
    gateway.find(&agent, &below.value).await.assert_problem(403, "insufficient-scope");
}

/// All of an answer but the request's own id.
fn without_ids(answer: &Answer) -> (u16, Value, Vec<(String, String)>) {
    let mut body = answer.json();
    for member in ["request_id", "instance"] {
        body.as_object_mut().unwrap().remove(member);
    }
    let same = answer.without_request_id();
    (answer.status, body, same.headers.into_iter().collect())
}
