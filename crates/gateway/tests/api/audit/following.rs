//! Events as they come.

use serde_json::Value;

use crate::support::{Connection, Issued, TestGateway};

/// Somebody who follows the log.
struct Follower(Connection);

impl Follower {
    async fn open(gateway: &TestGateway, token: &Issued, query: &str, headers: &str) -> Self {
        let mut connection = Connection::open(gateway.address).await;
        let head = format!(
            "GET /api/v1/audit{query} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\
             authorization: Bearer {}\r\n{headers}\r\n",
            gateway.address, token.value
        );
        connection.send(head).await;
        let head = connection.read_until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        Self(connection)
    }

    /// All events up to the one that has this text in it.
    async fn until(&mut self, text: &str) -> Vec<Value> {
        told(&self.0.read_until(text).await)
    }
}

fn told(received: &str) -> Vec<Value> {
    let data = received.lines().filter_map(|line| line.strip_prefix("data: "));
    // The last one may not be there as a whole.
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

/// The ids: the one that the stream goes on behind, and those of the events.
fn ids(received: &str) -> (i64, Vec<i64>) {
    let mut ids = received.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok());
    (ids.next().unwrap(), ids.collect())
}

#[tokio::test]
async fn events_come_as_they_happen_and_only_those_that_are_asked_for() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    gateway.deploy("other").await;
    let mut all = Follower::open(&gateway, &gateway.admin, "", "").await;
    let mut some = Follower::open(&gateway, &gateway.admin, "?environment=docs&action=page.read", "").await;
    for path in ["/e/other/guide", "/e/docs/guide", "/e/docs/notes.txt"] {
        gateway.as_admin("GET", path).send().await;
        // What is written together is in the order of its time.
        gateway.advance(std::time::Duration::from_millis(1));
    }
    gateway.run(&gateway.admin, "docs", &["ls"]).await;
    gateway.as_admin("GET", "/e/docs/last-of-all").send().await;
    let seen = all.until("last-of-all").await;
    let actions: Vec<&str> = seen.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"run.begin") && actions.contains(&"run.end"), "{actions:?}");
    assert!(!actions.contains(&"release.publish"), "what was before is not told: {actions:?}");
    let text = some.0.read_until("last-of-all").await;
    let seen = told(&text);
    assert!(seen.len() >= 2, "{text}");
    assert!(
        seen.iter().all(|event| event["action"] == "page.read" && event["environment_id"] == docs),
        "{text}"
    );
    let (start, numbers) = ids(&text);
    assert!(start < numbers[0]);
    assert!(numbers.is_sorted_by(|before, after| before < after), "{numbers:?}");
    assert!(seen.iter().zip(&numbers).all(|(event, number)| event["sequence"] == *number));
}

#[tokio::test]
async fn whoever_comes_back_goes_on_behind_the_event_seen_last() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.advance(std::time::Duration::from_millis(1));
    gateway.as_admin("GET", "/e/docs/last-of-all").send().await;
    let log = gateway.told().await;
    let mut follower = Follower::open(&gateway, &gateway.admin, "", "last-event-id: 3\r\n").await;
    let text = follower.0.read_until("last-of-all").await;
    let (start, numbers) = ids(&text);
    assert_eq!(start, 3, "where it goes on");
    assert_eq!(numbers, (4..4 + i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    let seen = told(&text);
    assert!(seen.iter().zip(&log[3..]).all(|(seen, told)| seen == told));
    let nonsense = gateway.as_admin("GET", "/api/v1/audit").header("accept", "text/event-stream");
    nonsense.header("last-event-id", "x").send().await.assert_invalid("Last-Event-ID");
}

#[tokio::test]
async fn an_only_admin_follows_what_it_may_know() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway.deploy("other").await;
    let only = gateway.token().scope("admin").only(&["docs"]).issue().await;
    let mut follower = Follower::open(&gateway, &only, "", "").await;
    gateway.as_admin("GET", "/e/other/secret-of-others").send().await;
    gateway.advance(std::time::Duration::from_millis(1));
    gateway.as_admin("GET", "/e/docs/last-of-all").send().await;
    let text = follower.0.read_until("last-of-all").await;
    assert!(!text.contains("secret-of-others"), "{text}");
}

#[tokio::test]
async fn a_follower_is_gone_with_its_token() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let auditor = gateway.token().scope("admin").issue().await;
    let mut follower = Follower::open(&gateway, &auditor, "", "").await;
    gateway.as_admin("GET", "/e/docs/seen-by-all").send().await;
    follower.until("seen-by-all").await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", auditor.id)).send().await.data();
    gateway.as_admin("GET", "/e/docs/seen-no-more").send().await;
    // The end of the answer; the connection may stay.
    let rest = follower.0.read_until("\r\n0\r\n\r\n").await;
    assert!(!rest.contains("seen-no-more"), "{rest}");
}

#[tokio::test]
async fn followers_do_not_keep_a_gateway_from_stopping() {
    // Whoever waited for them would wait too long for the test to end.
    let drain_time = std::time::Duration::from_hours(1);
    let gateway = TestGateway::start_with(|settings| settings.limits.drain_time = drain_time).await;
    let follower = Follower::open(&gateway, &gateway.admin, "", "").await;
    gateway.stop().await;
    follower.0.read_to_end().await;
}
