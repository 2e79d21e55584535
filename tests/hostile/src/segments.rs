//! The embedded log's segments on a disk, with lengths, chains and checksums made good.

use std::sync::Arc;

use bus::embedded::{EmbeddedLog, Options};
use bus::sim::SimDisk;
use bus::{Log as _, Position};
use bytes::Bytes;
use crc32c::crc32c;

const POOL: u32 = 9;
const NAMES: [&str; 2] = ["0000000000000000.seg", "0000000000000001.seg"];
const BLOCK: usize = 4096;
const HEADER: usize = 64;
const ENTRY: usize = 8;
/// Of both segments together.
const BLOCKS_MAX: usize = 64;

/// How many blocks the first segment has, and whether the last one is cut off where its bytes end;
/// then blocks, each as a length u16 and so many bytes, with zeros behind them.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let disk = SimDisk::new(1);
    let mut chain = None;
    for (name, mut file) in NAMES.into_iter().zip(files(bytes)) {
        chain = Some(make_good(&mut file, chain));
        disk.put(name, file);
    }
    let Ok(inspected) = inspect(&disk) else {
        assert!(open(&disk).is_err(), "opened what does not hold");
        return false;
    };
    let records = read(&inspected);
    let opened = open(&disk).unwrap();
    assert_eq!(read(&opened), records);
    opened.close();
    // What opening wrote holds, too, and nothing torn is left.
    let again = inspect(&disk).unwrap();
    assert!(!again.torn());
    assert_eq!(read(&again), records);
    !records.is_empty()
}

fn options() -> Options {
    Options { segment_bytes: 0, ..Options::default() }
}

fn inspect(disk: &SimDisk) -> Result<EmbeddedLog, bus::Fault> {
    EmbeddedLog::open_read_only_on(Arc::new(disk.clone()), POOL, &options())
}

fn open(disk: &SimDisk) -> Result<EmbeddedLog, bus::Fault> {
    EmbeddedLog::open_on(Arc::new(disk.clone()), POOL, options())
}

/// Everything in it: what was checked when it was opened reads.
fn read(log: &EmbeddedLog) -> Vec<Bytes> {
    let records = log.read(Position(0), usize::MAX).unwrap();
    assert_eq!(records.len() as u64, log.end().0);
    records
}

fn files(bytes: &[u8]) -> Vec<Vec<u8>> {
    let Some((shape, mut rest)) = bytes.split_first() else { return Vec::new() };
    let (first, cut) = (usize::from(shape & 0x7f), shape & 0x80 != 0);
    let mut blocks = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(BLOCK).min(behind.len());
        let (block, behind) = behind.split_at(length);
        let last = behind.is_empty() || blocks.len() + 1 == BLOCKS_MAX;
        let mut block = block.to_vec();
        if !(last && cut) {
            block.resize(BLOCK, 0);
        }
        blocks.push(block);
        if last {
            break;
        }
        rest = behind;
    }
    let (first, second) = blocks.split_at(first.min(blocks.len()));
    [first, second].map(<[_]>::concat).into_iter().filter(|file| !file.is_empty()).collect()
}

/// Makes a file's headers and tables good, frame by frame as far as there are any; the checksum of
/// the last one. `chain` is that of the file before.
fn make_good(file: &mut [u8], chain: Option<u32>) -> u32 {
    let length = (file.len() as u64).to_be_bytes();
    let mut salt = [0; 8];
    let mut last = 0;
    for copy in [0, BLOCK] {
        let Some(header) = file.get_mut(copy..copy + HEADER) else { return last };
        header[40..48].copy_from_slice(&length);
        header[48..52].copy_from_slice(&chain.unwrap_or(0).to_be_bytes());
        let checksum = seal(header);
        if copy == 0 {
            salt.copy_from_slice(&header[32..40]);
            last = checksum;
        }
    }
    let Some(mut frames) = file.get_mut(2 * BLOCK..) else { return last };
    while frames.len() >= BLOCK && frames[..4] == *b"CWLF" {
        frames[40..48].copy_from_slice(&salt);
        frames[52..56].copy_from_slice(&last.to_be_bytes());
        let (length, count) = (u32_at(frames, 12), u32_at(frames, 48));
        make_table_good(frames, count);
        last = seal(&mut frames[..HEADER]);
        let whole = length.max(1).next_multiple_of(BLOCK).min(frames.len());
        frames = &mut frames[whole..];
    }
    last
}

fn make_table_good(frame: &mut [u8], count: usize) {
    let (mut entry, mut body) = (HEADER, HEADER.saturating_add(count.saturating_mul(ENTRY)));
    let Some(table) = frame.get(entry..body) else { return };
    let lengths: Vec<usize> = table.chunks(ENTRY).map(|entry| u32_at(entry, 0)).collect();
    for length in lengths {
        let Some(record) = frame.get(body..body.saturating_add(length)) else { break };
        let checksum = crc32c(record);
        frame[entry + 4..entry + ENTRY].copy_from_slice(&checksum.to_be_bytes());
        (entry, body) = (entry + ENTRY, body + length);
    }
    let table = crc32c(&frame[HEADER..HEADER + count * ENTRY]);
    frame[56..60].copy_from_slice(&table.to_be_bytes());
}

/// Puts a header's checksum behind it.
fn seal(header: &mut [u8]) -> u32 {
    let checksum = crc32c(&header[..HEADER - 4]);
    header[HEADER - 4..].copy_from_slice(&checksum.to_be_bytes());
    checksum
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

/// A log of two segments, and its first one alone.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let segments = [
        include_bytes!("../../../services/bus/tests/it/data/log-v1-0.seg").as_slice(),
        include_bytes!("../../../services/bus/tests/it/data/log-v1-1.seg"),
    ];
    vec![packed(&segments), packed(&segments[..1])]
}

/// Segments as [`run`] reads them.
fn packed(segments: &[&[u8]]) -> Vec<u8> {
    let first = u8::try_from(segments[0].len() / BLOCK).unwrap();
    let mut packed = vec![first];
    for block in segments.iter().flat_map(|segment| segment.chunks(BLOCK)) {
        let used = block.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        packed.extend(u16::try_from(used).unwrap().to_be_bytes());
        packed.extend(&block[..used]);
    }
    packed
}
