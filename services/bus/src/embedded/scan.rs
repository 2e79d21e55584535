//! Opening a log: every byte of it is checked, and the torn end of the last segment is cut.
//!
//! At most one frame is in flight, and nothing follows it before it is durable. So in the last
//! segment, behind the last whole frame, there is either nothing, or the torn remains of one frame
//! that begins exactly there. Anything else (a frame further on, or one that belongs elsewhere)
//! proves that what is missing had been durable: damage. The segments before the last one were
//! durable to their end when the next one began.

use std::ops::Range;
use std::sync::Arc;

use crc32c::crc32c;

use super::buffer::Aligned;
use super::frame::{
    self, BLOCK, Entry, FRAMES_AT, FrameHeader, HEADER_BYTES, SegmentHeader, Wrong,
};
use super::index::{Segment, Segments, segment_epoch, segment_name};
use super::read::fault;
use crate::disk::{Access, Disk, DiskFile};
use crate::port::{Fault, Position};

/// The log is read in pieces of this size.
const WINDOW_BYTES: u64 = 1 << 20;

/// What a block holds that was never written.
const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// A checked log and where it goes on.
pub(crate) struct Recovered {
    pub(crate) segments: Segments,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) segment: SegmentHeader,
    pub(crate) end: End,
}

/// Behind the last whole frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) offset: u64,
    pub(crate) position: u64,
    /// Checksum of the last frame, or of the segment's header.
    pub(crate) chain: u32,
    /// Something in the file says that everything up to here is durable: a mark, or the header of
    /// a segment that holds no frame yet.
    pub(crate) marked: bool,
}

impl End {
    pub(crate) fn of_empty(segment: &SegmentHeader) -> Self {
        Self { offset: FRAMES_AT, position: segment.base, chain: segment.crc(), marked: true }
    }
}

/// Checks the whole log and makes its end durable; none if there is no segment yet.
pub(crate) fn recover(disk: &dyn Disk, pool: u32) -> Result<Option<Recovered>, Fault> {
    let Some(Walked { segments, last, end, frame, dirty }) = walk(disk, pool, Access::Write)?
    else {
        return Ok(None);
    };
    // A process that was killed may have named the last segment, but not durably.
    disk.sync_names().map_err(|error| Fault::io("sync the log's directory", error))?;
    clear(&*last.file, &dirty)?;
    rewrite(&mut Window::new(&*last.file, last.header.bytes), frame)?;
    last.file.sync().map_err(|error| Fault::io("sync the log", error))?;
    let segments = Segments::new(segments);
    Ok(Some(Recovered { segments, file: last.file, segment: last.header, end }))
}

/// What is there, as it is: checked like [`recover`] does, but nothing is written.
#[derive(Default)]
pub(crate) struct Inspected {
    pub(crate) segments: Segments,
    /// The number of whole records.
    pub(crate) end: u64,
    /// Remains of a torn write lie behind them.
    pub(crate) torn: bool,
}

/// Checks the whole log without writing anything; nothing is in it if there is no segment yet.
pub(crate) fn inspect(disk: &dyn Disk, pool: u32) -> Result<Inspected, Fault> {
    let walked = walk(disk, pool, Access::Scan)?;
    Ok(walked.map_or_else(Inspected::default, |walked| Inspected {
        segments: Segments::new(walked.segments),
        end: walked.end.position,
        torn: !walked.dirty.is_empty(),
    }))
}

/// All segments, checked.
struct Walked {
    segments: Vec<Segment>,
    last: Opened,
    end: End,
    /// Where in the last segment its last whole frame is.
    frame: Range<u64>,
    /// Offsets of blocks behind it that are not zero.
    dirty: Vec<u64>,
}

/// Walks all segments; the last one is opened for `last_access`.
fn walk(disk: &dyn Disk, pool: u32, last_access: Access) -> Result<Option<Walked>, Fault> {
    let names = disk.list().map_err(|error| Fault::io("list the log's segments", error))?;
    let mut epochs: Vec<u64> = names.iter().filter_map(|name| segment_epoch(name)).collect();
    epochs.sort_unstable();
    let mut segments: Vec<Segment> = Vec::with_capacity(epochs.len());
    let mut before: Option<(Opened, Segment)> = None;
    let last = epochs.last().copied();
    for (expected, epoch) in (0..).zip(epochs) {
        let access = if Some(epoch) == last { last_access } else { Access::Scan };
        let opened = Opened::open(disk, pool, expected, epoch, access)?;
        if let Some((last, mut segment)) = before.take() {
            walk_closed(&last, &opened.header, &mut segment)?;
            segments.push(segment);
        } else if opened.header.base != 0 {
            return Err(opened.damaged(opened.header.base, 0, "first segment begins late"));
        }
        let segment = Segment::new(opened.header, Some(opened.file.clone()));
        before = Some((opened, segment));
    }
    let Some((last, mut segment)) = before else { return Ok(None) };
    let (end, frame, dirty) = walk_last(&last, &mut segment)?;
    segments.push(segment);
    close_all_but_last(&mut segments);
    Ok(Some(Walked { segments, last, end, frame, dirty }))
}

fn close_all_but_last(segments: &mut [Segment]) {
    if let Some((_, closed)) = segments.split_last_mut() {
        closed.iter_mut().for_each(Segment::close);
    }
}

/// A segment's file with its header.
struct Opened {
    file: Arc<dyn DiskFile>,
    header: SegmentHeader,
}

impl Opened {
    fn open(
        disk: &dyn Disk,
        pool: u32,
        expected: u64,
        epoch: u64,
        access: Access,
    ) -> Result<Self, Fault> {
        let corrupt =
            |name: String, why| Err(Fault::Corrupt { position: Position(0), place: name, why });
        if epoch != expected {
            return corrupt(segment_name(expected), "segment missing");
        }
        let name = segment_name(epoch);
        let file =
            disk.open(&name, access).map_err(|error| Fault::io("open a log segment", error))?;
        let bytes = file.bytes().map_err(|error| Fault::io("open a log segment", error))?;
        if bytes < FRAMES_AT {
            return corrupt(name, "segment shorter than its header");
        }
        let header = match read_header(&*file)? {
            Ok(header) => header,
            Err(Wrong::Damaged(why)) => return corrupt(name, why),
            Err(Wrong::Unknown { what, found }) => return Err(Fault::Unsupported { what, found }),
        };
        if header.pool != pool {
            return Err(Fault::Foreign { expected: pool, found: header.pool });
        }
        if header.epoch != epoch || header.bytes != bytes {
            return corrupt(name, "segment and its header disagree");
        }
        if !bytes.is_multiple_of(BLOCK as u64) {
            return corrupt(name, "segment ends within a block");
        }
        Ok(Self { file, header })
    }

    fn damaged(&self, position: u64, offset: u64, why: &'static str) -> Fault {
        fault(Wrong::Damaged(why), &self.header, position, offset)
    }
}

/// Either copy of a segment's header will do; a version that is not known here wins over damage.
fn read_header(file: &dyn DiskFile) -> Result<Result<SegmentHeader, Wrong>, Fault> {
    let mut copies = [0; 2 * BLOCK];
    file.read_at(0, &mut copies).map_err(|error| Fault::io("read a segment's header", error))?;
    Ok(match SegmentHeader::decode(&copies) {
        Err(Wrong::Damaged(_)) => SegmentHeader::decode(&copies[BLOCK..]),
        decided => decided,
    })
}

/// Walks a segment that has a successor: all of it must be there.
fn walk_closed(opened: &Opened, next: &SegmentHeader, index: &mut Segment) -> Result<(), Fault> {
    let mut window = Window::new(&*opened.file, opened.header.bytes);
    let mut end = End::of_empty(&opened.header);
    while (end.position, end.chain) != (next.base, next.chain) {
        let at = end;
        let whole = step(&mut window, &opened.header, &mut end)?;
        whole.map_err(|broken| fault(broken.wrong, &opened.header, at.position, at.offset))?;
        if end.position > next.base {
            return Err(opened.damaged(next.base, at.offset, "segments overlap"));
        }
        index.note(at.position, at.offset);
    }
    Ok(())
}

/// Walks the last segment to its end and decides whether that end is torn or damaged. The end, the
/// last whole frame, and the blocks behind it that are not zero.
fn walk_last(opened: &Opened, index: &mut Segment) -> Result<(End, Range<u64>, Vec<u64>), Fault> {
    let mut window = Window::new(&*opened.file, opened.header.bytes);
    let mut end = End::of_empty(&opened.header);
    let mut last = end.offset..end.offset;
    let broken = loop {
        let at = end;
        match step(&mut window, &opened.header, &mut end)? {
            Ok(()) => {
                index.note(at.position, at.offset);
                last = at.offset..end.offset;
            }
            Err(broken) => break broken,
        }
    };
    if !broken.torn {
        return Err(fault(broken.wrong, &opened.header, end.position, end.offset));
    }
    let dirty = find_remains(&mut window, opened, &end)?;
    Ok((end, last, dirty))
}

/// Why the walk does not go on.
struct Broken {
    wrong: Wrong,
    /// A crash in the middle of the last write can look like this.
    torn: bool,
}

impl Broken {
    fn torn(wrong: Wrong) -> Self {
        Self { torn: matches!(wrong, Wrong::Damaged(_)), wrong }
    }
}

/// Checks the frame at `end` and moves `end` behind it.
fn step(
    window: &mut Window<'_>,
    segment: &SegmentHeader,
    end: &mut End,
) -> Result<Result<(), Broken>, Fault> {
    if end.offset + BLOCK as u64 > segment.bytes {
        return Ok(Err(Broken::torn(Wrong::Damaged("segment ends"))));
    }
    let (header, crc) = match FrameHeader::decode(window.get(end.offset, HEADER_BYTES)?) {
        Ok(decoded) => decoded,
        Err(wrong) => return Ok(Err(Broken::torn(wrong))),
    };
    let in_place = header.is_of(segment)
        && (header.position, header.chain) == (end.position, end.chain)
        && header.durable <= header.position
        && end.offset + header.bytes() <= segment.bytes;
    if !in_place {
        let wrong = Wrong::Damaged("frame of another place");
        return Ok(Err(Broken { wrong, torn: false }));
    }
    if let Err(wrong) = check_contents(window, &header, end.offset)? {
        return Ok(Err(Broken::torn(wrong)));
    }
    *end = End {
        offset: end.offset + header.bytes(),
        position: header.end(),
        chain: crc,
        marked: header.count == 0,
    };
    Ok(Ok(()))
}

/// Checks a frame's table, records and padding.
fn check_contents(
    window: &mut Window<'_>,
    header: &FrameHeader,
    offset: u64,
) -> Result<Result<(), Wrong>, Fault> {
    let mut at = offset + HEADER_BYTES as u64;
    let entries: Vec<Entry> =
        match frame::decode_table(header, window.get(at, header.table_bytes())?) {
            Ok(entries) => entries,
            Err(wrong) => return Ok(Err(wrong)),
        };
    at += header.table_bytes() as u64;
    for entry in entries {
        if crc32c(window.get(at, entry.length as usize)?) != entry.crc {
            return Ok(Err(Wrong::Damaged("record checksum")));
        }
        at += u64::from(entry.length);
    }
    let padding = (offset + header.bytes() - at) as usize;
    if *window.get(at, padding)? != ZEROS[..padding] {
        return Ok(Err(Wrong::Damaged("padding is not zero")));
    }
    Ok(Ok(()))
}

/// Offsets of the blocks behind the end that are not zero. A frame's header among them, other
/// than at the very end, was written after what is missing had become durable.
fn find_remains(window: &mut Window<'_>, opened: &Opened, end: &End) -> Result<Vec<u64>, Fault> {
    let mut dirty = Vec::new();
    for offset in (end.offset..opened.header.bytes).step_by(BLOCK) {
        let bytes = (opened.header.bytes - offset).min(BLOCK as u64) as usize;
        let block = window.get(offset, bytes)?;
        if *block == ZEROS[..bytes] {
            continue;
        }
        let frame = block.get(..HEADER_BYTES).and_then(|bytes| FrameHeader::decode(bytes).ok());
        if offset > end.offset && frame.is_some_and(|(header, _)| header.is_of(&opened.header)) {
            let why = "durable frame damaged: others follow it";
            return Err(opened.damaged(end.position, end.offset, why));
        }
        dirty.push(offset);
    }
    Ok(dirty)
}

/// Zeros the remains of a torn frame, so that nothing of them can ever follow a frame written
/// over their beginning.
fn clear(file: &dyn DiskFile, dirty: &[u64]) -> Result<(), Fault> {
    let zeros = Aligned::zeroed(BLOCK);
    for offset in dirty {
        let bytes = zeros.slice(BLOCK);
        file.write_at(*offset, bytes).map_err(|error| Fault::io("clear the log's end", error))?;
    }
    Ok(())
}

/// Writes the last frame once more, as it was read. It may never have been synced; and if its sync
/// failed before the process ended, the operating system may show it and yet think it durable.
fn rewrite(window: &mut Window<'_>, frame: Range<u64>) -> Result<(), Fault> {
    let mut piece = Aligned::zeroed(0);
    for offset in frame.clone().step_by(WINDOW_BYTES as usize) {
        let bytes = (frame.end - offset).min(WINDOW_BYTES) as usize;
        piece.slice_mut(bytes).copy_from_slice(window.get(offset, bytes)?);
        let written = window.file.write_at(offset, piece.slice(bytes));
        written.map_err(|error| Fault::io("rewrite the log's last frame", error))?;
    }
    Ok(())
}

/// A file read in large pieces.
struct Window<'a> {
    file: &'a dyn DiskFile,
    file_bytes: u64,
    /// Offset of the piece that is held, and its length.
    start: u64,
    held: usize,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn DiskFile, file_bytes: u64) -> Self {
        Self { file, file_bytes, start: 0, held: 0, buffer: Vec::new() }
    }

    /// Bytes of the file, which must reach that far.
    fn get(&mut self, offset: u64, bytes: usize) -> Result<&[u8], Fault> {
        let end = offset + bytes as u64;
        if offset < self.start || end > self.start + self.held as u64 {
            let end = end.max(offset + WINDOW_BYTES).min(self.file_bytes);
            self.start = offset;
            self.held = (end - offset) as usize;
            if self.buffer.len() < self.held {
                self.buffer = vec![0; self.held];
            }
            self.file
                .read_at(offset, &mut self.buffer[..self.held])
                .map_err(|error| Fault::io("read the log", error))?;
        }
        let at = (offset - self.start) as usize;
        Ok(&self.buffer[at..at + bytes])
    }
}
