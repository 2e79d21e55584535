//! The embedded store on a disk that loses power, fails, and fills up.
//!
//! The engine does its own input and output, so the disk is simulated underneath it: a child
//! process works on a real directory with `recorder.c` between it and the C library. The recorder
//! writes down every change and makes chosen calls fail. From that record alone [`trace`] lays out
//! what a power cut at any moment could leave, and the store is opened there.

mod trace;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use store::{Fault, Store, Stream, Table};
use tempfile::TempDir;

use crate::rig::{commit, directory, files, open, whole_at};
use trace::{Disk, Event, Loss};

const DIR: &str = "DISK_DIR";
const TRACE: &str = "DISK_TRACE";
const FAULT: &str = "DISK_FAULT";
/// A [`Work`] for the child.
const COMMITS: &str = "STORE_DISK_COMMITS";
const BULK: &str = "STORE_DISK_BULK";
const FROM: &str = "STORE_DISK_FROM";

const EIO: u32 = 5;
const ENOSPC: u32 = 28;

/// What a child is to do.
#[derive(Clone, Copy)]
struct Work {
    commits: u64,
    /// A row so large in each commit.
    bulk_bytes: usize,
    /// What is counted for a fault.
    from: From,
}

/// From where on calls are counted for a fault.
#[derive(Clone, Copy, Debug)]
enum From {
    /// From the making of the store on.
    Open,
    /// From the first commit on.
    Commit,
}

const SMALL: Work = Work { commits: 8, bulk_bytes: 0, from: From::Commit };

/// What a child did, on which directory.
struct Run {
    work: Work,
    dir: TempDir,
    events: Vec<Event>,
    /// The last commit that was acknowledged to it.
    acknowledged: u64,
    told: String,
}

/// The recorder, compiled once.
fn recorder() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/disk/recorder.c");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("recorder-{}.so", std::process::id()));
        let status = Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
            .args([built.as_os_str(), source.as_ref()])
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(status.expect("a C compiler").success(), "the recorder does not compile");
        built
    })
}

/// Runs a child on a fresh directory; a fault is `"KIND FIRST COUNT ERRNO"`.
fn run(work: Work, fault: Option<String>) -> Run {
    let (dir, record) = (directory(), directory());
    let trace = record.path().join("trace");
    let mut command = Command::new(std::env::current_exe().expect("knows itself"));
    command
        .args(["--exact", "disk::child_commits", "--nocapture"])
        .env("LD_PRELOAD", recorder())
        .env(DIR, dir.path())
        .env(TRACE, &trace)
        .env(COMMITS, work.commits.to_string())
        .env(BULK, work.bulk_bytes.to_string())
        .env(FROM, format!("{:?}", work.from));
    command.envs(fault.as_ref().map(|fault| (FAULT, fault)));
    let output = command.output().expect("starts");
    let told =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let told = told.concat();
    assert!(output.status.success() && told.contains("1 passed"), "{fault:?}: {told}");
    let events = trace::read(&trace);
    let acknowledged = events.iter().rev().find_map(|event| match event {
        Event::Acknowledged(number) => Some(*number),
        _ => None,
    });
    Run { work, dir, events, acknowledged: acknowledged.unwrap_or(0), told }
}

/// In a process of its own: commits, and checks what it may check itself.
#[test]
fn child_commits() {
    let (Some(dir), Some(trace)) = (std::env::var_os(DIR), std::env::var_os(TRACE)) else { return };
    let number_of = |name| std::env::var(name).expect("is set").parse::<u64>().expect("a number");
    let open_trace = || OpenOptions::new().append(true).open(&trace).expect("opens");
    let early = std::env::var(FROM).is_ok_and(|from| from == "Open").then(open_trace);
    let store = match open(Path::new(&dir)) {
        Ok(store) => store,
        Err(fault) => {
            assert!(matches!(fault, Fault::Io { .. } | Fault::NoSpace), "{fault:?}");
            return println!("\nnot opened");
        }
    };
    let mut trace = early.unwrap_or_else(open_trace);
    let (mut number, mut halted) = (0, false);
    for attempt in 0..number_of(COMMITS) {
        let mut next = commit(number + 1);
        let bulk = vec![attempt as u8; number_of(BULK) as usize];
        if !bulk.is_empty() {
            next.write.put(Table::Snapshots, (number + 1).to_be_bytes(), bulk);
        }
        match store.commit(&[next]) {
            Ok(()) => {
                assert!(!halted, "a commit after a failed one");
                number += 1;
                trace.write_all(&trace::acknowledgement(number)).expect("tells");
            }
            Err(Fault::NoSpace) => println!("\nno space"),
            Err(Fault::Io { .. } | Fault::Halted { .. }) => {
                halted = true;
                assert!(store.halted().is_some());
            }
            Err(fault) => panic!("{fault:?}"),
        }
        if attempt + 3 == number_of(COMMITS) && number_of(BULK) > 0 {
            wait_until_tidied(Path::new(&dir));
        }
        // Whatever was refused, what is there can be read, and nothing else is claimed.
        assert_eq!(store.head(Stream::Batches).expect("reads"), number);
        assert_eq!(store.writes(), number);
        // Only a commit whose number could not be written is there without being acknowledged.
        let next = [&b"number"[..], &(number + 1).to_be_bytes()].concat();
        assert!(halted || store.get(Table::Meta, &next).expect("reads").is_none());
    }
    println!("\nended {}", if halted { "halted" } else { "open" });
}

/// Waits until the engine has written a value file and the version of the tables that refers to it.
fn wait_until_tidied(dir: &Path) {
    let tidied = |file: &PathBuf| {
        let folder = file.parent().expect("has a parent");
        folder.ends_with("blobs") && dir.join(folder).with_file_name("v1").exists()
    };
    while !files(dir).iter().any(tidied) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Cuts the power in a run, and opens what is left.
fn check_cut(run: &Run, disk: &Disk, loss: Loss, seed: u64) {
    let left = directory();
    disk.cut(loss, seed, run.dir.path(), left.path());
    let store = open(left.path());
    let store = store.unwrap_or_else(|fault| panic!("{loss:?} {seed}: {fault:?}"));
    let last = if run.work.bulk_bytes > 0 {
        last_of_bulk(&store)
    } else {
        whole_at(&store).expect("reads")
    };
    let acknowledged = disk.acknowledged();
    assert!(
        last >= acknowledged,
        "{loss:?} {seed}: {acknowledged} was acknowledged, {last} is left"
    );
    assert!(last <= acknowledged + 1, "{loss:?} {seed}: {last} was never committed");
    store.commit(&[commit(last + 1)]).expect("goes on");
    drop(store);
    assert_eq!(open(left.path()).expect("opens again").writes(), last + 1);
}

/// The last commit, after checking that the bulk of each is there.
fn last_of_bulk(store: &impl Store) -> u64 {
    let last = store.head(Stream::Batches).expect("reads");
    let rows = store.scan(Table::Snapshots, &[0], &[255], usize::MAX).expect("reads");
    assert_eq!(rows.len() as u64, last);
    for (number, (key, value)) in (1_u64..).zip(rows) {
        assert_eq!(*key, number.to_be_bytes());
        assert!(value.iter().all(|byte| *byte == (number - 1) as u8));
    }
    last
}

/// The record accounts for every byte: replayed without any loss, it is the directory.
#[test]
fn the_recorder_sees_everything() {
    let run = run(SMALL, None);
    assert_eq!(run.acknowledged, SMALL.commits);
    let replayed = directory();
    let mut disk = Disk::default();
    let from = run.dir.path();
    run.events.into_iter().for_each(|event| disk.apply(event));
    disk.cut(Loss::None, 0, from, replayed.path());
    assert_eq!(files(from), files(replayed.path()));
    for file in files(from) {
        let (real, replayed) = (fs::read(from.join(&file)), fs::read(replayed.path().join(&file)));
        assert!(real.expect("reads") == replayed.expect("reads"), "{} differs", file.display());
    }
}

/// Cuts the power after every event from the first acknowledgement on, in two ways, and after some
/// of those before.
fn check_cuts(mut run: Run, sparse: usize) {
    let mut disk = Disk::default();
    for (at, event) in std::mem::take(&mut run.events).into_iter().enumerate() {
        disk.apply(event);
        if disk.acknowledged() > 0 {
            check_cut(&run, &disk, Loss::All, at as u64);
            check_cut(&run, &disk, Loss::ALL[1 + at % 3], at as u64);
        } else if at % sparse == 0 {
            check_cut(&run, &disk, Loss::ALL[at / sparse % 4], at as u64);
        }
    }
}

#[test]
fn no_acknowledged_commit_is_lost_with_the_power() {
    let run = run(SMALL, None);
    assert_eq!(run.acknowledged, SMALL.commits);
    check_cuts(run, 17);
}

/// With enough rows that the engine moves them from the journal to its tables and value files.
#[test]
fn nothing_is_lost_while_the_engine_tidies_up() {
    let mut run = run(Work { commits: 32, bulk_bytes: 600_000, from: From::Commit }, None);
    assert_eq!(run.acknowledged, 32);
    let mut disk = Disk::default();
    let mut cuts = 0;
    for (at, event) in std::mem::take(&mut run.events).into_iter().enumerate() {
        // Where the engine makes names durable, and what it wrote to others than the journal.
        let moves = matches!(event, Event::SyncDir { .. } | Event::Rename { .. });
        disk.apply(event);
        if moves && disk.acknowledged() > 0 {
            cuts += 1;
            check_cut(&run, &disk, Loss::ALL[cuts % 4], at as u64);
        }
    }
    assert!(cuts > 1, "the engine did not tidy up");
}

/// Runs with one fault each; afterwards the power is cut, and nothing that was acknowledged is lost.
fn check_faults(kind: &str, error: u32, from: From, calls: &[u64]) -> Vec<Run> {
    let check = |first: &u64| {
        let count = 2 + first % 3;
        let mut run = run(Work { from, ..SMALL }, Some(format!("{kind} {first} {count} {error}")));
        let mut disk = Disk::default();
        std::mem::take(&mut run.events).into_iter().for_each(|event| disk.apply(event));
        for loss in [Loss::All, Loss::Pages] {
            check_cut(&run, &disk, loss, *first);
        }
        run
    };
    calls.iter().map(check).collect()
}

/// Each commit writes twice and syncs twice: the journal, and the number of the commit.
const CALLS: u64 = 2 * SMALL.commits;

#[test]
fn a_failed_write_or_sync_halts_for_good() {
    let calls: Vec<u64> = (1..=CALLS).collect();
    for kind in ["write", "sync"] {
        for run in check_faults(kind, EIO, From::Commit, &calls) {
            assert!(run.told.contains("ended halted"), "{}", run.told);
            assert!(!run.told.contains("no space"), "{}", run.told);
        }
    }
}

#[test]
fn a_full_disk_refuses_and_resumes_by_itself() {
    // The journal grows; the file of the number has its size from the start.
    let journal: Vec<u64> = (1..=CALLS - 6).step_by(2).collect();
    for run in check_faults("write", ENOSPC, From::Commit, &journal) {
        let refused = run.told.matches("no space").count() as u64;
        assert!(run.told.contains("ended open"), "{}", run.told);
        assert!(refused > 0 && run.acknowledged == SMALL.commits - refused, "{}", run.told);
    }
}

#[test]
fn what_failed_in_the_making_is_made_again() {
    for (kind, error) in [("write", EIO), ("sync", EIO), ("write", ENOSPC)] {
        for run in check_faults(kind, error, From::Open, &[1, 2, 7, 40, 111]) {
            // Some of the engine's work in the background may fail without harm.
            let done = run.acknowledged == SMALL.commits;
            assert!(run.told.contains("not opened") || done, "{}", run.told);
        }
    }
}
