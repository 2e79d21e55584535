//! Cut files and flipped bits: a store opens at the end of a commit, with everything that was
//! acknowledged, or it refuses and says why.

use std::fs;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use store::{Fault, Store, Stream, Table};

use crate::rig::{commit, copy, directory, files, is_journal, open, used, whole_at};

const COMMITS: u64 = 4;

/// A store of some commits, with the end of its journal after each of them.
fn store_with_commits(dir: &Path) -> (PathBuf, Vec<u64>) {
    let store = open(dir).expect("opens");
    let journal = files(dir).into_iter().find(|file| is_journal(file)).expect("has a journal");
    let mut ends = vec![used(&dir.join(&journal))];
    for number in 1..=COMMITS {
        store.commit(&[commit(number)]).expect("commits");
        ends.push(used(&dir.join(&journal)));
    }
    drop(store);
    // The journal is 64 MiB of nothing behind its end; a little of that is as good, and fast.
    let file = fs::OpenOptions::new().write(true).open(dir.join(&journal)).expect("opens");
    file.set_len(ends[COMMITS as usize] + 4_096).expect("cuts");
    (journal, ends)
}

/// What becomes of a damaged store.
#[derive(Debug, PartialEq)]
enum Opened {
    At(u64),
    Refused(&'static str),
}

fn try_open(dir: &Path) -> Opened {
    let refused = |fault: Fault| match fault {
        Fault::Corrupt { .. } => Opened::Refused("corrupt"),
        Fault::Damaged { .. } => Opened::Refused("damaged"),
        Fault::Unsupported { .. } => Opened::Refused("unsupported"),
        other => panic!("{other:?} does not name damage"),
    };
    match open(dir) {
        Err(fault) => refused(fault),
        Ok(store) => match whole_at(&store) {
            Err(fault) => refused(fault),
            Ok(last) => {
                // It goes on from where it stands.
                store.commit(&[commit(last + 1)]).expect("commits");
                assert_eq!(whole_at(&store).expect("reads"), last + 1);
                Opened::At(last)
            }
        },
    }
}

/// Cuts the journal at many lengths: above what was acknowledged, the end is torn and the store
/// opens; below, something acknowledged is missing and it says so.
#[test]
fn a_cut_journal_is_torn_or_damaged_but_never_half_a_commit() {
    let original = directory();
    let before_last = directory();
    let (journal, ends) = store_with_commits(original.path());
    let last = ends[COMMITS as usize];
    // The last commit was written, but not acknowledged: the marker is that of the one before.
    copy(original.path(), before_last.path());
    let marker = fs::OpenOptions::new().write(true).open(before_last.path().join("acknowledged"));
    let slot = if COMMITS % 2 == 1 { 4_096 } else { 0 };
    marker.expect("opens").write_all_at(&[0; 20], slot).expect("writes");

    let from = ends[COMMITS as usize - 2];
    let mut seen = Vec::new();
    for length in
        (from..=last).step_by(29).chain(ends[2..].iter().flat_map(|end| end - 3..=end + 1))
    {
        for (source, acknowledged) in [(&original, COMMITS), (&before_last, COMMITS - 1)] {
            let dir = directory();
            copy(source.path(), dir.path());
            let file = fs::OpenOptions::new().write(true).open(dir.path().join(&journal));
            file.expect("opens").set_len(length).expect("cuts");
            let opened = try_open(dir.path());
            let whole = ends.iter().filter(|end| **end <= length).count() as u64 - 1;
            match opened {
                Opened::At(at) => assert_eq!(at, whole, "cut at {length}"),
                Opened::Refused(why) => {
                    assert!(whole < acknowledged, "cut at {length}: {why}");
                }
            }
            if whole >= acknowledged {
                assert_eq!(opened, Opened::At(whole), "cut at {length}");
            }
            seen.push(opened);
        }
    }
    for opened in [Opened::At(COMMITS), Opened::At(COMMITS - 1), Opened::Refused("damaged")] {
        assert!(seen.contains(&opened), "{opened:?} never happened");
    }
}

/// Everything after the cut is garbage instead of nothing, as after a torn write.
#[test]
fn garbage_behind_the_last_commit_is_cut() {
    let original = directory();
    let (journal, ends) = store_with_commits(original.path());
    for garbage in [[0xff; 100], [1; 100], [2; 100], [3; 100]] {
        let dir = directory();
        copy(original.path(), dir.path());
        let file = fs::OpenOptions::new().write(true).open(dir.path().join(&journal));
        file.expect("opens").write_all_at(&garbage, ends[COMMITS as usize]).expect("writes");
        let opened = try_open(dir.path());
        assert_eq!(opened, Opened::At(COMMITS), "garbage {}", garbage[0]);
    }
}

/// Flips bits all over the files of a store, freshly written and after its tables were flushed:
/// each is found, or changes nothing.
#[test]
fn a_flipped_bit_is_found_or_harmless() {
    let mut refused = 0;
    let mut flips = 0;
    for flushed in [false, true] {
        let original = directory();
        store_with_commits(original.path());
        if flushed {
            flush(original.path());
        }
        for file in files(original.path()) {
            let length = used(&original.path().join(&file));
            // Every byte of the smallest files, and a spread of the others.
            let step = (length / 5).max(1) as usize;
            for at in (0..length).step_by(step) {
                flips += 1;
                let found = flip(original.path(), &file, at);
                refused += u32::from(found);
            }
        }
    }
    assert!(refused > flips / 3, "{refused} of {flips} found");
}

/// Whether the flip was found; panics if it did harm unnoticed.
fn flip(original: &Path, file: &Path, at: u64) -> bool {
    let dir = directory();
    copy(original, dir.path());
    let open_file = fs::OpenOptions::new().read(true).write(true).open(dir.path().join(file));
    let open_file = open_file.expect("opens");
    let mut byte = [0];
    open_file.read_exact_at(&mut byte, at).expect("reads");
    open_file.write_all_at(&[byte[0] ^ 1 << (at % 8)], at).expect("writes");
    drop(open_file);
    match catch_unwind(AssertUnwindSafe(|| try_open(dir.path()))) {
        Ok(Opened::At(last)) => {
            assert_eq!(last, COMMITS, "byte {at} of {} lost a commit", file.display());
            false
        }
        Ok(Opened::Refused(_)) => true,
        Err(_) => panic!("byte {at} of {}", file.display()),
    }
}

/// Writes enough that the engine moves the rows from its journal to tables and value files, then
/// removes what made it do so.
fn flush(dir: &Path) {
    let store = open(dir).expect("opens");
    drop(store);
    // What is in the journal stays there until the engine is asked.
    let db = fjall::Database::builder(dir.join("fjall")).open().expect("opens");
    for name in db.list_keyspace_names() {
        let keyspace = db.keyspace(&name, fjall::KeyspaceCreateOptions::default).expect("opens");
        keyspace.rotate_memtable_and_wait().expect("flushes");
    }
}

/// A value whose bytes were changed behind our back is found when it is read.
#[test]
fn a_wrong_checksum_names_table_and_key() {
    let dir = directory();
    store_with_commits(dir.path());
    {
        let db = fjall::Database::builder(dir.path().join("fjall")).open().expect("opens");
        let meta = db.keyspace("transfers", fjall::KeyspaceCreateOptions::default).expect("opens");
        meta.insert("key", "a value with no checksum").expect("writes");
        db.persist(fjall::PersistMode::SyncAll).expect("syncs");
    }
    let store = open(dir.path()).expect("opens");
    for fault in [
        store.get(Table::Transfers, b"key").expect_err("damaged"),
        store.scan(Table::Transfers, b"a", b"z", 9).expect_err("damaged"),
        store.last_at_or_before(Table::Transfers, b"k", b"kz").expect_err("damaged"),
    ] {
        let Fault::Corrupt { table, key, .. } = &fault else { panic!("{fault:?}") };
        assert_eq!((*table, key.as_slice()), (Table::Transfers, &b"key"[..]));
        assert!(fault.to_string().contains("6b6579 of table transfers"), "{fault}");
    }
    assert_eq!(whole_at_other_tables(&store), COMMITS);
}

fn whole_at_other_tables(store: &impl Store) -> u64 {
    store.head(Stream::Batches).expect("reads")
}

/// Without its marker, or with another store's older rows, a store does not open.
#[test]
fn a_missing_marker_is_noticed() {
    let dir = directory();
    store_with_commits(dir.path());
    fs::remove_file(dir.path().join("acknowledged")).expect("removes");
    let fault = open(dir.path()).err().expect("refuses");
    assert!(fault.to_string().contains("acknowledged is missing"), "{fault}");
}

#[test]
fn a_store_is_open_once() {
    let dir = directory();
    let store = open(dir.path()).expect("opens");
    assert!(matches!(open(dir.path()).err(), Some(Fault::Locked)));
    drop(store);
    open(dir.path()).expect("opens again");
}
