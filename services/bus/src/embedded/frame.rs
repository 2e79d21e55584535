//! Format version 1, byte for byte (`docs/internals/log-format.md`). All integers big-endian.
//!
//! A segment is a file: two copies of its header, a block each, then frames. A frame is one group
//! of records, written and synced as a whole: header, table of lengths and checksums, the records'
//! bytes, zeros up to the next block.

use bytes::Bytes;
use crc32c::crc32c;

/// Frames begin at multiples of this many bytes.
pub(crate) const BLOCK: usize = 4096;
/// Where a segment's first frame begins: behind the two copies of the segment's header.
pub(crate) const FRAMES_AT: u64 = 2 * BLOCK as u64;
/// Size of a frame's header, and of the used part of a segment's header.
pub(crate) const HEADER_BYTES: usize = 64;
/// Size of one entry of a frame's table.
pub(crate) const ENTRY_BYTES: usize = 8;

const FORMAT: u16 = 1;
const SEGMENT_MAGIC: [u8; 4] = *b"CWLS";
const FRAME_MAGIC: [u8; 4] = *b"CWLF";
const KIND_SEGMENT: u16 = 1;
const KIND_RECORDS: u16 = 2;
const KIND_MARK: u16 = 3;

/// A record with the checksum of its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) bytes: Bytes,
    pub(crate) crc: u32,
}

impl Record {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let crc = crc32c(&bytes);
        Self { bytes, crc }
    }
}

/// Why bytes are not what was expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// They are not of this log, or not whole.
    Damaged(&'static str),
    /// They are whole, but of a format or kind that is not known here.
    Unknown { what: &'static str, found: u64 },
}

/// Header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) pool: u32,
    /// Dense number of the segment, from 0.
    pub(crate) epoch: u64,
    /// Position of the segment's first record; all before it are durable.
    pub(crate) base: u64,
    /// Drawn anew for each segment and repeated in its frames, so that no client can plant bytes
    /// that pass for a frame.
    pub(crate) salt: u64,
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Checksum of the frame before: the last one of the segment before, 0 if there is none.
    pub(crate) chain: u32,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..4].copy_from_slice(&SEGMENT_MAGIC);
        out[4..6].copy_from_slice(&FORMAT.to_be_bytes());
        out[6..8].copy_from_slice(&KIND_SEGMENT.to_be_bytes());
        out[8..12].copy_from_slice(&self.pool.to_be_bytes());
        out[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_be_bytes());
        out[16..24].copy_from_slice(&self.epoch.to_be_bytes());
        out[24..32].copy_from_slice(&self.base.to_be_bytes());
        out[32..40].copy_from_slice(&self.salt.to_be_bytes());
        out[40..48].copy_from_slice(&self.bytes.to_be_bytes());
        out[48..52].copy_from_slice(&self.chain.to_be_bytes());
        seal(&mut out);
        out
    }

    /// Reads the first 64 bytes of a block.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Wrong> {
        check_header(bytes, SEGMENT_MAGIC)?;
        match u16::from_be_bytes(array(bytes, 6)) {
            KIND_SEGMENT => {}
            kind => return Err(Wrong::Unknown { what: "file kind", found: kind.into() }),
        }
        let header = Self {
            pool: u32_at(bytes, 8),
            epoch: u64_at(bytes, 16),
            base: u64_at(bytes, 24),
            salt: u64_at(bytes, 32),
            bytes: u64_at(bytes, 40),
            chain: u32_at(bytes, 48),
        };
        if header.encode() == array(bytes, 0) {
            return Ok(header);
        }
        Err(Wrong::Damaged("segment header is not as one is written"))
    }

    /// The header's own checksum: what the segment's first frame is chained to.
    pub(crate) fn crc(&self) -> u32 {
        u32_at(&self.encode(), 60)
    }
}

/// Header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) pool: u32,
    /// Bytes of header, table and records; the padding not counted.
    pub(crate) length: u32,
    pub(crate) epoch: u64,
    /// Position of the first record.
    pub(crate) position: u64,
    /// All positions below were durable when the frame was written.
    pub(crate) durable: u64,
    pub(crate) salt: u64,
    /// Number of records. None in a mark, which only says what is durable.
    pub(crate) count: u32,
    /// Checksum of the frame before; of the segment's header for the first frame.
    pub(crate) chain: u32,
    pub(crate) table_crc: u32,
}

impl FrameHeader {
    fn encode(&self) -> [u8; HEADER_BYTES] {
        let kind = if self.count == 0 { KIND_MARK } else { KIND_RECORDS };
        let mut out = [0; HEADER_BYTES];
        out[0..4].copy_from_slice(&FRAME_MAGIC);
        out[4..6].copy_from_slice(&FORMAT.to_be_bytes());
        out[6..8].copy_from_slice(&kind.to_be_bytes());
        out[8..12].copy_from_slice(&self.pool.to_be_bytes());
        out[12..16].copy_from_slice(&self.length.to_be_bytes());
        out[16..24].copy_from_slice(&self.epoch.to_be_bytes());
        out[24..32].copy_from_slice(&self.position.to_be_bytes());
        out[32..40].copy_from_slice(&self.durable.to_be_bytes());
        out[40..48].copy_from_slice(&self.salt.to_be_bytes());
        out[48..52].copy_from_slice(&self.count.to_be_bytes());
        out[52..56].copy_from_slice(&self.chain.to_be_bytes());
        out[56..60].copy_from_slice(&self.table_crc.to_be_bytes());
        seal(&mut out);
        out
    }

    /// Reads the first 64 bytes of a block; also returns the header's own checksum.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, u32), Wrong> {
        let crc = check_header(bytes, FRAME_MAGIC)?;
        let header = Self {
            pool: u32_at(bytes, 8),
            length: u32_at(bytes, 12),
            epoch: u64_at(bytes, 16),
            position: u64_at(bytes, 24),
            durable: u64_at(bytes, 32),
            salt: u64_at(bytes, 40),
            count: u32_at(bytes, 48),
            chain: u32_at(bytes, 52),
            table_crc: u32_at(bytes, 56),
        };
        match u16::from_be_bytes(array(bytes, 6)) {
            KIND_RECORDS if header.count > 0 => {}
            KIND_MARK if header.count == 0 => {}
            KIND_RECORDS | KIND_MARK => return Err(Wrong::Damaged("kind and count disagree")),
            kind => return Err(Wrong::Unknown { what: "frame kind", found: kind.into() }),
        }
        if (header.length as usize) < HEADER_BYTES + header.table_bytes() {
            return Err(Wrong::Damaged("frame shorter than its table"));
        }
        Ok((header, crc))
    }

    /// Whether the frame was written into this segment, wherever it was found.
    pub(crate) fn is_of(&self, segment: &SegmentHeader) -> bool {
        (self.pool, self.epoch, self.salt) == (segment.pool, segment.epoch, segment.salt)
    }

    pub(crate) fn table_bytes(&self) -> usize {
        self.count as usize * ENTRY_BYTES
    }

    /// Bytes that the frame takes in the file, padding included.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.length).next_multiple_of(BLOCK as u64)
    }

    /// The position behind the frame's last record.
    pub(crate) fn end(&self) -> u64 {
        self.position.saturating_add(self.count.into())
    }
}

/// One entry of a frame's table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) length: u32,
    pub(crate) crc: u32,
}

/// Reads a frame's table and checks that it accounts for every byte of the frame.
pub(crate) fn decode_table(header: &FrameHeader, table: &[u8]) -> Result<Vec<Entry>, Wrong> {
    if crc32c(table) != header.table_crc {
        return Err(Wrong::Damaged("table checksum"));
    }
    let entries: Vec<Entry> = table
        .chunks_exact(ENTRY_BYTES)
        .map(|entry| Entry { length: u32_at(entry, 0), crc: u32_at(entry, 4) })
        .collect();
    let bodies: u64 = entries.iter().map(|entry| u64::from(entry.length)).sum();
    if (HEADER_BYTES + table.len()) as u64 + bodies != u64::from(header.length) {
        return Err(Wrong::Damaged("table and frame length disagree"));
    }
    Ok(entries)
}

/// Bytes that a frame of these records takes in the file, padding included.
pub(crate) fn frame_bytes(count: usize, bodies: usize) -> usize {
    (HEADER_BYTES + count * ENTRY_BYTES + bodies).next_multiple_of(BLOCK)
}

/// Writes a frame, padding included, over the whole of `out`, whose length is the [`frame_bytes`]
/// of the records. The header's length, count and table checksum are filled in here; returns its
/// own checksum.
pub(crate) fn encode_frame<'a>(
    mut header: FrameHeader,
    records: impl ExactSizeIterator<Item = &'a Record>,
    out: &mut [u8],
) -> u32 {
    let count = records.len();
    let mut entry = HEADER_BYTES;
    let mut body = HEADER_BYTES + count * ENTRY_BYTES;
    for record in records {
        out[entry..entry + 4].copy_from_slice(&(record.bytes.len() as u32).to_be_bytes());
        out[entry + 4..entry + 8].copy_from_slice(&record.crc.to_be_bytes());
        out[body..body + record.bytes.len()].copy_from_slice(&record.bytes);
        entry += ENTRY_BYTES;
        body += record.bytes.len();
    }
    out[body..].fill(0);
    header.length = body as u32;
    header.count = count as u32;
    header.table_crc = crc32c(&out[HEADER_BYTES..entry]);
    let bytes = header.encode();
    out[..HEADER_BYTES].copy_from_slice(&bytes);
    u32_at(&bytes, 60)
}

/// Puts a header's checksum in its last four bytes.
fn seal(header: &mut [u8; HEADER_BYTES]) {
    let crc = crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_be_bytes());
}

/// What all headers of all versions share: magic, format, and the checksum at the end.
fn check_header(bytes: &[u8], magic: [u8; 4]) -> Result<u32, Wrong> {
    if bytes[..HEADER_BYTES].iter().all(|byte| *byte == 0) {
        return Err(Wrong::Damaged("nothing written here"));
    }
    if array(bytes, 0) != magic {
        return Err(Wrong::Damaged("no magic"));
    }
    let crc = u32_at(bytes, 60);
    if crc32c(&bytes[..60]) != crc {
        return Err(Wrong::Damaged("header checksum"));
    }
    match u16::from_be_bytes(array(bytes, 4)) {
        FORMAT => Ok(crc),
        format => Err(Wrong::Unknown { what: "log format version", found: format.into() }),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(bytes, at))
}
