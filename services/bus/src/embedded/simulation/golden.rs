//! The bytes of format version 1, as they were written first.

use bytes::Bytes;

use super::{POOL, append, contents, open};
use crate::disk::Disk;
use crate::embedded::frame::{FrameHeader, SegmentHeader, Wrong};
use crate::port::Fault;
use crate::sim::SimDisk;

const NAMES: [&str; 2] = ["0000000000000000.seg", "0000000000000001.seg"];
const SEGMENTS: [&[u8]; 2] = [
    include_bytes!("../../../tests/it/data/log-v1-0.seg"),
    include_bytes!("../../../tests/it/data/log-v1-1.seg"),
];

fn groups() -> Vec<Vec<Bytes>> {
    vec![
        vec![Bytes::from_static(b"genesis")],
        vec![Bytes::new(), Bytes::from_static(b"two"), Bytes::from(vec![b'x'; 5_000])],
        vec![Bytes::from(vec![b'y'; 9_000])],
        vec![Bytes::from_static(b"next segment")],
    ]
}

#[test]
fn a_log_of_version_1_is_written_as_ever() {
    let disk = SimDisk::new(1);
    let mut engine = open(&disk).expect("opens");
    for group in groups() {
        append(&disk, &mut engine, &group).expect("appends");
    }
    engine.mark().expect("marks");
    assert_eq!(disk.names(), NAMES);
    if let Ok(dir) = std::env::var("WRITE_GOLDEN_LOG") {
        for (index, name) in NAMES.iter().enumerate() {
            let path = format!("{dir}/log-v1-{index}.seg");
            std::fs::write(path, disk.contents(name)).expect("writes");
        }
    }
    for (name, golden) in NAMES.iter().zip(SEGMENTS) {
        assert!(disk.contents(name) == golden, "{name} differs from the golden file");
    }
}

#[test]
fn a_log_of_version_1_is_read() {
    let disk = SimDisk::new(77);
    for (name, golden) in NAMES.iter().zip(SEGMENTS) {
        disk.put(name, golden.to_vec());
    }
    let engine = open(&disk).expect("opens");
    assert_eq!(contents(&disk, &engine), groups().concat());
}

/// The golden log with bytes of a header changed and its checksum made good again.
fn forged(at: usize, bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new(77);
    let mut segment = SEGMENTS[0].to_vec();
    let header = at / 64 * 64;
    segment[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = crc32c::crc32c(&segment[header..header + 60]);
    segment[header + 60..header + 64].copy_from_slice(&crc.to_be_bytes());
    disk.put(NAMES[0], segment);
    disk
}

#[test]
fn unknown_versions_and_kinds_are_refused_by_name() {
    let unknown = [
        (4, 2_u16, "log format version"),
        (6, 9, "file kind"),
        (8_192 + 4, 3, "log format version"),
        (8_192 + 6, 7, "frame kind"),
    ];
    for (at, value, what) in unknown {
        match open(&forged(at, &value.to_be_bytes())).map(|_| ()) {
            Err(Fault::Unsupported { what: named, found }) => {
                assert_eq!((named, found), (what, value.into()));
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn another_pools_log_is_refused() {
    let disk = forged(8, &(POOL + 1).to_be_bytes());
    let opened = open(&disk).map(|_| ());
    assert!(
        matches!(opened, Err(Fault::Foreign { expected: POOL, found }) if found == POOL + 1),
        "{opened:?}"
    );
    assert!(!disk.list().expect("lists").is_empty());
}

#[test]
fn a_segment_header_has_no_bytes_of_another_meaning() {
    for at in [12, 52, 59] {
        let mut header = SEGMENTS[0][..64].to_vec();
        header[at] ^= 1;
        let crc = crc32c::crc32c(&header[..60]);
        header[60..].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(SegmentHeader::decode(&header), Err(Wrong::Damaged(_))), "byte {at}");
    }
}

/// The first golden segment at another length, which its header says, too.
fn of_length(bytes: usize) -> SimDisk {
    let mut segment = SEGMENTS[0].to_vec();
    segment.resize(bytes, 0);
    let mut header = SegmentHeader::decode(&segment).expect("is one");
    header.bytes = bytes as u64;
    for copy in [0, 4_096] {
        segment[copy..copy + 64].copy_from_slice(&header.encode());
    }
    // Chained to the header is the first frame, to that the next.
    let mut chain = header.crc();
    for at in [8_192, 12_288] {
        segment[at + 52..at + 56].copy_from_slice(&chain.to_be_bytes());
        chain = crc32c::crc32c(&segment[at..at + 60]);
        segment[at + 60..at + 64].copy_from_slice(&chain.to_be_bytes());
    }
    let disk = SimDisk::new(77);
    disk.put(NAMES[0], segment);
    disk
}

#[test]
fn opening_writes_nothing_behind_the_end_of_a_segment() {
    let full = of_length(20_480);
    for _ in 0..2 {
        let engine = open(&full).expect("opens");
        assert_eq!(contents(&full, &engine), groups()[..2].concat());
    }
    assert_eq!(full.contents(NAMES[0]).len(), 20_480);
    let broken = open(&of_length(32_768 + 100)).map(|_| ());
    assert!(matches!(broken, Err(Fault::Corrupt { .. })), "{broken:?}");
}

proptest::proptest! {
    #[test]
    fn headers_come_back_as_they_were(
        pool: u32, epoch: u64, base: u64, salt: u64, bytes: u64, chain: u32,
    ) {
        let header = SegmentHeader { pool, epoch, base, salt, bytes, chain };
        proptest::prop_assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn garbage_is_never_a_header(mut bytes: [u8; 64], magic: bool) {
        if magic {
            bytes[..4].copy_from_slice(b"CWLF");
        }
        let decoded = FrameHeader::decode(&bytes);
        proptest::prop_assert!(matches!(decoded, Err(Wrong::Damaged(_))), "{:?}", decoded);
    }
}
