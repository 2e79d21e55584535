//! The projector's metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::fault::Fault;

/// Outcomes handed in that are not yet durable in the store.
pub(crate) const LAG_RECORDS: &str = "causeway_projector_lag_records";
/// The position behind the last one whose effects are durable in the store.
pub(crate) const POSITION: &str = "causeway_projector_position";
/// Unix time since when the oldest sealed batch waits that is not durable; 0 if none waits.
pub(crate) const BEHIND_SINCE: &str = "causeway_projector_behind_since_seconds";
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
/// 1 while the store cannot be reached, or too few of its nodes.
pub(crate) const UNAVAILABLE: &str = "causeway_projector_store_unavailable";
/// 1 once the projector has halted.
pub(crate) const HALTED: &str = "causeway_projector_halted";
/// Sorted runs of the index of references.
pub(crate) const UETR_RUNS: &str = "causeway_projector_uetr_runs";

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_gauge!(LAG_RECORDS, Unit::Count, "Outcomes not yet durable in the store.");
    describe_gauge!(POSITION, "The position behind the last one that is durable in the store.");
    describe_gauge!(
        BEHIND_SINCE,
        Unit::Seconds,
        "Since when the oldest sealed batch waits, Unix time."
    );
    describe_counter!(BATCHES, Unit::Count, "Batches written.");
    describe_counter!(PAYMENTS, Unit::Count, "Payments written.");
    describe_counter!(BYTES, Unit::Bytes, "Bytes of rows written.");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "How long commits take.");
    describe_gauge!(NO_SPACE, Unit::Count, "1 while the store has no space.");
    describe_gauge!(UNAVAILABLE, Unit::Count, "1 while the store cannot be reached.");
    describe_gauge!(HALTED, Unit::Count, "1 once the projector has halted.");
    describe_gauge!(UETR_RUNS, Unit::Count, "Sorted runs of the index of references.");
    // Shown from the start: an alert on a gauge that is not there never fires.
    [LAG_RECORDS, POSITION, BEHIND_SINCE, NO_SPACE, UNAVAILABLE, HALTED, UETR_RUNS]
        .into_iter()
        .for_each(|name| gauge!(name).set(0.0));
    [BATCHES, PAYMENTS, BYTES].into_iter().for_each(|name| counter!(name).increment(0));
}

/// The store has everything before `durable`; `taken` is the next position to be taken.
pub(crate) fn standing(durable: u64, taken: u64) {
    gauge!(POSITION).set(durable as f64);
    gauge!(LAG_RECORDS).set(taken.saturating_sub(durable) as f64);
}

/// Since when a sealed batch waits that is not durable.
pub(crate) fn behind_since(since: Option<SystemTime>) {
    let unix = since.and_then(|since| since.duration_since(UNIX_EPOCH).ok());
    gauge!(BEHIND_SINCE).set(unix.unwrap_or_default().as_secs_f64());
}

pub(crate) fn committed(batches: u64, payments: u64, bytes: u64, seconds: f64) {
    counter!(BATCHES).increment(batches);
    counter!(PAYMENTS).increment(payments);
    counter!(BYTES).increment(bytes);
    histogram!(COMMIT_SECONDS).record(seconds);
}

/// Nothing goes on because of a fault that will pass.
pub(crate) fn waiting(fault: &Fault) {
    match fault {
        Fault::Store(store::Fault::NoSpace) => gauge!(NO_SPACE).set(1.0),
        Fault::Store(_) => gauge!(UNAVAILABLE).set(1.0),
        _ => {}
    }
}

/// It has passed.
pub(crate) fn going_on() {
    gauge!(NO_SPACE).set(0.0);
    gauge!(UNAVAILABLE).set(0.0);
}

pub(crate) fn halted() {
    gauge!(HALTED).set(1.0);
}

pub(crate) fn uetr_runs(count: usize) {
    gauge!(UETR_RUNS).set(count as f64);
}
