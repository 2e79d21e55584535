//! Each role a process of its own, on brokers and CQL nodes, any of which may die.

use std::thread;
use std::time::{Duration, Instant};

use super::rig::{Cluster, server};
use crate::load::{Load, assert_books_are_even, resubmit};
use crate::rig::{bic, runtime};

const BANKS: u32 = 4;
const GATEWAYS: [&str; 2] = ["gateway-1", "gateway-2"];
const SETTLERS: [&str; 2] = ["settler-1", "settler-2"];
const PROJECTORS: [&str; 2] = ["projector-1", "projector-2"];

fn started() -> Cluster {
    let mut cluster = Cluster::shared(BANKS);
    for (names, role) in [(SETTLERS, "settler"), (PROJECTORS, "projector"), (GATEWAYS, "gateway")] {
        for name in names {
            cluster.add_role(name, role, "");
            cluster.start(name);
        }
    }
    cluster
}

/// Waits until so many more orders are acknowledged.
fn more(load: &Load, orders: usize) {
    let until = load.count() + orders;
    while load.count() < until {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Kills the active settler, or freezes it for a while, and waits for the other.
fn take_over(cluster: &mut Cluster, load: &Load, freeze: bool) {
    let active = cluster.await_active(&SETTLERS);
    let standby = if active == SETTLERS[0] { SETTLERS[1] } else { SETTLERS[0] };
    let began = Instant::now();
    if freeze {
        cluster.signal(active, "STOP");
    } else {
        cluster.kill(active);
    }
    cluster.await_active(&[standby]);
    eprintln!("settler taken over after {:?} (frozen: {freeze})", began.elapsed());
    more(load, 500);
    if freeze {
        cluster.signal(active, "CONT");
    } else {
        cluster.start(active);
    }
    more(load, 500);
}

#[test]
#[ignore = "needs brokers and CQL nodes, and kills them"]
fn whatever_part_dies_nothing_that_was_acknowledged_is_lost() {
    let mut cluster = started();
    let runtime = runtime();
    runtime.block_on(cluster.rig.set_up());
    let _guard = runtime.enter();
    let clients = (0..BANKS).map(|bank| cluster.client(GATEWAYS[bank as usize % 2], &bic(bank)));
    let load = Load::start(runtime.handle(), clients.collect());
    more(&load, 1_000);
    take_over(&mut cluster, &load, false);
    take_over(&mut cluster, &load, true);
    for name in [GATEWAYS[0], PROJECTORS[0], PROJECTORS[1]] {
        cluster.kill(name);
        thread::sleep(Duration::from_secs(1));
        cluster.start(name);
        more(&load, 500);
    }
    for node in ["kafka-2", "cql-2"] {
        server("kill", node);
        more(&load, 500);
        server("start", node);
        more(&load, 500);
    }
    let banks = load.stop();
    let count: usize = banks.iter().map(|(_, orders)| orders.lock().unwrap().len()).sum();
    runtime.block_on(async {
        for (client, acknowledged) in &banks {
            resubmit(client, acknowledged).await;
        }
        for name in GATEWAYS {
            assert_books_are_even(&cluster.client(name, "alice"), BANKS).await;
        }
    });
    for name in GATEWAYS.into_iter().chain(SETTLERS).chain(PROJECTORS) {
        assert_eq!(cluster.terminate(name), Some(0), "{}", cluster.errors(name));
    }
    let report = cluster.verify("tool");
    println!("{count} orders acknowledged; {report}");
    assert!(report["orders"].as_u64().unwrap() >= 2 * count as u64, "each was logged twice");
    assert!(report["stored_batches"].as_u64().unwrap() > 0);
}
