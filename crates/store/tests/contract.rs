//! What every backend of the store owes its callers. The tests are written against the public surface alone and
//! take the backend as a parameter: a second backend implements [`world::Backend`] and is named once at the end.

#![cfg(test)]

mod contract {
    pub(crate) mod actors;
    pub(crate) mod audit;
    pub(crate) mod batches;
    pub(crate) mod blobs;
    pub(crate) mod chain;
    pub(crate) mod environments;
    pub(crate) mod idempotency;
    pub(crate) mod lifetimes;
    pub(crate) mod listing;
    pub(crate) mod queries;
    pub(crate) mod recovery;
    pub(crate) mod releases;
    pub(crate) mod requests;
    pub(crate) mod retention;
    pub(crate) mod reuse;
    pub(crate) mod secrets;
    pub(crate) mod setup;
    pub(crate) mod shared_blobs;
    pub(crate) mod sight;
    pub(crate) mod tokens;
    pub(crate) mod usage;
    pub(crate) mod world;
}

use contract::world;

/// Makes the suite of one backend. A test that is not named here is not run, and the compiler says that it is unused.
macro_rules! contract {
    ($suite:ident, $backend:ty) => {
        mod $suite {
            contract!(@noun $backend, setup,
                a_gateway_is_set_up_once,
                of_two_setups_at_once_one_wins,
                a_setup_that_is_refused_leaves_nothing,
                an_opened_store_can_be_read_and_written,
            );
            contract!(@noun $backend, tokens,
                a_token_is_there_after_reopening_as_it_was_issued,
                the_sink_is_handed_each_change_in_order_before_the_call_is_answered,
                a_change_that_is_refused_is_not_handed_to_the_sink,
                a_rotation_keeps_what_it_is_not_told_to_change,
                a_rotation_is_there_after_reopening,
                pitfall_13_of_many_rotations_at_once_exactly_one_wins,
                pitfall_14_a_repeated_rotation_does_not_kill_the_winner,
                a_first_use_starts_the_end_of_the_value_before,
                a_first_use_is_recorded_once,
                a_revoked_token_stays_revoked_after_reopening,
                a_second_revocation_yields_what_the_first_one_left,
                of_many_revocations_at_once_one_is_kept,
                a_revoked_token_is_not_rotated,
                a_digest_is_taken_once,
                an_id_is_taken_once,
            );
            contract!(@noun $backend, actors,
                pitfall_12_nobody_makes_a_token_of_another_organization,
                a_holder_makes_no_other_token,
                a_token_that_was_revoked_since_its_call_began_makes_nothing,
                a_value_that_was_rotated_away_since_its_call_began_makes_nothing,
                a_token_that_was_revoked_since_its_call_began_changes_no_environment,
                a_token_revokes_itself_twice,
                a_value_in_its_grace_still_acts,
            );
            contract!(@noun $backend, idempotency,
                a_repeat_is_told_what_the_first_call_made,
                a_repeated_rotation_makes_no_second_value,
                of_many_repeats_at_once_one_makes_a_token,
                a_key_is_forgotten_after_24_hours,
                a_key_of_a_call_that_was_refused_is_free,
                a_key_belongs_to_its_caller,
                no_value_is_stored,
            );
            contract!(@noun $backend, sight,
                an_only_admin_is_answered_as_if_others_did_not_exist,
                an_only_admin_lists_just_what_it_dominates,
                another_organizations_token_is_not_found,
                a_holder_loads_itself_and_nothing_else,
            );
            contract!(@noun $backend, listing,
                tokens_are_listed_newest_first,
                pages_stay_as_they_are_while_tokens_are_made,
                tokens_of_one_instant_are_all_listed_once,
                an_offset_reaches_over_several_chunks,
                an_offset_counts_only_what_is_seen,
                only_active_tokens_are_listed_unless_all_are_asked_for,
                a_list_can_be_narrowed_to_an_environment,
                a_list_can_be_narrowed_to_what_expires_soon,
                the_last_page_has_no_next,
                a_cursor_reads_back_and_nonsense_does_not,
            );
            contract!(@noun $backend, usage,
                uses_are_added_for_each_value,
                uses_are_there_after_reopening,
                a_late_batch_does_not_set_the_last_use_back,
                uses_added_at_once_are_all_counted,
                uses_are_told_by_day_and_environment,
                the_last_five_addresses_are_kept,
                days_are_forgotten_after_400,
                usage_is_shown_to_who_dominates_the_token_alone,
                uses_that_no_event_tells_of_are_counted,
                what_is_counted_again_is_not_counted_twice,
            );
            contract!(@noun $backend, requests,
                a_group_is_one_event_that_tells_of_all_its_requests,
                a_use_counts_once_across_the_events_of_a_request,
                a_use_that_a_failed_call_took_is_put_back,
                groups_are_recorded_all_or_none,
            );
            contract!(@noun $backend, reuse,
                a_dead_value_used_within_a_minute_is_a_denial_and_later_a_reuse,
                a_value_that_never_was_is_no_reuse,
                a_living_tokens_denial_is_no_reuse,
            );
            contract!(@noun $backend, chain,
                the_chain_holds_after_every_kind_of_change,
                calls_that_fail_leave_the_chain_whole,
                the_first_event_after_reopening_goes_on_behind_the_last,
                each_commit_tells_where_the_log_ends,
                an_anchor_of_any_event_holds,
                an_exported_log_proves_itself,
            );
            contract!(@noun $backend, recovery,
                a_run_without_an_end_is_interrupted_once,
                a_run_with_an_end_is_not_interrupted,
                a_run_that_began_long_before_the_last_count_is_interrupted,
                uses_that_were_not_counted_are_counted_from_the_log,
                uses_that_were_counted_are_not_counted_again,
                counters_equal_the_log_after_a_crash,
            );
            contract!(@noun $backend, retention,
                what_is_old_is_removed_and_the_rest_verifies,
                several_prunings_leave_a_log_that_verifies,
                a_run_without_an_end_is_kept,
                uses_of_removed_events_stay_counted,
                a_young_log_is_left_as_it_is,
                a_pruned_log_goes_on_after_reopening,
            );
            contract!(@noun $backend, queries,
                events_are_listed_newest_first_or_in_the_order_of_the_log,
                a_tokens_events_are_those_by_it_and_those_about_it_each_once,
                events_are_found_by_environment,
                events_are_found_by_action_or_by_noun,
                events_are_found_by_outcome,
                events_are_found_by_time,
                pages_stay_as_they_are_while_events_are_added,
                events_of_one_instant_are_all_listed_once,
                conditions_hold_together,
                an_only_admin_sees_its_environments_and_the_tokens_it_dominates,
                another_organization_sees_nothing,
                a_page_that_finds_little_ends_and_goes_on,
                a_cursor_reads_back_and_nonsense_does_not,
            );
            contract!(@noun $backend, environments,
                an_environment_is_there_after_reopening,
                a_name_is_taken_once,
                of_many_environments_with_one_name_one_is_made,
                a_name_and_a_visibility_can_be_changed,
                what_commands_are_confined_to_can_be_changed,
                an_environment_can_be_renamed_to_its_own_name_and_not_to_anothers,
                a_deleted_environment_is_gone_and_its_name_is_free_for_another,
                an_environment_of_another_organization_is_not_found,
                a_deleted_environment_stays_in_the_grants_that_name_it,
                a_grant_that_names_an_unknown_environment_does_not_hide_the_token,
            );
            contract!(@noun $backend, releases,
                a_first_release_is_made_with_the_environment,
                publishing_makes_the_next_release_and_serves_it,
                publishing_what_is_served_makes_nothing,
                publishing_after_a_rollback_does_not_use_a_number_again,
                rolling_back_serves_an_earlier_release,
                rolling_back_to_what_is_not_there_is_refused,
                releases_are_listed_newest_first_and_only_those_of_ones_own,
                each_manifest_of_a_living_environment_is_handed_over,
            );
            contract!(@noun $backend, secrets,
                a_secret_is_given_to_runs_after_reopening_too,
                setting_a_secret_again_puts_another_value_in_its_place,
                a_deleted_secret_is_gone,
                secrets_go_with_their_environment,
                a_change_of_the_environment_keeps_its_secrets,
                a_run_gets_the_secrets_of_its_own_environment_alone,
                an_environment_has_a_number_of_secrets_and_no_more,
                the_secrets_of_an_environment_fit_into_a_commands_variables,
                each_change_of_a_secret_writes_an_event_with_its_name_and_no_value,
                an_actor_that_ended_since_its_call_began_sets_nothing,
                an_environment_out_of_reach_has_no_secrets,
                no_value_is_stored_in_clear,
                the_sink_is_handed_secrets_encrypted_and_in_order,
            );
            contract!(@noun $backend, audit,
                each_change_writes_exactly_one_event,
                a_change_that_is_refused_writes_no_event,
                a_change_that_changes_nothing_writes_no_event,
                a_run_is_recorded_at_its_begin_and_at_its_end,
                an_event_tells_who_and_from_where,
            );
            contract!(@noun $backend, batches,
                a_call_that_fails_does_not_harm_the_others_of_its_batch,
                calls_of_one_batch_see_what_those_before_them_did,
                a_call_whose_caller_went_away_is_done_all_the_same,
                a_closed_store_takes_no_more_changes,
                what_waits_when_the_store_is_closed_is_done,
                what_was_answered_is_there_after_reopening,
                a_list_is_of_one_instant,
            );
            contract!(@blobs $backend);
            contract!(@plain $backend, lifetimes,
                the_index_built_from_changes_is_the_one_loaded_at_reopening,
            );
        }
    };
    (@blobs $backend:ty) => {
        contract!(@noun $backend, blobs,
            a_blob_reads_back,
            a_blob_that_is_not_what_was_announced_is_not_kept,
            one_blob_put_many_times_at_once_is_kept_once,
            an_absent_blob_is_said_to_be_absent,
            a_sweep_removes_what_is_not_kept_and_is_old,
            many_blobs_are_claimed_in_their_order,
            a_claimed_blob_is_left_by_the_sweep,
        );
    };
    (@noun $backend:ty, $noun:ident, $($test:ident),+ $(,)?) => {
        mod $noun {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    crate::contract::$noun::$test::<$backend>().await;
                }
            )+
        }
    };
    (@plain $backend:ty, $noun:ident, $($test:ident),+ $(,)?) => {
        mod $noun {
            $(
                #[test]
                fn $test() {
                    crate::contract::$noun::$test::<$backend>();
                }
            )+
        }
    };
}

contract!(sqlite, crate::world::sqlite::Sqlite);
contract!(postgres, crate::world::postgres::Postgres);

/// Makes the suite of blobs that several gateways have.
macro_rules! shared_blobs {
    ($suite:ident, $backend:ty) => {
        mod $suite {
            contract!(@blobs $backend);
            contract!(@noun $backend, shared_blobs,
                what_one_gateway_puts_another_reads,
                a_gateway_that_starts_or_sweeps_leaves_what_another_is_taking_in,
                a_sweep_of_one_gateway_leaves_what_another_has_claimed,
                what_is_claimed_during_a_sweep_can_be_read,
                what_two_gateways_put_at_once_is_whole,
            );
        }
    };
}

shared_blobs!(shared_directory, crate::world::shared_directory::SharedDirectory);
shared_blobs!(s3, crate::world::s3::S3);
