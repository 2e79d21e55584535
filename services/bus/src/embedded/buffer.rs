//! Memory that begins at a block boundary, as direct writes need it.

use super::frame::BLOCK;

/// A buffer whose slice begins at a multiple of [`BLOCK`] in memory.
pub(crate) struct Aligned {
    bytes: Vec<u8>,
    start: usize,
}

impl Aligned {
    /// Zeros.
    pub(crate) fn zeroed(bytes_max: usize) -> Self {
        let bytes = vec![0; bytes_max + BLOCK];
        let start = bytes.as_ptr().align_offset(BLOCK);
        Self { bytes, start }
    }

    /// The first `bytes` bytes, with what was last written there.
    pub(crate) fn slice(&self, bytes: usize) -> &[u8] {
        &self.bytes[self.start..self.start + bytes]
    }

    /// The first `bytes` bytes for writing; grows (and then holds zeros) if it is smaller.
    pub(crate) fn slice_mut(&mut self, bytes: usize) -> &mut [u8] {
        if self.bytes.len() < bytes + BLOCK {
            *self = Self::zeroed(bytes);
        }
        &mut self.bytes[self.start..self.start + bytes]
    }
}
