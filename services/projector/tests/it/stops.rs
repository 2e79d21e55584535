//! Restarts, repetitions, divergence, a full disk, slow commits.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use projector::{Fault, Projected};
use store::{Commit, Fact, Row, Store, Stream, Table};

use crate::day::day;
use crate::model::Model;
use crate::rig::Rig;

/// Indexes in the day behind which a batch is complete.
fn boundaries(day: &[Projected]) -> Vec<usize> {
    let seals = |it: &Projected| it.outcome.sealed_before.is_some() || it.outcome.sealed.is_some();
    (0..day.len()).filter(|index| seals(&day[*index])).map(|index| index + 1).collect()
}

/// A batch whose last record completes no other, and that of the next one neither, with the
/// indexes of these two records.
fn two_plain_batches(day: &[Projected]) -> (u64, usize, usize) {
    let numbers = |index: usize| {
        let outcome = &day[index].outcome;
        let sealed = outcome.sealed_before.iter().chain(&outcome.sealed);
        sealed.map(|batch| batch.number).collect::<Vec<_>>()
    };
    let ends: Vec<usize> = boundaries(day).into_iter().map(|end| end - 1).collect();
    let plain = |pair: &&[usize]| pair.iter().all(|index| numbers(*index).len() == 1);
    let found = ends.windows(2).skip(4).find(plain).expect("two plain batches");
    (numbers(found[0])[0], found[0], found[1])
}

#[test]
fn a_restart_at_every_boundary_changes_no_row() {
    let day = day(99, 250);
    let model = Model::of(&day);
    let rig = Rig::new(&day);
    let running = rig.start();
    running.push_all(&day);
    running.projector.stop();
    let expected = rig.rows();

    let rig = Rig::new(&day);
    for (count, end) in boundaries(&day).into_iter().enumerate() {
        let running = rig.start();
        // Some of what comes after the boundary is taken too, and forgotten by the stop.
        let from = running.feed.next_position() as usize;
        let to = (end + count % 3).min(day.len());
        running.push_all(&day[from..to]);
        let reader = running.reader.clone();
        running.projector.stop();
        if count % 8 == 0 {
            model.compare(&reader);
        }
    }
    let running = rig.start();
    running.push_all(&day[running.feed.next_position() as usize..]);
    running.projector.stop();
    assert_eq!(rig.rows(), expected);
    let running = rig.start();
    model.compare(&running.reader);
    running.projector.stop();
}

#[test]
fn what_comes_again_changes_nothing() {
    let day = day(4, 150);
    let rig = Rig::new(&day);
    let running = rig.start();
    running.push_all(&day);
    running.projector.stop();
    let expected = rig.rows();
    let running = rig.start();
    running.push_all(&day);
    running.push_all(&day);
    running.wait_for(day.len() as u64 - 1);
    running.projector.stop();
    assert_eq!(rig.rows(), expected);
}

/// The same outcome with another hash in its sealed batch.
fn with_another_hash(projected: &Projected) -> Projected {
    let mut outcome = (*projected.outcome).clone();
    for batch in [&mut outcome.sealed_before, &mut outcome.sealed].into_iter().flatten() {
        batch.state_root[0] ^= 1;
        batch.hash = batch.compute_hash();
    }
    Projected { outcome: Arc::new(outcome), ..projected.clone() }
}

#[test]
fn a_batch_that_differs_from_the_stored_one_halts() {
    let day = day(8, 100);
    let ends = boundaries(&day);
    let rig = Rig::new(&day);
    let running = rig.start();
    running.push_all(&day[..ends[5]]);
    running.projector.stop();
    let stored = rig.rows();

    let running = rig.start();
    running.feed.push(with_another_hash(&day[ends[2] - 1])).expect("is taken");
    let why = running.wait_for_halt();
    assert!(why.contains("diverges"), "{why}");
    let refused = running.feed.push(day[ends[5]].clone()).expect_err("has halted");
    assert!(matches!(refused, Fault::Halted { .. }), "{refused:?}");
    assert!(running.reader.batch(1).expect("reads on").is_some());
    running.projector.stop();
    assert_eq!(rig.rows(), stored);
}

#[test]
fn a_batch_that_does_not_follow_halts() {
    let day = day(8, 150);
    let (number, first, second) = two_plain_batches(&day);
    let rig = Rig::new(&day);
    let running = rig.start();
    running.push_all(&day[..first]);
    running.feed.push(with_another_hash(&day[first])).expect("is taken");
    // It follows the stored one, so it is written; the next one names the true one as its past.
    running.push_all(&day[first + 1..=second]);
    let why = running.wait_for_halt();
    assert!(why.contains(&format!("batch {} diverges", number + 1)), "{why}");
    running.projector.stop();
    assert_eq!(rig.start().reader.readable().borrow().batch, number);
}

#[test]
fn a_left_out_outcome_halts() {
    let day = day(8, 60);
    let rig = Rig::new(&day);
    let running = rig.start();
    running.feed.push(day[0].clone()).expect("is taken");
    running.feed.push(day[2].clone()).expect("is taken");
    let why = running.wait_for_halt();
    assert!(why.contains("position 2 where 1 was expected"), "{why}");
    running.projector.stop();
}

#[test]
fn another_pools_store_is_refused() {
    let day = day(8, 20);
    let rig = Rig::new(&day);
    rig.start().projector.stop();
    let started = projector::Projector::start(
        rig.store.clone(),
        rig.log.clone(),
        crate::day::POOL + 1,
        &rig.options,
    );
    assert!(matches!(started.err(), Some(Fault::Foreign { .. })));
}

/// The real store behind a door: some commits are refused for want of space, and the others
/// return only once the door is open; some reads are not answered.
struct Door {
    inner: Arc<dyn Store>,
    refusals: AtomicU32,
    unread: AtomicU32,
    door: Mutex<()>,
}

impl Door {
    fn new(inner: Arc<dyn Store>, refusals: u32) -> Arc<Self> {
        let (refusals, unread) = (AtomicU32::new(refusals), AtomicU32::new(0));
        Arc::new(Self { inner, refusals, unread, door: Mutex::new(()) })
    }

    fn answer(&self) -> Result<(), store::Fault> {
        if takes_one(&self.unread) {
            return Err(store::Fault::Unavailable { doing: "read", why: "nobody is there".into() });
        }
        Ok(())
    }
}

/// Whether there was one left.
fn takes_one(left: &AtomicU32) -> bool {
    let taken = |left: u32| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
}

impl Store for Door {
    fn commit(&self, commits: &[Commit]) -> Result<(), store::Fault> {
        if takes_one(&self.refusals) {
            return Err(store::Fault::NoSpace);
        }
        self.inner.commit(commits)?;
        drop(self.door.lock().expect("the door"));
        Ok(())
    }

    fn head(&self, stream: Stream) -> Result<u64, store::Fault> {
        self.inner.head(stream)
    }

    fn remove(&self, table: Table, from: &[u8], to_exclusive: &[u8]) -> Result<(), store::Fault> {
        self.inner.remove(table, from, to_exclusive)
    }

    fn decide(&self, fact: Fact, value: &[u8]) -> Result<Bytes, store::Fault> {
        self.inner.decide(fact, value)
    }

    fn decided(&self, fact: Fact) -> Result<Option<Bytes>, store::Fault> {
        self.inner.decided(fact)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, store::Fault> {
        self.answer()?;
        self.inner.get(table, key)
    }

    fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, store::Fault> {
        self.inner.last_at_or_before(table, prefix, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to_exclusive: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, store::Fault> {
        self.answer()?;
        self.inner.scan(table, from, to_exclusive, limit)
    }
}

#[test]
fn nothing_of_a_batch_shows_before_its_commit_has_returned() {
    let day = day(31, 150);
    let model = Model::of(&day);
    let (number, first, second) = two_plain_batches(&day);
    let mut rig = Rig::new(&day);
    let inner = rig.store.clone();
    let door = Door::new(inner.clone(), 0);
    rig.store = door.clone();
    let running = rig.start();
    running.push_all(&day[..=first]);
    let readable = || running.reader.readable().borrow().batch;
    while readable() < number {
        std::thread::yield_now();
    }
    let closed = door.door.lock().expect("the door");
    running.push_all(&day[first + 1..=second]);
    let key = [&[0][..], &(number + 1).to_be_bytes(), &[0, 0]].concat();
    while inner.get(Table::Batches, &key).expect("gets").is_none() {
        std::thread::yield_now();
    }
    assert_eq!(readable(), number, "the next one is in the store only");
    model.compare(&running.reader);
    drop(closed);
    while readable() == number {
        std::thread::yield_now();
    }
    model.compare(&running.reader);
    running.projector.stop();
}

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    let day = day(32, 100);
    let model = Model::of(&day);
    let mut rig = Rig::new(&day);
    rig.start().projector.stop();
    rig.store = Door::new(rig.store.clone(), 3);
    let running = rig.start();
    running.push_all(&day);
    running.wait_for(day.len() as u64 - 1);
    model.compare(&running.reader);
    running.projector.stop();
}

/// Batches that come again are compared, and runs of the index merged, once the store answers again.
#[test]
fn a_store_that_answers_nothing_for_a_while_delays_and_loses_nothing() {
    let day = day(34, 400);
    let model = Model::of(&day);
    let mut rig = Rig::new(&day);
    let half = boundaries(&day)[20];
    let running = rig.start();
    running.push_all(&day[..half]);
    running.projector.stop();
    let door = Door::new(rig.store.clone(), 0);
    rig.store = door.clone();
    let running = rig.start();
    door.unread.store(3, Ordering::Relaxed);
    running.push_all(&day[..half]);
    running.wait_for(half as u64 - 1);
    door.unread.store(3, Ordering::Relaxed);
    running.push_all(&day[half..]);
    running.wait_for(day.len() as u64 - 1);
    while door.unread.load(Ordering::Relaxed) > 0 {
        assert_eq!(running.reader.halted(), None);
        std::thread::yield_now();
    }
    model.compare(&running.reader);
    running.projector.stop();
}

#[test]
fn a_queue_of_one_is_enough() {
    // A queue of one: pushing blocks until the projector has taken the one before.
    let day = day(33, 80);
    let mut rig = Rig::new(&day);
    rig.options.queue_records_max = 1;
    let running = rig.start();
    running.push_all(&day);
    running.wait_for(day.len() as u64 - 1);
    running.projector.stop();
}
