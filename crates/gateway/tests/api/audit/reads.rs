//! Whether reads are recorded, and when.

use futures_util::future::join_all;
use toolfront_gateway::RecordReads;

use crate::support::{TestGateway, events, eventually};

async fn gateway(reads: RecordReads) -> TestGateway {
    let gateway = TestGateway::start_with(|settings| settings.audit.reads = reads).await;
    gateway.deploy("docs").await;
    gateway
}

#[tokio::test]
async fn reads_are_recorded_by_themselves_a_moment_later() {
    let gateway = gateway(RecordReads::Batched).await;
    assert_eq!(gateway.as_admin("GET", "/e/docs/guide").send().await.status, 200);
    // Nobody asks for the log: it is written all the same.
    eventually("the event", async || (!events(gateway.data(), "page.read").is_empty()).then_some(())).await;
}

#[tokio::test]
async fn strict_reads_are_on_the_disk_before_they_are_answered() {
    let gateway = gateway(RecordReads::Strict).await;
    for _ in 0..3 {
        let answer = gateway.as_admin("GET", "/e/docs/guide").send().await;
        assert_eq!(answer.status, 200);
        let id = Some(answer.header("x-request-id").to_owned());
        let told = events(gateway.data(), "page.read");
        assert!(told.iter().any(|event| event.request_id == id), "{told:?}");
    }
    let calls = (0..50).map(|_| gateway.as_admin("GET", "/e/docs/guide").send());
    assert!(join_all(calls).await.iter().all(|answer| answer.status == 200));
    let told = events(gateway.data(), "page.read");
    assert_eq!(told.iter().map(|event| event.detail["count"].as_u64().unwrap()).sum::<u64>(), 53);
}

#[tokio::test]
async fn strict_reads_that_can_not_be_recorded_are_refused_until_they_can() {
    let gateway = gateway(RecordReads::Strict).await;
    gateway.lose_log();
    for path in ["/e/docs/guide", "/e/docs/notes.txt"] {
        let answer = gateway.as_admin("GET", path).send().await;
        answer.assert_problem(503, "unavailable");
        assert!(!answer.text().contains("some notes"));
    }
    gateway.find_log();
    eventually("service", async || {
        (gateway.as_admin("GET", "/e/docs/guide").send().await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn reads_that_are_not_recorded_are_counted() {
    let gateway = gateway(RecordReads::Off).await;
    let token = gateway.token().only(&["docs"]).issue().await;
    for (path, status) in [("/e/docs/guide", 200), ("/e/docs/nothing", 404), ("/e/nowhere", 404)] {
        assert_eq!(gateway.get(path).token(&token.value).send().await.status, status);
    }
    assert_eq!(gateway.run(&token, "docs", &["ls"]).await.status, 200);
    assert_eq!(gateway.record(&token).await["usage_count"], 4);
    let told = gateway.audit(&gateway.admin, &format!("?token={}", token.id)).await.data();
    let actions: Vec<_> = told.as_array().unwrap().iter().map(|event| event["action"].clone()).collect();
    for action in ["run.begin", "run.end", "access.deny"] {
        assert!(actions.contains(&action.into()), "{actions:?}");
    }
    assert!(!actions.contains(&"page.read".into()), "{actions:?}");
    let gateway = gateway.restart().await;
    assert_eq!(gateway.record(&token).await["usage_count"], 4);
}
