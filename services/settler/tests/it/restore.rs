use bus::{Log, Position};
use clearing::Pool;
use settler::Floor;
use store::{Store, Table, Write};
use tempfile::{TempDir, tempdir};

use crate::world::{ALBION, BERLIN, World, scripted, until};

const EVERY: u64 = 1_000;

fn open(dir: &TempDir) -> World {
    World::open(dir.path(), scripted(), Box::new(Floor), EVERY)
}

/// The rows that say that a snapshot is whole.
fn manifests(world: &World) -> Vec<bytes::Bytes> {
    let found = [[0, 0], [1, 0]].map(|key| world.store.get(Table::Snapshots, &key).unwrap());
    found.into_iter().flatten().collect()
}

fn pages(world: &World) -> usize {
    world.store.scan(Table::SeenPages, &[0], &[255], 1_000).unwrap().len()
}

fn lose_chunk(store: &dyn Store, slot: u8) {
    let mut write = Write::new();
    write.delete(Table::Snapshots, [slot, 1, 0, 0, 0, 0]);
    store.commit(write).unwrap();
}

/// Orders there and back, each lot settled by a cycle, until two snapshots were taken.
fn trade(world: &World) {
    for lot in 1..=6 {
        let before = manifests(world);
        world.log(world.orders(if lot % 2 == 0 { ALBION } else { BERLIN }, lot, 1_000));
        world.cycle();
        // The older one goes before the new one comes.
        until(|| {
            let now = manifests(world);
            now != before && now.len() >= before.len()
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

#[test]
fn a_damaged_snapshot_is_passed_over_and_the_log_makes_up_for_it() {
    let dir = tempdir().unwrap();
    let world = open(&dir);
    world.begin(|_| {});
    trade(&world);
    world.close();

    let world = open(&dir);
    let newest = world.began_at();
    // The sixth was written to the second slot.
    let store = world.close();
    lose_chunk(&*store, 1);
    drop(store);

    let world = open(&dir);
    let older = world.began_at();
    assert!(older < newest && older > 0, "{older} {newest}");
    let store = world.close();
    for slot in [0, 1] {
        lose_chunk(&*store, slot);
    }
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
