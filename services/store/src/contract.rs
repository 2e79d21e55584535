//! What every implementation of [`Store`] must do, as tests that any of them can run.
//!
//! An implementation brings a [`Host`]: something that keeps a store and can open it again. Each
//! function takes a fresh one and panics where the contract is broken; [`all`] runs them all.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test suite, public so that adapters elsewhere run it"
)]

mod commits;
mod rows;

use crate::commit::{Commit, Stream};
use crate::port::Store;
use crate::table::Table;
use crate::write::Write;

/// Where a store lives. Dropping the store and opening it again must show the same rows.
pub trait Host {
    /// The implementation under test.
    type Store: Store;

    /// Opens the store; the one opened before has been dropped.
    fn open(&self) -> Self::Store;
}

/// Runs the whole suite, each test on a fresh host.
pub fn all<H: Host>(fresh: impl Fn() -> H) {
    rows::begins_empty(&fresh());
    rows::rows_come_back(&fresh());
    rows::tables_are_apart(&fresh());
    rows::scans_are_ordered_and_bounded(&fresh());
    rows::scans_stay_in_their_group(&fresh());
    rows::last_at_or_before_stays_in_its_prefix(&fresh());
    rows::sizes_are_bounded(&fresh());
    rows::what_is_removed_is_gone(&fresh());
    rows::follows_a_model(&fresh());
    commits::an_empty_commit_is_fine(&fresh());
    commits::a_repeated_commit_changes_nothing(&fresh());
    commits::other_rows_under_a_name_are_refused(&fresh());
    commits::a_dense_stream_has_no_gap(&fresh());
    commits::streams_are_apart(&fresh());
    commits::a_stream_that_is_not_dense_mends(&fresh());
    commits::several_at_once_come_in_order(&fresh());
    commits::a_fact_is_decided_once(&fresh());
    commits::readers_see_whole_commits(&fresh());
    commits::writers_of_the_same_commits_agree(&fresh());
}

/// A commit of one row in table Meta.
fn fact(stream: Stream, number: u64, key: &[u8], value: &[u8]) -> Commit {
    let mut write = Write::new();
    write.put(Table::Meta, key, value);
    Commit::new(stream, number, write)
}

fn commit<S: Store>(store: &S, number: u64, write: Write) {
    store.commit(&[Commit::new(Stream::Batches, number, write)]).expect("commits");
}

fn meta<S: Store>(store: &S, key: &[u8]) -> Option<Vec<u8>> {
    store.get(Table::Meta, key).expect("gets").map(|value| value.to_vec())
}
