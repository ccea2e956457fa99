//! Finding events.

use toolfront_store::{AuditCursor, AuditFilter, AuditOrder, AuditRecord, Decision, RequestGroup};
use toolfront_token::{EnvId, Scope, Timestamp, TokenRecord};

use crate::world::log::{denied, read, stranger};
use crate::world::{Backend, World, at, env_id, grant, grant_on};

fn sequences(events: &[AuditRecord]) -> Vec<i64> {
    events.iter().map(|event| event.sequence).collect()
}

/// What is found by looking at each event of the log, the newest first.
fn picked(log: &[AuditRecord], wanted: impl Fn(&AuditRecord) -> bool) -> Vec<i64> {
    let mut found: Vec<&AuditRecord> = log.iter().filter(|event| wanted(event)).collect();
    found.sort_by_key(|event| std::cmp::Reverse((event.at, event.sequence)));
    found.into_iter().map(|event| event.sequence).collect()
}

struct Various<B> {
    world: World<B>,
    docs: EnvId,
    other: EnvId,
    reader: TokenRecord,
    log: Vec<AuditRecord>,
}

/// A log with events of several tokens, environments and outcomes, not all in the order of their time.
async fn various<B: Backend>() -> Various<B> {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await.id;
    let other = world.create("other", None).await.id;
    let reader = world.issue(grant(Scope::Read), at(1)).await;
    for second in 2..40_i64 {
        let token = if second % 3 == 0 { &reader } else { &world.admin };
        let environment = [Some(docs), Some(other), None][usize::try_from(second % 4 % 3).unwrap()];
        let late = RequestGroup { environment, ..read(token, 100 - second) };
        let refused = denied(token, Decision::Scope, second);
        world.record(vec![late, RequestGroup { environment, ..refused }]).await.unwrap();
    }
    world.begin_run(docs, 50).await;
    world.revoke(&reader, at(51)).await;
    let log = world.log().await;
    Various { world, docs, other, reader, log }
}

impl<B: Backend> Various<B> {
    /// Holds all pages of a filter, whatever their size, to be what `wanted` picks, in both orders.
    async fn assert_found(&self, filter: AuditFilter, wanted: impl Fn(&AuditRecord) -> bool) {
        let expected = picked(&self.log, &wanted);
        assert!(!expected.is_empty(), "a filter that finds nothing holds nothing");
        for limit in [1, 3, 1000] {
            let newest = AuditFilter { limit, ..filter.clone() };
            let found = self.world.all_pages(&self.world.admin, newest).await;
            assert_eq!(sequences(&found), expected, "{filter:?}");
        }
        let oldest = AuditFilter { order: AuditOrder::OldestFirst, limit: 7, ..filter };
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(sequences(&self.world.all_pages(&self.world.admin, oldest).await), expected);
    }
}

fn all() -> AuditFilter {
    AuditFilter::all(1000)
}

pub(crate) async fn events_are_listed_newest_first_or_in_the_order_of_the_log<B: Backend>() {
    let various = various::<B>().await;
    various.assert_found(all(), |_| true).await;
    let page = various.world.page(AuditFilter::all(5)).await;
    assert_eq!(page.events.len(), 5);
    assert!(page.next.is_some());
    let whole = various.world.page(AuditFilter::all(various.log.len())).await;
    assert_eq!((whole.events.len(), whole.next), (various.log.len(), None));
}

pub(crate) async fn a_tokens_events_are_those_by_it_and_those_about_it_each_once<B: Backend>() {
    let various = various::<B>().await;
    for token in [various.reader.id(), various.world.admin.id()] {
        let is_of = |event: &AuditRecord| event.token == Some(token) || event.subject == Some(token);
        various.assert_found(AuditFilter { token: Some(token), ..all() }, is_of).await;
    }
    // What a token does to itself is by it and about it.
    let world = &various.world;
    let (itself, own) = (world.issue(grant(Scope::Admin), at(60)).await, all());
    let by = crate::world::by(&itself);
    let authority = crate::world::administrator(&itself);
    world.store.revoke_token(authority, crate::world::selector(&itself), None, by, at(61)).await.unwrap();
    let found = world.page(AuditFilter { token: Some(itself.id()), ..own }).await.events;
    let actions: Vec<&str> = found.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["token.revoke", "token.create"]);
    assert_eq!((found[0].token, found[0].subject), (Some(itself.id()), Some(itself.id())));
}

pub(crate) async fn events_are_found_by_environment<B: Backend>() {
    let various = various::<B>().await;
    for environment in [various.docs, various.other] {
        let filter = AuditFilter { environment: Some(environment), ..all() };
        various.assert_found(filter, |event| event.environment == Some(environment)).await;
    }
    let unknown = AuditFilter { environment: Some(env_id()), ..all() };
    assert!(various.world.page(unknown).await.events.is_empty());
}

pub(crate) async fn events_are_found_by_action_or_by_noun<B: Backend>() {
    let various = various::<B>().await;
    let filter = |action: &str| AuditFilter { action: Some(action.to_owned()), ..all() };
    various.assert_found(filter("page.read"), |event| event.action == "page.read").await;
    various.assert_found(filter("token."), |event| event.action.starts_with("token.")).await;
    for none in ["token", "page.", "page.rea", "tok.", "."] {
        let found = various.world.page(filter(none)).await.events;
        assert_eq!(found.is_empty(), none != "page.", "{none}");
    }
}

pub(crate) async fn events_are_found_by_outcome<B: Backend>() {
    let various = various::<B>().await;
    let filter = |decisions: &[Decision]| AuditFilter { decisions: decisions.to_vec(), ..all() };
    let scope = filter(&[Decision::Scope]);
    various.assert_found(scope, |event| event.decision == Decision::Scope).await;
    various.assert_found(filter(&[Decision::Scope, Decision::Allowed]), |_| true).await;
    assert!(various.world.page(filter(&[Decision::Expired])).await.events.is_empty());
}

pub(crate) async fn events_are_found_by_time<B: Backend>() {
    let various = various::<B>().await;
    let span = |since: Option<Timestamp>, until: Option<Timestamp>| AuditFilter { since, until, ..all() };
    let (since, until) = (at(20), at(70));
    various.assert_found(span(Some(since), None), |event| event.at >= since).await;
    various.assert_found(span(None, Some(until)), |event| event.at < until).await;
    let both = span(Some(since), Some(until));
    various.assert_found(both, |event| event.at >= since && event.at < until).await;
    let page = various.world.page(span(Some(until), Some(since))).await;
    assert!(page.events.is_empty() && page.next.is_none());
}

pub(crate) async fn pages_stay_as_they_are_while_events_are_added<B: Backend>() {
    let Various { world, log, .. } = various::<B>().await;
    for order in [AuditOrder::NewestFirst, AuditOrder::OldestFirst] {
        let mut filter = AuditFilter { order, until: Some(at(1_000)), ..AuditFilter::all(10) };
        let mut seen = Vec::new();
        loop {
            let page = world.page(filter.clone()).await;
            seen.extend(sequences(&page.events));
            let Some(next) = page.next else { break };
            // As it goes to a client and comes back.
            filter.after = AuditCursor::decode(&next.encode());
            // What comes meanwhile is newer than the span that is asked for.
            world.record(vec![read(&world.admin, 2_000)]).await.unwrap();
        }
        let mut expected = picked(&log, |_| true);
        if order == AuditOrder::OldestFirst {
            expected.sort_unstable();
        }
        assert_eq!(seen, expected, "{order:?}");
    }
}

pub(crate) async fn events_of_one_instant_are_all_listed_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record((0..30).map(|_| read(&world.admin, 5)).collect()).await.unwrap();
    for until in [None, Some(at(6))] {
        let filter = AuditFilter { since: Some(at(5)), until, ..AuditFilter::all(4) };
        let found = world.all_pages(&world.admin, filter).await;
        let numbers = sequences(&found);
        assert_eq!(numbers.len(), 30);
        assert!(numbers.is_sorted_by(|before, after| before > after), "{numbers:?}");
    }
    let none = AuditFilter { since: Some(at(5)), until: Some(at(5)), ..AuditFilter::all(4) };
    assert!(world.page(none).await.events.is_empty());
}

pub(crate) async fn conditions_hold_together<B: Backend>() {
    let various = various::<B>().await;
    let token = various.world.admin.id();
    let filter = AuditFilter {
        token: Some(token),
        environment: Some(various.docs),
        action: Some("page.".to_owned()),
        decisions: vec![Decision::Allowed],
        since: Some(at(70)),
        until: Some(at(95)),
        ..all()
    };
    let wanted = |event: &AuditRecord| {
        event.token == Some(token)
            && event.environment == Some(various.docs)
            && event.action == "page.read"
            && event.decision == Decision::Allowed
            && event.at >= at(70)
            && event.at < at(95)
    };
    various.assert_found(filter, wanted).await;
}

pub(crate) async fn an_only_admin_sees_its_environments_and_the_tokens_it_dominates<B: Backend>() {
    let Various { world, docs, other, reader, .. } = various::<B>().await;
    let only = world.issue(grant_on(Scope::Admin, [docs]), at(60)).await;
    let below = world.issue(grant_on(Scope::Read, [docs]), at(61)).await;
    let beside = world.issue(grant_on(Scope::Read, [other]), at(62)).await;
    for token in [&below, &beside, &world.admin] {
        let environments = [None, Some(docs), Some(other)];
        let groups = environments.map(|environment| RequestGroup { environment, ..read(token, 63) });
        world.record(groups.to_vec()).await.unwrap();
    }
    let sees = |event: &AuditRecord| match (event.environment, event.subject.or(event.token)) {
        (Some(environment), _) => environment == docs,
        (None, token) => [Some(only.id()), Some(below.id())].contains(&token),
    };
    let log = world.log().await;
    let expected = picked(&log, sees);
    assert!(expected.len() > 10);
    for limit in [1, 1000] {
        let seen = world.all_pages(&only, AuditFilter::all(limit)).await;
        assert_eq!(sequences(&seen), expected);
    }
    let oldest = AuditFilter { order: AuditOrder::OldestFirst, ..all() };
    assert_eq!(world.all_pages(&only, oldest).await.len(), expected.len());
    // By name too: of a token out of its sight it sees what that did in its own environment.
    for token in [&below, &beside, &reader, &world.admin] {
        let id = token.id();
        let is_of = |event: &AuditRecord| event.token == Some(id) || event.subject == Some(id);
        let seen = world.all_pages(&only, AuditFilter { token: Some(id), ..all() }).await;
        assert_eq!(sequences(&seen), picked(&log, |event| is_of(event) && sees(event)));
    }
    assert!(world.all_pages(&only, AuditFilter { environment: Some(other), ..all() }).await.is_empty());
}

pub(crate) async fn another_organization_sees_nothing<B: Backend>() {
    let Various { world, docs, reader, .. } = various::<B>().await;
    let stranger = stranger();
    let filters = [
        all(),
        AuditFilter { order: AuditOrder::OldestFirst, ..all() },
        AuditFilter { environment: Some(docs), ..all() },
        AuditFilter { token: Some(reader.id()), ..all() },
    ];
    for filter in filters {
        assert!(world.all_pages(&stranger, filter).await.is_empty());
    }
}

/// A filter that fits few of many events: a page ends after a number of them, found or not, and the next goes on.
pub(crate) async fn a_page_that_finds_little_ends_and_goes_on<B: Backend>() {
    let world = World::<B>::set_up().await;
    for batch in 0..22_i64 {
        let reads = (0..1_000).map(|_| read(&world.admin, 10 + batch)).collect();
        world.record(reads).await.unwrap();
    }
    let filter = AuditFilter { action: Some("organization.create".to_owned()), ..AuditFilter::all(10) };
    let first = world.page(filter.clone()).await;
    assert!(first.events.is_empty());
    let second = world.page(AuditFilter { after: first.next, ..filter }).await;
    assert_eq!((second.events.len(), second.next), (1, None));
}

pub(crate) async fn a_cursor_reads_back_and_nonsense_does_not<B: Backend>() {
    let various = various::<B>().await;
    let next = various.world.page(AuditFilter::all(3)).await.next.unwrap();
    assert_eq!(AuditCursor::decode(&next.encode()), Some(next));
    for nonsense in ["", ".", "1", "1.", ".1", "a.b", "1.2.3", "99999999999999999999.1"] {
        assert_eq!(AuditCursor::decode(nonsense), None, "{nonsense}");
    }
}
