//! The log on real brokers: `deploy/local/cluster up`, then run the ignored tests.
//!
//! `CAUSEWAY_KAFKA` names other brokers than the local ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bus::kafka::{self, KafkaLog, Promise, Settings, TopicFault};
use bus::{Fault, Log as _, Position, Refused, contract};
use bytes::Bytes;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// A topic of its own.
struct Topic(Settings);

impl contract::Host for Topic {
    type Log = KafkaLog;

    fn open(&self) -> KafkaLog {
        open(&self.0)
    }
}

/// Opens it, however often the brokers do not answer.
fn open(settings: &Settings) -> KafkaLog {
    loop {
        match KafkaLog::open(settings) {
            Err(fault) if fault.retryable() => thread::sleep(Duration::from_millis(100)),
            log => return log.expect("opens"),
        }
    }
}

fn settings(topic: String) -> Settings {
    let brokers = std::env::var("CAUSEWAY_KAFKA")
        .unwrap_or_else(|_| "127.0.0.1:19092,127.0.0.1:19192,127.0.0.1:19292".to_owned());
    let brokers = brokers.split(',').map(str::to_owned).collect();
    // However slow the brokers are.
    Settings { give_up_after: Duration::from_secs(3_600), ..Settings::new(brokers, topic) }
}

fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("random bytes");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test-{:08x}-{number}", u32::from_be_bytes(random))
}

fn fresh() -> Topic {
    let settings = settings(fresh_name());
    kafka::create(&settings, Promise::default()).expect("makes the topic");
    Topic(settings)
}

#[test]
#[ignore = "needs brokers"]
fn keeps_the_contract() {
    contract::all(fresh);
}

#[test]
#[ignore = "needs brokers"]
fn a_topic_that_is_not_there_is_named() {
    let settings = settings(fresh_name());
    let opened = KafkaLog::open(&settings).map(drop);
    assert!(matches!(opened, Err(Fault::Absent { .. })), "{opened:?}");
    let checked = kafka::check(&settings, Promise::default());
    assert!(matches!(checked, Err(TopicFault::Absent(_))), "{checked:?}");
}

#[test]
#[ignore = "needs brokers"]
fn a_topic_that_promises_too_little_is_refused() {
    let settings = settings(fresh_name());
    let weak = Promise { replication: 2, in_sync: 1, ..Promise::default() };
    kafka::create(&settings, weak).expect("makes the topic");
    kafka::check(&settings, weak).expect("promises what it was made with");
    let replicas = Promise { replication: 3, in_sync: 1, ..Promise::default() };
    let in_sync = Promise { replication: 2, in_sync: 2, ..Promise::default() };
    for (promise, named) in [(replicas, "replication"), (in_sync, "min.insync.replicas")] {
        match kafka::check(&settings, promise) {
            Err(TopicFault::Broken { setting, .. }) => assert_eq!(setting, named),
            other => panic!("{other:?}"),
        }
    }
}

/// Old records come from the brokers once memory holds only the newest.
#[test]
#[ignore = "needs brokers"]
fn old_records_are_read_from_the_brokers() {
    let mut topic = fresh();
    topic.0.cache_bytes = 4_000;
    let log = open(&topic.0);
    let record = |number: u64| Bytes::from([number.to_be_bytes().to_vec(), vec![7; 500]].concat());
    let tickets: Vec<_> =
        (0..200).map(|number| log.append(record(number)).expect("taken")).collect();
    for ticket in tickets {
        ticket.wait().expect("durable");
    }
    for from in [0, 199, 3, 50, 51, 120] {
        let got = read(&log, from, 2_000);
        let expected: Vec<_> = (from..).take(got.len()).map(record).collect();
        assert_eq!(got, expected);
    }
}

/// A topic that was made anew under a running log holds fewer records than were read from it.
#[test]
#[ignore = "needs brokers"]
fn a_topic_that_lost_records_halts_the_log_naming_it() {
    let topic = fresh();
    let log = open(&topic.0);
    for number in 0..3_u8 {
        log.append(vec![number].into()).expect("taken").wait().expect("durable");
    }
    kafka::delete(&topic.0).expect("deletes");
    while kafka::create(&topic.0, Promise::default()).is_err() {
        thread::sleep(Duration::from_millis(100));
    }
    let fault = loop {
        match log.read(Position(3), 1) {
            Err(fault) if !fault.retryable() => break fault,
            _ => thread::sleep(Duration::from_millis(50)),
        }
    };
    // Whichever it met first.
    assert!(matches!(fault, Fault::Absent { .. } | Fault::Truncated { .. }), "{fault}");
    assert!(fault.to_string().contains(&topic.0.topic), "{fault}");
    assert_eq!(log.append(Bytes::new()).expect_err("halted"), Refused::Halted);
}

/// Appends so many records, a request each, and opens a log that has none of them in memory.
fn reopened(topic: &mut Topic, records: u64) -> KafkaLog {
    topic.0.cache_bytes = 0;
    let log = open(&topic.0);
    for number in 0..records {
        log.append(record(&topic.0, number)).expect("taken").wait().expect("durable");
    }
    drop(log);
    open(&topic.0)
}

/// A record that no other topic has.
fn record(settings: &Settings, number: u64) -> Bytes {
    format!("{} {number:04}", settings.topic).into()
}

/// Why nothing can be read there, once somebody answers.
fn unread(log: &KafkaLog, from: u64) -> Fault {
    loop {
        match log.read(Position(from), 1) {
            Err(fault) if fault.retryable() => thread::sleep(Duration::from_millis(20)),
            read => return read.expect_err("it is gone"),
        }
    }
}

#[test]
#[ignore = "needs brokers"]
fn records_that_somebody_removed_are_gone_and_the_topic_is_named() {
    let mut topic = fresh();
    let log = reopened(&mut topic, 5);
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&topic.0.topic, 0, Offset::Offset(3)).expect("an offset");
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", topic.0.brokers.join(","))
        .create()
        .expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(admin.delete_records(&before, &AdminOptions::new())).expect("removes them");

    let fault = unread(&log, 0);
    assert!(matches!(fault, Fault::Gone { first: Position(3), .. }), "{fault:?}");
    assert!(fault.to_string().contains(&topic.0.topic), "{fault}");
    assert_eq!(read(&log, 3, 1), [record(&topic.0, 3)], "the others are read");
}

#[test]
#[ignore = "needs brokers"]
fn a_byte_that_changed_on_the_brokers_is_damage_and_named() {
    let mut topic = fresh();
    let log = reopened(&mut topic, 3);
    let damaged = record(&topic.0, 1);
    for broker in ["kafka-1", "kafka-2", "kafka-3"] {
        flip(&cluster_dir().join(broker), &topic.0.topic, &damaged);
    }
    assert_eq!(read(&log, 0, 1 << 20), [record(&topic.0, 0)], "what is before it");
    let fault = unread(&log, 1);
    assert!(matches!(fault, Fault::Corrupt { position: Position(1), .. }), "{fault:?}");
    assert!(fault.to_string().contains(&topic.0.topic), "{fault}");
    assert_eq!(read(&log, 2, 1), [record(&topic.0, 2)], "what is behind it");
}

/// Changes the last byte of a record in a broker's copy, once it has one.
fn flip(broker: &Path, topic: &str, record: &[u8]) {
    let segment = broker.join(format!("data/{topic}-0/00000000000000000000.log"));
    loop {
        let mut bytes = fs::read(&segment).unwrap_or_default();
        let found = bytes.windows(record.len()).position(|window| window == record);
        let Some(at) = found.map(|at| at + record.len() - 1) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        bytes[at] ^= 1;
        let file = fs::OpenOptions::new().write(true).open(&segment).expect("opens");
        let written = std::os::unix::fs::FileExt::write_all_at(&file, &bytes[at..=at], at as u64);
        return written.expect("writes");
    }
}

/// The folder of the cluster's script.
fn cluster_dir() -> PathBuf {
    std::env::var_os("CAUSEWAY_CLUSTER_DIR").expect("CAUSEWAY_CLUSTER_DIR").into()
}

/// The cluster's script, with the folder that `CAUSEWAY_CLUSTER_DIR` names.
fn cluster(command: &str, node: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/local/cluster");
    let done = Command::new(script).args([command, node, "--dir"]).arg(cluster_dir()).status();
    assert!(done.expect("runs the script").success(), "{command} {node}");
}

/// Appends numbered records for as long as `run` runs: the position of each that was acknowledged.
/// `run` gets how many are acknowledged so far.
fn under_load(log: &KafkaLog, run: impl FnOnce(&AtomicU64) + Send) -> BTreeMap<u64, Position> {
    let (done, count) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let appending = scope.spawn(|| {
            let (mut acknowledged, mut number) = (BTreeMap::new(), 0_u64);
            while !done.load(Ordering::Relaxed) {
                let tickets: Vec<_> = (number..number + 20)
                    .map(|number| (number, log.append(number.to_be_bytes().to_vec().into())))
                    .collect();
                number += 20;
                for (number, ticket) in tickets {
                    match ticket.map(bus::Ticket::wait) {
                        Ok(Ok(position)) => {
                            acknowledged.insert(number, position);
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(Err(Fault::Unanswered { .. }))
                        | Err(Refused::Busy | Refused::Unreachable) => {
                            thread::sleep(Duration::from_millis(20));
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            acknowledged
        });
        run(&count);
        done.store(true, Ordering::Relaxed);
        appending.join().expect("appends")
    })
}

/// Waits until so many more are acknowledged.
fn more(count: &AtomicU64, records: u64) {
    let until = count.load(Ordering::Relaxed) + records;
    while count.load(Ordering::Relaxed) < until {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Reads, however often the brokers do not answer.
fn read(log: &KafkaLog, from: u64, bytes_max: usize) -> Vec<Bytes> {
    loop {
        match log.read(Position(from), bytes_max) {
            Err(fault) if fault.retryable() => thread::sleep(Duration::from_millis(20)),
            records => return records.expect("reads"),
        }
    }
}

/// Every number in the log, in its order.
fn numbers(log: &KafkaLog) -> Vec<u64> {
    let mut all = Vec::new();
    while (all.len() as u64) < log.end().0 {
        let records = read(log, all.len() as u64, 1 << 20);
        let number = |record: &Bytes| u64::from_be_bytes(record[..].try_into().expect("8 bytes"));
        all.extend(records.iter().map(number));
    }
    all
}

#[test]
#[ignore = "needs brokers, and kills them"]
fn what_was_acknowledged_survives_killed_and_frozen_brokers() {
    let topic = fresh();
    let log = open(&topic.0);
    let acknowledged = under_load(&log, |count| {
        for node in ["kafka-1", "kafka-2", "kafka-3"] {
            for change in ["kill", "start", "pause", "resume"] {
                cluster(change, node);
                more(count, 100);
            }
        }
    });
    // A record may be there twice, if it was sent again: never somewhere else than was said.
    let kept = numbers(&log);
    for (number, position) in acknowledged {
        assert_eq!(kept.get(position.0 as usize), Some(&number), "{position}");
    }
    drop(log);
    assert_eq!(numbers(&open(&topic.0)), kept);
}

#[test]
#[ignore = "needs brokers, and kills them"]
fn without_a_quorum_appends_are_refused_and_flow_again_by_themselves() {
    let topic = fresh();
    let log = open(&topic.0);
    log.append(Bytes::from_static(b"before")).expect("taken").wait().expect("durable");
    cluster("kill", "kafka-1");
    cluster("kill", "kafka-2");
    // Sooner or later the gate closes: nothing is taken that would only wait.
    let unreachable = || matches!(log.append(Bytes::from_static(b"x")), Err(Refused::Unreachable));
    while !unreachable() {
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(read(&log, 0, 1), [Bytes::from_static(b"before")], "reads go on");
    cluster("start", "kafka-1");
    cluster("start", "kafka-2");
    let behind = loop {
        match log.append(Bytes::from_static(b"behind")).map(bus::Ticket::wait) {
            Ok(Ok(position)) => break position,
            _ => thread::sleep(Duration::from_millis(100)),
        }
    };
    assert_eq!(read(&log, behind.0, 1), [Bytes::from_static(b"behind")]);
}
