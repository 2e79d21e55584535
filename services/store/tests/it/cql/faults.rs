//! Nodes that are killed and frozen, and no quorum.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use store::contract::Host as _;
use store::cql::{CqlStore, Settings};
use store::{Fault, Store as _, Stream};

use super::{Pool, batch, check_batches, cluster, fresh};

/// Ends the load, also when what runs beside it panics.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One who commits and one who repeats what the first has committed, while `run` runs; the last
/// number committed, and how often the store was not available.
fn under_load(pool: &Pool, run: impl FnOnce() + Send) -> (u64, u64) {
    let done = AtomicBool::new(false);
    let (last, unavailable) = (AtomicU64::new(0), AtomicU64::new(0));
    let commit = |store: &CqlStore, number: u64| loop {
        match store.commit(&[batch(number)]) {
            Ok(()) => break,
            Err(fault) if fault.retryable() => _ = unavailable.fetch_add(1, Ordering::Relaxed),
            Err(fault) => panic!("{fault}"),
        }
    };
    thread::scope(|scope| {
        let (first, second) = (pool.open(), pool.open());
        let (done, last, commit) = (&done, &last, &commit);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let number = last.load(Ordering::Relaxed) + 1;
                commit(&first, number);
                last.store(number, Ordering::Relaxed);
            }
        });
        scope.spawn(move || {
            let mut number = 0;
            while number < last.load(Ordering::Relaxed) || !done.load(Ordering::Relaxed) {
                number += 1;
                commit(&second, number);
            }
        });
        let _end = Ends(done);
        run();
    });
    (pool.open().head(Stream::Batches).expect("reads"), unavailable.into_inner())
}

#[test]
#[ignore = "needs CQL nodes, and kills them"]
fn nothing_is_lost_or_halved_by_killed_and_frozen_nodes() {
    let pool = fresh();
    let (last, unavailable) = under_load(&pool, || {
        for node in ["cql-1", "cql-2", "cql-3"] {
            cluster("kill", node);
            thread::sleep(Duration::from_secs(3));
            cluster("start", node);
            thread::sleep(Duration::from_secs(3));
            cluster("pause", node);
            thread::sleep(Duration::from_secs(6));
            cluster("resume", node);
            thread::sleep(Duration::from_secs(3));
        }
    });
    println!("{last} commits, unavailable {unavailable} times");
    assert!(last > 20, "{last} commits");
    check_batches(&pool.open(), last);
}

#[test]
#[ignore = "needs CQL nodes, and kills them"]
fn without_a_quorum_calls_say_so_and_go_on_by_themselves() {
    let pool = Pool(Settings { patience: Duration::from_secs(2), ..fresh().0 });
    let store = pool.open();
    store.commit(&[batch(1)]).expect("commits");
    cluster("pause", "cql-2");
    cluster("kill", "cql-3");
    let begun = Instant::now();
    let mut refusals = 0;
    while begun.elapsed() < Duration::from_secs(30) {
        let refused = store.commit(&[batch(2)]).expect_err("one node of three");
        assert!(matches!(refused, Fault::Unavailable { .. }) && refused.retryable(), "{refused}");
        let unread = store.head(Stream::Batches).expect_err("one node of three");
        assert!(unread.retryable(), "{unread}");
        refusals += 1;
    }
    cluster("resume", "cql-2");
    cluster("start", "cql-3");
    let back = Instant::now();
    while let Err(fault) = store.commit(&[batch(2)]) {
        assert!(fault.retryable(), "{fault}");
    }
    println!("{refusals} refusals, back after {:.1} s", back.elapsed().as_secs_f64());
    check_batches(&store, 2);
    check_batches(&pool.open(), 2);
}
