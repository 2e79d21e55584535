//! What every implementation of [`Log`] must do, as tests that any of them can run.
//!
//! An implementation brings a [`Host`]: something that keeps a log and can open it again. Each
//! function takes a fresh one and panics where the contract is broken; [`all`] runs them all.

#![expect(clippy::expect_used, reason = "a test suite, public so that adapters elsewhere run it")]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::port::{Fault, Log, Position, Refused};

/// Where a log lives. Dropping the log and opening it again must show the same records.
pub trait Host {
    /// The implementation under test.
    type Log: Log;

    /// Opens the log; the one opened before has been dropped.
    fn open(&self) -> Self::Log;
}

/// Long enough for any append to become durable; never a criterion by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs the whole suite, each test on a fresh host.
pub fn all<H: Host>(fresh: impl Fn() -> H) {
    begins_empty(&fresh());
    positions_are_dense(&fresh());
    any_bytes_come_back(&fresh());
    reads_are_bounded_and_never_stuck(&fresh());
    survives_reopening(&fresh());
    a_closed_log_has_written_what_waited(&fresh());
    a_position_beyond_the_end_is_an_error(&fresh());
    too_large_is_refused(&fresh());
    waiting_and_watching(&fresh());
    each_thread_keeps_its_order(&fresh());
    readers_follow_writers(&fresh());
}

/// A log that nobody wrote to has no records.
pub fn begins_empty<H: Host>(host: &H) {
    let log = host.open();
    assert_eq!(log.end(), Position(0));
    assert!(read_patiently(&log, 0, 1 << 20).is_empty());
    assert!(!log.wait(Position(0), Duration::ZERO));
}

/// Tickets count from 0 without gap.
pub fn positions_are_dense<H: Host>(host: &H) {
    let log = host.open();
    let tickets: Vec<_> = (0..50).map(|index| append_patiently(&log, &record(index))).collect();
    for (index, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.wait().expect("becomes durable"), Position(index));
    }
    assert_eq!(log.end(), Position(50));
    assert_holds(&log, 50);
}

/// Empty records, one byte, block sizes, and a large one come back as they were.
pub fn any_bytes_come_back<H: Host>(host: &H) {
    let sizes = [0, 1, 63, 64, 4_024, 4_032, 4_096, 8_192, 0, 40_000];
    let records: Vec<Bytes> = (1..)
        .zip(sizes)
        .map(|(seed, size): (usize, _)| {
            (0..size).map(|index: usize| (index * seed % 251) as u8).collect()
        })
        .collect();
    let log = host.open();
    for record in &records {
        append(&log, record);
    }
    assert_eq!(read_all(&log, usize::MAX), records);
    drop(log);
    assert_eq!(read_all(&host.open(), usize::MAX), records);
}

/// A read returns at least one record, and no more than fit. It may return fewer: those that a
/// server has sent so far.
pub fn reads_are_bounded_and_never_stuck<H: Host>(host: &H) {
    let log = host.open();
    for _ in 0..20 {
        append(&log, &Bytes::from(vec![7; 1_000]));
    }
    let check = |log: &H::Log| {
        for (bytes_max, fit) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (2_999, 2), (5_000, 5)] {
            let count = read_patiently(log, 3, bytes_max).len();
            assert!((1..=fit).contains(&count), "{count} with at most {bytes_max} bytes");
        }
    };
    check(&log);
    drop(log);
    check(&host.open());
}

/// What was durable is there after reopening, and appending goes on behind it.
pub fn survives_reopening<H: Host>(host: &H) {
    let mut count = 0;
    for _ in 0..4 {
        let log = host.open();
        assert_eq!(log.end(), Position(count));
        assert_holds(&log, count);
        for _ in 0..13 {
            assert_eq!(append(&log, &record(count)), Position(count));
            count += 1;
        }
        assert_holds(&log, count);
    }
    let log = host.open();
    for from in 0..count {
        let got = read_patiently(&log, from, 0);
        assert_eq!(got, [record(from)]);
    }
}

/// Dropping the log writes the records that still wait and resolves their tickets.
pub fn a_closed_log_has_written_what_waited<H: Host>(host: &H) {
    let log = host.open();
    let tickets: Vec<_> = (0..100).map(|index| append_patiently(&log, &record(index))).collect();
    drop(log);
    for (index, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.wait().expect("became durable"), Position(index));
    }
    assert_holds(&host.open(), 100);
}

/// A reader that is ahead of the log is told, not left waiting.
pub fn a_position_beyond_the_end_is_an_error<H: Host>(host: &H) {
    let log = host.open();
    append(&log, &record(0));
    assert!(read_patiently(&log, 1, 1).is_empty());
    let beyond = patiently(|| log.read(Position(2), 1));
    assert!(matches!(beyond, Err(Fault::Beyond { end: Position(1), .. })), "{beyond:?}");
}

/// A record over the limit is refused and leaves no trace.
pub fn too_large_is_refused<H: Host>(host: &H) {
    let log = host.open();
    let refused = log.append(Bytes::from(vec![0; crate::RECORD_BYTES_MAX + 1]));
    let refused = refused.expect_err("one byte too many");
    assert!(matches!(refused, Refused::TooLarge { .. }), "{refused:?}");
    assert!(!refused.retryable());
    assert_eq!(append(&log, &record(0)), Position(0));
}

/// `wait` and `watch` notice new records.
pub fn waiting_and_watching<H: Host>(host: &H) {
    let log = Arc::new(host.open());
    let watch = log.watch();
    assert_eq!(*watch.borrow(), Position(0));
    let waiting = thread::spawn({
        let log = log.clone();
        move || log.wait(Position(0), PATIENCE)
    });
    append(&*log, &record(0));
    assert!(waiting.join().expect("waits"));
    assert!(watch.has_changed().expect("the log is open"));
    assert_eq!(*watch.borrow(), Position(1));
    assert!(!log.wait(Position(1), Duration::from_millis(1)));
}

/// Records that one thread appends keep their order, and each has a position of its own.
pub fn each_thread_keeps_its_order<H: Host>(host: &H) {
    const THREADS: u64 = 8;
    const EACH: u64 = 100;
    let log = host.open();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                let tickets: Vec<_> = (0..EACH)
                    .map(|index| append_patiently(log, &record(thread * EACH + index)))
                    .collect();
                let positions = tickets.into_iter().map(|ticket| ticket.wait().expect("durable"));
                assert!(positions.is_sorted_by(|before, after| before < after));
            });
        }
    });
    assert_eq!(log.end(), Position(THREADS * EACH));
    let mut next = [0; THREADS as usize];
    for got in read_all(&log, 10_000) {
        let number = number_of(&got);
        let thread = (number / EACH) as usize;
        assert_eq!(number % EACH, next[thread], "thread {thread}");
        next[thread] += 1;
    }
    assert_eq!(next, [EACH; THREADS as usize]);
}

/// Readers that follow the end, from several starts, see every record once and in order.
pub fn readers_follow_writers<H: Host>(host: &H) {
    const COUNT: u64 = 300;
    let log = host.open();
    thread::scope(|scope| {
        for reader in 0..3 {
            let log = &log;
            scope.spawn(move || {
                let mut next = 0;
                while next < COUNT {
                    assert!(log.wait(Position(next), PATIENCE), "record {next} never came");
                    for got in read_patiently(log, next, reader * 5_000) {
                        assert_eq!(number_of(&got), next);
                        next += 1;
                    }
                    assert!(Position(next) <= log.end(), "read before it was durable");
                }
            });
        }
        let tickets: Vec<_> =
            (0..COUNT).map(|index| append_patiently(&log, &record(index))).collect();
        for ticket in tickets {
            ticket.wait().expect("becomes durable");
        }
    });
}

/// A record that tells its number, of a size that depends on it.
fn record(number: u64) -> Bytes {
    let size = (number * 37 % 1_500) as usize;
    [number.to_be_bytes().as_slice(), &vec![number as u8; size]].concat().into()
}

fn number_of(record: &Bytes) -> u64 {
    let number = record[..8].try_into().expect("eight bytes");
    let number = u64::from_be_bytes(number);
    assert_eq!(*record, self::record(number), "not the record that was appended");
    number
}

fn append<L: Log>(log: &L, record: &Bytes) -> Position {
    append_patiently(log, record).wait().expect("becomes durable")
}

/// Appends again for as long as the log refuses for now only: its queue is full, or its servers are
/// slow.
fn append_patiently<L: Log>(log: &L, record: &Bytes) -> crate::Ticket {
    loop {
        match log.append(record.clone()) {
            Err(refused) if refused.retryable() => thread::sleep(PAUSE),
            other => return other.expect("appends"),
        }
    }
}

fn read_patiently<L: Log>(log: &L, from: u64, bytes_max: usize) -> Vec<Bytes> {
    patiently(|| log.read(Position(from), bytes_max)).expect("reads")
}

/// Asks again for as long as there is no answer.
fn patiently<T>(ask: impl Fn() -> Result<T, Fault>) -> Result<T, Fault> {
    loop {
        match ask() {
            Err(fault) if fault.retryable() => thread::sleep(PAUSE),
            answer => return answer,
        }
    }
}

/// The whole log, in reads of at most so many bytes.
fn read_all<L: Log>(log: &L, bytes_max: usize) -> Vec<Bytes> {
    let mut all: Vec<Bytes> = Vec::new();
    loop {
        let got = read_patiently(log, all.len() as u64, bytes_max);
        if got.is_empty() {
            return all;
        }
        all.extend(got);
    }
}

fn assert_holds<L: Log>(log: &L, count: u64) {
    let all = read_all(log, 10_000);
    assert_eq!(all.len() as u64, count);
    for (index, got) in (0..).zip(&all) {
        assert_eq!(number_of(got), index);
    }
}
