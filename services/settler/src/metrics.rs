//! The settler's metrics. None has labels.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// Records applied.
pub const RECORDS: &str = "causeway_settler_records_total";
/// Orders applied.
pub const ORDERS: &str = "causeway_settler_orders_total";
/// Seconds of applying one group of records.
pub const APPLY_SECONDS: &str = "causeway_settler_apply_seconds";
/// Records that are durable but not applied yet.
pub const LAG: &str = "causeway_settler_lag_records";
/// The number of the last sealed batch.
pub const BATCH: &str = "causeway_settler_batch";
/// Orders that wait.
pub const QUEUED: &str = "causeway_settler_queued_orders";
/// Identities remembered.
pub const SEEN: &str = "causeway_settler_seen_entries";
/// 1 if the pool has stopped for good.
pub const HALTED: &str = "causeway_settler_halted";
/// Seconds of writing one snapshot.
pub const SNAPSHOT_SECONDS: &str = "causeway_settler_snapshot_seconds";
/// Seconds of answering one question to the pool, in which nothing settles.
pub const ANSWER_SECONDS: &str = "causeway_settler_answer_seconds";
/// Snapshots that could not be written.
pub const SNAPSHOTS_FAILED: &str = "causeway_settler_snapshots_failed_total";
/// Seconds of finding one proposal.
pub const SOLVE_SECONDS: &str = "causeway_settler_solve_seconds";
/// Steps of the solver.
pub const SOLVER_STEPS: &str = "causeway_settler_solver_steps_total";
/// Cuts at which the solver panicked.
pub const SOLVER_PANICS: &str = "causeway_settler_solver_panics_total";

/// Registers the descriptions with the recorder in place.
pub fn describe() {
    describe_counter!(RECORDS, "Records applied");
    describe_counter!(ORDERS, "Orders applied");
    describe_histogram!(APPLY_SECONDS, Unit::Seconds, "Time to apply one group of records");
    describe_gauge!(LAG, Unit::Count, "Records that are durable but not applied yet");
    describe_gauge!(BATCH, "The number of the last sealed batch");
    describe_gauge!(QUEUED, Unit::Count, "Orders that wait in the queues");
    describe_gauge!(SEEN, Unit::Count, "Identities remembered");
    describe_gauge!(HALTED, "1 if the pool has stopped for good, else 0");
    describe_histogram!(SNAPSHOT_SECONDS, Unit::Seconds, "Time to write one snapshot");
    describe_histogram!(ANSWER_SECONDS, Unit::Seconds, "Time to answer a question to the pool");
    describe_counter!(SNAPSHOTS_FAILED, "Snapshots that could not be written");
    describe_histogram!(SOLVE_SECONDS, Unit::Seconds, "Time to find what settles in one cut");
    describe_counter!(SOLVER_STEPS, "Work of the solver");
    describe_counter!(SOLVER_PANICS, "Cuts at which the solver panicked: the floor settles");
    // Shown from the start: an alert on a gauge that is not there never fires.
    [LAG, BATCH, QUEUED, SEEN, HALTED].into_iter().for_each(|name| gauge!(name).set(0.0));
}

/// What one group of records did.
#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
pub(crate) fn applied(records: u64, orders: u64, took: Duration, lag: u64) {
    counter!(RECORDS).increment(records);
    counter!(ORDERS).increment(orders);
    metrics::histogram!(APPLY_SECONDS).record(took);
    gauge!(LAG).set(lag as f64);
}

/// How the pool stands.
#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
pub(crate) fn standing(batch: u64, queued: u64, seen: u64) {
    gauge!(BATCH).set(batch as f64);
    gauge!(QUEUED).set(queued as f64);
    gauge!(SEEN).set(seen as f64);
}

/// What one proposal took.
pub(crate) fn proposed(took: Duration, steps: u64) {
    metrics::histogram!(SOLVE_SECONDS).record(took);
    counter!(SOLVER_STEPS).increment(steps);
}

pub(crate) fn solver_panicked() {
    counter!(SOLVER_PANICS).increment(1);
}

pub(crate) fn halted() {
    gauge!(HALTED).set(1);
}

pub(crate) fn snapshot_written(took: Duration) {
    metrics::histogram!(SNAPSHOT_SECONDS).record(took);
}

pub(crate) fn answered(took: Duration) {
    metrics::histogram!(ANSWER_SECONDS).record(took);
}

pub(crate) fn snapshot_failed() {
    counter!(SNAPSHOTS_FAILED).increment(1);
}
