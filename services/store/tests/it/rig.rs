//! Stores in directories, and commits whose effects can be told apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use store::embedded::{EmbeddedStore, Options};
use store::{Commit, Fault, Store, Stream, Table, Write};
use tempfile::TempDir;

/// A directory in memory if there is one: most tests do not depend on what a sync costs.
pub(crate) fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("makes a directory")
}

pub(crate) fn options() -> Options {
    Options { cache_bytes: 1 << 20, reserve_bytes: 0 }
}

pub(crate) fn open(dir: &Path) -> Result<EmbeddedStore, Fault> {
    EmbeddedStore::open(dir, options())
}

/// Commit `number`, from 1: rows of its own, small and large, in several tables.
pub(crate) fn commit(number: u64) -> Commit {
    let mut write = Write::new();
    write.put(Table::Meta, [&b"number"[..], &number.to_be_bytes()].concat(), number.to_be_bytes());
    for row in 0..3_u8 {
        let key = [&[0, 0, 0, row][..], &number.to_be_bytes()].concat();
        let bytes = [7, 300, 1_500][usize::from(row)] + number as usize % 50;
        write.put(Table::Feed, key, vec![number as u8; bytes]);
    }
    let key = [&[0][..], &number.to_be_bytes()].concat();
    write.put(Table::Batches, key, vec![(number * 7) as u8; 20]);
    Commit::new(Stream::Batches, number, write)
}

type Content = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// What a store holds after commits 1 to `last`.
fn expected(last: u64) -> Content {
    let mut content = Content::new();
    for number in 1..=last {
        for (table, key, value) in commit(number).write.puts() {
            content.insert((table, key.to_vec()), value.to_vec());
        }
    }
    content
}

/// Reads everything; the number of the commit at whose end the store stands. Panics if it stands
/// in the middle of one.
pub(crate) fn whole_at(store: &impl Store) -> Result<u64, Fault> {
    let mut content = Content::new();
    let feeds = [0, 1, 2].map(|owner| (Table::Feed, vec![0, 0, 0, owner]));
    for (table, from) in
        feeds.into_iter().chain([(Table::Meta, b"n".to_vec()), (Table::Batches, vec![0])])
    {
        for (key, value) in store.scan(table, &from, &[255; 13], usize::MAX)? {
            content.insert((table, key.to_vec()), value.to_vec());
        }
    }
    let last = store.head(Stream::Batches)?;
    assert!(content == expected(last), "not the end of commit {last}");
    for ((table, key), value) in &content {
        assert_eq!(store.get(*table, key)?.as_deref(), Some(value.as_slice()));
    }
    Ok(last)
}

/// All files below a directory, relative, ascending.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(dir).expect("lies below").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// Copies a directory. Journals are mostly holes; only what was written is copied.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("makes a directory");
    for file in files(from) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().expect("has a parent")).expect("makes a directory");
        let bytes = fs::read(from.join(&file)).expect("reads");
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        fs::write(&target, &bytes[..used]).expect("writes");
        let length = if used > 0 || is_journal(&file) { bytes.len() } else { 0 };
        let file = fs::OpenOptions::new().write(true).open(&target).expect("opens");
        file.set_len(length as u64).expect("grows");
    }
    // Directories may be empty, and must be there.
    let mut open = vec![from.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_dir() {
                let target = to.join(path.strip_prefix(from).expect("lies below"));
                fs::create_dir_all(target).expect("makes a directory");
                open.push(path);
            }
        }
    }
}

pub(crate) fn is_journal(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "jnl")
}

/// Where the bytes of a file end that are not a hole or padding.
pub(crate) fn used(path: &Path) -> u64 {
    let bytes = fs::read(path).expect("reads");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}
