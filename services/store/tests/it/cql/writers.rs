//! Several writers, dead writers, and writers of something else.

use std::thread;

use store::contract::Host as _;
use store::cql::CqlStore;
use store::{Commit, Fact, Fault, Store as _, Stream, Table, Write};

use super::{KEYSPACE, batch, check_batches, fresh, meddle};

#[test]
#[ignore = "needs CQL nodes"]
fn writers_in_several_processes_agree() {
    let pool = fresh();
    let commits: Vec<Commit> = (1..=120).map(batch).collect();
    thread::scope(|scope| {
        for size in [1, 7, 40] {
            let (store, commits) = (pool.open(), &commits);
            scope.spawn(move || {
                for some in commits.chunks(size) {
                    store.commit(some).expect("commits");
                }
                check_batches(&store, 120);
            });
        }
        let reader = pool.open();
        scope.spawn(move || {
            let mut last = 0;
            while last < 120 {
                let before =
                    std::mem::replace(&mut last, reader.head(Stream::Batches).expect("reads"));
                assert!(last >= before, "{last} after {before}");
                let rows = reader.scan(Table::States, &[0], &[255], usize::MAX).expect("scans");
                assert!(rows.len().is_multiple_of(24) && rows.len() as u64 >= last * 24);
            }
        });
    });
    check_batches(&pool.open(), 120);
}

/// A writer that died between its claim and its mark is made up for by the next.
#[test]
#[ignore = "needs CQL nodes"]
fn what_a_dead_writer_claimed_is_finished_by_the_next() {
    let pool = fresh();
    let store = pool.open();
    store.commit(&[batch(1)]).expect("commits");
    let claim = format!(
        "INSERT INTO {KEYSPACE}.claims (pool, stream, bucket, number, hash) VALUES (?, 1, 0, ?, ?) IF NOT EXISTS"
    );
    let pool_number = pool.0.pool.cast_signed();
    meddle(&claim, (pool_number, 2_i64, batch(2).hash().to_vec()));
    meddle(&claim, (pool_number, 3_i64, [9_u8; 32].to_vec()));
    // Some rows of commit 2 were written: nobody sees them yet.
    let (_, key, _) =
        batch(2).write.puts().next().map(|(t, k, v)| (t, k.to_vec(), v.to_vec())).unwrap();
    assert_eq!(store.get(Table::States, &key).expect("gets"), None);
    let other = pool.open();
    check_batches(&other, 1);
    other.commit(&[batch(2)]).expect("finishes it");
    check_batches(&store, 2);
    // Commit 3 was claimed for other rows: this writer must stop, and has written none of its own.
    let refused = store.commit(&[batch(3)]).expect_err("claimed for other rows");
    let Fault::Differs { number: 3, theirs, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(theirs, [9; 32]);
    check_batches(&store, 2);
}

/// A writer whose rows differ stops before it has written any of them, whoever is ahead.
#[test]
#[ignore = "needs CQL nodes"]
fn a_writer_of_other_rows_halts_and_harms_nothing() {
    let pool = fresh();
    let store = pool.open();
    store.commit(&(1..=5).map(batch).collect::<Vec<_>>()).expect("commits");
    for other in [pool.open(), store] {
        let mut odd = batch(4);
        odd.write.put(Table::Meta, *b"one more", *b"row");
        let refused = other.commit(&[batch(3), odd.clone(), batch(5)]).expect_err("differs");
        let Fault::Differs { stream: Stream::Batches, number: 4, ours, theirs } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((ours, theirs), (odd.hash(), batch(4).hash()));
        assert_eq!(other.get(Table::Meta, b"one more").expect("gets"), None);
        check_batches(&other, 5);
    }
}

/// Pools in one keyspace do not see each other, facts of whoever comes first hold for all.
#[test]
#[ignore = "needs CQL nodes"]
fn pools_are_apart_and_facts_are_decided_once() {
    let (one, other) = (fresh(), fresh());
    one.open().commit(&[batch(1)]).expect("commits");
    check_batches(&other.open(), 0);
    let stores: Vec<CqlStore> = (0..4).map(|_| one.open()).collect();
    let decided: Vec<_> = thread::scope(|scope| {
        let decide = |(number, store): (u8, &CqlStore)| store.decide(Fact::UetrSeed, &[number; 16]);
        let deciding: Vec<_> =
            (0..).zip(&stores).map(|numbered| scope.spawn(move || decide(numbered))).collect();
        deciding.into_iter().map(|it| it.join().expect("ends").expect("decides")).collect()
    });
    assert!(decided.iter().all(|value| value == &decided[0]), "{decided:?}");
    assert_eq!(one.open().decided(Fact::UetrSeed).expect("reads").as_ref(), Some(&decided[0]));
    assert_eq!(other.open().decided(Fact::UetrSeed).expect("reads"), None);
}

/// Rows far larger than a statement, and more of them than a page.
#[test]
#[ignore = "needs CQL nodes"]
fn large_commits_come_back() {
    let store = fresh().open();
    let mut write = Write::new();
    for chunk in 0..40_u32 {
        let key = [&[1][..], &7_u64.to_be_bytes(), &chunk.to_be_bytes()].concat();
        write.put(Table::Snapshots, key, vec![chunk as u8; 256 << 10]);
    }
    for page in 0..1_000_u32 {
        let key = [&[1, 0][..], &0_u32.to_be_bytes(), &page.to_be_bytes()].concat();
        write.put(Table::UetrPages, key, vec![page as u8; 300]);
    }
    store.commit(&[Commit::new(Stream::Uetrs, 1, write)]).expect("commits");
    let chunks = store.scan(Table::Snapshots, &[1], &[2], usize::MAX).expect("scans");
    assert_eq!(chunks.len(), 40);
    assert!(chunks.iter().zip(0..).all(|((_, value), chunk)| value[..] == vec![chunk; 256 << 10]));
    let group = [1, 0, 0, 0, 0, 0];
    let pages = store.scan(Table::UetrPages, &group, &[1, 0, 0, 0, 0, 1], usize::MAX);
    assert_eq!(pages.expect("scans").len(), 1_000);
}
