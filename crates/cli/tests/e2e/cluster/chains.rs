//! The chains of the audit log, one of each gateway.

use serde_json::Value;

use super::world::Cluster;

/// The events of an export by chain: number and hash of each.
fn chains(export: &str) -> Vec<Vec<(i64, String)>> {
    let mut chains: Vec<Vec<(i64, String)>> = Vec::new();
    for line in export.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let (sequence, hash) = (event["sequence"].as_i64().unwrap(), event["hash"].as_str().unwrap());
        let event = (sequence, hash.to_owned());
        match chains.last_mut() {
            Some(chain) if chain[0].0 >> 40 == sequence >> 40 => chain.push(event),
            _ => chains.push(vec![event]),
        }
    }
    chains
}

fn anchor((sequence, hash): &(i64, String)) -> String {
    format!("{sequence}:{hash}")
}

/// Three gateways that each have events of their own, and an export of all.
fn with_events() -> (Cluster, String) {
    let cluster = Cluster::start();
    for at in [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2] {
        cluster.issue(at, None);
    }
    let export = cluster.audit(0, &["export"]);
    assert_eq!(export.code, 0, "{}", export.stderr);
    (cluster, export.stdout)
}

#[test]
fn an_export_of_several_chains_is_verified_chain_by_chain() {
    let (cluster, export) = with_events();
    let chains = chains(&export);
    assert_eq!(chains.len(), 3);
    let file = cluster.path("export.jsonl");
    let verify = |text: &str, anchors: &[String]| {
        std::fs::write(&file, text).unwrap();
        let flags = anchors.iter().flat_map(|anchor| ["--anchor", anchor]);
        cluster.audit(
            0,
            &["verify", "--file", file.to_str().unwrap(), "--json"]
                .into_iter()
                .chain(flags)
                .collect::<Vec<_>>(),
        )
    };
    let heads: Vec<String> = chains.iter().map(|chain| anchor(chain.last().unwrap())).collect();
    let whole = verify(&export, &heads);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let found: Value = serde_json::from_str(&whole.stdout).unwrap();
    assert_eq!(found["events"], export.lines().count());
    assert_eq!(found["chains"].as_array().unwrap().len(), 3);

    // What is wrong with the second chain is told of it alone.
    let lines: Vec<&str> = export.lines().collect();
    let second = chains[0].len();
    let (third, before) = (chains[1][2].0, &chains[1][1]);
    let without = [&lines[..second + 2], &lines[second + 3..]].concat().join("\n");
    let refused = verify(&without, &[]);
    assert!(refused.stderr.contains(&format!("event {third} is missing")), "{}", refused.stderr);
    let end = second + chains[1].len();
    let cut = [&lines[..end - 1], &lines[end..]].concat().join("\n");
    assert_eq!(verify(&cut, &[]).code, 0, "the chain alone can't know where it ended");
    assert!(verify(&cut, &heads).stderr.contains("was cut off"));
    let gone = [&lines[..second], &lines[end..]].concat().join("\n");
    assert!(verify(&gone, &heads).stderr.contains("was cut off"));
    let other = format!("{}:{}", third, before.1);
    assert!(verify(&export, &[other]).stderr.contains("written anew"));
}

#[test]
fn an_anchor_of_any_chain_holds_and_says_nothing_of_what_was_removed_by_its_age() {
    let (cluster, export) = with_events();
    let chains = chains(&export);
    let [old, base, kept] = [0, 1, 2].map(|place| chains[1][place].clone());
    // As the retention of the gateway that has the second chain would do it.
    cluster.change_database(&format!(
        "UPDATE audit_chain SET base_sequence = {through},
             base_hash = (SELECT hash FROM audit_events WHERE sequence = {through})
         WHERE base_sequence >= {start} AND base_sequence < {start} * 2;
         DELETE FROM audit_events WHERE sequence > {start} AND sequence <= {through}",
        through = base.0,
        start = 1_i64 << 40,
    ));
    let verify = |anchors: &[&String]| {
        let flags = anchors.iter().flat_map(|anchor| ["--anchor", anchor.as_str()]);
        cluster.audit(2, &["verify"].into_iter().chain(flags).collect::<Vec<_>>())
    };
    let first = anchor(&chains[0][0]);
    // The one of the third chain is the one that the gateway itself is asked about.
    let third = anchor(&chains[2][0]);
    let [old, at_base, behind] = [&old, &base, &kept].map(anchor);
    let holds = verify(&[&first, &old, &at_base, &behind, &third]);
    assert_eq!(holds.code, 0, "{}", holds.stderr);
    let forged = |sequence: i64| format!("{sequence}:{}", chains[0][0].1);
    for (wrong, told) in [
        (forged(base.0), "written anew"),
        (forged(kept.0), "written anew"),
        (forged(base.0 + 1000), "was cut off"),
    ] {
        let refused = verify(&[&first, &wrong, &third]);
        assert_eq!(refused.code, 1, "{wrong}: {}", refused.stdout);
        assert!(refused.stderr.contains(told), "{wrong}: {}", refused.stderr);
    }
    // A chain that the log does not have at all.
    for anchors in [vec![forged((5 << 40) + 1)], vec![forged((5 << 40) + 1), forged((6 << 40) + 1)]] {
        let refused = verify(&anchors.iter().collect::<Vec<_>>());
        assert!(refused.code == 1 && refused.stderr.contains("was cut off"), "{}", refused.stderr);
    }
}
