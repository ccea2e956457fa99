//! `POST /api/v1/tokens`.

use regex::Regex;
use serde_json::{Value, json};

use crate::support::{Issued, TestGateway};

const NOW: &str = "2026-01-01T00:00:00Z";

fn matches(pattern: &str, value: &Value) -> bool {
    Regex::new(pattern).unwrap().is_match(value.as_str().unwrap_or_else(|| panic!("{value}")))
}

#[tokio::test]
async fn a_new_token_is_answered_with_its_record_and_its_value() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    let body = json!({
        "name": "  deploy bot ", "scope": "execute", "allowed_environment_ids": ["docs"],
        "expires_at": "2027-01-31T12:00:00+02:00", "organization_id": null,
    });
    let answer = gateway.create(&gateway.admin, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    let data = answer.data();
    assert!(matches("^tok-[a-z2-7]{12}$", &data["id"]), "{data}");
    assert!(matches("^org-[a-z2-7]{12}$", &data["organization_id"]), "{data}");
    assert!(matches("^tf_[0-9A-Za-z]{40}$", &data["token"]), "{data}");
    let value = data["token"].as_str().unwrap();
    for (field, expected) in [
        ("name", json!("deploy bot")),
        ("scope", json!("environments:execute")),
        ("status", json!("active")),
        ("is_active", json!(true)),
        ("hint", json!(value[39..])),
        ("generation", json!(1)),
        ("created_at", json!(NOW)),
        ("created_by", json!(gateway.admin.id)),
        ("expires_at", json!("2027-01-31T10:00:00Z")),
        ("usage_count", json!(0)),
        ("usage_by_generation", json!([0])),
        ("allowed_environments", json!([docs])),
        ("environments", json!([{ "id": docs, "name": "docs", "deleted": false }])),
        ("rotated_at", Value::Null),
        ("last_used_at", Value::Null),
        ("last_used_ip", Value::Null),
        ("last_used_user_agent", Value::Null),
        ("revoked_at", Value::Null),
        ("revoked_by", Value::Null),
        ("revocation_reason", Value::Null),
    ] {
        assert_eq!(data[field], expected, "{field}");
    }
    assert_eq!(data.as_object().unwrap().len(), 23, "the record's 22 fields and the value: {data}");
    let mut shown = data.clone();
    shown.as_object_mut().unwrap().remove("token");
    assert_eq!(gateway.record(&Issued::in_answer(&answer)).await, shown);
}

#[tokio::test]
async fn values_and_ids_are_never_given_twice() {
    let gateway = TestGateway::start().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..50 {
        let token = gateway.token().issue().await;
        assert!(seen.insert(token.id) && seen.insert(token.value));
    }
}

#[tokio::test]
async fn scopes_are_taken_in_both_forms_and_others_are_refused_with_the_three() {
    let gateway = TestGateway::start().await;
    for scope in ["read", "execute", "admin"] {
        for form in [scope.to_owned(), format!("environments:{scope}")] {
            let answer = gateway.create(&gateway.admin, &json!({ "name": "a", "scope": form })).await;
            assert_eq!(answer.data()["scope"], format!("environments:{scope}"));
        }
    }
    let before = gateway.world().await;
    for scope in ["", "write", "Read", "read ", "*", "environments:", "environments:*", "all", "read execute"]
    {
        let answer = gateway.create(&gateway.admin, &json!({ "name": "a", "scope": scope })).await;
        let told = answer.assert_invalid("scope");
        assert!(["read", "execute", "admin"].iter().all(|word| told.contains(word)), "{told}");
    }
    for scope in [json!(null), json!(7), json!(["read"]), json!({ "read": true })] {
        gateway.create(&gateway.admin, &json!({ "name": "a", "scope": scope })).await.assert_invalid("body");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn names_are_held_to_their_limits() {
    let gateway = TestGateway::start().await;
    for name in ["x".repeat(100), "\u{fc}".repeat(100), " \t kept \n".to_owned(), "kept".to_owned()] {
        let answer = gateway.create(&gateway.admin, &json!({ "name": name, "scope": "read" })).await;
        assert_eq!(answer.data()["name"], name.trim(), "a name need not be unique");
    }
    let before = gateway.world().await;
    for (name, told) in [
        (String::new(), "must not be empty"),
        (" \t\n".to_owned(), "must not be empty"),
        ("x".repeat(101), "must have at most 100 characters, this has 101"),
        ("\u{fc}".repeat(101), "must have at most 100 characters, this has 101"),
        ("a\u{0}b".to_owned(), "must not contain control characters"),
        ("a\nb".to_owned(), "must not contain control characters"),
        ("a\u{1b}[31mb".to_owned(), "must not contain control characters"),
        ("a\u{202e}b".to_owned(), "must not contain control characters"),
        ("a\u{7f}b".to_owned(), "must not contain control characters"),
    ] {
        let answer = gateway.create(&gateway.admin, &json!({ "name": name, "scope": "read" })).await;
        assert_eq!(answer.assert_invalid("name"), told, "{name:?}");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn expiries_are_taken_with_an_offset_without_one_and_as_a_date() {
    let gateway = TestGateway::start().await;
    for (sent, kept) in [
        ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00Z"),
        ("2030-01-31T12:00:00.25-05:30", "2030-01-31T17:30:00.25Z"),
        ("2030-01-31 12:00:00+00:00", "2030-01-31T12:00:00Z"),
        ("2030-01-31T12:00:00", "2030-01-31T12:00:00Z"),
        ("2030-01-31T12:00", "2030-01-31T12:00:00Z"),
        ("2030-01-31", "2030-02-01T00:00:00Z"),
        // The end of today is still to come.
        ("2026-01-01", "2026-01-02T00:00:00Z"),
    ] {
        let body = json!({ "name": "a", "scope": "read", "expires_at": sent });
        assert_eq!(gateway.create(&gateway.admin, &body).await.data()["expires_at"], kept, "{sent}");
    }
    for body in
        [json!({ "name": "a", "scope": "read" }), json!({ "name": "a", "scope": "read", "expires_at": null })]
    {
        assert_eq!(gateway.create(&gateway.admin, &body).await.data()["expires_at"], Value::Null);
    }
    let before = gateway.world().await;
    for past in [NOW, "2025-12-31", "2025-12-31T23:59:59Z", "2026-01-01T01:00:00+02:00", "0001-01-01"] {
        let body = json!({ "name": "a", "scope": "read", "expires_at": past });
        let told = gateway.create(&gateway.admin, &body).await.assert_invalid("expires_at");
        assert_eq!(told, "the expiry lies in the past", "{past}");
    }
    for wrong in
        ["", "soon", "never", "30d", "2030-02-30", "2030-13-01", "12:00", "1893456000", "2030", "+1d"]
    {
        let body = json!({ "name": "a", "scope": "read", "expires_at": wrong });
        let told = gateway.create(&gateway.admin, &body).await.assert_invalid("expires_at");
        assert!(told.starts_with("not a time"), "{wrong:?}: {told}");
    }
    for wrong in [json!(0), json!(-1), json!(1_893_456_000), json!(false), json!([])] {
        let body = json!({ "name": "a", "scope": "read", "expires_at": wrong });
        gateway.create(&gateway.admin, &body).await.assert_invalid("body");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn environments_are_named_by_id_with_its_prefix_or_without_or_by_name() {
    let gateway = TestGateway::start().await;
    let (docs, other) = (gateway.deploy("docs").await, gateway.deploy("other").await);
    let mut both = vec![docs.clone(), other.clone()];
    both.sort();
    for (sent, kept) in [
        (vec![docs.as_str()], vec![docs.clone()]),
        (vec![&docs["env-".len()..]], vec![docs.clone()]),
        (vec!["docs"], vec![docs.clone()]),
        (vec!["docs", &docs, "docs"], vec![docs.clone()]),
        (vec!["other", &docs], both),
    ] {
        let body = json!({ "name": "a", "scope": "read", "allowed_environment_ids": sent });
        let data = gateway.create(&gateway.admin, &body).await.data();
        let mut found: Vec<String> = serde_json::from_value(data["allowed_environments"].clone()).unwrap();
        found.sort();
        assert_eq!(found, kept, "{sent:?}");
    }
    let before = gateway.world().await;
    for unknown in ["nowhere", "env-aaaaaaaaaaaa", "", "*", "all", "tok-aaaaaaaaaaaa", "doc", "docs2"] {
        let body = json!({ "name": "a", "scope": "read", "allowed_environment_ids": ["docs", unknown] });
        let told = gateway.create(&gateway.admin, &body).await.assert_invalid("allowed_environment_ids[1]");
        assert_eq!(told, format!("there is no environment {unknown:?}"));
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "", "scope": "write", "expires_at": "soon", "allowed_environment_ids": ["a", "b"],
    });
    let answer = gateway.create(&gateway.admin, &body).await;
    for field in ["name", "scope", "expires_at", "allowed_environment_ids[0]", "allowed_environment_ids[1]"] {
        answer.assert_invalid(field);
    }
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused_with_what_is_wrong() {
    let gateway = TestGateway::start_with(|settings| settings.limits.json_bytes_max = 1000).await;
    let before = gateway.world().await;
    let send = |content_type: &str, body: &str| {
        let call = gateway.as_admin("POST", "/api/v1/tokens");
        call.bytes(content_type, body.as_bytes().to_vec()).send()
    };
    let good = r#"{"name": "a", "scope": "read"}"#;
    for broken in ["", " ", "{", "{]", "nonsense", r#"{"name": "a", "scope": "read"} x"#, "{'name': 'a'}"] {
        send("application/json", broken).await.assert_problem(400, "bad-request");
    }
    for (body, field) in [
        (r#"{"name": "a"}"#, "scope"),
        (r#"{"scope": "read"}"#, "name"),
        ("{}", "name"),
        (r#"{"name": "a", "scope": "read", "scopes": []}"#, "scopes"),
        (r#"{"name": "a", "scope": "read", "environments": []}"#, "environments"),
        (r#"{"name": "a", "scope": "read", "environment_ids": ["docs"]}"#, "environment_ids"),
        (r#"{"name": "a", "scope": "read", "token": "tf_x"}"#, "token"),
        (r#"{"name": "a", "Scope": "read"}"#, "Scope"),
        (r#"{"name": "a", "name": "b", "scope": "read"}"#, "name"),
        (r#"{"name": "a", "scope": "read", "scope": "admin"}"#, "scope"),
        (r#"{"name": "a", "scope": "read", "expires_at": null, "expires_at": null}"#, "expires_at"),
        ("[]", "body"),
        (r#"["a", "read"]"#, "body"),
        ("null", "body"),
        ("7", "body"),
    ] {
        send("application/json", body).await.assert_invalid(field);
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "json"] {
        send(content_type, good).await.assert_problem(415, "unsupported-media-type");
    }
    let mut untyped = gateway.as_admin("POST", "/api/v1/tokens");
    untyped.body = good.as_bytes().to_vec();
    untyped.send().await.assert_problem(415, "unsupported-media-type");
    let large = format!("{good}{}", " ".repeat(1000));
    send("application/json", &large).await.assert_problem(413, "too-large");
    assert_eq!(gateway.world().await, before);
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        assert_eq!(send(content_type, good).await.status, 201);
    }
}

#[tokio::test]
async fn an_organization_that_the_body_names_must_be_the_callers() {
    let gateway = TestGateway::start().await;
    let own = gateway.record(&gateway.admin).await["organization_id"].as_str().unwrap().to_owned();
    let ask = |named: &str| json!({ "name": "a", "scope": "read", "organization_id": named });
    for named in [own.as_str(), &own["org-".len()..]] {
        assert_eq!(gateway.create(&gateway.admin, &ask(named)).await.status, 201, "{named}");
    }
    let before = gateway.world().await;
    for named in ["org-aaaaaaaaaaaa", "aaaaaaaaaaaa", "acme"] {
        gateway.create(&gateway.admin, &ask(named)).await.assert_problem(404, "not-found");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn making_tokens_takes_the_scope_admin() {
    let gateway = TestGateway::start().await;
    let body = json!({ "name": "a", "scope": "read" });
    gateway.call("POST", "/api/v1/tokens").json(&body).send().await.assert_problem(401, "unauthorized");
    for scope in ["read", "execute"] {
        let token = gateway.token().scope(scope).issue().await;
        let before = gateway.world().await;
        let answer = gateway.create(&token, &body).await;
        answer.assert_problem(403, "insufficient-scope");
        let challenge = r#"Bearer realm="toolfront", error="insufficient_scope", scope="environments:admin""#;
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert_eq!(gateway.world().await, before);
    }
}
