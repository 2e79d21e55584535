//! The projector's metrics.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Outcomes handed in that are not yet durable in the store.
pub(crate) const LAG_RECORDS: &str = "causeway_projector_lag_records";
/// Batches written.
pub(crate) const BATCHES: &str = "causeway_projector_batches_total";
/// Payments written.
pub(crate) const PAYMENTS: &str = "causeway_projector_payments_total";
/// Bytes of rows written.
pub(crate) const BYTES: &str = "causeway_projector_written_bytes_total";
/// How long commits take.
pub(crate) const COMMIT_SECONDS: &str = "causeway_projector_commit_seconds";
/// 1 while the store has no space.
pub(crate) const NO_SPACE: &str = "causeway_projector_no_space";
/// 1 once the projector has halted.
pub(crate) const HALTED: &str = "causeway_projector_halted";
/// Sorted runs of the index of references.
pub(crate) const UETR_RUNS: &str = "causeway_projector_uetr_runs";

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_gauge!(LAG_RECORDS, Unit::Count, "Outcomes not yet durable in the store.");
    describe_counter!(BATCHES, Unit::Count, "Batches written.");
    describe_counter!(PAYMENTS, Unit::Count, "Payments written.");
    describe_counter!(BYTES, Unit::Bytes, "Bytes of rows written.");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "How long commits take.");
    describe_gauge!(NO_SPACE, Unit::Count, "1 while the store has no space.");
    describe_gauge!(HALTED, Unit::Count, "1 once the projector has halted.");
    describe_gauge!(UETR_RUNS, Unit::Count, "Sorted runs of the index of references.");
    // Shown from the start: an alert on a gauge that is not there never fires.
    [LAG_RECORDS, NO_SPACE, HALTED, UETR_RUNS].into_iter().for_each(|name| gauge!(name).set(0.0));
}

pub(crate) fn lag(records: u64) {
    gauge!(LAG_RECORDS).set(records as f64);
}

pub(crate) fn committed(batches: u64, payments: u64, bytes: u64, seconds: f64) {
    counter!(BATCHES).increment(batches);
    counter!(PAYMENTS).increment(payments);
    counter!(BYTES).increment(bytes);
    histogram!(COMMIT_SECONDS).record(seconds);
    gauge!(NO_SPACE).set(0.0);
}

pub(crate) fn no_space() {
    gauge!(NO_SPACE).set(1.0);
}

pub(crate) fn halted() {
    gauge!(HALTED).set(1.0);
}

pub(crate) fn uetr_runs(count: usize) {
    gauge!(UETR_RUNS).set(count as f64);
}
