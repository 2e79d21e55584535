use bus::{Log, Position};
use clearing::Pool;
use settler::Floor;
use store::{Commit, Store, Stream, Table, Write};
use tempfile::{TempDir, tempdir};

use crate::world::{ALBION, BERLIN, World, scripted, until};

const EVERY: u64 = 1_000;

fn open(dir: &TempDir) -> World {
    World::open(dir.path(), scripted(), Box::new(Floor), EVERY)
}

/// The rows that say that a snapshot is whole.
fn manifests(world: &World) -> Vec<(bytes::Bytes, bytes::Bytes)> {
    world.store.scan(Table::Snapshots, &[0], &[1], 1_000).unwrap()
}

fn pages(world: &World) -> usize {
    world.store.scan(Table::SeenPages, &[0], &[255], 1_000).unwrap().len()
}

/// Removes the first chunk of the newest of the `count` newest snapshots.
fn lose_chunks(store: &dyn Store, count: usize) {
    for (key, _) in
        store.scan(Table::Snapshots, &[0], &[1], 1_000).unwrap().iter().rev().take(count)
    {
        let chunk = [&[1][..], &key[1..], &[0; 4]].concat();
        assert!(store.get(Table::Snapshots, &chunk).unwrap().is_some());
        let behind = [&chunk[..], &[0]].concat();
        store.remove(Table::Snapshots, &chunk, &behind).unwrap();
    }
}

/// Orders there and back, each lot settled by a cycle, until two snapshots were taken.
fn trade(world: &World) {
    for lot in 1..=6 {
        let before = manifests(world);
        world.log(world.orders(if lot % 2 == 0 { ALBION } else { BERLIN }, lot, 1_000));
        world.cycle();
        // The oldest goes once the new one is there.
        until(|| {
            let now = manifests(world);
            now != before && now.len() <= 2
        });
    }
}

/// What a pool is that reads the whole log.
fn replayed(world: &World) -> Pool {
    let mut pool = Pool::new(0);
    while pool.next_position() < world.log.end().0 {
        let position = pool.next_position();
        for record in world.log.read(Position(position), 1 << 20).unwrap() {
            pool.apply(pool.next_position(), &record).unwrap();
        }
    }
    pool
}

fn assert_same_as_replayed(world: &World) {
    world.outcome(world.cycle().position);
    let (pool, view) = (replayed(world), world.pool.view());
    let status = pool.status();
    assert_eq!(view.state_root, status.state_root);
    assert_eq!((view.batch + 1, view.cycle), (status.batch, status.cycle));
    assert_eq!((view.now_ms, view.seen_entries), (status.now_ms, status.seen));
    pool.check().unwrap();
}

#[test]
fn a_restart_goes_on_from_the_last_snapshot_with_the_same_state() {
    let dir = tempdir().unwrap();
    let world = open(&dir);
    world.begin(|_| {});
    trade(&world);
    assert_eq!(manifests(&world).len(), 2);
    assert_eq!(pages(&world), 6_000 / 1_024);
    let end = world.log.end().0;
    world.close();

    let world = open(&dir);
    let began_at = world.began_at();
    assert!(began_at > 0 && began_at < end, "{began_at} of {end}");
    trade(&world);
    assert_eq!(pages(&world), 12_000 / 1_024);
    assert_same_as_replayed(&world);
    world.close();
}

/// Time that passes, quotes and commands are replayed, too.
#[test]
fn a_pool_without_orders_takes_snapshots() {
    let dir = tempdir().unwrap();
    let world = open(&dir);
    world.begin(|_| {});
    assert_eq!(manifests(&world).len(), 0);
    for _ in 0..EVERY {
        world.cycle();
    }
    until(|| manifests(&world).len() == 1);
    world.close();
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_the_log_makes_up_for_it() {
    let dir = tempdir().unwrap();
    let world = open(&dir);
    world.begin(|_| {});
    trade(&world);
    world.close();

    let world = open(&dir);
    let newest = world.began_at();
    let store = world.close();
    lose_chunks(&*store, 1);
    drop(store);

    let world = open(&dir);
    let older = world.began_at();
    assert!(older < newest && older > 0, "{older} {newest}");
    let store = world.close();
    store.remove(Table::SeenPages, &[0], &[255]).unwrap();
    drop(store);

    let world = open(&dir);
    assert_eq!(world.began_at(), 0);
    trade(&world);
    assert_same_as_replayed(&world);
    world.close();

    let world = open(&dir);
    assert!(world.began_at() > 0, "snapshots are whole again");
    assert_same_as_replayed(&world);
    world.close();
}

/// The manifest of a snapshot, counted from the oldest, says that its pages have no end.
fn promise_pages(store: &dyn Store, snapshot: usize) {
    let (key, value) = store.scan(Table::Snapshots, &[0], &[1], 1_000).unwrap().remove(snapshot);
    let behind = [&key[..], &[0]].concat();
    store.remove(Table::Snapshots, &key, &behind).unwrap();
    let promised = [&value[..14], &[255; 8]].concat();
    let mut write = Write::new();
    write.put(Table::Snapshots, &key, &promised);
    store.commit(&[Commit::new(Stream::Snapshots, u64::MAX, write)]).unwrap();
}

#[test]
fn a_snapshot_of_more_pages_than_there_are_is_passed_over() {
    let dir = tempdir().unwrap();
    let world = open(&dir);
    world.begin(|_| {});
    trade(&world);
    world.close();

    let world = open(&dir);
    let newest = world.began_at();
    let store = world.close();
    promise_pages(&*store, 1);
    drop(store);

    let world = open(&dir);
    let older = world.began_at();
    assert!(older < newest && older > 0, "{older} {newest}");
    assert_same_as_replayed(&world);
    world.close();
}

/// What another snapshot says of pages keeps none out of the next one.
#[test]
fn pages_that_a_snapshot_only_promises_are_written() {
    let dir = tempdir().unwrap();
    let world = open(&dir);
    world.begin(|_| {});
    trade(&world);
    let store = world.close();
    promise_pages(&*store, 0);
    drop(store);

    let world = open(&dir);
    let before = world.began_at();
    trade(&world);
    assert_eq!(pages(&world), 12_000 / 1_024);
    world.close();

    let world = open(&dir);
    assert!(world.began_at() > before, "{before}");
    assert_same_as_replayed(&world);
    world.close();
}

#[test]
fn a_snapshot_that_the_projector_has_not_passed_is_not_used() {
    let dir = tempdir().unwrap();
    let world = open(&dir);
    world.begin(|_| {});
    // Time stands still and no cycle is cut: no batch is sealed, so nothing is projected.
    world.log(world.orders(ALBION, 1, 1_000));
    until(|| !manifests(&world).is_empty());
    world.close();

    let world = open(&dir);
    assert_eq!(world.began_at(), 0);
    assert_same_as_replayed(&world);
    world.close();
}
