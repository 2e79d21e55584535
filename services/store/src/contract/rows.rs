//! Rows and what finds them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Host, commit, meta};
use crate::commit::{Commit, Fact, Stream};
use crate::fault::Fault;
use crate::port::{KEY_BYTES_MAX, Store, VALUE_BYTES_MAX};
use crate::table::Table;
use crate::write::Write;

/// A store that nobody wrote to has no rows.
pub(super) fn begins_empty<H: Host>(host: &H) {
    let store = host.open();
    for table in Table::ALL {
        assert_eq!(store.get(table, b"k").expect("gets"), None);
        assert_eq!(store.last_at_or_before(table, b"", b"k").expect("finds"), None);
        assert!(store.scan(table, b"", b"\xff", 10).expect("scans").is_empty());
    }
    for stream in Stream::ALL {
        assert_eq!(store.head(stream).expect("reads"), 0);
    }
    assert_eq!(store.decided(Fact::Format).expect("reads"), None);
}

/// Values of all sizes come back as they were, also after reopening.
pub(super) fn rows_come_back<H: Host>(host: &H) {
    let sizes = [0, 1, 3, 4, 500, 512, 513, 4_096, 65_536, VALUE_BYTES_MAX];
    let value = |size: usize| (0..size).map(|at| (at * size % 251) as u8).collect::<Vec<_>>();
    let store = host.open();
    let mut write = Write::new();
    for size in sizes {
        write.put(Table::Transfers, (size as u32).to_be_bytes(), value(size));
    }
    write.put(Table::Meta, [7; KEY_BYTES_MAX], *b"longest key");
    commit(&store, 1, write);
    let check = |store: &H::Store| {
        for size in sizes {
            let got = store.get(Table::Transfers, &(size as u32).to_be_bytes()).expect("gets");
            assert_eq!(got.expect("is there"), value(size), "value of {size} bytes");
        }
        assert_eq!(meta(store, &[7; KEY_BYTES_MAX]).as_deref(), Some(&b"longest key"[..]));
    };
    check(&store);
    drop(store);
    check(&host.open());
}

/// The same key in two tables is two rows.
pub(super) fn tables_are_apart<H: Host>(host: &H) {
    let store = host.open();
    let mut write = Write::new();
    for table in Table::ALL {
        write.put(table, *b"key", table.name().as_bytes());
    }
    commit(&store, 1, write);
    for table in Table::ALL {
        let got = store.get(table, b"key").expect("gets").expect("is there");
        assert_eq!(got, table.name().as_bytes());
    }
}

/// A key of table Feed: an owner, and a number that orders.
fn owned(owner: u32, number: u64) -> Vec<u8> {
    [&owner.to_be_bytes()[..], &number.to_be_bytes()].concat()
}

/// A scan gives the rows of its range in the order of their keys, no more than asked for, however
/// far apart they are.
pub(super) fn scans_are_ordered_and_bounded<H: Host>(host: &H) {
    const FAR: u64 = 1 << 40;
    let store = host.open();
    for (number, some) in (1..).zip([[9, FAR], [3, 700], [1 << 20, 5], [u64::MAX, 7]]) {
        let mut write = Write::new();
        for key in some {
            write.put(Table::Feed, owned(4, key), key.to_be_bytes());
        }
        commit(&store, number, write);
    }
    let keys = |from: u64, to: u64, limit| {
        let rows = store.scan(Table::Feed, &owned(4, from), &owned(4, to), limit).expect("scans");
        rows.iter()
            .map(|(key, value)| {
                assert_eq!(key[4..], value[..]);
                u64::from_be_bytes(key[4..].try_into().expect("eight bytes"))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(0, u64::MAX, 10), [3, 5, 7, 9, 700, 1 << 20, FAR]);
    assert_eq!(keys(5, 700, 10), [5, 7, 9], "the end is not part of the range");
    assert_eq!(keys(4, FAR, 2), [5, 7]);
    assert!(keys(0, u64::MAX, 0).is_empty());
    assert!(keys(7, 7, 10).is_empty());
    assert!(keys(8, 2, 10).is_empty(), "a range that ends before it begins is empty");
    let all = store.scan(Table::Feed, &owned(4, 0), &owned(5, 0), usize::MAX).expect("scans");
    assert_eq!(all.len(), 8);
}

/// Scans give rows of one group only, that of the key they begin at.
pub(super) fn scans_stay_in_their_group<H: Host>(host: &H) {
    let store = host.open();
    let mut write = Write::new();
    for owner in 1..4 {
        write.put(Table::Feed, owned(owner, 5), owner.to_be_bytes());
    }
    commit(&store, 1, write);
    let owners = |from: u32, to: u32| {
        let rows = store.scan(Table::Feed, &owned(from, 0), &owned(to, 9), 10).expect("scans");
        rows.into_iter().map(|(_, value)| value.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(owners(2, 2), [2_u32.to_be_bytes()]);
    assert_eq!(owners(1, 3), [1_u32.to_be_bytes()]);
    assert!(owners(0, 3).is_empty());
    let last =
        |prefix: &[u8]| store.last_at_or_before(Table::Feed, prefix, &owned(2, 4)).expect("finds");
    assert_eq!(last(b""), None, "what is before the key is another's");
    assert_eq!(last(&2_u32.to_be_bytes()), None);
}

/// The last row at or before a key is looked for among the keys with the prefix only.
pub(super) fn last_at_or_before_stays_in_its_prefix<H: Host>(host: &H) {
    let store = host.open();
    let mut write = Write::new();
    for key in [b"k/a9", b"k/b1", b"k/b3", b"k/b5", b"k/c0"] {
        write.put(Table::Meta, *key, *key);
    }
    commit(&store, 1, write);
    let find = |prefix: &str, key: &str| {
        let found = store.last_at_or_before(Table::Meta, prefix.as_bytes(), key.as_bytes());
        found.expect("finds").map(|(key, value)| {
            assert_eq!(key, value);
            String::from_utf8(key.to_vec()).expect("text")
        })
    };
    assert_eq!(find("k/b", "k/b3").as_deref(), Some("k/b3"));
    assert_eq!(find("k/b", "k/b4").as_deref(), Some("k/b3"));
    assert_eq!(find("k/b", "k/b9").as_deref(), Some("k/b5"));
    assert_eq!(find("k/b", "k/b0"), None);
    assert_eq!(find("k/b", "k/c9"), None, "the last row before the key has another prefix");
    assert_eq!(find("k/b", "k/a9"), None, "the key lies before the prefix");
    assert_eq!(find("", "k/b2").as_deref(), Some("k/b1"));
    assert_eq!(find("k/d", "k/d"), None);
    let mut write = Write::new();
    write.put(Table::Feed, owned(1, 3), *b"far away");
    commit(&store, 2, write);
    let found = store.last_at_or_before(Table::Feed, &owned(1, 0)[..4], &owned(1, 1 << 50));
    assert_eq!(found.expect("finds").expect("is there").0, owned(1, 3));
}

/// Keys and values out of bounds are refused, with everything else in the call.
pub(super) fn sizes_are_bounded<H: Host>(host: &H) {
    let store = host.open();
    let bad: [(&[u8], usize); 3] =
        [(&[], 0), (&[1; KEY_BYTES_MAX + 1], 0), (&[1], VALUE_BYTES_MAX + 1)];
    for (key, value_bytes) in bad {
        let mut write = Write::new();
        write.put(Table::Meta, key, vec![0_u8; value_bytes]);
        let fine = super::fact(Stream::Batches, 1, b"fine", b"fine");
        let refused = store.commit(&[fine, Commit::new(Stream::Batches, 2, write)]);
        let refused = refused.expect_err("out of bounds");
        assert!(matches!(refused, Fault::TooLarge { .. }), "{refused:?}");
    }
    assert_eq!(meta(&store, b"fine"), None);
    assert_eq!(store.head(Stream::Batches).expect("reads"), 0);
    let mut write = Write::new();
    write.put(Table::Meta, *b"k", *b"goes on");
    commit(&store, 1, write);
}

/// Removal takes the rows of its range and group, however many, and can be repeated.
pub(super) fn what_is_removed_is_gone<H: Host>(host: &H) {
    let store = host.open();
    let mut write = Write::new();
    for number in 0..9_000_u64 {
        write.put(Table::Feed, owned(1, number), *b"row");
    }
    write.put(Table::Feed, owned(1, 1 << 40), *b"far away");
    write.put(Table::Feed, owned(2, 0), *b"another's");
    commit(&store, 1, write);
    let left = |store: &H::Store| {
        let rows = store.scan(Table::Feed, &owned(1, 0), &owned(2, 0), usize::MAX);
        rows.expect("scans").len()
    };
    for _ in 0..2 {
        store.remove(Table::Feed, &owned(1, 100), &owned(1, 8_900)).expect("removes");
        assert_eq!(left(&store), 201);
        assert_eq!(store.get(Table::Feed, &owned(1, 100)).expect("gets"), None);
        assert!(store.get(Table::Feed, &owned(1, 99)).expect("gets").is_some());
        assert!(store.get(Table::Feed, &owned(1, 8_900)).expect("gets").is_some());
    }
    store.remove(Table::Feed, &owned(1, 0), &owned(3, 0)).expect("removes");
    assert_eq!(left(&store), 0);
    assert!(store.get(Table::Feed, &owned(2, 0)).expect("gets").is_some(), "another group");
    drop(store);
    let store = host.open();
    assert_eq!(left(&store), 0);
    assert_eq!(store.head(Stream::Batches).expect("reads"), 1, "a removal is no commit");
}

/// Many small commits, removals and reopenings, compared with an ordered map.
pub(super) fn follows_a_model<H: Host>(host: &H) {
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut number = 0;
    for _ in 0..4 {
        let store = host.open();
        for _ in 0..15 {
            number += 1;
            let mut write = Write::new();
            for _ in 0..next(12) {
                let key = key_of([next(4), next(1 << 12), next(4)], number);
                let value = vec![next(256) as u8; next(900) as usize];
                if let Entry::Vacant(free) = model.entry(key.clone()) {
                    write.put(Table::States, key, &value);
                    free.insert(value);
                }
            }
            commit(&store, number, write);
            if next(5) == 0 {
                let from = key_of([next(4), next(1 << 12), 0], 0);
                let to = key_of([next(4), next(1 << 12), 0], 0);
                store.remove(Table::States, &from, &to).expect("removes");
                model.retain(|key, _| *key < from || *key >= to);
            }
        }
        compare(&store, &model, number);
    }
    compare(&host.open(), &model, number);
}

/// A key of table States: a position, some of them far apart, and what no other commit has.
fn key_of([far, near, batch]: [u64; 3], number: u64) -> Vec<u8> {
    let position = far << 40 | near;
    [position.to_be_bytes(), (batch << 32 | number).to_be_bytes()].concat()
}

fn compare<S: Store>(store: &S, model: &BTreeMap<Vec<u8>, Vec<u8>>, last: u64) {
    let rows = store.scan(Table::States, &[], &[u8::MAX], usize::MAX).expect("scans");
    let rows: Vec<_> =
        rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    let expected: Vec<_> = model.clone().into_iter().collect();
    assert_eq!(rows, expected);
    for at in 0..64 {
        let key = key_of([at >> 4, (at & 15) << 8, at & 3], last / 2);
        let got = store.get(Table::States, &key).expect("gets");
        assert_eq!(got.as_deref(), model.get(&key).map(Vec::as_slice));
        for length in [0, 3, 7] {
            let prefix = &key[..length];
            let found = store.last_at_or_before(Table::States, prefix, &key).expect("finds");
            let expected = model.range(prefix.to_vec()..=key.clone()).next_back();
            let found = found.as_ref().map(|(key, value)| (key.as_ref(), value.as_ref()));
            assert_eq!(found, expected.map(|(key, value)| (key.as_slice(), value.as_slice())));
        }
    }
}
