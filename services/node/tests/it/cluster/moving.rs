//! A pool moves from a cluster to one machine and back: the same log, so the same state.

use super::rig::Cluster;
use crate::damage::trade;

const NODE: &str = "node";

fn run(cluster: &Cluster, arguments: &[&str]) {
    let done = cluster.rig.run(arguments);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {said}");
}

#[test]
#[ignore = "needs brokers and CQL nodes"]
fn a_pool_moves_from_a_cluster_to_one_machine_and_to_another_cluster() {
    let mut cluster = Cluster::shared(2);
    cluster.add(NODE, "");
    cluster.start(NODE);
    trade(&cluster.rig);
    cluster.terminate_all();
    let here = cluster.verify(NODE);
    run(&cluster, &["export", "node.toml", "there.cwlog"]);

    // To one machine, where it runs.
    cluster.rig.configure("");
    run(&cluster, &["import", "there.cwlog", "--config", "causewayd.toml"]);
    cluster.rig.start();
    assert_eq!(cluster.rig.terminate(), Some(0), "{}", cluster.rig.errors());
    let alone = cluster.verify("causewayd");
    run(&cluster, &["export", ".", "back.cwlog"]);

    // To topics and tables of their own.
    cluster.elsewhere();
    cluster.add(NODE, "");
    run(&cluster, &["import", "back.cwlog", "--config", "node.toml"]);
    cluster.start(NODE);
    cluster.terminate_all();
    let there = cluster.verify(NODE);
    for same in ["orders", "batches", "stored_batches", "state_root"] {
        assert_eq!(alone[same], here[same], "{same}");
        assert_eq!(there[same], here[same], "{same}");
    }
}
