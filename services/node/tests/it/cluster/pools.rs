//! Several pools on the same brokers and tables: one more at run time, and the trouble of one.

use bus::kafka;

use super::loaded::{BANKS, Loaded};
use super::rig::Cluster;
use crate::rig::runtime;

const NODE: &str = "node";

/// The one node of a pool, with load on it.
fn loaded(mut cluster: Cluster) -> Loaded {
    cluster.add(NODE, "");
    cluster.start(NODE);
    Loaded::new(cluster, &[NODE])
}

#[test]
#[ignore = "needs brokers and CQL nodes"]
fn a_pool_is_added_at_run_time_and_the_trouble_of_one_stops_no_other() {
    let first = loaded(Cluster::shared(BANKS));
    let mut troubled = first.cluster.another(2, BANKS);
    troubled.add(NODE, "");
    troubled.start(NODE);
    runtime().block_on(troubled.rig.set_up());

    // Pool 2 loses its log for good, the others do not notice.
    kafka::delete(&troubled.topic("orders")).unwrap();
    let halted = troubled.await_halted(NODE);
    assert!(halted.contains(".orders.2"), "{halted}");
    first.more(500);

    let third = loaded(first.cluster.another(3, BANKS));
    first.more(500);
    third.more(500);
    for (pool, loaded) in [(1, first), (3, third)] {
        let reports = loaded.end(&[NODE]);
        assert!(reports[0]["stored_batches"].as_u64().unwrap() > 0, "pool {pool}: {reports:?}");
    }
}
