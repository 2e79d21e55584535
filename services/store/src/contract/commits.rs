//! Commits and their names.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Host, commit, fact, meta};
use crate::commit::{Commit, FACT_BYTES_MAX, Fact, Stream};
use crate::fault::Fault;
use crate::port::Store;
use crate::table::Table;
use crate::write::Write;

/// A commit of nothing is a commit, and a call without any changes nothing.
pub(super) fn an_empty_commit_is_fine<H: Host>(host: &H) {
    let store = host.open();
    store.commit(&[]).expect("commits");
    commit(&store, 1, Write::new());
    commit(&store, 1, Write::new());
    store.commit(&[fact(Stream::Batches, 2, b"k", b"v")]).expect("commits");
    drop(store);
    let store = host.open();
    assert_eq!(store.head(Stream::Batches).expect("reads"), 2);
    assert_eq!(meta(&store, b"k").as_deref(), Some(&b"v"[..]));
}

/// The same name with the same rows, in whatever order they were put in.
pub(super) fn a_repeated_commit_changes_nothing<H: Host>(host: &H) {
    let commit = |keys: [u8; 3]| {
        let mut write = Write::new();
        for key in keys {
            write.put(Table::Meta, [b'k', key], [key; 9]);
            write.put(Table::Transfers, [key; 10], vec![key; 2_000]);
        }
        Commit::new(Stream::Batches, 1, write)
    };
    assert_eq!(commit([1, 2, 3]).hash(), commit([3, 1, 2]).hash());
    for keys in [[1, 2, 3], [3, 2, 1]] {
        let store = host.open();
        for _ in 0..2 {
            store.commit(&[commit(keys)]).expect("commits");
            store.commit(&[commit(keys), commit(keys)]).expect("commits");
            assert_eq!(store.head(Stream::Batches).expect("reads"), 1);
            for key in keys {
                assert_eq!(meta(&store, &[b'k', key]), Some(vec![key; 9]));
            }
        }
    }
}

/// Other rows under a name are a fault that names both, and change nothing, whatever else is in the
/// call; what comes before them is committed or not.
pub(super) fn other_rows_under_a_name_are_refused<H: Host>(host: &H) {
    for stream in [Stream::Batches, Stream::Snapshots] {
        let key = [b'a' + stream as u8];
        let made = |value: &[u8]| fact(stream, 1, &key, value);
        let next = || fact(stream, 2, b"next", b"one");
        for _ in 0..2 {
            let store = host.open();
            store.commit(&[made(b"first")]).expect("commits, again after reopening");
            let refused = store.commit(&[made(b"other"), next()]).expect_err("differs");
            let Fault::Differs { stream: named, number, ours, theirs } = refused else {
                panic!("{refused:?}")
            };
            assert_eq!((named, number), (stream, 1));
            assert_eq!((ours, theirs), (made(b"other").hash(), made(b"first").hash()));
            assert!(!refused.retryable());
            assert_eq!(meta(&store, &key).as_deref(), Some(&b"first"[..]));
            assert_eq!(meta(&store, b"next"), None);
            let fewer = Commit::new(stream, 1, Write::new());
            let refused = store.commit(&[fewer]).expect_err("differs");
            assert!(matches!(refused, Fault::Differs { .. }), "{refused:?}");
        }
    }
}

/// Numbers of a dense stream follow each other from 1.
pub(super) fn a_dense_stream_has_no_gap<H: Host>(host: &H) {
    let store = host.open();
    let refused = |number, head| {
        let refused = store.commit(&[fact(Stream::Batches, number, b"gap", b"v")]);
        let refused = refused.expect_err("does not follow");
        let Fault::Gap { stream, number: named, head: found } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((stream, named, found), (Stream::Batches, number, head));
    };
    refused(2, 0);
    for number in 1..=3 {
        let key = [b'k', number as u8];
        store.commit(&[fact(Stream::Batches, number, &key, b"v")]).expect("commits");
        assert_eq!(store.head(Stream::Batches).expect("reads"), number);
        refused(number + 2, number);
    }
    assert_eq!(meta(&store, b"gap"), None);
    let commits = [fact(Stream::Batches, 4, b"k4", b"v"), fact(Stream::Batches, 6, b"k6", b"v")];
    let gap = store.commit(&commits).expect_err("does not follow");
    assert!(matches!(gap, Fault::Gap { number: 6, .. }), "{gap:?}");
    assert_eq!(meta(&store, b"k6"), None);
}

/// The same number in two streams is two commits; those that are not dense begin anywhere.
pub(super) fn streams_are_apart<H: Host>(host: &H) {
    let store = host.open();
    for stream in Stream::ALL {
        let number = if stream.dense() { 1 } else { 1 << 50 };
        let commit = fact(stream, number, stream.name().as_bytes(), b"v");
        store.commit(&[commit]).expect("commits");
    }
    drop(store);
    let store = host.open();
    for stream in Stream::ALL {
        assert!(meta(&store, stream.name().as_bytes()).is_some(), "{stream}");
        assert_eq!(store.head(stream).expect("reads"), u64::from(stream.dense()), "{stream}");
    }
}

/// A repeated commit of a stream that is not dense brings its rows back.
pub(super) fn a_stream_that_is_not_dense_mends<H: Host>(host: &H) {
    let store = host.open();
    let page = || {
        let mut write = Write::new();
        write.put(Table::SeenPages, 77_u64.to_be_bytes(), vec![5; 70_000]);
        Commit::new(Stream::SeenPages, 77, write)
    };
    let get = || store.get(Table::SeenPages, &77_u64.to_be_bytes()).expect("gets");
    store.commit(&[page()]).expect("commits");
    let first = get();
    store.remove(Table::SeenPages, &[0], &[1]).expect("removes");
    assert_eq!(get(), None);
    store.commit(&[page()]).expect("commits");
    assert_eq!(get(), first);
}

/// Many commits in one call: all are there, and a repeated call that goes further goes on.
pub(super) fn several_at_once_come_in_order<H: Host>(host: &H) {
    let commits: Vec<Commit> = (1..=150_u64)
        .map(|number| fact(Stream::Batches, number, &number.to_be_bytes(), &[number as u8]))
        .collect();
    let store = host.open();
    store.commit(&commits[..90]).expect("commits");
    assert_eq!(store.head(Stream::Batches).expect("reads"), 90);
    drop(store);
    let store = host.open();
    store.commit(&commits[40..]).expect("commits");
    assert_eq!(store.head(Stream::Batches).expect("reads"), 150);
    for number in 1..=150_u64 {
        assert_eq!(meta(&store, &number.to_be_bytes()), Some(vec![number as u8]));
    }
}

/// A fact has the value that was proposed first.
pub(super) fn a_fact_is_decided_once<H: Host>(host: &H) {
    let store = host.open();
    assert_eq!(store.decide(Fact::Format, b"first").expect("decides"), b"first".as_slice());
    assert_eq!(store.decide(Fact::Format, b"second").expect("decides"), b"first".as_slice());
    assert_eq!(store.decided(Fact::UetrSeed).expect("reads"), None);
    assert_eq!(store.decide(Fact::UetrSeed, b"").expect("decides"), b"".as_slice());
    drop(store);
    let store = host.open();
    let decided = |fact| store.decided(fact).expect("reads").expect("is there");
    assert_eq!(decided(Fact::Format), b"first".as_slice());
    assert_eq!(decided(Fact::UetrSeed), b"".as_slice());
    let large = store.decide(Fact::Format, &[1; FACT_BYTES_MAX + 1]).expect_err("out of bounds");
    assert!(matches!(large, Fault::TooLarge { .. }), "{large:?}");
}

const ROWS: u64 = 40;

/// Some rows of one group in each of two tables.
fn batch(number: u64) -> Commit {
    let mut write = Write::new();
    for table in [Table::States, Table::Transfers] {
        for row in 0..ROWS {
            let key = [(row << 40 | number).to_be_bytes(), number.to_be_bytes()].concat();
            write.put(table, key, number.to_be_bytes());
        }
    }
    Commit::new(Stream::Batches, number, write)
}

/// Checks that a scan shows whole commits, without a gap; how many.
fn whole<S: Store>(store: &S) -> u64 {
    let head = store.head(Stream::Batches).expect("reads");
    let mut last = 0;
    for table in [Table::States, Table::Transfers] {
        let rows = store.scan(table, &[0], &[u8::MAX], usize::MAX).expect("scans");
        let mut counts = vec![0; 1_000];
        for (_, value) in &rows {
            let number = u64::from_be_bytes(value[..].try_into().expect("eight bytes"));
            counts[number as usize] += 1;
        }
        last = counts.iter().rposition(|count| *count > 0).unwrap_or(0) as u64;
        let sound = counts[1..].iter().take(last as usize).all(|count| *count == ROWS);
        assert!(sound, "half a commit: {:?}", &counts[..=last as usize]);
        assert!(last >= head, "commit {head} is the head, a scan shows {last}");
    }
    last
}

/// While a writer commits, no scan sees half a commit, and none goes back.
pub(super) fn readers_see_whole_commits<H: Host>(host: &H) {
    let store = host.open();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        seen.push(whole(&store));
                    }
                    assert!(seen.is_sorted(), "an older commit seen after a newer one");
                })
            })
            .collect();
        for number in 1..=50 {
            store.commit(&[batch(number)]).expect("commits");
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().expect("reads");
        }
    });
    assert_eq!(whole(&store), 50);
}

/// Several writers make the same commits at once, in calls of different sizes.
pub(super) fn writers_of_the_same_commits_agree<H: Host>(host: &H) {
    let commits: Vec<Commit> = (1..=24).map(batch).collect();
    let store = host.open();
    thread::scope(|scope| {
        for size in [1, 3, 5] {
            let (store, commits) = (&store, &commits);
            scope.spawn(move || {
                for some in commits.chunks(size) {
                    store.commit(some).expect("commits");
                }
            });
        }
    });
    assert_eq!(whole(&store), 24);
    drop(store);
    assert_eq!(whole(&host.open()), 24);
}
