//! The brake on guessing.

use crate::support::{TestGateway, unknown_value};

#[tokio::test]
async fn too_many_bad_values_of_an_address_are_told_to_wait_and_valid_ones_still_pass() {
    let gateway = TestGateway::start_with(|settings| settings.limits.failures_per_minute_max = 3).await;
    gateway.deploy("docs").await;
    let token = gateway.token().issue().await;
    let revoked = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    let ask = |value: &str| gateway.get("/e/docs/guide").token(value).send();
    for number in 1..=3 {
        ask(&unknown_value(number)).await.assert_problem(401, "invalid-token");
    }
    for value in [unknown_value(4), "nonsense".to_owned(), String::new()] {
        let answer = ask(&value).await;
        answer.assert_problem(429, "too-many-requests");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(answer.header("www-authenticate"), "");
        let api = gateway.get("/api/v1/tokens").header("token", &value).send().await;
        api.assert_problem(429, "too-many-requests");
    }
    assert_eq!(ask(&token.value).await.status, 200, "who has a valid token never meets the brake");
    ask(&revoked.value).await.assert_problem(401, "invalid-token");
    gateway.get("/e/docs/guide").send().await.assert_problem(401, "unauthorized");
    ask(&unknown_value(5)).await.assert_problem(429, "too-many-requests");
}

#[tokio::test]
async fn addresses_behind_a_proxy_are_braked_each_for_itself() {
    let gateway = TestGateway::start_with(|settings| {
        settings.limits.failures_per_minute_max = 1;
        settings.behind_proxy = true;
    })
    .await;
    let ask = |from: &str| {
        let call = gateway.get("/api/v1/tokens").token("nonsense");
        call.header("x-forwarded-for", from).send()
    };
    ask("198.51.100.1").await.assert_problem(401, "invalid-token");
    ask("198.51.100.1").await.assert_problem(429, "too-many-requests");
    // What the client itself wrote before the proxy's word does not count.
    ask("203.0.113.9, 198.51.100.1").await.assert_problem(429, "too-many-requests");
    ask("198.51.100.2").await.assert_problem(401, "invalid-token");
    ask("2001:db8::1").await.assert_problem(401, "invalid-token");
    ask("2001:db8::2").await.assert_problem(429, "too-many-requests");
    ask("2001:db8:0:1::1").await.assert_problem(401, "invalid-token");
}

#[tokio::test]
async fn a_forwarded_address_is_not_believed_without_a_proxy() {
    let gateway = TestGateway::start_with(|settings| settings.limits.failures_per_minute_max = 1).await;
    let ask = |from: &str| {
        let call = gateway.get("/api/v1/tokens").token("nonsense");
        call.header("x-forwarded-for", from).send()
    };
    ask("198.51.100.1").await.assert_problem(401, "invalid-token");
    ask("198.51.100.2").await.assert_problem(429, "too-many-requests");
}
