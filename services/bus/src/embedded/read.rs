//! Reading records from segments, each checked against its checksum.

use bytes::Bytes;

use super::frame::{self, BLOCK, Entry, FrameHeader, HEADER_BYTES, SegmentHeader, Wrong};
use super::index::{Seek, Segments, segment_name};
use crate::disk::{Access, Disk, DiskFile};
use crate::port::{Fault, Position};

/// Turns what is wrong with bytes into the fault that names their place.
pub(crate) fn fault(wrong: Wrong, segment: &SegmentHeader, position: u64, offset: u64) -> Fault {
    match wrong {
        Wrong::Damaged(why) => Fault::Corrupt {
            position: Position(position),
            place: format!("{} offset {offset}", segment_name(segment.epoch)),
            why,
        },
        Wrong::Unknown { what, found } => Fault::Unsupported { what, found },
    }
}

/// Durable records from `from` to before `end`, at least one, about `bytes_max` bytes at most.
pub(crate) fn read(
    disk: &dyn Disk,
    segments: &Segments,
    from: u64,
    end: u64,
    bytes_max: usize,
) -> Result<Vec<Bytes>, Fault> {
    let mut wanted = Wanted { next: from, end, bytes_left: bytes_max, records: Vec::new() };
    while !wanted.satisfied() {
        let seek = segments.seek(wanted.next).ok_or_else(|| Fault::beyond(Position(end)))?;
        let file = match &seek.active {
            Some(file) => file.clone(),
            None => disk
                .open(&segment_name(seek.header.epoch), Access::Read)
                .map_err(|error| Fault::io("open a log segment", error))?,
        };
        read_segment(&*file, &seek, &mut wanted)?;
    }
    Ok(wanted.records)
}

/// What is still to be read.
struct Wanted {
    next: u64,
    end: u64,
    bytes_left: usize,
    records: Vec<Bytes>,
}

impl Wanted {
    fn satisfied(&self) -> bool {
        self.next >= self.end || (self.bytes_left == 0 && !self.records.is_empty())
    }

    /// How many of the entries fit, the first one in any case if there is no record yet.
    fn fitting(&mut self, entries: &[Entry]) -> usize {
        let mut count = 0;
        for entry in entries {
            let bytes = (entry.length as usize).max(1);
            if bytes > self.bytes_left && !(self.records.is_empty() && count == 0) {
                self.bytes_left = 0;
                break;
            }
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
            count += 1;
        }
        count
    }
}

/// Reads what is wanted of one segment.
fn read_segment(file: &dyn DiskFile, seek: &Seek, wanted: &mut Wanted) -> Result<(), Fault> {
    let (mut position, mut offset) = (seek.position, seek.offset);
    let until = seek.until.unwrap_or(wanted.end).min(wanted.end);
    let mut block = [0; BLOCK];
    while position < until && !wanted.satisfied() {
        let damaged =
            |why| fault(Wrong::Damaged(why), &seek.header, wanted.next.max(position), offset);
        if offset + BLOCK as u64 > seek.header.bytes {
            return Err(damaged("segment ends before its last record"));
        }
        file.read_at(offset, &mut block).map_err(|error| Fault::io("read the log", error))?;
        let (header, _) = FrameHeader::decode(&block)
            .map_err(|wrong| fault(wrong, &seek.header, position, offset))?;
        if !header.is_of(&seek.header) || header.position != position {
            return Err(damaged("frame of another place"));
        }
        if offset + header.bytes() > seek.header.bytes {
            return Err(damaged("frame longer than its segment"));
        }
        if header.end() > wanted.next {
            let entries = read_table(file, &header, &block, offset)?
                .map_err(|wrong| fault(wrong, &seek.header, position, offset))?;
            read_bodies(file, seek, &header, offset, &entries, wanted)?;
        }
        position = header.end();
        offset += header.bytes();
    }
    Ok(())
}

/// Reads a frame's table, most often from the block that was read with its header.
fn read_table(
    file: &dyn DiskFile,
    header: &FrameHeader,
    block: &[u8; BLOCK],
    offset: u64,
) -> Result<Result<Vec<Entry>, Wrong>, Fault> {
    let bytes = header.table_bytes();
    if let Some(table) = block.get(HEADER_BYTES..HEADER_BYTES + bytes) {
        return Ok(frame::decode_table(header, table));
    }
    let mut table = vec![0; bytes];
    file.read_at(offset + HEADER_BYTES as u64, &mut table)
        .map_err(|error| Fault::io("read the log", error))?;
    Ok(frame::decode_table(header, &table))
}

/// Reads what is wanted of a frame's records, in one go.
fn read_bodies(
    file: &dyn DiskFile,
    seek: &Seek,
    header: &FrameHeader,
    offset: u64,
    entries: &[Entry],
    wanted: &mut Wanted,
) -> Result<(), Fault> {
    let skip = (wanted.next - header.position) as usize;
    let skipped: u64 = entries[..skip].iter().map(|entry| u64::from(entry.length)).sum();
    let entries = &entries[skip..];
    let entries = &entries[..wanted.fitting(entries)];
    let start = offset + (HEADER_BYTES + header.table_bytes()) as u64 + skipped;
    let mut bodies = vec![0; entries.iter().map(|entry| entry.length as usize).sum()];
    file.read_at(start, &mut bodies).map_err(|error| Fault::io("read the log", error))?;
    let mut bodies = Bytes::from(bodies);
    for entry in entries {
        let record = bodies.split_to(entry.length as usize);
        if crc32c::crc32c(&record) != entry.crc {
            return Err(fault(
                Wrong::Damaged("record checksum"),
                &seek.header,
                wanted.next,
                offset,
            ));
        }
        wanted.records.push(record);
        wanted.next += 1;
    }
    Ok(())
}
