//! The whole embedded log, threads included, on a disk that fails.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bus::embedded::{EmbeddedLog, Options};
use bus::sim::{SimDisk, Survival, Trouble};
use bus::{Fault, Log, Position, Refused, Ticket};
use bytes::Bytes;

use crate::contract::small;

fn options() -> Options {
    Options {
        segment_bytes: 64 << 10,
        cache_bytes: 0,
        retry_space_every: Duration::from_millis(1),
        ..small()
    }
}

fn open(disk: &SimDisk) -> Result<EmbeddedLog, Fault> {
    EmbeddedLog::open_on(Arc::new(disk.clone()), 7, options())
}

fn record(number: u64) -> Bytes {
    [number.to_be_bytes().as_slice(), &vec![number as u8; 2_000]].concat().into()
}

fn number_of(record: &Bytes) -> u64 {
    u64::from_be_bytes(record[..8].try_into().expect("eight bytes"))
}

fn append(log: &EmbeddedLog, number: u64) -> Result<Position, Fault> {
    log.append(record(number)).expect("queues").wait()
}

fn read_all(log: &EmbeddedLog) -> Vec<Bytes> {
    log.read(Position(0), usize::MAX).expect("reads")
}

fn assert_holds(log: &EmbeddedLog, numbers: &[u64]) {
    assert_eq!(log.end().0, numbers.len() as u64);
    let all = read_all(log);
    assert_eq!(all, numbers.iter().copied().map(record).collect::<Vec<_>>());
}

#[test]
fn an_input_output_error_halts_for_good_and_reads_go_on() {
    let mut halted = 0;
    for after in 0..12 {
        let disk = SimDisk::new(after);
        let log = open(&disk).expect("opens");
        let mut acknowledged = vec![0];
        append(&log, 0).expect("becomes durable");
        // Which of the threads meets the error depends on the scheduler.
        disk.trouble_at(disk.operations() + after, Trouble::Io);
        for number in 1..=5 {
            match log.append(record(number)).map(Ticket::wait) {
                Ok(Ok(_)) => acknowledged.push(number),
                Ok(Err(fault)) => {
                    assert!(matches!(fault, Fault::Io { .. } | Fault::Halted), "{fault:?}");
                    halted += 1;
                }
                Err(refused) => assert_eq!(refused, Refused::Halted),
            }
        }
        assert_holds(&log, &acknowledged);
        drop(log);
        disk.restart(Survival::Some);
        let log = open(&disk).expect("opens again");
        let found: Vec<u64> = read_all(&log).iter().map(number_of).collect();
        assert!(found.starts_with(&acknowledged), "{found:?} {acknowledged:?}");
        assert!(found.len() <= acknowledged.len() + 1, "at most the one in flight");
        append(&log, 99).expect("goes on");
    }
    assert!(halted > 0, "some of the errors hit the writer");
}

#[test]
fn a_halted_log_stays_halted() {
    let disk = SimDisk::new(0);
    let log = open(&disk).expect("opens");
    append(&log, 0).expect("becomes durable");
    disk.trouble_at(disk.operations(), Trouble::IoForever);
    assert!(append(&log, 1).is_err());
    disk.restart(Survival::Everything);
    assert_eq!(log.append(record(2)).expect_err("halted"), Refused::Halted);
    assert_eq!(log.end(), Position(1));
}

#[test]
fn a_full_disk_refuses_then_resumes_by_itself() {
    let disk = SimDisk::new(0);
    let log = open(&disk).expect("opens");
    disk.set_quota(Some(128 << 10));
    let mut acknowledged = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        match append(&log, number) {
            Ok(position) => {
                assert_eq!(position.0, acknowledged.len() as u64);
                acknowledged.push(number);
            }
            Err(fault) => {
                assert!(matches!(fault, Fault::NoSpace), "{fault:?}");
                break;
            }
        }
    }
    assert!(acknowledged.len() > 10, "the segment and the spare one were filled");
    for _ in 0..3 {
        let refused = log.append(record(0)).expect_err("still full");
        assert_eq!(refused, Refused::NoSpace);
        assert!(refused.retryable());
        assert_holds(&log, &acknowledged);
    }
    disk.set_quota(None);
    for number in 1_000..1_020 {
        let ticket = loop {
            match log.append(record(number)) {
                Ok(ticket) => break ticket,
                Err(refused) => assert_eq!(refused, Refused::NoSpace),
            }
            thread::yield_now();
        };
        assert_eq!(ticket.wait().expect("durable").0, acknowledged.len() as u64);
        acknowledged.push(number);
    }
    assert_holds(&log, &acknowledged);
    drop(log);
    disk.restart(Survival::Nothing);
    assert_holds(&open(&disk).expect("opens again"), &acknowledged);
}

#[test]
fn no_room_to_begin_is_told() {
    let disk = SimDisk::new(0);
    disk.set_quota(Some(1_000));
    assert!(matches!(open(&disk).map(|_| ()), Err(Fault::NoSpace)));
    disk.set_quota(None);
    append(&open(&disk).expect("opens"), 0).expect("becomes durable");
}

#[test]
fn a_crash_under_many_writers_loses_nothing_acknowledged() {
    const THREADS: u64 = 4;
    for seed in 0..60 {
        let disk = SimDisk::new(seed);
        let log = open(&disk).expect("opens");
        disk.trouble_at(disk.operations() + seed, Trouble::Crash);
        let acknowledged: Vec<Vec<(Position, u64)>> = thread::scope(|scope| {
            let writers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    scope.spawn({
                        let log = &log;
                        move || write_on(log, thread)
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
        });
        drop(log);
        disk.restart(Survival::Some);
        let all = read_all(&open(&disk).expect("opens again"));
        for (position, number) in acknowledged.into_iter().flatten() {
            assert_eq!(all.get(position.0 as usize), Some(&record(number)), "seed {seed}");
        }
        for thread in 0..THREADS {
            let numbers = all.iter().map(number_of).filter(|number| number / 1_000 == thread);
            let gap = numbers.zip(thread * 1_000..).find(|(number, expected)| number != expected);
            assert_eq!(gap, None, "seed {seed}: thread {thread} out of order");
        }
    }
}

/// Appends until the log halts, three records ahead of their tickets; returns what was
/// acknowledged.
fn write_on(log: &EmbeddedLog, thread: u64) -> Vec<(Position, u64)> {
    let mut acknowledged = Vec::new();
    for first in (thread * 1_000..thread * 1_000 + 900).step_by(3) {
        let numbers = first..first + 3;
        let tickets: Vec<_> =
            numbers.map_while(|number| Some((log.append(record(number)).ok()?, number))).collect();
        for (ticket, number) in tickets {
            match ticket.wait() {
                Ok(position) => acknowledged.push((position, number)),
                Err(_) => return acknowledged,
            }
        }
    }
    acknowledged
}

#[test]
fn a_slow_disk_fills_the_queue_and_nothing_is_acknowledged_early() {
    let disk = SimDisk::new(0);
    let log = open(&disk).expect("opens");
    disk.stall(true);
    let mut tickets = Vec::new();
    let refused = loop {
        match log.append(record(tickets.len() as u64)) {
            Ok(ticket) => tickets.push(ticket),
            Err(refused) => break refused,
        }
        assert!(tickets.len() < 1_000, "the queue never fills");
    };
    assert_eq!(refused, Refused::Busy);
    assert!(refused.retryable());
    assert!(tickets.len() <= (256 << 10) / 2_008, "the queue is bounded");
    assert_eq!(log.end(), Position(0));
    assert!(read_all(&log).is_empty());
    disk.stall(false);
    for (number, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.wait().expect("becomes durable"), Position(number));
    }
}

#[test]
fn damage_under_an_open_log_is_never_read_as_a_record() {
    let disk = SimDisk::new(0);
    let log = open(&disk).expect("opens");
    let mut count = 0;
    while disk.names().iter().filter(|name| name.ends_with(".seg")).count() < 2 {
        append(&log, count).expect("becomes durable");
        count += 1;
    }
    let whole = read_all(&log);
    let mut found = 0;
    for name in disk.names() {
        for offset in (0..disk.contents(&name).len()).step_by(13) {
            disk.flip(&name, offset, 0x10);
            match log.read(Position(0), usize::MAX) {
                Ok(read) => assert_eq!(read, whole, "{name} {offset}"),
                Err(Fault::Corrupt { .. }) => found += 1,
                Err(other) => panic!("{name} {offset}: {other}"),
            }
            disk.flip(&name, offset, 0x10);
        }
    }
    assert!(found >= count * 2_008 / 13, "every byte of a record is checked: {found}");
}
