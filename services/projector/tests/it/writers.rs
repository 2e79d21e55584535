//! Several writers of one log, and one who only reads: their commits are the same, byte for byte.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use projector::{FollowOptions, Follower, Options, Projector};
use store::{Commit, Fact, Fault, Row, Store, Stream, Table};

use crate::day::{POOL, Random, day};
use crate::model::Model;
use crate::rig::Rig;

type Rows = Vec<(Table, Vec<u8>, Vec<u8>)>;

/// What was committed under a name: the rows in their order of table and key.
type Commits = BTreeMap<(Stream, u64), Rows>;

/// The real store, noting what is handed to it.
struct Noting {
    inner: Arc<dyn Store>,
    seen: Mutex<Commits>,
}

impl Noting {
    fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, seen: Mutex::default() })
    }

    fn note(&self, commit: &Commit) {
        let rows = commit.write.puts();
        let mut rows: Rows =
            rows.map(|(table, key, value)| (table, key.to_vec(), value.to_vec())).collect();
        rows.sort();
        let mut seen = self.seen.lock().expect("notes");
        let before = seen.insert((commit.stream, commit.number), rows.clone());
        assert!(before.is_none_or(|before| before == rows), "other rows under the same name");
    }
}

impl Store for Noting {
    fn commit(&self, commits: &[Commit]) -> Result<(), Fault> {
        commits.iter().for_each(|commit| self.note(commit));
        self.inner.commit(commits)
    }

    fn head(&self, stream: Stream) -> Result<u64, Fault> {
        self.inner.head(stream)
    }

    fn remove(&self, table: Table, from: &[u8], to_exclusive: &[u8]) -> Result<(), Fault> {
        self.inner.remove(table, from, to_exclusive)
    }

    fn decide(&self, fact: Fact, value: &[u8]) -> Result<Bytes, Fault> {
        self.inner.decide(fact, value)
    }

    fn decided(&self, fact: Fact) -> Result<Option<Bytes>, Fault> {
        self.inner.decided(fact)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.inner.get(table, key)
    }

    fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, Fault> {
        self.inner.last_at_or_before(table, prefix, key)
    }

    fn scan(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, Fault> {
        self.inner.scan(table, from, to, limit)
    }
}

/// Waits until something is so.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Two projectors with stores of their own, the same secret, and different habits: one commits batch
/// by batch and is stopped over and over, the other takes much at once and never stops.
#[test]
fn writers_apart_make_the_same_commits() {
    let day = day(41, 700);
    let mut random = Random(5);
    let [one, other] = [1, 8 << 20].map(|commit_bytes| {
        let mut rig = Rig::new(&day);
        rig.store.decide(Fact::UetrSeed, &[7; 16]).expect("decides");
        let noting = Noting::new(rig.store.clone());
        rig.store = noting.clone();
        rig.options = Options { commit_bytes, uetr_run_entries: 10, ..Options::default() };
        (rig, noting)
    });
    let mut done = 0;
    while done < day.len() {
        let running = one.0.start();
        let from = running.feed.next_position() as usize;
        done = (done.max(from) + random.below(60) as usize + 1).min(day.len());
        running.push_all(&day[from..done]);
        running.projector.stop();
    }
    let running = other.0.start();
    running.push_all(&day);
    let head = |rig: &Rig| rig.store.head(Stream::Uetrs).expect("reads");
    let merged = || {
        let rows = other.0.store.scan(Table::Uetrs, &[1], &[2], 100).expect("scans");
        rows.len() > 2
    };
    until("no run was merged", merged);
    running.projector.stop();
    let running = one.0.start();
    until("the index never got as far", || head(&one.0) >= head(&other.0));
    running.projector.stop();
    assert_eq!(one.0.rows(), other.0.rows());

    let (one, other) = (one.1.seen.lock().expect("reads"), other.1.seen.lock().expect("reads"));
    let count = |stream| other.keys().filter(|(of, _)| *of == stream).count();
    assert!(count(Stream::Batches) > 30 && count(Stream::Uetrs) > 10, "{:?}", other.keys());
    for (name, rows) in &*other {
        // One may have stopped before it made the last of them.
        assert!(one.get(name).is_none_or(|same| same == rows), "{name:?} differs");
        assert!(name.0 == Stream::Uetrs || one.contains_key(name), "{name:?} is missing");
    }
}

/// Two projectors write into one store at once, while a follower reads: everybody's answers are those
/// of the model.
#[test]
fn writers_of_one_store_and_a_follower_agree() {
    let day = day(42, 500);
    let model = Model::of(&day);
    let rig = Rig::new(&day);
    let options = FollowOptions { poll: Duration::from_millis(1), uetr_filter_bytes_max: 1 << 20 };
    let follow = || Follower::start(rig.store.clone(), rig.log.clone(), POOL, &options);
    let (early, feed, early_reader) = follow().expect("starts on a store that nobody wrote to");
    let [one, other] = [1, 64 << 10].map(|commit_bytes| {
        let options = Options { commit_bytes, ..rig.options.clone() };
        Projector::start(rig.store.clone(), rig.log.clone(), POOL, &options).expect("starts")
    });
    std::thread::scope(|scope| {
        for feed in [&one.1, &other.1, &feed] {
            scope.spawn(|| day.iter().for_each(|it| feed.push(it.clone()).expect("is taken")));
        }
    });
    let last = day.len() as u64 - 1;
    for reader in [&one.2, &other.2, &early_reader] {
        until("not everything became readable", || {
            assert_eq!(reader.halted(), None);
            reader.readable().borrow().position >= last
        });
        model.compare(reader);
    }
    let (late, _, late_reader) = follow().expect("starts");
    model.compare(&late_reader);
    // Runs are merged and removed under the followers.
    one.0.stop();
    other.0.stop();
    let running = rig.start();
    model.compare(&running.reader);
    running.projector.stop();
    model.compare(&late_reader);
    model.compare(&early_reader);
    late.stop();
    early.stop();
    assert_eq!(early_reader.halted().as_deref(), Some("stopped"));
    model.compare(&early_reader);
}
