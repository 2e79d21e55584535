use std::thread;
use std::time::{Duration, Instant};

use super::rig::Cluster;
use crate::load::{Load, assert_books_are_even, resubmit};
use crate::rig::{bic, runtime};

const BANKS: u32 = 4;
const NODES: [&str; 2] = ["one", "two"];

/// Two nodes with all roles each, on one log, with load on both gateways.
struct Loaded {
    cluster: Cluster,
    runtime: tokio::runtime::Runtime,
    load: Load,
}

fn loaded(more: &str) -> Loaded {
    let mut cluster = Cluster::new(BANKS);
    for name in NODES {
        cluster.add(name, more);
        cluster.start(name);
    }
    let runtime = runtime();
    runtime.block_on(cluster.rig.set_up());
    let guard = runtime.enter();
    let clients = (0..BANKS).map(|bank| cluster.client(NODES[bank as usize % 2], &bic(bank)));
    let load = Load::start(runtime.handle(), clients.collect());
    drop(guard);
    Loaded { cluster, runtime, load }
}

impl Loaded {
    /// Waits until so many more orders are acknowledged.
    fn more(&self, orders: usize) {
        let until = self.load.count() + orders;
        while self.load.count() < until {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the load: nothing that was acknowledged is lost, and both stores hold the log.
    fn check(self) {
        let Self { mut cluster, runtime, load } = self;
        let banks = load.stop();
        let count: usize = banks.iter().map(|(_, orders)| orders.lock().unwrap().len()).sum();
        let _guard = runtime.enter();
        runtime.block_on(async {
            for (client, acknowledged) in &banks {
                resubmit(client, acknowledged).await;
            }
            for name in NODES {
                assert_books_are_even(&cluster.client(name, "alice"), BANKS).await;
            }
        });
        for name in NODES {
            assert_eq!(cluster.terminate(name), Some(0), "{}", cluster.errors(name));
        }
        let [one, two] = NODES.map(|name| cluster.verify(name));
        eprintln!("{count} orders acknowledged; {one}");
        assert_eq!(one["state_root"], two["state_root"]);
        assert!(one["orders"].as_u64().unwrap() >= 2 * count as u64, "each was logged twice");
    }
}

#[test]
#[ignore = "needs brokers"]
fn a_killed_settler_is_taken_over_and_its_gateway_comes_back() {
    let mut loaded = loaded("");
    for _ in 0..2 {
        let active = loaded.cluster.await_active(&NODES);
        let standby = if active == NODES[0] { NODES[1] } else { NODES[0] };
        loaded.more(1_000);
        loaded.cluster.kill(active);
        let killed = Instant::now();
        loaded.cluster.await_active(&[standby]);
        println!("taken over after {:?}", killed.elapsed());
        loaded.cluster.start(active);
        loaded.more(1_000);
        assert!(!loaded.cluster.active(active), "whoever comes back stands by");
    }
    loaded.check();
}

#[test]
#[ignore = "needs brokers"]
fn a_settler_that_was_frozen_steps_back_and_changes_nothing() {
    let mut loaded = loaded("takeover_ms = 1500");
    let active = loaded.cluster.await_active(&NODES);
    let standby = if active == NODES[0] { NODES[1] } else { NODES[0] };
    loaded.more(500);
    loaded.cluster.signal(active, "STOP");
    let frozen = Instant::now();
    loaded.cluster.await_active(&[standby]);
    println!("taken over after {:?}", frozen.elapsed());
    thread::sleep(Duration::from_secs(5));
    loaded.cluster.signal(active, "CONT");
    while loaded.cluster.active(active) {
        thread::sleep(Duration::from_millis(10));
    }
    loaded.more(1_000);
    assert!(loaded.cluster.active(standby));
    loaded.check();
}

#[test]
#[ignore = "needs brokers"]
fn two_settlers_forced_active_at_once_do_no_harm() {
    let loaded = loaded("duty = \"always\"");
    loaded.more(3_000);
    assert!(NODES.iter().all(|name| loaded.cluster.active(name)));
    loaded.check();
}

#[test]
#[ignore = "needs brokers"]
fn a_settler_that_ends_hands_over_at_once() {
    let mut loaded = loaded("takeover_ms = 60000");
    let active = loaded.cluster.await_active(&NODES);
    let standby = if active == NODES[0] { NODES[1] } else { NODES[0] };
    loaded.more(500);
    assert_eq!(loaded.cluster.terminate(active), Some(0), "{}", loaded.cluster.errors(active));
    // Long before a minute of silence is over.
    loaded.cluster.await_active(&[standby]);
    loaded.cluster.start(active);
    loaded.more(500);
    loaded.check();
}
