//! Exports, written and read back; and what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::fs;
use std::io::ErrorKind;

use archive::{Draft, RECORD_BYTES_MAX, Reader, Why};
use clearing::{HEADER_BYTES, RecordError, pack_tick};

fn records() -> Vec<Vec<u8>> {
    (0..5).map(|cycle| pack_tick((7, 1_000 + cycle), cycle)).collect()
}

fn failure(bytes: &[u8]) -> (usize, u64, Why) {
    let mut reader = Reader::new(bytes);
    let held = reader.by_ref().take_while(Result::is_ok).count();
    let error = Reader::new(bytes).find_map(Result::err).unwrap();
    assert!(reader.next().is_none(), "nothing comes after an error");
    assert_eq!(error.position, held as u64);
    (held, error.offset, error.why)
}

#[test]
fn what_is_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("day.cwlog");
    let mut draft = Draft::create(&path).unwrap();
    for record in records() {
        draft.write(&record).unwrap();
    }
    assert!(!path.exists(), "it is there whole or not at all");
    let bytes = draft.commit().unwrap();
    let written = fs::read(&path).unwrap();
    assert_eq!(written.len() as u64, bytes);
    let read: Vec<_> = Reader::new(written.as_slice()).map(Result::unwrap).collect();
    assert_eq!(read, records());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn nothing_is_overwritten_and_nothing_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("day.cwlog");
    fs::write(&path, "mine").unwrap();
    assert_eq!(Draft::create(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    fs::remove_file(&path).unwrap();

    let draft = Draft::create(&path).unwrap();
    assert_eq!(Draft::create(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    // Somebody was faster.
    fs::write(&path, "mine").unwrap();
    assert_eq!(draft.commit().unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_ends_within_a_record_is_refused_at_every_byte() {
    let whole = records().concat();
    let one = records()[0].len();
    for end in 0..whole.len() {
        let part = &whole[..end];
        if end.is_multiple_of(one) {
            assert_eq!(Reader::new(part).map(Result::unwrap).count(), end / one);
        } else {
            let (held, offset, why) = failure(part);
            assert_eq!((held, offset), (end / one, (end / one * one) as u64));
            assert!(matches!(why, Why::CutShort), "{why}");
        }
    }
}

#[test]
fn what_is_no_record_is_named() {
    let mut text = records().concat();
    let second = records()[0].len();
    text[second] = b'X';
    assert!(matches!(failure(&text), (1, _, Why::Header(RecordError::Magic))));
    let mut version = records().concat();
    version[second + 5] = 9;
    assert!(matches!(failure(&version), (1, _, Why::Header(RecordError::Version(9)))));
    // A length that nobody would allocate.
    let mut large = records().concat();
    large[second + 12..second + 16].copy_from_slice(&u32::MAX.to_be_bytes());
    let (_, _, why) = failure(&large);
    let length = u32::MAX as usize + HEADER_BYTES;
    assert!(matches!(why, Why::TooLarge(found) if found == length && found > RECORD_BYTES_MAX));
}
