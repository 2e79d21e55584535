//! Reading an export, record by record.

use std::io::{self, ErrorKind, Read};

use bytes::Bytes;
use clearing::{HEADER_BYTES, RecordError, record_bytes};
use thiserror::Error;

/// The most bytes that a record of an export may have: as in every log.
pub const RECORD_BYTES_MAX: usize = 5 << 20;

/// An export that cannot be read on.
#[derive(Debug, Error)]
#[error("record {position} (byte {offset} of the export): {why}")]
pub struct ReadError {
    /// The position of the record that could not be read.
    pub position: u64,
    /// Where in the file it begins.
    pub offset: u64,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a record of an export.
#[derive(Debug, Error)]
pub enum Why {
    /// The operating system reported an error.
    #[error("cannot read: {0}")]
    Io(io::Error),
    /// The file ends within a record.
    #[error("the file ends within it; export the log again")]
    CutShort,
    /// Larger than [`RECORD_BYTES_MAX`].
    #[error("says that it has {0} bytes; no record has more than {RECORD_BYTES_MAX}")]
    TooLarge(usize),
    /// No record begins here.
    #[error("{0}")]
    Header(RecordError),
}

/// The records of an export, in order: item `i` is the record at position `i`.
///
/// Nothing is read ahead but what `source` buffers. After an error there are no more records.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    position: u64,
    offset: u64,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from the beginning of an export; `source` should be buffered.
    pub fn new(source: R) -> Self {
        Self { source, position: 0, offset: 0, ended: false }
    }

    fn read(&mut self) -> Result<Option<Bytes>, Why> {
        let mut header = [0; HEADER_BYTES];
        match self.fill(&mut header)? {
            0 => return Ok(None),
            HEADER_BYTES => {}
            _ => return Err(Why::CutShort),
        }
        let length = record_bytes(&header).map_err(Why::Header)?;
        if length > RECORD_BYTES_MAX {
            return Err(Why::TooLarge(length));
        }
        let mut record = vec![0; length];
        record[..HEADER_BYTES].copy_from_slice(&header);
        if self.fill(&mut record[HEADER_BYTES..])? < length - HEADER_BYTES {
            return Err(Why::CutShort);
        }
        Ok(Some(record.into()))
    }

    /// Fills the buffer as far as the source goes; how far that was.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Why> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Why::Io(error)),
            }
        }
        Ok(filled)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Bytes, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.read() {
            Ok(Some(record)) => {
                self.position += 1;
                self.offset += record.len() as u64;
                Some(Ok(record))
            }
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(why) => {
                self.ended = true;
                Some(Err(ReadError { position: self.position, offset: self.offset, why }))
            }
        }
    }
}
