//! The log's metrics. None has labels: of several logs in a process, one has its standing shown.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// The position that the next record gets, as far as this process knows.
pub const END: &str = "causeway_log_end_position";
/// Records that this process wrote.
pub const RECORDS: &str = "causeway_log_records_total";
/// Bytes of the records that this process wrote.
pub const BYTES: &str = "causeway_log_bytes_total";
/// Seconds of writing and syncing one group of records: of the embedded log.
pub const WRITE_SECONDS: &str = "causeway_log_write_seconds";
/// 1 while records are refused because nothing can be made durable.
pub const BLOCKED: &str = "causeway_log_blocked";
/// 1 if the log has stopped for good, or could not give a record that it must have.
pub const HALTED: &str = "causeway_log_halted";
/// Seconds since the log's servers last answered a read; 0 of the embedded log.
pub const SILENCE: &str = "causeway_log_silence_seconds";

/// Registers the descriptions with the recorder in place.
pub fn describe() {
    describe_gauge!(END, "The position that the next record gets");
    describe_counter!(RECORDS, "Records that this process wrote");
    describe_counter!(BYTES, Unit::Bytes, "Bytes of the records that this process wrote");
    describe_histogram!(WRITE_SECONDS, Unit::Seconds, "Time to write and sync one group");
    describe_gauge!(BLOCKED, "1 while nothing can be made durable: no space, or no brokers");
    describe_gauge!(HALTED, "1 if the log has stopped for good or lacks a record, else 0");
    describe_gauge!(SILENCE, Unit::Seconds, "Time since the log's servers last answered a read");
    // Shown from the start: an alert on a gauge that is not there never fires.
    [END, BLOCKED, HALTED, SILENCE].into_iter().for_each(|name| gauge!(name).set(0.0));
    [RECORDS, BYTES].into_iter().for_each(|name| counter!(name).increment(0));
}

#[expect(clippy::cast_precision_loss, reason = "a metric may be off by one part in 2^53")]
pub(crate) fn end(position: u64) {
    gauge!(END).set(position as f64);
}

pub(crate) fn written(records: u64, bytes: u64) {
    counter!(RECORDS).increment(records);
    counter!(BYTES).increment(bytes);
}

pub(crate) fn synced(took: Duration) {
    histogram!(WRITE_SECONDS).record(took);
}

pub(crate) fn blocked(blocked: bool) {
    gauge!(BLOCKED).set(u8::from(blocked));
}

pub(crate) fn halted() {
    gauge!(HALTED).set(1);
}

#[cfg(feature = "kafka")]
pub(crate) fn silence(lasts: Duration) {
    gauge!(SILENCE).set(lasts.as_secs_f64());
}
