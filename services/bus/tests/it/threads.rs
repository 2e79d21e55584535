//! What concerns the process around the log: locks, closing, asynchronous callers.

use bus::embedded::{EmbeddedLog, Options};
use bus::{Fault, Log, Position};
use bytes::Bytes;

use crate::contract::small;

#[test]
fn a_directory_is_opened_once() {
    let dir = tempfile::tempdir().expect("makes a directory");
    let open = || EmbeddedLog::open(dir.path(), 1, Options::default());
    let log = open().expect("opens");
    assert!(matches!(open().map(|_| ()), Err(Fault::Locked)));
    log.close();
    open().expect("opens again").close();
}

#[test]
fn a_pools_directory_is_not_anothers() {
    let dir = tempfile::tempdir().expect("makes a directory");
    EmbeddedLog::open(dir.path(), 1, small()).expect("opens").close();
    let other = EmbeddedLog::open(dir.path(), 2, small()).map(|_| ());
    assert!(matches!(other, Err(Fault::Foreign { expected: 2, found: 1 })), "{other:?}");
}

#[test]
fn segments_of_another_size_are_read_and_gone_on_from() {
    let dir = tempfile::tempdir().expect("makes a directory");
    let sizes = [64 << 10, 256 << 10, 100_000];
    for (round, segment_bytes) in (0..).zip(sizes) {
        let options = Options { segment_bytes, ..small() };
        let log = EmbeddedLog::open(dir.path(), 1, options).expect("opens");
        for number in round * 50..round * 50 + 50 {
            let ticket = log.append(vec![number as u8; 3_000].into()).expect("queues");
            assert_eq!(ticket.wait().expect("becomes durable"), Position(number));
        }
        let all = log.read(Position(0), usize::MAX).expect("reads");
        assert!(all.iter().zip(0..).all(|(record, number): (_, u8)| record[..] == [number; 3_000]));
        assert_eq!(all.len() as u64, round * 50 + 50);
    }
}

#[test]
fn the_largest_record_fits_the_default_options() {
    let dir = tempfile::tempdir().expect("makes a directory");
    let log = EmbeddedLog::open(dir.path(), 1, Options::default()).expect("opens");
    let record = Bytes::from(vec![5; bus::RECORD_BYTES_MAX]);
    let tickets = [(); 3].map(|()| log.append(record.clone()).expect("queues"));
    for ticket in tickets {
        ticket.wait().expect("becomes durable");
    }
    drop(log);
    let log = EmbeddedLog::open(dir.path(), 1, Options::default()).expect("opens again");
    assert_eq!(log.read(Position(0), usize::MAX).expect("reads"), [(); 3].map(|()| record.clone()));
}

#[tokio::test]
async fn tickets_and_watches_can_be_awaited() {
    let dir = tempfile::tempdir().expect("makes a directory");
    let log = EmbeddedLog::open(dir.path(), 1, small()).expect("opens");
    let mut watch = log.watch();
    let ticket = log.append(Bytes::from_static(b"one")).expect("queues");
    assert_eq!(ticket.await.expect("becomes durable"), Position(0));
    watch.wait_for(|end| *end == Position(1)).await.expect("the log is open");
}
