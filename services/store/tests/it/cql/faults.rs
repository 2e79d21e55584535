//! Nodes that are killed and frozen, and no quorum.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use store::contract::Host as _;
use store::cql::{CqlStore, Settings};
use store::{Fault, Store as _, Stream};

use super::{Pool, batch, check_batches, cluster, fresh};

/// Commits that may be made beyond those that are waited for, while a node is started or ended.
const AHEAD: u64 = 60;

/// One who commits and one who repeats what the first has committed.
#[derive(Default)]
struct Load {
    /// The last number that was committed, and the last that may be.
    last: AtomicU64,
    allowed: AtomicU64,
    unavailable: AtomicU64,
    done: AtomicBool,
}

impl Load {
    fn commit(&self, store: &CqlStore, number: u64) {
        while let Err(fault) = store.commit(&[batch(number)]) {
            assert!(fault.retryable(), "{fault}");
            self.unavailable.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// Whether it goes on, once there is another commit to be made behind `number` of so many.
    fn goes_on(&self, number: u64, last: &AtomicU64) -> bool {
        while number >= last.load(Ordering::Relaxed) {
            if self.done.load(Ordering::Relaxed) {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    fn commit_first(&self, store: &CqlStore) {
        while self.goes_on(self.last(), &self.allowed) {
            self.commit(store, self.last() + 1);
            self.last.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn repeat(&self, store: &CqlStore) {
        let mut number = 0;
        while self.goes_on(number, &self.last) {
            number += 1;
            self.commit(store, number);
        }
    }

    /// Waits until so many more are committed.
    fn more(&self, commits: u64) {
        let until = self.last() + commits;
        self.allowed.fetch_max(until + AHEAD, Ordering::Relaxed);
        while self.last() < until {
            assert!(!self.done.load(Ordering::Relaxed), "the load has ended");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Ends the load, also when what runs beside it panics, and when a part of it does.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
#[ignore = "needs CQL nodes, and kills them"]
fn nothing_is_lost_or_halved_by_killed_and_frozen_nodes() {
    let (pool, load) = (fresh(), Load::default());
    thread::scope(|scope| {
        let (first, second) = (pool.open(), pool.open());
        let load = &load;
        scope.spawn(move || {
            let _end = Ends(&load.done);
            load.commit_first(&first);
        });
        scope.spawn(move || {
            let _end = Ends(&load.done);
            load.repeat(&second);
        });
        let _end = Ends(&load.done);
        load.more(20);
        for node in ["cql-1", "cql-2", "cql-3"] {
            for (fail, mend) in [("kill", "start"), ("pause", "resume")] {
                let begun = Instant::now();
                cluster(fail, node);
                load.more(20);
                let failed = begun.elapsed();
                cluster(mend, node);
                load.more(20);
                println!("{fail} {node}: {failed:.1?}, {mend}: {:.1?}", begun.elapsed() - failed);
            }
        }
    });
    let store = pool.open();
    let last = store.head(Stream::Batches).expect("reads");
    println!("{last} commits, unavailable {} times", load.unavailable.into_inner());
    assert_eq!(last, load.last.into_inner());
    check_batches(&store, last);
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
