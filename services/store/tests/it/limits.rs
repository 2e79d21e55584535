//! Full disks and failing writes, on real file systems with real limits.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use store::embedded::{EmbeddedStore, Options};
use store::{Fact, Fault, Store, Stream, Table};
use tempfile::TempDir;

use crate::rig::{commit, directory, open, options, whole_at};

const DIR: &str = "STORE_LIMIT_DIR";
const BALLAST: &str = "ballast";

/// Runs a child test in a shell that first sets a limit.
fn child(test: &str, dir: &Path, prepare: &str, wrap: &[&str]) -> Output {
    let exe = std::env::current_exe().expect("knows itself");
    let script = format!("{prepare} exec \"$0\" --exact {test} --nocapture");
    let mut words = wrap.to_vec();
    words.extend(["sh", "-c", &script]);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(exe).env(DIR, dir);
    command.output().expect("starts")
}

fn child_dir() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

fn assert_success(output: &Output) {
    let (out, err) = (&output.stdout, &output.stderr);
    let text = format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

/// A disk with less left than the reserve takes no commits, and takes them again later.
#[test]
fn the_reserve_is_kept() {
    let dir = directory();
    let all = Options { reserve_bytes: u64::MAX, ..options() };
    let store = EmbeddedStore::open(dir.path(), all).expect("opens");
    let fault = store.commit(&[commit(1)]).expect_err("nothing is left beyond the reserve");
    assert!(matches!(fault, Fault::NoSpace) && fault.retryable(), "{fault:?}");
    assert_eq!(whole_at(&store).expect("reads"), 0);
    drop(store);
    let store = open(dir.path()).expect("opens");
    store.commit(&[commit(1)]).expect("commits");
}

/// In a file system of 24 MiB: fills it up.
#[test]
fn child_fills_the_disk() {
    let Some(dir) = child_dir() else { return };
    fill(&dir, &dir.join("store"));
}

/// The same with the engine alone in the small file system: the store finds room on its own disk,
/// and the engine meets the end of the other in the middle of a write.
#[test]
fn child_fills_the_engines_disk() {
    let Some(dir) = child_dir() else { return };
    let store = directory();
    std::fs::create_dir(dir.join("engine")).expect("creates");
    std::os::unix::fs::symlink(dir.join("engine"), store.path().join("fjall")).expect("links");
    fill(&dir, store.path());
}

fn fill(disk: &Path, dir: &Path) {
    let store = open(dir).expect("opens");
    let mut number = 0;
    while number < 3 {
        number += 1;
        store.commit(&[commit(number)]).expect("commits");
    }
    // The disk fills up to the last bytes.
    let page = vec![1; 1 << 12];
    let mut ballast = std::fs::File::create(disk.join(BALLAST)).expect("creates");
    while std::io::Write::write_all(&mut ballast, &page).is_ok() {}
    drop(ballast);
    let fault = loop {
        match store.commit(&[commit(number + 1)]) {
            Ok(()) => number += 1,
            Err(fault) => break fault,
        }
    };
    assert!(matches!(fault, Fault::NoSpace), "{fault:?}");
    for _ in 0..3 {
        // Refused again, and reading goes on.
        let mut large = commit(number + 1);
        large.write.put(Table::States, *b"large", vec![7; 100_000]);
        let fault = store.commit(&[large]).expect_err("the disk is full");
        assert!(matches!(fault, Fault::NoSpace), "{fault:?}");
        assert_eq!(whole_at(&store).expect("reads"), number);
    }
    std::fs::remove_file(disk.join(BALLAST)).expect("removes");
    for _ in 0..20 {
        number += 1;
        store.commit(&[commit(number)]).expect("commits again, by itself");
    }
    assert_eq!(whole_at(&store).expect("reads"), number);
    assert_eq!(store.halted(), None);
    drop(store);
    assert_eq!(whole_at(&open(dir).expect("opens")).expect("reads"), number);
}

#[test]
fn a_full_disk_refuses_and_resumes() {
    let dir = TempDir::new().expect("makes a directory");
    let mount = format!("mount -t tmpfs -o size=24m tmpfs '{}' &&", dir.path().display());
    let probe =
        Command::new("unshare").args(["-rm", "sh", "-c", &format!("{mount} true")]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("SKIP: no private mounts here");
        return;
    }
    for test in ["limits::child_fills_the_disk", "limits::child_fills_the_engines_disk"] {
        assert_success(&child(test, dir.path(), &mount, &["unshare", "-rm"]));
    }
}

/// With files limited in size, the journal's writes fail with an error that is not a full disk.
#[test]
fn child_meets_a_failing_write() {
    let Some(dir) = child_dir() else { return };
    let store = open(&dir).expect("opens");
    let mut number = whole_at(&store).expect("reads");
    let fault = loop {
        let mut next = commit(number + 1);
        next.write.put(Table::States, (number + 1).to_be_bytes(), vec![7; 100_000]);
        match store.commit(&[next]) {
            Ok(()) => number += 1,
            Err(fault) => break fault,
        }
        assert!(number < 10_000, "the limit never came");
    };
    assert!(matches!(fault, Fault::Io { .. }), "{fault:?}");
    assert!(!fault.retryable());
    // Never again, whatever is tried; reading goes on.
    let again = store.commit(&[commit(number + 1)]).expect_err("has halted");
    assert!(matches!(again, Fault::Halted { .. }), "{again:?}");
    assert!(store.halted().is_some());
    assert_eq!(store.head(Stream::Batches).expect("reads"), number);
    println!("\nacknowledged {number}");
}

#[test]
fn a_failed_write_halts_until_the_store_is_opened_again() {
    let dir = directory();
    {
        // A journal that exists is 64 MiB long already; opening cuts it to what is used.
        let store = open(dir.path()).expect("opens");
        store.decide(Fact::Format, b"any").expect("commits");
        drop(store);
        drop(open(dir.path()).expect("opens"));
    }
    // 512-byte blocks; a write beyond the limit fails instead of killing the process.
    let prepare = "trap '' XFSZ; ulimit -f 4000;";
    let output = child("limits::child_meets_a_failing_write", dir.path(), prepare, &["env"]);
    assert_success(&output);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let acknowledged = text.lines().find_map(|line| line.strip_prefix("acknowledged "));
    let acknowledged: u64 = acknowledged.expect("tells").parse().expect("a number");
    assert!(acknowledged > 0);
    let store = open(dir.path()).expect("opens");
    assert_eq!(store.head(Stream::Batches).expect("reads"), acknowledged);
    store.commit(&[commit(acknowledged + 1)]).expect("commits");
}
