//! Processes that are killed while they commit: every acknowledged commit is there afterwards.

use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use store::Store;
use tempfile::TempDir;

use crate::rig::{commit, open, whole_at};

const DIR: &str = "STORE_CRASH_DIR";

/// Runs in a process of its own: commits for ever, and tells each acknowledged number.
#[test]
fn child_commits_until_killed() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    let store = open(&dir).expect("opens");
    let mut number = whole_at(&store).expect("reads");
    println!("\nopened {number}");
    loop {
        number += 1;
        store.commit(&[commit(number)]).expect("commits");
        println!("\ncommitted {number}");
        std::io::stdout().flush().expect("tells");
    }
}

#[test]
fn every_acknowledged_commit_survives_a_kill() {
    let dir = TempDir::new().expect("makes a directory");
    let mut acknowledged = 0;
    for round in 0..6_u64 {
        let mut child = Command::new(std::env::current_exe().expect("knows itself"))
            .args(["--exact", "crashes::child_commits_until_killed", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let mut told = 0;
        // Some are killed at a commit, some a little later, in the middle of the next.
        for line in lines.by_ref() {
            let line = line.expect("reads");
            if let Some(number) = line.strip_prefix("committed ") {
                acknowledged = number.parse().expect("a number");
                told += 1;
                if told >= 3 + round {
                    break;
                }
            }
        }
        assert!(told >= 3 + round, "the child ended by itself");
        std::thread::sleep(Duration::from_micros(700 * round));
        child.kill().expect("kills");
        child.wait().expect("ends");
        for line in lines {
            // What it told before it died.
            let line = line.expect("reads");
            if let Some(number) = line.strip_prefix("committed ") {
                acknowledged = number.parse().expect("a number");
            }
        }
        let store = open(dir.path()).expect("opens");
        let last = whole_at(&store).expect("reads");
        assert!(last >= acknowledged, "commit {acknowledged} was acknowledged, {last} is the last");
        assert!(last <= acknowledged + 1, "one commit at most was on its way");
        acknowledged = last;
    }
}
