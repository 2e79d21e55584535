//! Each role a process of its own, on brokers and CQL nodes, any of which may die.

use std::thread;
use std::time::{Duration, Instant};

use super::loaded::{BANKS, Loaded};
use super::rig::{Cluster, server};

const GATEWAYS: [&str; 2] = ["gateway-1", "gateway-2"];
const SETTLERS: [&str; 2] = ["settler-1", "settler-2"];
const PROJECTORS: [&str; 2] = ["projector-1", "projector-2"];
/// Longer than brokers, CQL nodes and clients wait before they think that somebody is gone.
const FROZEN: Duration = Duration::from_secs(30);

/// One process of each role, or two, with load on the gateways.
fn loaded(of_each: usize) -> Loaded {
    let mut cluster = Cluster::shared(BANKS);
    for (names, role) in [(SETTLERS, "settler"), (PROJECTORS, "projector"), (GATEWAYS, "gateway")] {
        for name in &names[..of_each] {
            cluster.add_role(name, role, "");
            cluster.start(name);
        }
    }
    Loaded::new(cluster, &GATEWAYS[..of_each])
}

/// Ends it: the tables are those of the log.
fn check(loaded: Loaded) {
    let reports = loaded.end(&["tool"]);
    assert!(reports[0]["stored_batches"].as_u64().unwrap() > 0);
}

#[test]
#[ignore = "needs brokers and CQL nodes"]
fn a_settler_that_is_killed_or_frozen_is_taken_over() {
    let mut loaded = loaded(2);
    for freeze in [false, true] {
        let (active, standby) = loaded.cluster.active_and_standby(SETTLERS);
        let began = Instant::now();
        if freeze {
            loaded.cluster.signal(active, "STOP");
        } else {
            loaded.cluster.kill(active);
        }
        loaded.cluster.await_active(&[standby]);
        println!("taken over after {:.1?} (frozen: {freeze})", began.elapsed());
        loaded.more(500);
        if freeze {
            thread::sleep(FROZEN.saturating_sub(began.elapsed()));
            loaded.cluster.signal(active, "CONT");
        } else {
            loaded.cluster.start(active);
        }
        loaded.more(500);
    }
    check(loaded);
}

#[test]
#[ignore = "needs brokers and CQL nodes"]
fn gateways_and_projectors_may_be_killed_and_frozen() {
    let mut loaded = loaded(2);
    for name in [GATEWAYS[0], PROJECTORS[0], PROJECTORS[1]] {
        loaded.cluster.kill(name);
        thread::sleep(Duration::from_secs(1));
        let began = Instant::now();
        loaded.cluster.start(name);
        println!("{name} is ready again after {:.1?}", began.elapsed());
        loaded.more(500);
    }
    for name in [GATEWAYS[1], PROJECTORS[0]] {
        loaded.cluster.signal(name, "STOP");
        loaded.more(500);
        thread::sleep(FROZEN);
        loaded.cluster.signal(name, "CONT");
        loaded.more(500);
    }
    check(loaded);
}

#[test]
#[ignore = "needs brokers and CQL nodes, and kills them"]
fn brokers_and_cql_nodes_may_be_killed_and_frozen() {
    let loaded = loaded(1);
    for (killed, frozen) in [("kafka-1", "kafka-2"), ("cql-1", "cql-2")] {
        server("kill", killed);
        loaded.more(500);
        server("start", killed);
        loaded.more(500);
        server("pause", frozen);
        thread::sleep(FROZEN);
        loaded.more(500);
        server("resume", frozen);
        loaded.more(500);
    }
    check(loaded);
}

#[test]
#[ignore = "needs brokers and CQL nodes, and kills them"]
fn a_quorum_may_be_gone_and_all_brokers_may_be_restarted() {
    let loaded = loaded(1);
    let all = |command, nodes: &[&str]| nodes.iter().for_each(|node| server(command, node));

    // Nothing can be made durable, so nothing is taken in; and by itself it is again.
    all("pause", &["kafka-1", "kafka-2"]);
    loaded.await_refused(GATEWAYS[0], "LOG_UNREACHABLE");
    all("resume", &["kafka-1", "kafka-2"]);
    loaded.more(500);

    // What is logged is durable: it is taken in, and stored later.
    all("pause", &["cql-1", "cql-2"]);
    loaded.more(500);
    thread::sleep(FROZEN);
    all("resume", &["cql-1", "cql-2"]);
    loaded.more(500);

    all("kill", &["kafka-1", "kafka-2", "kafka-3"]);
    loaded.await_refused(GATEWAYS[0], "LOG_UNREACHABLE");
    server("up", "--only=kafka");
    loaded.more(500);
    check(loaded);
}
