//! A pool's log as one file: an export.
//!
//! An export is the log's records one after the other, from position 0, and nothing else: a record
//! says how long it is and carries its checksum. [`Draft`] writes one so that it is there whole or
//! not at all, [`Reader`] reads one record by record within bounds. What the records mean, and
//! whether they hold, is for [`clearing::Pool::apply`] to say.
//!
//! Absent on purpose: an index and a trailer. A file that ends between two records is the log up to
//! there; how far a log should go is what its batches' roots are compared for.

mod draft;
mod reader;

pub use draft::Draft;
pub use reader::{RECORD_BYTES_MAX, ReadError, Reader, Why};
