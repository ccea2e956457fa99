//! The revocation barrier, checked in every state that it can reach: once a revoke is answered, no node serves what it
//! ended. The model holds the rules that make it so; for each, a model without it shows what would happen.

#![cfg(test)]

mod barrier_model {
    pub(crate) mod protocol;
    pub(crate) mod rule;
    pub(crate) mod state;
}

use barrier_model::protocol::{Barrier, SAFE};
use barrier_model::rule::Rule;
use stateright::{Checker, Model};

fn barrier<const NODES: usize, const REVOKES: usize>() -> Barrier<NODES, REVOKES> {
    Barrier { lease: 3, trust: 2, removal: 3, broken: None }
}

/// Fails unless the barrier holds in all states, and everything that must be possible is.
fn assert_holds<const NODES: usize, const REVOKES: usize>(barrier: Barrier<NODES, REVOKES>) {
    barrier.checker().threads(2).spawn_bfs().join().assert_properties();
}

/// Fails unless there is a way to a node that serves what a revoke that was answered has ended.
fn assert_leaks<const NODES: usize>(barrier: Barrier<NODES, 1>) {
    barrier.checker().spawn_bfs().join().assert_any_discovery(SAFE);
}

fn without(rule: Rule) -> Barrier<1, 1> {
    Barrier { broken: Some(rule), ..barrier() }
}

#[test]
fn with_two_nodes_what_a_revoke_ended_is_served_nowhere_once_it_is_answered() {
    assert_holds(barrier::<2, 1>());
}

#[test]
fn of_two_revokes_at_once_each_is_answered_when_its_own_change_is_applied() {
    assert_holds(barrier::<1, 2>());
}

#[test]
fn a_node_may_trust_its_index_for_as_long_as_a_revoke_waits_and_no_longer() {
    assert_holds(Barrier::<1, 1> { lease: 3, trust: 3, removal: 3, broken: None });
    assert_leaks(Barrier::<1, 1> { lease: 3, trust: 4, removal: 4, broken: None });
}

#[test]
fn a_row_may_be_removed_when_its_node_trusts_no_more_and_no_sooner() {
    assert_holds(Barrier::<1, 1> { lease: 3, trust: 2, removal: 2, broken: None });
    assert_leaks(Barrier::<1, 1> { lease: 3, trust: 2, removal: 1, broken: None });
}

#[test]
fn a_node_that_trusts_its_index_before_it_reads_the_changes_leaks() {
    assert_leaks(without(Rule::ReadThenTrust));
}

#[test]
fn a_node_that_counts_its_trust_from_after_the_read_leaks() {
    assert_leaks(without(Rule::TrustFromBeforeTheBeat));
}

#[test]
fn a_node_that_goes_on_without_its_row_leaks() {
    assert_leaks(without(Rule::RegisterWhenRemoved));
}

#[test]
fn a_node_that_trusts_what_it_loaded_as_soon_as_it_is_registered_leaks() {
    assert_leaks(without(Rule::ReadAfterRegistering));
}

#[test]
fn a_node_that_says_that_a_change_is_applied_before_it_is_leaks() {
    assert_leaks(without(Rule::ApplyThenTell));
}

#[test]
fn a_revoke_that_reads_the_nodes_before_it_commits_leaks() {
    assert_leaks(without(Rule::CommitThenReadNodes));
}

#[test]
fn a_revoke_that_counts_its_wait_from_before_the_commit_leaks() {
    assert_leaks(without(Rule::WaitFromAfterTheCommit));
}

#[test]
fn a_beat_that_comes_back_with_its_row_leaks() {
    assert_leaks(without(Rule::FreshBeats));
}

#[test]
fn a_beat_that_the_database_forgets_when_it_fails_leaks() {
    assert_leaks(without(Rule::DurableBeats));
}

#[test]
fn a_node_that_leaves_while_it_still_serves_leaks() {
    assert_leaks(without(Rule::StopThenLeave));
}

#[test]
fn a_clock_that_stands_still_while_its_host_sleeps_leaks() {
    assert_leaks(without(Rule::ClocksDoNotSleep));
}

#[test]
fn a_request_that_looks_up_before_it_asks_for_trust_leaks() {
    assert_leaks(without(Rule::TrustThenLookUp));
}

#[test]
fn two_processes_that_share_a_row_leak() {
    assert_leaks(Barrier::<2, 1> { broken: Some(Rule::OneProcessARow), ..barrier() });
}
