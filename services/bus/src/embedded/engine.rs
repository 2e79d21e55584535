//! The writing half of a log: one frame at a time, each durable before the next. No threads, so
//! that a simulation can run it step by step.

use std::sync::Arc;

use super::buffer::Aligned;
use super::frame::{self, BLOCK, FRAMES_AT, FrameHeader, HEADER_BYTES, Record, SegmentHeader};
use super::index::{Segment, Segments, segment_name};
use super::scan::{End, Recovered};
use crate::disk::{Disk, DiskFile};
use crate::port::Fault;

/// Spare segments are filled with zeros in pieces of this size.
const FILL_BYTES: usize = 1 << 20;

/// A zeroed file of full length that will become the segment of its epoch.
pub(crate) struct Spare {
    file: Arc<dyn DiskFile>,
    epoch: u64,
    bytes: u64,
}

/// The name of a spare segment's file.
fn spare_name(epoch: u64) -> String {
    format!("{epoch:016x}.spare")
}

/// Removes spare segments that an earlier run left.
pub(crate) fn remove_spares(disk: &dyn Disk) -> Result<(), Fault> {
    let names = disk.list().map_err(|error| Fault::io("list the log's segments", error))?;
    for name in names.iter().filter(|name| name.ends_with(".spare")) {
        disk.remove(name).map_err(|error| Fault::io("remove a spare segment", error))?;
    }
    Ok(())
}

impl Spare {
    /// Makes a spare segment; none if `go_on` said no before it was finished. On a fault, the
    /// space it took is given back.
    pub(crate) fn prepare(
        disk: &dyn Disk,
        epoch: u64,
        bytes: u64,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, Fault> {
        let name = spare_name(epoch);
        let file =
            disk.create(&name).map_err(|error| Fault::io("create a spare segment", error))?;
        let filled = fill(&*file, bytes, go_on);
        if !matches!(filled, Ok(true)) {
            disk.remove(&name).map_err(|error| Fault::io("remove a spare segment", error))?;
        }
        let complete = filled.map_err(|error| Fault::io("fill a spare segment", error))?;
        Ok(complete.then_some(Self { file, epoch, bytes }))
    }
}

/// Reserves the space and writes zeros, so that later writes change no metadata.
fn fill(file: &dyn DiskFile, bytes: u64, go_on: &dyn Fn() -> bool) -> std::io::Result<bool> {
    file.allocate(bytes)?;
    let zeros = Aligned::zeroed(FILL_BYTES);
    let mut offset = 0;
    while offset < bytes {
        if !go_on() {
            return Ok(false);
        }
        let piece = (bytes - offset).min(FILL_BYTES as u64);
        file.write_at(offset, zeros.slice(piece as usize))?;
        offset += piece;
    }
    file.sync()?;
    Ok(true)
}

/// Writes frames behind the log's end.
pub(crate) struct Engine {
    disk: Arc<dyn Disk>,
    segments: Arc<Segments>,
    file: Arc<dyn DiskFile>,
    segment: SegmentHeader,
    end: End,
    buffer: Aligned,
}

impl Engine {
    /// Goes on where recovery found the log's end.
    pub(crate) fn resume(disk: Arc<dyn Disk>, recovered: Recovered) -> Self {
        Self {
            disk,
            segments: Arc::new(recovered.segments),
            file: recovered.file,
            segment: recovered.segment,
            end: recovered.end,
            buffer: Aligned::zeroed(0),
        }
    }

    /// Begins a new log with its first segment.
    pub(crate) fn begin(disk: Arc<dyn Disk>, pool: u32, spare: Spare) -> Result<Self, Fault> {
        let (file, segment) = install(&*disk, pool, spare, 0, 0)?;
        let segments = vec![Segment::new(segment, Some(file.clone()))];
        let end = End::of_empty(&segment);
        let recovered = Recovered { segments: Segments::new(segments), file, segment, end };
        Ok(Self::resume(disk, recovered))
    }

    pub(crate) fn segments(&self) -> Arc<Segments> {
        self.segments.clone()
    }

    /// The position that the next record gets.
    pub(crate) fn position(&self) -> u64 {
        self.end.position
    }

    /// The epoch that the next segment gets.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.segment.epoch + 1
    }

    /// Whether a frame of that many bytes, and a mark behind it, still go into the segment.
    pub(crate) fn fits(&self, frame_bytes: usize) -> bool {
        self.end.offset + (frame_bytes + BLOCK) as u64 <= self.segment.bytes
    }

    /// Goes on in the next segment. All records so far are durable: the new header says so.
    pub(crate) fn roll(&mut self, spare: Spare) -> Result<(), Fault> {
        let (file, segment) =
            install(&*self.disk, self.segment.pool, spare, self.end.position, self.end.chain)?;
        self.segments.push(Segment::new(segment, Some(file.clone())));
        (self.file, self.segment) = (file, segment);
        self.end = End::of_empty(&segment);
        Ok(())
    }

    /// Appends records as one frame, which must [fit](Self::fits); they are durable on return.
    ///
    /// On [`Fault::NoSpace`] nothing of them remains in the log. After any other fault the engine
    /// must not be used again.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), Fault> {
        let bodies = records.iter().map(|record| record.bytes.len()).sum();
        let bytes = frame::frame_bytes(records.len(), bodies);
        let header = FrameHeader {
            pool: self.segment.pool,
            length: 0,
            epoch: self.segment.epoch,
            position: self.end.position,
            durable: self.end.position,
            salt: self.segment.salt,
            count: 0,
            chain: self.end.chain,
            table_crc: 0,
        };
        let out = self.buffer.slice_mut(bytes);
        let crc = frame::encode_frame(header, records.iter(), out);
        self.write(bytes)?;
        self.segments.note(self.end.position, self.end.offset);
        self.end = End {
            offset: self.end.offset + bytes as u64,
            position: self.end.position + records.len() as u64,
            chain: crc,
            marked: records.is_empty(),
        };
        Ok(())
    }

    /// Writes a mark, if the end has none and there is room for one: from then on damage to the last
    /// record is told from a torn end.
    pub(crate) fn mark(&mut self) -> Result<(), Fault> {
        if self.end.marked || !self.fits(0) { Ok(()) } else { self.append(&[]) }
    }

    /// Writes and syncs the first bytes of the buffer at the log's end.
    fn write(&mut self, bytes: usize) -> Result<(), Fault> {
        let written = self.file.write_at(self.end.offset, self.buffer.slice(bytes));
        match written.map_err(|error| Fault::io("write the log", error)) {
            Err(Fault::NoSpace) => {
                self.scrub()?;
                Err(Fault::NoSpace)
            }
            Err(other) => Err(other),
            Ok(()) => self.sync(),
        }
    }

    /// Takes back a frame that was written in part: without its header it can never be read. A
    /// second failure is no longer a lack of space.
    fn scrub(&mut self) -> Result<(), Fault> {
        let zeros = self.buffer.slice_mut(BLOCK);
        zeros.fill(0);
        let cleared = self.file.write_at(self.end.offset, self.buffer.slice(BLOCK));
        cleared.map_err(|error| broken("take back a frame", error))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), Fault> {
        self.file.sync().map_err(|error| broken("sync the log", error))
    }
}

/// A fault after which nothing is known, whatever the operating system calls it.
fn broken(doing: &'static str, error: std::io::Error) -> Fault {
    Fault::Io { doing, source: Arc::new(error) }
}

/// Makes a spare the log's next segment. It gets its name only once its header is durable, so a
/// segment without a valid header is always damage.
fn install(
    disk: &dyn Disk,
    pool: u32,
    spare: Spare,
    base: u64,
    chain: u32,
) -> Result<(Arc<dyn DiskFile>, SegmentHeader), Fault> {
    let salt = disk.nonce().map_err(|error| broken("draw a salt", error))?;
    let Spare { file, epoch, bytes } = spare;
    let header = SegmentHeader { pool, epoch, base, salt, bytes, chain };
    let mut copies = Aligned::zeroed(FRAMES_AT as usize);
    let encoded = header.encode();
    let out = copies.slice_mut(FRAMES_AT as usize);
    out[..HEADER_BYTES].copy_from_slice(&encoded);
    out[BLOCK..BLOCK + HEADER_BYTES].copy_from_slice(&encoded);
    let name = spare_name(epoch);
    let written = file.write_at(0, copies.slice(FRAMES_AT as usize)).and_then(|()| file.sync());
    if let Err(error) = written {
        disk.remove(&name).map_err(|error| broken("remove a spare segment", error))?;
        return Err(Fault::io("write a segment's header", error));
    }
    disk.rename(&name, &segment_name(epoch))
        .and_then(|()| disk.sync_names())
        .map_err(|error| broken("name a segment", error))?;
    Ok((file, header))
}
