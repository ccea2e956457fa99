//! `GET /api/v1/tokens`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Issued, TestGateway};

/// The ids on one page, and its `next_cursor`.
async fn page(gateway: &TestGateway, by: &Issued, query: &str) -> (Vec<String>, Option<String>) {
    let answer = gateway.get(&format!("/api/v1/tokens{query}")).token(&by.value).send().await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    let ids = body["data"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned());
    (ids.collect(), body["next_cursor"].as_str().map(str::to_owned))
}

async fn ids(gateway: &TestGateway, query: &str) -> Vec<String> {
    page(gateway, &gateway.admin, query).await.0
}

/// So many tokens, each a second younger than the one before.
async fn several(gateway: &TestGateway, count: usize) -> Vec<String> {
    let mut ids = vec![gateway.admin.id.clone()];
    for _ in 0..count {
        gateway.advance(Duration::from_secs(1));
        ids.push(gateway.token().issue().await.id);
    }
    ids.reverse();
    ids
}

#[tokio::test]
async fn a_list_shows_active_tokens_and_the_others_when_asked() {
    let gateway = TestGateway::start().await;
    let (active, revoked) = (gateway.token().issue().await, gateway.token().issue().await);
    let expired = gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    gateway.advance(Duration::from_hours(1));
    let mut living = vec![gateway.admin.id.clone(), active.id.clone()];
    living.sort();
    for query in ["", "?only_active=true"] {
        let mut found = ids(&gateway, query).await;
        found.sort();
        assert_eq!(found, living, "{query}");
    }
    let mut all = vec![gateway.admin.id.clone(), active.id, revoked.id, expired.id];
    all.sort();
    let mut found = ids(&gateway, "?only_active=false").await;
    found.sort();
    assert_eq!(found, all);
}

#[tokio::test]
async fn a_list_is_of_records_without_values_the_newest_first() {
    let gateway = TestGateway::start().await;
    let expected = several(&gateway, 5).await;
    let answer = gateway.as_admin("GET", "/api/v1/tokens").send().await;
    let listed = answer.data();
    let records = listed.as_array().unwrap();
    let found: Vec<_> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(found, expected);
    assert_eq!(answer.json()["next_cursor"], Value::Null);
    for record in records {
        assert!(record.get("token").is_none(), "{record}");
        let issued = Issued { id: record["id"].as_str().unwrap().to_owned(), value: String::new() };
        if issued.id != gateway.admin.id {
            assert_eq!(*record, gateway.record(&issued).await);
        }
    }
}

#[tokio::test]
async fn pages_by_cursor_stay_as_they_are_while_tokens_are_made_and_revoked() {
    let gateway = TestGateway::start().await;
    let expected = several(&gateway, 6).await;
    let (mut found, cursor) = page(&gateway, &gateway.admin, "?limit=3").await;
    let mut cursor = cursor;
    while let Some(next) = cursor {
        // Newer ones come before the pages that were seen; the page that was seen may lose its last.
        gateway.advance(Duration::from_secs(1));
        gateway.token().issue().await;
        let last = found.last().unwrap();
        gateway.as_admin("DELETE", &format!("/api/v1/tokens/{last}")).send().await.data();
        let (more, after) = page(&gateway, &gateway.admin, &format!("?limit=3&cursor={next}")).await;
        found.extend(more);
        cursor = after;
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn tokens_of_the_same_instant_are_told_apart_by_the_cursor() {
    let gateway = TestGateway::start().await;
    for _ in 0..6 {
        gateway.token().issue().await;
    }
    let all = ids(&gateway, "").await;
    assert_eq!(all.len(), 7);
    for limit in 1..=8 {
        let (mut found, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let (more, next) = page(&gateway, &gateway.admin, &query).await;
            assert!(more.len() <= limit);
            found.extend(more);
            let Some(next) = next else { break };
            query = format!("?limit={limit}&cursor={next}");
        }
        assert_eq!(found, all, "in pages of {limit}");
    }
}

#[tokio::test]
async fn an_offset_leaves_out_the_newest() {
    let gateway = TestGateway::start().await;
    let expected = several(&gateway, 5).await;
    for offset in 0..8 {
        let found = ids(&gateway, &format!("?offset={offset}")).await;
        assert_eq!(found, expected[offset.min(6)..], "{offset}");
    }
    assert_eq!(ids(&gateway, "?offset=2&limit=2").await, expected[2..4]);
    assert_eq!(ids(&gateway, &format!("?offset={}", u64::MAX)).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_list_can_be_of_one_environment() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    gateway.deploy("other").await;
    let one = gateway.token().only(&["docs"]).issue().await;
    let both = gateway.token().only(&["docs", "other"]).issue().await;
    let other = gateway.token().only(&["other"]).issue().await;
    for named in ["docs", docs.as_str(), &docs["env-".len()..]] {
        let found = ids(&gateway, &format!("?environment_id={named}")).await;
        for id in [&one.id, &both.id, &gateway.admin.id] {
            assert!(found.contains(id), "{named}: {id}");
        }
        assert!(!found.contains(&other.id) && found.len() == 3, "{named}");
    }
    for named in ["nowhere", "env-aaaaaaaaaaaa", ""] {
        let answer = gateway.as_admin("GET", &format!("/api/v1/tokens?environment_id={named}")).send().await;
        assert_eq!(answer.assert_invalid("environment_id"), "there is no such environment", "{named:?}");
    }
}

#[tokio::test]
async fn a_list_can_be_of_what_expires_soon() {
    let gateway = TestGateway::start().await;
    let hour = gateway.token().set("expires_at", "2026-01-01T01:00:00Z").issue().await;
    let day = gateway.token().set("expires_at", "2026-01-02T00:00:00Z").issue().await;
    assert_eq!(ids(&gateway, "?expiring_within=60").await, Vec::<String>::new());
    assert_eq!(ids(&gateway, "?expiring_within=3600").await, Vec::<String>::new(), "strictly before");
    assert_eq!(ids(&gateway, "?expiring_within=3601").await, [hour.id.as_str()]);
    let mut both = vec![hour.id, day.id];
    both.sort();
    let mut found = ids(&gateway, "?expiring_within=86401").await;
    found.sort();
    assert_eq!(found, both);
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_named() {
    let gateway = TestGateway::start().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=18446744073709551615", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=99999999999999999999.tok-aaaaaaaaaaaa", "cursor"),
        ("cursor=1.env-aaaaaaaaaaaa", "cursor"),
        ("cursor=1.tok-aaaaaaaaaaaa&offset=1", "cursor"),
        ("limit=-1", "query"),
        ("limit=ten", "query"),
        ("limit=", "query"),
        ("offset=-1", "query"),
        ("only_active=yes", "query"),
        ("only_active=", "query"),
        ("expiring_within=-1", "query"),
        ("expiring_within=4294967296", "query"),
        ("limit=1&limit=2", "query"),
    ] {
        let answer = gateway.as_admin("GET", &format!("/api/v1/tokens?{query}")).send().await;
        assert!(!answer.assert_invalid(field).is_empty(), "{query}");
    }
    let unknown = gateway.as_admin("GET", "/api/v1/tokens?only_actve=false").send().await;
    assert!(unknown.assert_invalid("query").contains("only_actve"), "{}", unknown.text());
    for query in ["?limit=1", "?limit=1000"] {
        ids(&gateway, query).await;
    }
}

#[tokio::test]
async fn an_organization_that_the_query_names_must_be_the_callers() {
    let gateway = TestGateway::start().await;
    let own = gateway.record(&gateway.admin).await["organization_id"].as_str().unwrap().to_owned();
    for named in [own.as_str(), &own["org-".len()..]] {
        assert_eq!(ids(&gateway, &format!("?organization_id={named}")).await, [gateway.admin.id.as_str()]);
    }
    for named in ["org-aaaaaaaaaaaa", "acme"] {
        let answer = gateway.as_admin("GET", &format!("/api/v1/tokens?organization_id={named}")).send().await;
        answer.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn listing_takes_the_scope_admin() {
    let gateway = TestGateway::start().await;
    gateway.get("/api/v1/tokens").send().await.assert_problem(401, "unauthorized");
    for scope in ["read", "execute"] {
        let token = gateway.token().scope(scope).issue().await;
        for query in ["", "?limit=0", "?nonsense=1"] {
            let answer = gateway.get(&format!("/api/v1/tokens{query}")).token(&token.value).send().await;
            answer.assert_problem(403, "insufficient-scope");
        }
    }
}

#[tokio::test]
async fn an_administrator_of_some_environments_lists_what_it_dominates_in_full_pages() {
    let gateway = TestGateway::start().await;
    for name in ["docs", "other"] {
        gateway.deploy(name).await;
    }
    let some = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let mut expected = vec![some.id.clone()];
    for number in 0..9 {
        gateway.advance(Duration::from_secs(1));
        let token = match number % 3 {
            0 => gateway.token().only(&["docs"]).issue().await,
            1 => gateway.token().only(&["docs", "other"]).issue().await,
            _ => gateway.token().issue().await,
        };
        if number % 3 == 0 {
            expected.push(token.id);
        }
    }
    expected.reverse();
    assert_eq!(page(&gateway, &some, "").await, (expected.clone(), None));
    assert_eq!(page(&gateway, &some, "?offset=1&limit=1").await.0, expected[1..2]);
    let (first, next) = page(&gateway, &some, "?limit=3").await;
    assert_eq!(first, expected[..3]);
    let (second, end) = page(&gateway, &some, &format!("?limit=3&cursor={}", next.unwrap())).await;
    assert_eq!((second.as_slice(), end), (&expected[3..], None));
    // Of an environment that it does not have it learns nothing.
    for named in ["other", "nowhere"] {
        let answer = gateway.get(&format!("/api/v1/tokens?environment_id={named}")).token(&some.value);
        assert_eq!(
            answer.send().await.json()["errors"][0],
            json!({
                "field": "environment_id", "message": "there is no such environment",
            })
        );
    }
}
