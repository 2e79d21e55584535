//! Where positions are: the list of segments, with a sparse index into each.

use std::sync::{Arc, PoisonError, RwLock};

use super::frame::{FRAMES_AT, SegmentHeader};
use crate::disk::DiskFile;

/// At least this many bytes of a segment lie between two index entries, so that the index takes
/// at most 1/4096 of the log's size in memory.
const STRIDE_BYTES: u64 = 64 << 10;

/// The name of a segment's file.
pub(crate) fn segment_name(epoch: u64) -> String {
    format!("{epoch:016x}.seg")
}

/// The epoch in the name of a segment's file.
pub(crate) fn segment_epoch(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// A segment and where in it some of its frames begin.
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    /// First position and offset of a frame, ascending; the first entry is the first frame.
    frames: Vec<(u64, u64)>,
    /// Open for the segment that is being written.
    active: Option<Arc<dyn DiskFile>>,
}

impl Segment {
    pub(crate) fn new(header: SegmentHeader, active: Option<Arc<dyn DiskFile>>) -> Self {
        Self { header, frames: vec![(header.base, FRAMES_AT)], active }
    }

    /// The segment is no longer written: readers open its file when they need it.
    pub(crate) fn close(&mut self) {
        self.active = None;
    }

    /// Notes that a frame begins at an offset.
    pub(crate) fn note(&mut self, position: u64, offset: u64) {
        let far = self.frames.last().is_none_or(|(_, last)| offset >= last + STRIDE_BYTES);
        if far {
            self.frames.push((position, offset));
        }
    }
}

/// Where to begin reading for a position.
pub(crate) struct Seek {
    pub(crate) header: SegmentHeader,
    pub(crate) active: Option<Arc<dyn DiskFile>>,
    /// First position of the frame at `offset`.
    pub(crate) position: u64,
    pub(crate) offset: u64,
    /// The position behind the segment's last record, unless it is the last segment.
    pub(crate) until: Option<u64>,
}

/// All segments, ascending; shared between the writer and the readers.
#[derive(Default)]
pub(crate) struct Segments(RwLock<Vec<Segment>>);

impl Segments {
    pub(crate) fn new(segments: Vec<Segment>) -> Self {
        Self(RwLock::new(segments))
    }

    /// Adds the segment that is written from now on.
    pub(crate) fn push(&self, segment: Segment) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = all.last_mut() {
            last.close();
        }
        all.push(segment);
    }

    /// Notes that a frame begins at an offset of the last segment.
    pub(crate) fn note(&self, position: u64, offset: u64) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = all.last_mut() {
            last.note(position, offset);
        }
    }

    /// Where to begin reading for a position; none if there is no segment at all.
    pub(crate) fn seek(&self, position: u64) -> Option<Seek> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let at = all.partition_point(|segment| segment.header.base <= position).checked_sub(1)?;
        let segment = &all[at];
        let frame = segment.frames.partition_point(|(first, _)| *first <= position);
        let (first, offset) = segment.frames[frame.saturating_sub(1)];
        Some(Seek {
            header: segment.header,
            active: segment.active.clone(),
            position: first,
            offset,
            until: all.get(at + 1).map(|next| next.header.base),
        })
    }
}
