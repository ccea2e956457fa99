//! A token in a URL is refused, wherever it stands there, and whatever else the request carries.

use serde_json::json;

use super::with_applications;
use crate::support::{percent_encoded, unknown_value};

#[tokio::test]
async fn pitfall_21_a_token_in_a_url_is_refused_with_the_advice_to_rotate_it() {
    let gateway = with_applications().await;
    let token = gateway.token().scope("admin").issue().await;
    let before = gateway.world().await;
    let value = &token.value;
    let all = percent_encoded(value).to_uppercase();
    for target in [
        format!("/api/v1/tokens?token={value}"),
        format!("/api/v1/tokens?access_token={value}"),
        format!("/api/v1/tokens?limit=1&anything={value}"),
        format!("/api/v1/tokens?{value}"),
        format!("/api/v1/tokens?{value}=1"),
        format!("/api/v1/tokens/{value}"),
        format!("/api/v1/tokens?cursor={all}"),
        format!("/api/v1/tokens/{all}"),
        format!("/api/v1/tokens?x=%74f_{}", &value[3..]),
        format!("/api/v1/tokens?x=tf%5f{}", &value[3..]),
        format!("/api/v1/tokens?x=before-{value}-after"),
        format!("/e/docs?token={value}"),
        format!("/e/docs/{value}"),
        format!("/e/{value}/guide"),
        format!("/e/open/guide?key={value}"),
        format!("/healthz?token={value}"),
        format!("//e/docs?token={value}"),
        format!("/nowhere/{value}"),
        format!("/e/docs?token={}", unknown_value(1)),
        "/e/docs?token=anything".to_owned(),
    ] {
        for call in [gateway.get(&target), gateway.get(&target).token(value)] {
            let answer = call.send().await;
            answer.assert_problem(400, "token-in-url");
            assert!(answer.json()["detail"].as_str().unwrap().contains("rotate"), "{}", answer.text());
            assert!(!answer.text().contains(&value[3..]), "the answer does not repeat it");
        }
    }
    let run = gateway.call("POST", &format!("/e/open?token={value}")).json(&json!({ "command": ["ls"] }));
    run.send().await.assert_problem(400, "token-in-url");
    let revoke = gateway.call("DELETE", &format!("/api/v1/tokens/self?token={value}")).token(value);
    revoke.send().await.assert_problem(400, "token-in-url");
    assert_eq!(gateway.world().await, before);
    assert_eq!(gateway.record(&token).await["usage_count"], 0);
}

#[tokio::test]
async fn what_only_resembles_a_token_may_stand_in_a_url() {
    let gateway = with_applications().await;
    for path in ["/e/open/guide?tf_=1", "/e/open/guide?x=tf_abc", "/e/open/guide?token=", "/e/open/guide?raw"]
    {
        assert_eq!(gateway.get(path).send().await.status, 200, "{path}");
    }
}
