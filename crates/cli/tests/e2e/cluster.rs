//! Three gateways on one database: what was answered by one of them holds at all of them.

#[path = "cluster/chains.rs"]
mod chains;
#[path = "cluster/standing_still.rs"]
mod standing_still;
#[path = "cluster/world.rs"]
mod world;

use serde_json::{Value, json};

use self::world::{Cluster, Issued, PAGE, eventually};

#[test]
fn a_token_that_was_made_at_one_is_let_in_at_all() {
    let cluster = Cluster::start();
    for at in 0..3 {
        let token = cluster.issue(at, None);
        assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 3], "made at {at}");
        let narrow = cluster.issue(at, Some(&["docs"]));
        assert_eq!(cluster.read_everywhere("docs", &narrow.value), [200; 3], "made at {at}");
        assert_eq!(cluster.read_everywhere("elsewhere", &narrow.value), [404; 3], "made at {at}");
    }
}

#[test]
fn a_token_that_was_revoked_at_one_is_refused_by_all_when_that_is_answered() {
    let cluster = Cluster::start();
    for round in 0..20 {
        let token = cluster.issue(round % 3, None);
        assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 3]);
        cluster.revoke((round + 1) % 3, &token);
        assert_eq!(cluster.read_everywhere("docs", &token.value), [401; 3], "round {round}");
    }
}

#[test]
fn a_rotation_at_one_ends_the_old_value_at_all() {
    let cluster = Cluster::start();
    let mut token = cluster.issue(0, None);
    for at in [0, 1, 2, 0, 1, 2] {
        assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 3]);
        let path = format!("/api/v1/tokens/{}/rotate", token.id);
        let rotated = Issued::of(&cluster.admin(at, "POST", &path, &json!({})));
        assert_eq!(cluster.read_everywhere("docs", &token.value), [401; 3], "rotated at {at}");
        assert_eq!(cluster.read_everywhere("docs", &rotated.value), [200; 3], "rotated at {at}");
        token = rotated;
    }
}

#[test]
fn what_was_deployed_at_one_is_served_by_all() {
    let cluster = Cluster::start();
    for at in [0, 1, 2, 0, 1, 2] {
        let title = format!("as deployed at {at}");
        cluster.deploy(at, "docs", &format!("{PAGE}{title}\n"));
        for node in &cluster.nodes {
            let page = node.get("/e/docs", &cluster.admin);
            assert!(page.status == 200 && page.body.contains(&title), "{} {}", page.status, page.body);
        }
    }
    let deployed = cluster.deploy(2, "new", PAGE);
    assert_eq!(deployed.status, 201);
    assert_eq!(cluster.read_everywhere("new", &cluster.admin), [200; 3]);
    cluster.admin(1, "DELETE", "/api/v1/environments/new", &Value::Null);
    assert_eq!(cluster.read_everywhere("new", &cluster.admin), [404; 3]);
}

#[test]
fn a_command_that_ran_at_one_is_in_the_log_that_each_shows() {
    let cluster = Cluster::start();
    for at in 0..3 {
        let token = cluster.issue(0, None);
        let word = format!("ran-at-{at}");
        let ran = cluster.nodes[at].run_tool("docs", &token.value, &["echo", &word]);
        assert_eq!(ran.json()["stdout"], format!("{word}\n"), "{}", ran.body);
        for shown_by in 0..3 {
            let events = cluster.actions(shown_by, &token);
            let begun = events.iter().find(|(action, _)| action == "run.begin");
            let (_, begun) = begun.unwrap_or_else(|| panic!("{shown_by} shows {events:?}"));
            assert!(begun.to_string().contains(&word), "{begun}");
            assert!(events.iter().any(|(action, _)| action == "run.end"), "{shown_by} shows {events:?}");
        }
    }
}

#[test]
fn an_environment_that_was_made_private_at_one_is_closed_at_all() {
    let cluster = Cluster::start();
    cluster.deploy(0, "other", PAGE);
    let guest = cluster.issue(0, Some(&["other"]));
    let set = |at: usize, visibility: &str| {
        cluster.admin(at, "PATCH", "/api/v1/environments/docs", &json!({ "visibility": visibility }));
    };
    for at in [0, 1, 2] {
        set(at, "public");
        assert_eq!(cluster.read_everywhere("docs", ""), [200; 3], "opened at {at}");
        assert_eq!(cluster.read_everywhere("docs", &guest.value), [200; 3], "opened at {at}");
        set((at + 1) % 3, "private");
        assert_eq!(cluster.read_everywhere("docs", ""), [401; 3], "closed after {at}");
        assert_eq!(cluster.read_everywhere("docs", &guest.value), [404; 3], "closed after {at}");
    }
}

#[test]
fn uses_add_up_across_all() {
    let cluster = Cluster::start();
    let token = cluster.issue(0, None);
    for times in 1..=3_u64 {
        for _ in 0..times {
            assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 3]);
        }
        let total = (1..=times).sum::<u64>() * 3;
        for at in 0..3 {
            let path = format!("/api/v1/tokens/{}", token.id);
            let mut last = Value::Null;
            eventually("the count of all uses", || {
                last = cluster.admin(at, "GET", &path, &Value::Null)["usage_count"].clone();
                assert!(last.as_u64().is_some_and(|count| count <= total), "{last} of {total}");
                (last == total).then_some(())
            });
        }
    }
}

#[test]
fn a_second_gateway_on_the_data_directory_of_one_is_refused() {
    let cluster = Cluster::start();
    let ended = cluster.run(1, &["--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("in use by another gateway"), "{}", ended.stderr);
    let initialized = cluster.run(3, &["init"]);
    assert_eq!(initialized.code, 1, "another directory, the same organization");
    assert!(initialized.stderr.contains("has an organization already"), "{}", initialized.stderr);
    assert_eq!(cluster.read_everywhere("docs", &cluster.admin), [200; 3]);
}
