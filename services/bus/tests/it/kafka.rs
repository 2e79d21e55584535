//! The log on real brokers: `deploy/local/cluster up`, then run the ignored tests.
//!
//! `CAUSEWAY_KAFKA` names other brokers than the local ones.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use bus::kafka::{self, KafkaLog, Promise, Settings, TopicFault};
use bus::{Fault, Log as _, Position, Refused, contract};
use bytes::Bytes;

/// A topic of its own.
struct Topic(Settings);

impl contract::Host for Topic {
    type Log = KafkaLog;

    fn open(&self) -> KafkaLog {
        KafkaLog::open(&self.0).expect("opens")
    }
}

fn settings(topic: String) -> Settings {
    let brokers = std::env::var("CAUSEWAY_KAFKA")
        .unwrap_or_else(|_| "127.0.0.1:19092,127.0.0.1:19192,127.0.0.1:19292".to_owned());
    Settings::new(brokers.split(',').map(str::to_owned).collect(), topic)
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
    let log = KafkaLog::open(&topic.0).expect("opens");
    let record = |number: u64| Bytes::from([number.to_be_bytes().to_vec(), vec![7; 500]].concat());
    let tickets: Vec<_> =
        (0..200).map(|number| log.append(record(number)).expect("taken")).collect();
    for ticket in tickets {
        ticket.wait().expect("durable");
    }
    for from in [0, 199, 3, 50, 51, 120] {
        let got = log.read(Position(from), 2_000).expect("reads");
        let expected: Vec<_> = (from..).take(got.len()).map(record).collect();
        assert_eq!(got, expected);
    }
}

/// The cluster's script, with the folder that `CAUSEWAY_CLUSTER_DIR` names.
fn cluster(command: &str, node: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/local/cluster");
    let dir = std::env::var("CAUSEWAY_CLUSTER_DIR").expect("CAUSEWAY_CLUSTER_DIR");
    let done = Command::new(script).args([command, node, "--dir", &dir]).status();
    assert!(done.expect("runs the script").success(), "{command} {node}");
}

/// Appends numbered records for as long as `run` runs; those that were acknowledged.
fn under_load(log: &KafkaLog, run: impl FnOnce() + Send) -> BTreeSet<u64> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let appending = scope.spawn(|| {
            let (mut acknowledged, mut number) = (BTreeSet::new(), 0_u64);
            while !done.load(Ordering::Relaxed) {
                let tickets: Vec<_> = (number..number + 20)
                    .map(|number| (number, log.append(number.to_be_bytes().to_vec().into())))
                    .collect();
                number += 20;
                for (number, ticket) in tickets {
                    match ticket.map(bus::Ticket::wait) {
                        Ok(Ok(_)) => _ = acknowledged.insert(number),
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
        run();
        done.store(true, Ordering::Relaxed);
        appending.join().expect("appends")
    })
}

/// Every number in the log, in its order.
fn numbers(log: &KafkaLog) -> Vec<u64> {
    let mut all = Vec::new();
    while (all.len() as u64) < log.end().0 {
        let records = log.read(Position(all.len() as u64), 1 << 20).expect("reads");
        let number = |record: &Bytes| u64::from_be_bytes(record[..].try_into().expect("8 bytes"));
        all.extend(records.iter().map(number));
    }
    all
}

#[test]
#[ignore = "needs brokers, and kills them"]
fn what_was_acknowledged_survives_killed_and_frozen_brokers() {
    let topic = fresh();
    let log = KafkaLog::open(&topic.0).expect("opens");
    let acknowledged = under_load(&log, || {
        for node in ["kafka-1", "kafka-2", "kafka-3"] {
            cluster("kill", node);
            thread::sleep(Duration::from_secs(4));
            cluster("start", node);
            thread::sleep(Duration::from_secs(4));
            cluster("pause", node);
            thread::sleep(Duration::from_secs(4));
            cluster("resume", node);
            thread::sleep(Duration::from_secs(4));
        }
    });
    let kept = numbers(&log);
    let distinct: BTreeSet<u64> = kept.iter().copied().collect();
    let lost: Vec<_> = acknowledged.difference(&distinct).collect();
    assert!(lost.is_empty(), "acknowledged, but not in the log: {lost:?}");
    assert_eq!(kept.len(), distinct.len(), "a record is in the log twice");
    drop(log);
    assert_eq!(numbers(&KafkaLog::open(&topic.0).expect("opens again")), kept);
    assert!(acknowledged.len() > 1_000, "only {} were acknowledged", acknowledged.len());
}

#[test]
#[ignore = "needs brokers, and kills them"]
fn without_a_quorum_appends_are_refused_and_flow_again_by_themselves() {
    let topic = fresh();
    let log = KafkaLog::open(&topic.0).expect("opens");
    log.append(Bytes::from_static(b"before")).expect("taken").wait().expect("durable");
    cluster("kill", "kafka-1");
    cluster("kill", "kafka-2");
    // Sooner or later the gate closes: nothing is taken that would only wait.
    let unreachable = || matches!(log.append(Bytes::from_static(b"x")), Err(Refused::Unreachable));
    while !unreachable() {
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(log.read(Position(0), 1).expect("reads go on"), [Bytes::from_static(b"before")]);
    cluster("start", "kafka-1");
    cluster("start", "kafka-2");
    let behind = loop {
        match log.append(Bytes::from_static(b"behind")).map(bus::Ticket::wait) {
            Ok(Ok(position)) => break position,
            _ => thread::sleep(Duration::from_millis(100)),
        }
    };
    assert_eq!(log.read(behind, 1).expect("reads"), [Bytes::from_static(b"behind")]);
}
