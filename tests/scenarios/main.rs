//! One test binary, one behaviour per file.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should"
)]

mod room;
mod seeds;

mod absent_voter;
mod adversaries;
mod board;
mod catch_up;
mod counter_exact;
mod counter_example;
mod crash_in_recovery;
mod crashes;
mod crowd;
mod dead_leader;
mod diverged;
mod idle_table;
mod late_joiner;
mod line_of_phones;
mod lost_store;
mod lost_store_of_two;
mod main_table;
mod money_apart;
mod no_quorum;
mod outdated_app;
mod own_actions;
mod recorded_people;
mod reference_room;
mod refused_writes;
mod resync;
mod returning;
mod same_seed;
mod screen;
mod shuffled_values;
mod small_tables;
mod snapshot_link;
mod soak;
mod split_report;
mod stale_store;
mod status;
mod tidy;
mod torn_batch;
mod transcript;
mod troubled_stacks;
mod waiting;
