//! Requests that are told of in groups; and the one use that each request is.

use std::sync::Arc;

use serde_json::json;
use toolfront_store::{Attribution, Outcome, RequestGroup, RunEnded, TokenRefusal, UseSlip};
use toolfront_token::Scope;

use crate::world::log::{a_run, by_from, read};
use crate::world::{Backend, World, administrator, at, env_id, grant, new_token, selector, token_id, value};

pub(crate) async fn a_group_is_one_event_that_tells_of_all_its_requests<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = env_id();
    let single = RequestGroup { environment: Some(docs), requests: vec![0xab], ..read(&world.admin, 1) };
    let several = RequestGroup {
        count: 3,
        uses: 2,
        bytes: 30,
        last: at(4),
        requests: vec![1, 2],
        ..read(&world.admin, 2)
    };
    world.record(vec![single, several]).await.unwrap();
    let log = world.log().await;
    let [.., single, several] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((single.environment, single.uses, single.at), (Some(docs), 1, at(1)));
    assert_eq!(single.request_id.as_deref(), Some("req-00000000000000ab"));
    let detail = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let page = json!({ "release": 1, "page": "README.md", "status": 200, "count": 1, "bytes": 10 });
    assert_eq!(detail(&single.detail), page);
    assert_eq!((several.uses, several.at, several.request_id.as_deref()), (2, at(2), None));
    let page = json!({
        "release": 1, "page": "README.md", "status": 200, "count": 3, "bytes": 30,
        "until": at(4).to_string(),
        "requests": ["req-0000000000000001", "req-0000000000000002"],
    });
    assert_eq!(detail(&several.detail), page);
    for event in [single, several] {
        assert_eq!((event.token, event.generation), (Some(world.admin.id()), Some(1)));
        assert_eq!(event.action, "page.read");
        assert_eq!(
            (event.address.as_deref(), event.user_agent.as_deref()),
            (Some("192.0.2.1"), Some("agent/1"))
        );
    }
    world.verified().await;
}

fn with_slip(by: Attribution) -> (Attribution, Arc<UseSlip>) {
    let slip = Arc::new(UseSlip::default());
    (Attribution { use_slip: Some(Arc::clone(&slip)), ..by }, slip)
}

pub(crate) async fn a_use_counts_once_across_the_events_of_a_request<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (by, slip) = with_slip(by_from(&world.admin, 1));
    let environment = env_id();
    let begin = world.store.begin_run(environment, a_run(), by.clone(), at(1)).await.unwrap();
    let ended = RunEnded { begin, outcome: Outcome::Exited(0), duration_ms: 1, output_bytes: 0 };
    world.store.end_run(environment, ended, by, at(2)).await.unwrap();
    let told: Vec<u64> = world.log().await.iter().rev().take(2).map(|event| event.uses).collect();
    assert_eq!(told, [0, 1], "the first event tells of it");
    assert!(!slip.take());

    // What is done on the host is no use of any value.
    let (by, slip) = with_slip(Attribution::host(crate::world::organization()));
    world.store.begin_run(environment, a_run(), by, at(3)).await.unwrap();
    assert_eq!(world.log().await.last().unwrap().uses, 0);
    assert!(slip.take());
}

pub(crate) async fn a_use_that_a_failed_call_took_is_put_back<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (by, slip) = with_slip(by_from(&world.admin, 1));
    let before = world.log().await;
    // That the id is taken shows after the event was written.
    let (authority, new) = (administrator(&world.admin), new_token(grant(Scope::Read)));
    let taken = world.store.issue_token(authority, world.admin.id(), new, value(), None, by.clone(), at(1));
    taken.await.unwrap_err();
    assert!(slip.take(), "it is free again");
    slip.put_back();
    assert_eq!(world.log().await, before);

    let (authority, new) = (administrator(&world.admin), new_token(grant(Scope::Read)));
    let issued = world.store.issue_token(authority, token_id(), new, value(), None, by.clone(), at(1)).await;
    assert_eq!(world.log().await.last().unwrap().uses, 1);
    let missing = selector(&issued.unwrap());
    let missing = toolfront_store::TokenSelector { token: token_id(), ..missing };
    let refused = world.store.revoke_token(administrator(&world.admin), missing, None, by, at(2)).await;
    assert!(matches!(refused, Err(TokenRefusal::NotFound)), "{refused:?}");
    assert!(!slip.take(), "what was taken before stays so");
    world.store.count_usage().await.unwrap();
    let usage =
        world.store.load_token(administrator(&world.admin), selector(&world.admin)).await.unwrap().usage;
    assert_eq!(usage[0].count, 1);
}

pub(crate) async fn groups_are_recorded_all_or_none<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.store.close();
    world.record(vec![read(&world.admin, 1)]).await.unwrap_err();
    let world = world.reopen();
    let before = world.log().await.len();
    world.record(vec![read(&world.admin, 1), read(&world.admin, 2)]).await.unwrap();
    assert_eq!(world.log().await.len(), before + 2);
}
