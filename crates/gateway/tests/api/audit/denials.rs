//! A flood of denials does not fill the log, and is counted.

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{TestGateway, events, unknown_value};

const FLOOD: usize = 300;

fn sum(events: &[crate::support::Event], action: &str) -> u64 {
    let of_action = events.iter().filter(|event| event.action == action);
    of_action.map(|event| event.detail["count"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn pitfall_29_a_flood_of_denials_is_told_by_few_events_that_count_all_of_it() {
    let gateway = TestGateway::start().await;
    for part in 0..FLOOD / 50 {
        // Each for a path of its own, so that no two are told together.
        let calls = (0..50).map(|number| {
            let path = format!("/e/docs/{}", part * 50 + number);
            gateway.get(&path).token(&unknown_value(7)).send()
        });
        assert!(join_all(calls).await.iter().all(|answer| answer.status == 401));
    }
    let directory = gateway.stop().await;
    let told = events(&directory.path().join("data"), "access.");
    let (denied, omitted) = (sum(&told, "access.deny"), sum(&told, "access.omit"));
    assert_eq!(denied + omitted, u64::try_from(FLOOD).unwrap());
    assert!(omitted > 0 && told.len() < FLOOD / 2, "{} events", told.len());
}

#[tokio::test]
async fn uses_of_a_token_count_though_their_denials_are_left_out() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    let reader = gateway.token().scope("read").only(&["docs"]).issue().await;
    let calls = (0..FLOOD).map(|number| {
        let call = gateway.call("POST", &format!("/e/docs/{number}")).token(&reader.value);
        call.json(&serde_json::json!({ "command": ["ls"] })).send()
    });
    assert!(join_all(calls).await.iter().all(|answer| answer.status == 403));
    assert_eq!(gateway.record(&reader).await["usage_count"], FLOOD);
    let of_reader: Vec<Value> =
        gateway.told().await.into_iter().filter(|event| event["token_id"] == reader.id).collect();
    let told: u64 = of_reader.iter().map(|event| event["uses"].as_u64().unwrap()).sum();
    assert_eq!(told, u64::try_from(FLOOD).unwrap(), "the log tells of each use");
    assert!(of_reader.len() < FLOOD / 2);
    let omitted = of_reader.iter().find(|event| event["action"] == "access.omit").unwrap();
    assert_eq!((&omitted["environment_id"], &omitted["address"]), (&docs.into(), &"127.0.0.1".into()));
}
