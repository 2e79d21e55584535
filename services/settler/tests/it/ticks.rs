use std::time::Duration;

use bus::Log;
use clearing::pack_tick;
use settler::{Clock, Floor};
use tempfile::tempdir;

use crate::world::{ALBION, START_MS, World, until};

#[test]
fn batches_are_sealed_and_cycles_closed_without_anybody_calling() {
    let dir = tempdir().unwrap();
    let world = World::open(dir.path(), Clock::System, Box::new(Floor), u64::MAX);
    world.begin(|rules| (rules.seal_ms, rules.cycle_ms) = (10, 20));
    until(|| world.pool.view().batch >= 1);
    let cycle = world.pool.view().cycle;
    world.log(world.orders(ALBION, 7, 4));
    until(|| world.pool.view().seen_entries == 4 && world.queued() == 0);
    assert!(world.pool.view().cycle > cycle);
    world.close();
}

/// Its own clock is an hour behind that of whoever logged the last order: cycles go on closing.
#[test]
fn time_runs_on_from_records_of_a_clock_that_is_ahead() {
    let dir = tempdir().unwrap();
    let world = World::open(dir.path(), Clock::System, Box::new(Floor), u64::MAX);
    world.begin(|rules| (rules.seal_ms, rules.cycle_ms) = (10, 20));
    let ahead_ms = Clock::System.now_ms() + 3_600_000;
    world.log(pack_tick((1, ahead_ms), 0));
    world.log(world.orders(ALBION, 7, 4));
    until(|| world.pool.view().seen_entries == 4 && world.queued() == 0);
    assert!(Clock::System.now_ms() < ahead_ms, "long before that clock is there");
    world.close();
}

#[test]
fn a_scripted_clock_lets_no_time_pass() {
    let dir = tempdir().unwrap();
    let world = World::quiet(&dir);
    world.begin(|rules| rules.seal_ms = 10);
    world.log(world.orders(ALBION, 7, 4));
    let end = world.log.end();
    world.clock.advance_to(START_MS + 60_000);
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(world.log.end(), end);
    assert_eq!(world.pool.view().batch, 0);
    assert!(world.log(pack_tick((1, START_MS + 60_000), 0)).sealed_before.is_some());
    world.close();
}

#[test]
fn ticks_that_the_pool_refuses_do_not_fill_the_log() {
    let dir = tempdir().unwrap();
    let world = World::quiet(&dir);
    world.begin(|rules| rules.seal_ms = 10);
    let end = world.log.end().0;
    world.close();
    // The machine's clock is months ahead of the log's time, and nobody has confirmed that.
    let world = World::open(dir.path(), Clock::System, Box::new(Floor), u64::MAX);
    until(|| world.log.end().0 > end);
    std::thread::sleep(Duration::from_millis(250));
    assert!(world.log.end().0 <= end + 2);
    world.close();
}
