use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::{Log, Position};
use bytes::Bytes;
use settler::{Clock, Floor, Part, Peers, PeersOptions};
use tempfile::tempdir;

use crate::world::{ALBION, WatchedLog, World, open_log, until};

/// A replica with a store of its own, on logs that it shares.
fn replica(logs: &(Arc<WatchedLog>, Arc<WatchedLog>), dir: &Path, part: Part) -> World {
    let options = PeersOptions { pool: 1, part, takeover: Duration::from_millis(200) };
    let peers = Peers::start(logs.1.clone(), options).unwrap();
    let (log, clock) = (logs.0.clone(), Clock::System);
    World::among(log, dir, clock, Box::new(Floor), (u64::MAX, Some(peers)))
}

fn logs(dir: &Path) -> (Arc<WatchedLog>, Arc<WatchedLog>) {
    (open_log(&dir.join("orders")), open_log(&dir.join("outcomes")))
}

#[test]
fn two_that_are_active_at_once_reach_the_same_state() {
    let dir = tempdir().unwrap();
    let logs = logs(dir.path());
    let one = replica(&logs, &dir.path().join("one"), Part::Leads);
    one.begin(|rules| (rules.seal_ms, rules.cycle_ms) = (10, 20));
    let two = replica(&logs, &dir.path().join("two"), Part::Leads);
    for _ in 0..15 {
        one.log(one.orders(ALBION, 7, 4));
    }
    until(|| one.queued() == 0 && one.pool.view().seen_entries == 60);
    let end = logs.0.end().0;
    for world in [&one, &two] {
        until(|| world.pool.view().next_position >= end);
        assert_eq!(world.pool.halted(), None);
    }
    let roots = [one, two].map(|world| {
        let pool = world.pool.clone();
        world.close();
        (pool.view().next_position, pool.view().batch, pool.view().state_root)
    });
    // The second has applied what the first said last as well.
    assert!(roots[0].1 <= roots[1].1);
    assert!(logs.1.end().0 > 0, "they told each other of batches");
}

#[test]
fn one_is_active_and_another_takes_over() {
    let dir = tempdir().unwrap();
    let logs = logs(dir.path());
    let one = replica(&logs, &dir.path().join("one"), Part::Contends);
    one.begin(|rules| (rules.seal_ms, rules.cycle_ms) = (10, 20));
    until(|| one.pool.view().batch >= 1);
    let two = replica(&logs, &dir.path().join("two"), Part::Contends);
    let listens = replica(&logs, &dir.path().join("three"), Part::Listens);
    one.close();
    // Only a tick closes the cycle in which these settle.
    two.log(two.orders(ALBION, 7, 4));
    until(|| two.queued() == 0 && two.pool.view().seen_entries == 4);
    let record = two.orders(ALBION, 7, 4);
    two.close();
    listens.log(record);
    until(|| listens.queued() == 4);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(listens.queued(), 4, "nobody lets time pass any more");
    listens.close();
}

/// A batch of which nobody else has told is told of again when the message got lost.
#[test]
fn what_gets_lost_on_its_way_is_told_again() {
    let dir = tempdir().unwrap();
    let logs = logs(dir.path());
    let options = PeersOptions { pool: 1, part: Part::Leads, takeover: Duration::from_millis(200) };
    logs.1.losing.store(2, Ordering::Relaxed);
    let peers = Peers::start(logs.1.clone(), options).unwrap();
    let clock = Clock::System;
    let limits = (u64::MAX, Some(peers));
    let world = World::among(logs.0.clone(), dir.path(), clock, Box::new(Floor), limits);
    world.begin(|rules| (rules.seal_ms, rules.cycle_ms) = (10, 20));
    for cycle in 1..=4 {
        world.log(world.orders(ALBION, 7, 4));
        until(|| world.pool.view().seen_entries == 4 * cycle && world.queued() == 0);
    }
    until(|| logs.1.end().0 >= 4);
    world.close();
    let told = logs.1.read(Position(0), 1 << 20).unwrap();
    let number = |message: &Bytes| u64::from_be_bytes(message[39..47].try_into().unwrap());
    let known: BTreeSet<_> = told.iter().map(number).collect();
    let all: BTreeSet<_> = (1..=known.len() as u64).collect();
    assert_eq!(known, all, "every batch, from the first one on");
}

/// A message of the outcomes log as `docs/internals/cluster.md` has it: a batch sealed otherwise.
fn forged(pool: u32, version: u8) -> Bytes {
    let mut bytes = b"causeway/1 peers\0".to_vec();
    bytes.extend([version, 4]);
    bytes.extend(pool.to_be_bytes());
    for word in [0xF0, 0, 1, 3] {
        bytes.extend(u64::to_be_bytes(word));
    }
    bytes.extend([0xAB; 64]);
    bytes.into()
}

#[test]
fn what_cannot_be_halts_the_pool_and_says_why() {
    for (message, why) in [
        (forged(1, 1), "batch 1 differs: here it ends at"),
        (forged(7, 1), "is of pool 7, expected pool 1"),
        (forged(1, 9), "of the outcomes log: version: unknown value 9"),
    ] {
        let dir = tempdir().unwrap();
        let logs = logs(dir.path());
        let world = replica(&logs, &dir.path().join("one"), Part::Contends);
        world.begin(|rules| (rules.seal_ms, rules.cycle_ms) = (10, 20));
        until(|| world.pool.view().batch >= 1);
        logs.1.append(message).unwrap().wait().unwrap();
        until(|| world.pool.halted().is_some());
        let halted = world.pool.halted().unwrap();
        assert!(halted.contains(why), "{halted}");
        world.close();
    }
}
