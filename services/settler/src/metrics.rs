//! The settler's metrics. Labels are currencies and what a bound rests on: closed sets.
//!
//! What settled is counted once the end of the log was reached, so that a start, which applies the
//! log's tail again, does not look like a burst of payments.

use std::collections::BTreeMap;
use std::time::Duration;

use clearing::{Basis, Certificate, FxEvent, SealedBatch, Status, TransferKind};
use ledger::{AccountId, Currency};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::view::PoolView;

/// Records applied.
pub const RECORDS: &str = "causeway_settler_records_total";
/// Orders applied.
pub const ORDERS: &str = "causeway_settler_orders_total";
/// Seconds of applying one group of records.
pub const APPLY_SECONDS: &str = "causeway_settler_apply_seconds";
/// Records that are durable but not applied yet.
pub const LAG: &str = "causeway_settler_lag_records";
/// The position of the next record to be applied.
pub const POSITION: &str = "causeway_settler_position";
/// Unix time of what was applied last, while there is more; 0 at the end of the log.
pub const BEHIND_SINCE: &str = "causeway_settler_behind_since_seconds";
/// The number of the last sealed batch.
pub const BATCH: &str = "causeway_settler_batch";
/// Orders that wait.
pub const QUEUED: &str = "causeway_settler_queued_orders";
/// Value that waits, minor units, by `currency`.
pub const QUEUED_MINOR: &str = "causeway_settler_queued_minor";
/// Sealed payments that are held, by what they `wait_for`; one may wait for several words.
pub const HELD: &str = "causeway_settler_held_payments";
/// Disclosure faults that their senders have not answered.
pub const FAULTS_OPEN: &str = "causeway_settler_faults_open";
/// Those of them whose deadline has passed.
pub const FAULTS_OVERDUE: &str = "causeway_settler_faults_overdue";
/// Participants with KEM keys, by how long the `last` of them is good.
pub const KEY_OWNERS: &str = "causeway_settler_key_owners";
/// Participants that are suspended.
pub const SUSPENDED: &str = "causeway_settler_suspended_participants";
/// The cycle that is collecting.
pub const CYCLE: &str = "causeway_settler_cycle";
/// 1 while a cut waits for a proposal.
pub const CUT_OPEN: &str = "causeway_settler_cut_open";
/// Identities remembered.
pub const SEEN: &str = "causeway_settler_seen_entries";
/// 1 if the pool has stopped for good.
pub const HALTED: &str = "causeway_settler_halted";
/// 1 while this settler lets time pass and proposes.
pub const ACTIVE: &str = "causeway_settler_active";
/// Batches of which another settler has another hash.
pub const DIVERGED: &str = "causeway_settler_diverged_total";
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

/// Payments settled; an FX payment is one.
pub const SETTLED: &str = "causeway_settler_settled_payments_total";
/// Value settled, legs of FX payments included, minor units, by `currency`.
pub const SETTLED_MINOR: &str = "causeway_settler_settled_minor_total";
/// Cycles that settled something, by the `basis` of their certificate.
pub const CYCLES: &str = "causeway_settler_cycles_total";
/// What the last cycle could have settled more at best: (bound - value) / bound.
pub const GAP: &str = "causeway_settler_cycle_gap_ratio";
/// What the last cycle settled beyond the FIFO maximum: (value - FIFO value) / value.
pub const GAIN: &str = "causeway_settler_cycle_gain_ratio";
/// FX payments that quotes cover.
pub const FX_MATCHED: &str = "causeway_settler_fx_matched_total";
/// Matches that ended without settling.
pub const FX_LAPSED: &str = "causeway_settler_fx_lapsed_total";
/// Legs of FX payments that settled.
pub const FX_LEGS: &str = "causeway_settler_fx_legs_total";

/// Registers the descriptions with the recorder in place.
pub fn describe() {
    describe_counter!(RECORDS, "Records applied");
    describe_counter!(ORDERS, "Orders applied");
    describe_histogram!(APPLY_SECONDS, Unit::Seconds, "Time to apply one group of records");
    describe_gauge!(LAG, Unit::Count, "Records that are durable but not applied yet");
    describe_gauge!(POSITION, "The position of the next record to be applied");
    describe_gauge!(
        BEHIND_SINCE,
        Unit::Seconds,
        "Unix time of what was applied last; 0 at the end"
    );
    describe_gauge!(BATCH, "The number of the last sealed batch");
    describe_gauge!(QUEUED, Unit::Count, "Orders that wait in the queues");
    describe_gauge!(QUEUED_MINOR, "Value that waits in the queues, minor units, by currency");
    describe_gauge!(CYCLE, "The cycle that is collecting");
    describe_gauge!(CUT_OPEN, "1 while a cut waits for a proposal, else 0");
    describe_gauge!(SEEN, Unit::Count, "Identities remembered");
    describe_gauge!(HALTED, "1 if the pool has stopped for good, else 0");
    describe_gauge!(ACTIVE, Unit::Count, "1 while this settler lets time pass, else 0");
    describe_counter!(DIVERGED, "Batches of which another settler has another hash");
    describe_histogram!(SNAPSHOT_SECONDS, Unit::Seconds, "Time to write one snapshot");
    describe_histogram!(ANSWER_SECONDS, Unit::Seconds, "Time to answer a question to the pool");
    describe_counter!(SNAPSHOTS_FAILED, "Snapshots that could not be written");
    describe_histogram!(SOLVE_SECONDS, Unit::Seconds, "Time to find what settles in one cut");
    describe_counter!(SOLVER_STEPS, "Work of the solver");
    describe_counter!(SOLVER_PANICS, "Cuts at which the solver panicked: the floor settles");
    describe_settled();
    describe_sealed();
    // Shown from the start: an alert on what is not there never fires.
    [LAG, POSITION, BEHIND_SINCE, BATCH, QUEUED, CYCLE, CUT_OPEN, SEEN, HALTED, ACTIVE, GAP, GAIN]
        .into_iter()
        .for_each(|name| gauge!(name).set(0.0));
    [FAULTS_OPEN, FAULTS_OVERDUE, SUSPENDED].into_iter().for_each(|name| gauge!(name).set(0.0));
    [RECORDS, ORDERS, DIVERGED, SNAPSHOTS_FAILED, SOLVER_STEPS, SOLVER_PANICS]
        .into_iter()
        .chain([SETTLED, FX_MATCHED, FX_LAPSED, FX_LEGS])
        .for_each(|name| counter!(name).increment(0));
    [Basis::Most, Basis::Prices, Basis::Nothing]
        .into_iter()
        .for_each(|basis| counter!(CYCLES, "basis" => basis_name(basis)).increment(0));
}

fn describe_settled() {
    describe_counter!(SETTLED, "Payments settled");
    describe_counter!(SETTLED_MINOR, "Value settled, minor units, by currency");
    describe_counter!(CYCLES, "Cycles that settled something, by the basis of their certificate");
    describe_gauge!(GAP, "What the last cycle could have settled more at best, part of the bound");
    describe_gauge!(GAIN, "What the last cycle settled beyond the FIFO maximum, part of its value");
    describe_counter!(FX_MATCHED, "FX payments that quotes cover");
    describe_counter!(FX_LAPSED, "Matches that ended without settling");
    describe_counter!(FX_LEGS, "Legs of FX payments that settled");
}

fn describe_sealed() {
    describe_gauge!(HELD, Unit::Count, "Sealed payments that are held, by what they wait for");
    describe_gauge!(FAULTS_OPEN, Unit::Count, "Disclosure faults without an answer");
    describe_gauge!(FAULTS_OVERDUE, Unit::Count, "Those of them whose deadline has passed");
    describe_gauge!(
        KEY_OWNERS,
        Unit::Count,
        "Participants with KEM keys, by the state of the last: lasting, ending within 3 h, over"
    );
    describe_gauge!(SUSPENDED, Unit::Count, "Participants that are suspended");
}

/// What one group of records did.
pub(crate) fn applied(records: u64, orders: u64, took: Duration) {
    counter!(RECORDS).increment(records);
    counter!(ORDERS).increment(orders);
    metrics::histogram!(APPLY_SECONDS).record(took);
}

/// How far behind the end of the log the pool is: records, and since when.
#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
pub(crate) fn behind(records: u64, since_ms: u64) {
    gauge!(LAG).set(records as f64);
    gauge!(BEHIND_SINCE).set(since_ms as f64 / 1_000.0);
}

pub(crate) fn active(active: bool) {
    gauge!(ACTIVE).set(if active { 1.0 } else { 0.0 });
}

pub(crate) fn diverged() {
    counter!(DIVERGED).increment(1);
}

/// How the pool stands.
#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
pub(crate) fn standing(view: &PoolView) {
    let queued: u64 = view.queues.iter().map(|queue| queue.orders).sum();
    gauge!(POSITION).set(view.next_position as f64);
    gauge!(BATCH).set(view.batch as f64);
    gauge!(CYCLE).set(view.cycle as f64);
    gauge!(CUT_OPEN).set(u8::from(view.open_cut.is_some()));
    gauge!(QUEUED).set(queued as f64);
    gauge!(SEEN).set(view.seen_entries as f64);
}

/// What it takes a walk over the pool to know.
#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
pub(crate) fn walked(status: &Status) {
    for queue in &status.queued {
        gauge!(QUEUED_MINOR, "currency" => queue.currency.to_string()).set(queue.minor as f64);
    }
    let (held, keys) = (status.held_for, status.keys);
    for (word, count) in [
        ("verdict", held.screening),
        ("other_verdict", held.stopped),
        ("confirmation", held.confirmation),
    ] {
        gauge!(HELD, "wait_for" => word).set(count as f64);
    }
    for (last, count) in [("lasting", keys.lasting), ("ending", keys.ending), ("over", keys.over)] {
        gauge!(KEY_OWNERS, "last" => last).set(count as f64);
    }
    gauge!(FAULTS_OPEN).set(status.faults as f64);
    gauge!(FAULTS_OVERDUE).set(status.faults_overdue as f64);
    gauge!(SUSPENDED).set(status.suspended as f64);
}

/// What a batch settled.
pub(crate) fn sealed(batch: &SealedBatch, currency_of: impl Fn(AccountId) -> Option<Currency>) {
    counter!(SETTLED).increment(batch.payments.into());
    let mut settled: BTreeMap<Currency, u64> = BTreeMap::new();
    let mut legs = 0;
    for transfer in &batch.transfers {
        if !matches!(transfer.kind, TransferKind::Payment | TransferKind::FxLeg) {
            continue;
        }
        legs += u64::from(transfer.kind == TransferKind::FxLeg);
        if let Some(currency) = currency_of(transfer.debit) {
            let sum = settled.entry(currency).or_default();
            *sum = sum.wrapping_add(transfer.minor);
        }
    }
    counter!(FX_LEGS).increment(legs);
    for (currency, minor) in settled {
        counter!(SETTLED_MINOR, "currency" => currency.to_string()).increment(minor);
    }
    batch.certificates.iter().for_each(certified);
}

#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
fn certified(certificate: &Certificate) {
    let part = |of: u128, whole: u128| if whole == 0 { 0.0 } else { of as f64 / whole as f64 };
    counter!(CYCLES, "basis" => basis_name(certificate.basis)).increment(1);
    gauge!(GAP).set(part(certificate.gap(), certificate.bound));
    let gain = certificate.value.saturating_sub(certificate.fifo_value);
    gauge!(GAIN).set(part(gain, certificate.value));
}

fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Most => "most",
        Basis::Prices => "prices",
        Basis::Nothing => "nothing",
    }
}

/// What happened to FX payments.
pub(crate) fn exchanged(events: &[FxEvent]) {
    for event in events {
        match event {
            FxEvent::Paired { .. } => {}
            FxEvent::Matched { .. } => counter!(FX_MATCHED).increment(1),
            FxEvent::Lapsed { .. } => counter!(FX_LAPSED).increment(1),
        }
    }
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
