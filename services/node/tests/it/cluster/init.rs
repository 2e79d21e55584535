use std::sync::Arc;

use bus::kafka::{self, KafkaLog, Promise, Retention};
use bus::{Log as _, Position};
use bytes::Bytes;

use super::rig::{Cluster, until};
use crate::load::Load;
use crate::rig::{bic, runtime};

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
#[ignore = "needs brokers"]
fn init_makes_what_is_missing_once_and_status_tells_of_it() {
    let mut cluster = Cluster::unmade(1);
    let absent = cluster.tool("status");
    assert_eq!(absent.status.code(), Some(1));
    assert!(said(&absent).contains("`causewayd cluster init` makes it"), "{}", said(&absent));
    cluster.add("node", "");
    let first = cluster.tool("init");
    assert!(said(&first).ends_with("log: begun with the genesis\n"), "{}", said(&first));
    let again = cluster.tool("init");
    assert!(said(&again).ends_with("log: begun before, 1 records\n"), "{}", said(&again));
    let status = cluster.tool("status");
    assert!(said(&status).contains(".orders.1: 1 records\n"), "{}", said(&status));

    let genesis = std::fs::read_to_string(cluster.rig.path("genesis.toml")).unwrap();
    cluster.rig.write("genesis.toml", &genesis.replace("cycle_ms = 50", "cycle_ms = 51"));
    let other = cluster.tool("init");
    assert_eq!(other.status.code(), Some(1));
    assert!(said(&other).contains("that began with another genesis"), "{}", said(&other));
    cluster.spawn("node");
    let ended = cluster.wait("node");
    assert_eq!(ended, Some(1));
    assert!(cluster.errors("node").contains("another pool than the one in the log"));
}

/// Whichever comes first, both succeed, and a node runs on what they made.
#[test]
#[ignore = "needs brokers"]
fn two_that_begin_a_log_at_once_do_no_harm() {
    let mut cluster = Cluster::unmade(1);
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| cluster.tool("init")));
        for init in both {
            let init = init.join().unwrap();
            assert!(init.status.success(), "{}", said(&init));
        }
    });
    // As if both had looked before either wrote.
    let log = KafkaLog::open(&cluster.topic("orders")).unwrap();
    let genesis = log.read(Position(0), 1).unwrap().remove(0);
    log.append(genesis).unwrap().wait().unwrap();
    cluster.add("node", "");
    cluster.start("node");
    runtime().block_on(cluster.rig.set_up());
    assert_eq!(cluster.terminate("node"), Some(0), "{}", cluster.errors("node"));
    cluster.verify("node");
}

#[test]
#[ignore = "needs brokers"]
fn a_topic_that_promises_too_little_is_refused_by_its_setting() {
    let forever = Retention::Forever;
    for (promise, setting) in [
        (Promise { replication: 2, in_sync: 1, retention: forever }, "replication is 2"),
        (Promise { replication: 3, in_sync: 1, retention: forever }, "min.insync.replicas is 1"),
        (
            Promise { retention: Retention::AtLeastMs(1_000), ..Promise::default() },
            "retention.ms is 1000",
        ),
    ] {
        let mut cluster = Cluster::unmade(0);
        kafka::create(&cluster.topic("orders"), promise).unwrap();
        let refused = cluster.tool("init");
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(setting), "{}", said(&refused));
        cluster.add("node", "");
        cluster.spawn("node");
        assert_eq!(cluster.wait("node"), Some(1), "a node refuses it, too");
        assert!(cluster.errors("node").contains(setting), "{}", cluster.errors("node"));
    }
}

#[test]
#[ignore = "needs brokers"]
fn a_deleted_topic_halts_the_pool_naming_it() {
    let mut cluster = Cluster::new(2);
    cluster.add("node", "");
    cluster.start("node");
    let runtime = runtime();
    runtime.block_on(cluster.rig.set_up());
    kafka::delete(&cluster.topic("orders")).unwrap();
    let halted = cluster.await_halted("node");
    assert!(halted.contains(&format!("there is no topic {}.orders.1", cluster.prefix)), "{halted}");
}

/// A message of the outcomes log as `docs/internals/cluster.md` has it.
fn forged(number: u64, last: u64) -> Vec<u8> {
    let mut bytes = b"causeway/1 peers\0\x01\x04".to_vec();
    bytes.extend(1_u32.to_be_bytes());
    for word in [0xF0_F0, 0, number, last] {
        bytes.extend(u64::to_be_bytes(word));
    }
    bytes.extend([0xAB; 64]);
    bytes
}

#[test]
#[ignore = "needs brokers"]
fn another_hash_for_a_batch_halts_every_node_naming_both() {
    let mut cluster = Cluster::new(2);
    for name in ["one", "two"] {
        cluster.add(name, "");
        cluster.start(name);
    }
    let runtime = runtime();
    runtime.block_on(cluster.rig.set_up());
    let _guard = runtime.enter();
    let load = Load::start(runtime.handle(), vec![cluster.client("one", &bic(0))]);
    until("orders are acknowledged", || load.count() >= 500);
    drop(load.stop());
    let outcomes = Arc::new(KafkaLog::open(&cluster.topic("outcomes")).unwrap());
    outcomes.append(Bytes::from(forged(2, 3))).unwrap().wait().unwrap();
    for name in ["one", "two"] {
        let halted = cluster.await_halted(name);
        assert!(halted.contains("batch 2 differs: here it ends at"), "{halted}");
        assert!(halted.contains("at settler 000000000000f0f0 at 3 with hash abab"), "{halted}");
        let metrics = cluster.get(name, "/metrics").unwrap();
        assert!(metrics.contains("\ncauseway_settler_halted 1\n"), "{metrics}");
    }
}
