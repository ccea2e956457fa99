//! What holds while the log can't be written, and that all is well again without a restart.

use serde_json::json;

use crate::support::{Answer, TestGateway, events, eventually};

impl TestGateway {
    /// Takes the table of events away: no event can be written or read.
    pub(super) fn lose_log(&self) {
        self.database().execute_batch("ALTER TABLE audit_events RENAME TO gone").unwrap();
    }

    pub(super) fn find_log(&self) {
        self.database().execute_batch("ALTER TABLE gone RENAME TO audit_events").unwrap();
    }

    async fn be_ready(&self) {
        eventually("readiness", async || (self.get("/readyz").send().await.status == 200).then_some(()))
            .await;
    }

    async fn read(&self) -> Answer {
        self.as_admin("GET", "/e/docs/notes.txt").send().await
    }

    /// Holds that nothing runs or changes, that reads go on, and that it is said.
    async fn assert_out_of_service(&self) {
        let command = self.run(&self.admin, "docs", &["ls"]).await;
        command.assert_problem(503, "unavailable");
        let body = json!({ "name": "x", "scope": "read" });
        let made = self.as_admin("POST", "/api/v1/tokens").json(&body).send().await;
        made.assert_problem(503, "unavailable");
        let put = self.deploy_files("new", &[("README.md", "# New")]).await;
        put.assert_problem(503, "unavailable");
        let read = self.read().await;
        assert_eq!((read.status, read.text().as_str()), (200, "some notes\n"));
        // It may have been found ready less than a second ago.
        eventually("unreadiness", async || (self.get("/readyz").send().await.status == 503).then_some(()))
            .await;
        assert_eq!(self.get("/healthz").send().await.status, 200);
    }
}

#[tokio::test]
async fn pitfall_26_without_the_log_nothing_runs_or_changes_and_reads_are_recorded_later() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let before = gateway.told().await.len();
    let world = gateway.world().await;
    gateway.lose_log();
    gateway.assert_out_of_service().await;
    let read = gateway.read().await;
    let count = gateway.record(&gateway.admin).await;
    assert_eq!(count["id"], gateway.admin.id, "what is read of the tokens is answered");
    gateway.find_log();
    gateway.be_ready().await;
    assert_eq!(gateway.world().await, world, "nothing was changed");
    let told = gateway.told().await;
    assert!(told.len() > before);
    let id = read.header("x-request-id");
    let is_it = |event: &serde_json::Value| {
        event["request_id"] == id
            || event["detail"]["requests"].as_array().is_some_and(|ids| ids.contains(&id.into()))
    };
    assert_eq!(told.iter().filter(|event| is_it(event)).count(), 1, "it is told once");
    assert_eq!(gateway.run(&gateway.admin, "docs", &["ls"]).await.status, 200);
    assert!(told.iter().all(|event| event["action"] != "run.begin"), "nothing had run");
    gateway.assert_whole().await;
}

#[tokio::test]
async fn pitfall_26_a_database_that_was_taken_away_is_noticed_and_service_returns_with_it() {
    for name in ["toolfront.db", "toolfront.db-wal"] {
        let gateway = TestGateway::start().await;
        gateway.deploy("docs").await;
        let (path, away) = (gateway.data().join(name), gateway.data().join("away"));
        std::fs::rename(&path, &away).unwrap();
        gateway.assert_out_of_service().await;
        std::fs::rename(&away, &path).unwrap();
        gateway.be_ready().await;
        assert_eq!(gateway.run(&gateway.admin, "docs", &["ls"]).await.status, 200);
        gateway.assert_whole().await;
    }
}

#[tokio::test]
async fn when_no_more_can_be_kept_in_memory_reads_are_refused_and_come_back() {
    let gateway = TestGateway::start_with(|settings| settings.limits.unrecorded_max = 20).await;
    gateway.deploy("docs").await;
    let read =
        async |number: usize| gateway.as_admin("GET", &format!("/e/docs/nothing-{number}")).send().await;
    gateway.lose_log();
    let mut answered = 0;
    let refused = loop {
        let answer = read(answered).await;
        if answer.status != 404 {
            break answer;
        }
        answered += 1;
        assert!(answered < 1_000, "all of it is kept in memory");
    };
    refused.assert_problem(503, "unavailable");
    assert!(answered >= 10, "{answered}");
    for method in ["GET", "HEAD"] {
        assert_eq!(gateway.as_admin(method, "/api/v1/environments").send().await.status, 503);
    }
    gateway.find_log();
    eventually("service", async || (read(0).await.status == 404).then_some(())).await;
    let told = gateway.told().await;
    for number in 0..answered {
        let path = format!("nothing-{number}");
        let is_told = told
            .iter()
            .any(|event| event["detail"]["page"].as_str().is_some_and(|page| page.ends_with(&path)));
        assert!(is_told, "{path}");
    }
}

#[tokio::test]
async fn a_run_whose_begin_can_not_be_written_does_not_start() {
    let gateway = TestGateway::start().await;
    let page =
        "---\ntools:\n  - [sh, -c, 'touch \"$MARK\"', ;]\n  - [sleep, {}, ;]\nenv: [MARK]\n---\n# Page\n";
    gateway.deploy_files("docs", &[("README.md", page)]).await.data();
    let napper = crate::support::Napper::new();
    gateway.lose_log();
    let refused = gateway.run(&gateway.admin, "docs", &["sleep", napper.seconds()]).await;
    refused.assert_problem(503, "unavailable");
    assert!(!napper.is_asleep());
    gateway.find_log();
    assert!(events(gateway.data(), "run.begin").is_empty());
}
