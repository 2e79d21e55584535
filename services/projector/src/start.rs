//! What whoever writes the tables begins with, and whoever follows them.

use std::sync::Arc;

use bus::Log;
use store::{Fact, Store, Table};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::feed::Inbox;
use crate::layout::{self, FORMAT, Progress};
use crate::metrics;
use crate::reader::{Readable, Reader};
use crate::uetr::{Covered, Index};

/// The index of a store, and how far it goes.
pub(crate) struct Start {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) index: Index,
    /// How far the runs of the index cover the log.
    pub(crate) covered: Covered,
    /// The last batch that is in a run.
    pub(crate) progress: Progress,
}

/// Where outcomes come in, and where what was made of them is shown.
pub(crate) struct Ends {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) readable: watch::Sender<Readable>,
    pub(crate) reader: Reader,
}

impl Start {
    /// Opens the index. References behind [`Start::progress`] are still to be gathered.
    pub(crate) fn new(
        (store, log): (Arc<dyn Store>, Arc<dyn Log>),
        filter_bytes_max: usize,
    ) -> Result<Self, Fault> {
        metrics::describe();
        let (index, covered) = Index::open(store.clone(), filter_bytes_max)?;
        let progress = Progress::at(&*store, covered.batch)?;
        Ok(Self { store, log, index, covered, progress })
    }

    /// The ends of one that has come as far as `progress`, whose inbox takes so many records and
    /// bytes.
    pub(crate) fn ends(&self, progress: Progress, inbox_max: (usize, usize)) -> Ends {
        let (records, bytes) = inbox_max;
        let inbox = Arc::new(Inbox::new(records, bytes, progress.next_position));
        let (readable, watch) = watch::channel(progress.readable());
        let (store, log, index) = (self.store.clone(), self.log.clone(), self.index.clone());
        let reader = Reader::new(store, log, index, watch, inbox.clone());
        Ends { inbox, readable, reader }
    }
}

/// Says whose the store is, if nobody has yet.
pub(crate) fn claim(store: &dyn Store, pool: u32) -> Result<(), Fault> {
    let ours = [FORMAT.to_be_bytes(), pool.to_be_bytes()];
    check_format(&store.decide(Fact::Format, ours.as_flattened())?, pool)
}

/// Whether the store says that it is this pool's; a new one does not yet.
pub(crate) fn founded(store: &dyn Store, pool: u32) -> Result<bool, Fault> {
    let Some(format) = store.decided(Fact::Format)? else { return Ok(false) };
    check_format(&format, pool).map(|()| true)
}

fn check_format(format: &[u8], pool: u32) -> Result<(), Fault> {
    let mut fields = layout::Fields::new(Table::Meta, format);
    let (found, owner) = (fields.u32()?, fields.u32()?);
    fields.end()?;
    if found != FORMAT {
        return Err(Fault::Unsupported { found });
    }
    if owner == pool { Ok(()) } else { Err(Fault::Foreign { expected: pool, found: owner }) }
}
