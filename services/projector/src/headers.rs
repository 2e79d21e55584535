//! The headers of stored batches, one after the other.

use clearing::BatchHeader;
use store::{Store, Table};

use crate::fault::Fault;
use crate::layout::{self, BatchPart};

/// Headers read at once.
const AT_ONCE: u64 = 1_024;

/// Reads headers of ascending numbers, many at a time.
#[derive(Default)]
pub(crate) struct Headers {
    read: Vec<BatchHeader>,
}

impl Headers {
    /// The header of a batch; `last` is the last one that the store has.
    ///
    /// # Errors
    /// One of those up to `last` is missing or damaged, or the store cannot be read.
    pub(crate) fn get(
        &mut self,
        store: &dyn Store,
        (number, last): (u64, u64),
    ) -> Result<Option<BatchHeader>, Fault> {
        if number == 0 || number > last {
            return Ok(None);
        }
        if self.held(number).is_none() {
            self.read = read(store, number, last.min(number.saturating_add(AT_ONCE - 1)))?;
        }
        Ok(self.held(number))
    }

    fn held(&self, number: u64) -> Option<BatchHeader> {
        let first = self.read.first()?.number;
        self.read.get(number.checked_sub(first)? as usize).copied()
    }
}

fn read(store: &dyn Store, first: u64, last: u64) -> Result<Vec<BatchHeader>, Fault> {
    let from = layout::batch_key(BatchPart::Header, first, 0);
    let to = layout::batch_key(BatchPart::Header, last + 1, 0);
    let rows = store.scan(Table::Batches, &from, &to, usize::MAX)?;
    let headers = rows.iter().map(|(_, value)| layout::decode_header(value));
    let headers = headers.collect::<Result<Vec<_>, _>>()?;
    if headers.iter().map(|header| header.number).eq(first..=last) {
        return Ok(headers);
    }
    Err(Fault::malformed(Table::Batches, "a batch is missing"))
}
