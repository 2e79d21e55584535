//! A network that falls apart: `deploy/local/cluster up --apart`, site 3 on the far side.

use std::thread;
use std::time::{Duration, Instant};

use super::loaded::{BANKS, Loaded};
use super::rig::{Cluster, server, until};

/// One on either side, the second on the far side.
const GATEWAYS: [&str; 2] = ["gateway-1", "gateway-2"];
const SETTLERS: [&str; 2] = ["settler-1", "settler-2"];
const PROJECTORS: [&str; 2] = ["projector-1", "projector-2"];
const SITE: &str = "3";
/// Longer than brokers, CQL nodes and clients wait before they think that somebody is gone.
const CUT_OFF: Duration = Duration::from_secs(30);

/// A process of each role on either side, with load on both gateways. At first the far side's settler
/// is the active one.
fn loaded() -> Loaded {
    let mut cluster = Cluster::apart(BANKS);
    let roles = [(SETTLERS, "settler"), (PROJECTORS, "projector"), (GATEWAYS, "gateway")];
    for ([_, far], role) in roles {
        cluster.add_far(far, role);
        cluster.start(far);
    }
    cluster.await_active(&SETTLERS[1..]);
    for ([near, _], role) in roles {
        cluster.add_role(near, role, "");
        cluster.start(near);
    }
    Loaded::new(cluster, &GATEWAYS)
}

#[test]
#[ignore = "needs brokers and CQL nodes that can be cut off from each other"]
fn the_smaller_side_refuses_and_the_larger_one_goes_on() {
    let loaded = loaded();
    for _ in 0..2 {
        server("cut", SITE);
        let cut = Instant::now();
        loaded.await_refused(GATEWAYS[1], "LOG_UNREACHABLE");
        println!("the far side refuses after {:.1?}", cut.elapsed());
        loaded.cluster.await_active(&SETTLERS[..1]);
        println!("a settler of the near side is active after {:.1?}", cut.elapsed());
        loaded.await_taken(GATEWAYS[0]);
        println!("the near side takes orders after {:.1?}", cut.elapsed());
        loaded.more(500);
        thread::sleep(CUT_OFF.saturating_sub(cut.elapsed()));
        loaded.await_refused(GATEWAYS[1], "LOG_UNREACHABLE");
        server("join", SITE);
        let joined = Instant::now();
        loaded.await_taken(GATEWAYS[1]);
        println!("the far side takes orders {:.1?} after it is back", joined.elapsed());
        one_is_active(&loaded);
        println!("one settler is active {:.1?} after it is back", joined.elapsed());
        loaded.more(500);
    }
    end(loaded);
}

#[test]
#[ignore = "needs brokers and CQL nodes that can be cut off from each other"]
fn where_no_side_is_large_enough_all_refuse() {
    let loaded = loaded();
    for site in ["1", "2", SITE] {
        server("cut", site);
    }
    for gateway in GATEWAYS {
        loaded.await_refused(gateway, "LOG_UNREACHABLE");
    }
    thread::sleep(CUT_OFF);
    for site in ["1", "2", SITE] {
        server("join", site);
    }
    let joined = Instant::now();
    for gateway in GATEWAYS {
        loaded.await_taken(gateway);
        println!("{gateway} takes orders {:.1?} after all are back", joined.elapsed());
    }
    one_is_active(&loaded);
    loaded.more(500);
    end(loaded);
}

fn one_is_active(loaded: &Loaded) {
    let active = || SETTLERS.iter().filter(|name| loaded.cluster.active(name)).count();
    until("one settler is active", || active() == 1);
}

/// Ends it: the tables are those of the log, and nobody has found anything else.
fn end(loaded: Loaded) {
    let reports = loaded.end(&["tool"]);
    assert!(reports[0]["stored_batches"].as_u64().unwrap() > 0);
}
