use settler::NotHere;
use tempfile::tempdir;

use crate::world::{ALBION, World, block_on, until};
use bus::Log;
use bytes::Bytes;

#[test]
fn a_record_that_does_not_read_halts_the_pool_there_and_again_after_a_restart() {
    let dir = tempdir().unwrap();
    let world = World::quiet(&dir);
    world.begin(|_| {});
    let before = world.log(world.orders(ALBION, 5, 3));
    let mut damaged = world.orders(ALBION, 5, 1);
    *damaged.last_mut().unwrap() ^= 1;
    let position = world.log.append(Bytes::from(damaged)).unwrap().wait().unwrap().0;
    world.log.append(Bytes::from(world.orders(ALBION, 5, 1))).unwrap().wait().unwrap();

    let halted = block_on(world.pool.outcome(position)).unwrap_err();
    let reason = format!("record {position} of the log: record checksum does not match");
    assert_eq!(halted, NotHere::Halted(reason.clone()));
    assert_eq!(block_on(world.pool.outcome(position + 1)), Err(halted));
    assert_eq!(world.pool.halted(), Some(reason.clone()));
    assert_eq!(world.outcome(before.position), before, "what was applied stays readable");
    assert_eq!(world.pool.view().next_position, position);
    world.close();

    let world = World::quiet(&dir);
    until(|| world.pool.halted().is_some());
    assert_eq!(world.pool.halted(), Some(reason));
    assert_eq!(world.pool.view().next_position, position);
    world.close();
}

#[test]
fn a_stopped_settler_has_applied_the_whole_log() {
    let dir = tempdir().unwrap();
    let world = World::quiet(&dir);
    world.begin(|_| {});
    for _ in 0..50 {
        drop(world.log.append(Bytes::from(world.orders(ALBION, 1, 10))).unwrap());
    }
    until(|| world.log.end().0 >= 50);
    let (pool, end) = (world.pool.clone(), world.log.end().0);
    world.close();
    assert!(pool.view().next_position >= end);
    assert_eq!(block_on(pool.outcome(u64::MAX >> 1)), Err(NotHere::Halted("stopped".to_owned())));
}
