use std::sync::atomic::Ordering;

use bus::Log as _;
use settler::Unasked;
use tempfile::tempdir;

use crate::world::{ALBION, World, block_on};

#[test]
fn the_pool_answers_between_records_and_no_more_once_it_has_stopped() {
    let dir = tempdir().unwrap();
    let world = World::quiet(&dir);
    world.begin(|_| {});
    // More than there is: they wait.
    let outcome = world.log(world.orders(ALBION, 600_000, 2));
    let place = outcome.rulings[1].place;
    let pool = world.pool.clone();
    let waiting = block_on(pool.ask(move |pool| pool.waiting(place))).unwrap().unwrap();
    assert_eq!((waiting.sender, waiting.minor), (ALBION, 600_000));
    let preview = block_on(pool.ask(|pool| pool.preview(&[]))).unwrap();
    assert_eq!(preview.position, outcome.position + 1);
    assert_eq!(preview.floor(), [true, false]);
    world.close();
    assert_eq!(block_on(pool.ask(|_| ())), Err(Unasked::Halted));
}

#[test]
fn the_pool_answers_while_the_log_does_not() {
    let dir = tempdir().unwrap();
    let world = World::quiet(&dir);
    world.begin(|_| {});
    world.log.silent.store(true, Ordering::Relaxed);
    let next = world.log.end().0;
    // The first one may be answered by a read that was under way.
    for _ in 0..3 {
        assert_eq!(block_on(world.pool.ask(|pool| pool.next_position())), Ok(next));
    }
    world.log.silent.store(false, Ordering::Relaxed);
    world.close();
}

#[test]
fn few_questions_wait_at_once() {
    let dir = tempdir().unwrap();
    let world = World::quiet(&dir);
    world.begin(|_| {});
    // The first answer keeps the pool's thread until it is let go: four more may wait.
    let (begun, begins) = std::sync::mpsc::channel();
    let (go, held) = std::sync::mpsc::channel::<()>();
    block_on(async {
        let ask = |pool: settler::PoolHandle| async move { pool.ask(|_| ()).await };
        let first = tokio::spawn({
            let pool = world.pool.clone();
            async move {
                pool.ask(move |_| {
                    begun.send(()).unwrap();
                    held.recv().is_ok()
                })
                .await
            }
        });
        tokio::task::yield_now().await;
        begins.recv().unwrap();
        let mut waiting: Vec<_> = (0..4).map(|_| tokio::spawn(ask(world.pool.clone()))).collect();
        tokio::task::yield_now().await;
        assert_eq!(ask(world.pool.clone()).await, Err(Unasked::Busy));
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(true));
        for asked in waiting.drain(..) {
            assert_eq!(asked.await.unwrap(), Ok(()));
        }
    });
    world.close();
}
