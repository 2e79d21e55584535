use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bus::embedded::{EmbeddedLog, Options};
use bus::{Fault, Log, Position, Refused};
use bytes::Bytes;

use crate::contract::small;

const RECORDS: u64 = 400;

fn record(number: u64) -> Bytes {
    [number.to_be_bytes().as_slice(), &[7; 500]].concat().into()
}

/// A log of several segments.
fn write(dir: &Path) {
    let log = EmbeddedLog::open(dir, 7, small()).expect("opens");
    let tickets: Vec<_> =
        (0..RECORDS).map(|number| log.append(record(number)).expect("queues")).collect();
    for ticket in tickets {
        ticket.wait().expect("becomes durable");
    }
}

fn look(dir: &Path) -> Result<EmbeddedLog, Fault> {
    EmbeddedLog::open_read_only(dir, 7, &Options::default())
}

/// Every file with its bytes.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir).expect("lists").map(|entry| entry.expect("an entry"));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("reads"))
        })
        .collect();
    files.sort_unstable();
    files
}

fn assert_whole(log: &EmbeddedLog) {
    let all = log.read(Position(0), usize::MAX).expect("reads");
    assert!(all.iter().eq((0..RECORDS).map(record).collect::<Vec<_>>().iter()));
    assert_eq!(log.append(record(0)).expect_err("nothing is taken"), Refused::Halted);
}

/// A log's files without its lock, none of which can be written.
#[test]
fn a_copy_that_cannot_be_written_is_read() {
    let temp = tempfile::tempdir().expect("makes a directory");
    let (dir, copy) = (temp.path().join("log"), temp.path().join("copy"));
    write(&dir);
    fs::create_dir(&copy).expect("makes a directory");
    for (name, bytes) in contents(&dir).into_iter().filter(|(name, _)| name.ends_with(".seg")) {
        fs::write(copy.join(&name), bytes).expect("writes");
        let only_read = fs::Permissions::from_mode(0o400);
        fs::set_permissions(copy.join(name), only_read).expect("sets");
    }
    let before = contents(&copy);
    assert!(before.len() > 1, "several segments");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o500)).expect("sets");
    let log = look(&copy).expect("opens");
    assert_whole(&log);
    assert!(!log.torn());
    drop(log);
    assert_eq!(contents(&copy), before);
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).expect("sets");
}

#[test]
fn a_torn_end_is_told_and_left_as_it_is() {
    let temp = tempfile::tempdir().expect("makes a directory");
    let dir = temp.path().join("log");
    write(&dir);
    let (name, mut last) =
        contents(&dir).into_iter().rfind(|(name, _)| name.ends_with(".seg")).expect("a segment");
    *last.last_mut().expect("a byte") = 1;
    fs::write(dir.join(name), last).expect("writes");
    let before = contents(&dir);
    let log = look(&dir).expect("opens");
    assert_whole(&log);
    assert!(log.torn());
    drop(log);
    assert_eq!(contents(&dir), before);
    drop(EmbeddedLog::open(&dir, 7, small()).expect("opens and cuts"));
    assert!(!look(&dir).expect("opens").torn());
}

#[test]
fn a_log_in_use_is_locked_and_nothing_is_made_where_none_is() {
    let temp = tempfile::tempdir().expect("makes a directory");
    let empty = look(temp.path()).expect("opens");
    assert_eq!(empty.end(), Position(0));
    assert!(contents(temp.path()).is_empty());
    let open = EmbeddedLog::open(temp.path(), 7, small()).expect("opens");
    assert!(matches!(look(temp.path()).map(|_| ()), Err(Fault::Locked)));
    drop(open);
    look(temp.path()).expect("opens");
}
