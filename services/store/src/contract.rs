//! What every implementation of [`Store`] must do, as tests that any of them can run.
//!
//! An implementation brings a [`Host`]: something that keeps a store and can open it again. Each
//! function takes a fresh one and panics where the contract is broken; [`all`] runs them all.

#![expect(clippy::expect_used, reason = "a test suite, public so that adapters elsewhere run it")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::port::{Fault, KEY_BYTES_MAX, Store, Table, VALUE_BYTES_MAX};
use crate::write::Write;

/// Where a store lives. Dropping the store and opening it again must show the same rows.
pub trait Host {
    /// The implementation under test.
    type Store: Store;

    /// Opens the store; the one opened before has been dropped.
    fn open(&self) -> Self::Store;
}

/// Runs the whole suite, each test on a fresh host.
pub fn all<H: Host>(fresh: impl Fn() -> H) {
    begins_empty(&fresh());
    rows_come_back(&fresh());
    tables_are_apart(&fresh());
    later_writes_win(&fresh());
    scans_are_ordered_and_bounded(&fresh());
    last_at_or_before_stays_in_its_prefix(&fresh());
    sizes_are_bounded(&fresh());
    an_empty_write_is_fine(&fresh());
    follows_a_model(&fresh());
    readers_see_whole_commits(&fresh());
}

/// A store that nobody wrote to has no rows.
pub fn begins_empty<H: Host>(host: &H) {
    let store = host.open();
    for table in Table::ALL {
        assert_eq!(store.get(table, b"k").expect("gets"), None);
        assert_eq!(store.last_at_or_before(table, b"", b"k").expect("finds"), None);
        assert!(store.scan(table, b"", b"\xff", 10).expect("scans").is_empty());
    }
}

/// Values of all sizes come back as they were, also after reopening.
pub fn rows_come_back<H: Host>(host: &H) {
    let sizes = [0, 1, 3, 4, 500, 512, 513, 4_096, 65_536, VALUE_BYTES_MAX];
    let value = |size: usize| (0..size).map(|at| (at * size % 251) as u8).collect::<Vec<_>>();
    let store = host.open();
    let mut write = Write::new();
    for size in sizes {
        write.put(Table::Transfers, (size as u32).to_be_bytes(), value(size));
    }
    write.put(Table::Meta, [7; KEY_BYTES_MAX], *b"longest key");
    store.commit(write).expect("commits");
    let check = |store: &H::Store| {
        for size in sizes {
            let got = store.get(Table::Transfers, &(size as u32).to_be_bytes()).expect("gets");
            assert_eq!(got.expect("is there"), value(size), "value of {size} bytes");
        }
        let got = store.get(Table::Meta, &[7; KEY_BYTES_MAX]).expect("gets");
        assert_eq!(got.expect("is there"), b"longest key".as_slice());
    };
    check(&store);
    drop(store);
    check(&host.open());
}

/// The same key in two tables is two rows.
pub fn tables_are_apart<H: Host>(host: &H) {
    let store = host.open();
    let mut write = Write::new();
    for table in Table::ALL {
        write.put(table, *b"key", table.name().as_bytes());
    }
    store.commit(write).expect("commits");
    for table in Table::ALL {
        let got = store.get(table, b"key").expect("gets").expect("is there");
        assert_eq!(got, table.name().as_bytes());
    }
}

/// A row is what was written last; a deleted one is gone, and can be written again.
pub fn later_writes_win<H: Host>(host: &H) {
    let store = host.open();
    for value in [b"one", b"two"] {
        put(&store, b"k", value);
        assert_eq!(store.get(Table::Meta, b"k").expect("gets").expect("is there"), &value[..]);
    }
    let mut write = Write::new();
    write.delete(Table::Meta, *b"k");
    write.delete(Table::Meta, *b"never there");
    store.commit(write).expect("commits");
    assert_eq!(store.get(Table::Meta, b"k").expect("gets"), None);
    drop(store);
    let store = host.open();
    assert_eq!(store.get(Table::Meta, b"k").expect("gets"), None);
    put(&store, b"k", b"three");
    assert_eq!(store.get(Table::Meta, b"k").expect("gets").expect("is there"), &b"three"[..]);
}

/// A scan gives the rows of its range in the order of their keys, no more than asked for.
pub fn scans_are_ordered_and_bounded<H: Host>(host: &H) {
    let store = host.open();
    let mut write = Write::new();
    for key in [9_u8, 3, 7, 1, 5] {
        write.put(Table::Feed, [key], [key, key]);
    }
    store.commit(write).expect("commits");
    let keys = |from: u8, to: u8, limit| {
        let rows = store.scan(Table::Feed, &[from], &[to], limit).expect("scans");
        rows.iter()
            .map(|(key, value)| {
                assert_eq!(value, &[key[0], key[0]][..]);
                key[0]
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(0, 255, 10), [1, 3, 5, 7, 9]);
    assert_eq!(keys(3, 7, 10), [3, 5], "the end is not part of the range");
    assert_eq!(keys(2, 255, 2), [3, 5]);
    assert_eq!(keys(0, 255, 0), []);
    assert_eq!(keys(7, 7, 10), []);
    assert_eq!(keys(8, 2, 10), [], "a range that ends before it begins is empty");
}

/// The last row at or before a key is looked for among the keys with the prefix only.
pub fn last_at_or_before_stays_in_its_prefix<H: Host>(host: &H) {
    let store = host.open();
    let mut write = Write::new();
    for key in [b"a9", b"b1", b"b3", b"b5", b"c0"] {
        write.put(Table::Postings, *key, *key);
    }
    store.commit(write).expect("commits");
    let find = |prefix: &str, key: &str| {
        let found = store.last_at_or_before(Table::Postings, prefix.as_bytes(), key.as_bytes());
        found.expect("finds").map(|(key, value)| {
            assert_eq!(key, value);
            String::from_utf8(key.to_vec()).expect("text")
        })
    };
    assert_eq!(find("b", "b3").as_deref(), Some("b3"));
    assert_eq!(find("b", "b4").as_deref(), Some("b3"));
    assert_eq!(find("b", "b9").as_deref(), Some("b5"));
    assert_eq!(find("b", "b0"), None);
    assert_eq!(find("b", "c9"), None, "the last row before the key has another prefix");
    assert_eq!(find("b", "a9"), None, "the key lies before the prefix");
    assert_eq!(find("", "b2").as_deref(), Some("b1"));
    assert_eq!(find("d", "d"), None);
}

/// Keys and values out of bounds are refused, with everything else in the write.
pub fn sizes_are_bounded<H: Host>(host: &H) {
    let store = host.open();
    let bad: [(&[u8], usize); 3] =
        [(&[], 0), (&[1; KEY_BYTES_MAX + 1], 0), (&[1], VALUE_BYTES_MAX + 1)];
    for (key, value_bytes) in bad {
        let mut write = Write::new();
        write.put(Table::Meta, *b"fine", *b"fine");
        write.put(Table::Meta, key, vec![0_u8; value_bytes]);
        let refused = store.commit(write).expect_err("out of bounds");
        assert!(matches!(refused, Fault::TooLarge { .. }), "{refused:?}");
    }
    assert_eq!(store.get(Table::Meta, b"fine").expect("gets"), None);
    put(&store, b"k", b"goes on");
}

/// A write of nothing changes nothing.
pub fn an_empty_write_is_fine<H: Host>(host: &H) {
    let store = host.open();
    store.commit(Write::new()).expect("commits");
    put(&store, b"k", b"v");
    store.commit(Write::new()).expect("commits");
    drop(store);
    let store = host.open();
    assert_eq!(store.get(Table::Meta, b"k").expect("gets").expect("is there"), &b"v"[..]);
}

/// Many small commits and reopenings, compared with an ordered map.
pub fn follows_a_model<H: Host>(host: &H) {
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for _ in 0..4 {
        let store = host.open();
        for _ in 0..25 {
            let mut changes = BTreeMap::new();
            for _ in 0..next(12) {
                let key = vec![next(4) as u8, next(4) as u8, next(4) as u8];
                let value = vec![next(256) as u8; next(900) as usize];
                changes.insert(key, (next(4) != 0).then_some(value));
            }
            let mut write = Write::new();
            for (key, value) in changes {
                match value {
                    Some(value) => {
                        write.put(Table::States, key.clone(), value.clone());
                        model.insert(key, value);
                    }
                    None => {
                        write.delete(Table::States, key.clone());
                        model.remove(&key);
                    }
                }
            }
            store.commit(write).expect("commits");
        }
        compare(&store, &model);
    }
    compare(&host.open(), &model);
}

fn compare<S: Store>(store: &S, model: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let rows = store.scan(Table::States, &[], &[u8::MAX], usize::MAX).expect("scans");
    let rows: BTreeMap<_, _> =
        rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    assert_eq!(&rows, model);
    for number in 0..64_u8 {
        let key = [number >> 4, number >> 2 & 3, number & 3];
        let got = store.get(Table::States, &key).expect("gets");
        assert_eq!(got.as_deref(), model.get(&key[..]).map(Vec::as_slice));
        for length in 0..=2 {
            let prefix = &key[..length];
            let found = store.last_at_or_before(Table::States, prefix, &key).expect("finds");
            let expected = model.range(prefix.to_vec()..=key.to_vec()).next_back();
            let found = found.as_ref().map(|(key, value)| (key.as_ref(), value.as_ref()));
            assert_eq!(found, expected.map(|(key, value)| (key.as_slice(), value.as_slice())));
        }
    }
}

/// While a writer sets many rows to the same number, no scan sees two numbers.
pub fn readers_see_whole_commits<H: Host>(host: &H) {
    let store = host.open();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        let rows = store.scan(Table::Feed, &[0], &[u8::MAX], 1_000).expect("scans");
                        let numbers: Vec<_> = rows.iter().map(|(_, value)| value.clone()).collect();
                        assert!(
                            numbers.iter().all(|number| number == &numbers[0]),
                            "half a commit"
                        );
                        assert!(numbers.is_empty() || numbers.len() == 100);
                        seen.extend(numbers.first().cloned());
                    }
                    assert!(seen.is_sorted(), "an older commit seen after a newer one");
                })
            })
            .collect();
        for number in 0..50_u8 {
            let mut write = Write::new();
            for key in 0..100_u8 {
                write.put(Table::Feed, [key], [number]);
            }
            store.commit(write).expect("commits");
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().expect("reads");
        }
    });
}

fn put<S: Store>(store: &S, key: &[u8], value: &[u8]) {
    let mut write = Write::new();
    write.put(Table::Meta, key, value);
    store.commit(write).expect("commits");
}
