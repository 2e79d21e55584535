//! For a process that reads the tables and does not write them: the thread that takes note of what
//! others have written.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bus::{EndOnPanic, Log};
use store::Store;
use tokio::sync::watch;

use crate::fault::Fault;
use crate::feed::{Feed, Inbox};
use crate::gather;
use crate::layout::Progress;
use crate::metrics;
use crate::reader::{Readable, Reader};
use crate::start::{Ends, Start, founded};
use crate::uetr::{Covered, Index};

/// How a follower works.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// How often the store is asked for its last batch. An answer is at most about this much older
    /// than the store.
    pub poll: Duration,
    /// Memory for the filters of runs, bytes, at most.
    pub uetr_filter_bytes_max: usize,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self { poll: Duration::from_millis(50), uetr_filter_bytes_max: 64 << 20 }
    }
}

/// The running follower of a pool's store.
///
/// The references of batches that are in no run of the index yet live in its memory, gathered from
/// the store and the log, about one run's worth.
#[derive(Debug)]
pub struct Follower {
    inbox: Arc<Inbox>,
    thread: JoinHandle<()>,
}

impl Follower {
    /// Reads how far the store is, and follows it. The [`Feed`] takes outcomes and drops them: what
    /// it learns from them is which positions have no batch to wait for.
    ///
    /// # Errors
    /// [`Fault::Foreign`] and [`Fault::Unsupported`] for a store that is not this pool's or not of
    /// this format; [`Fault::Store`], [`Fault::Log`] and [`Fault::Record`] if it cannot be read.
    pub fn start(
        store: Arc<dyn Store>,
        log: Arc<dyn Log>,
        pool: u32,
        options: &FollowOptions,
    ) -> Result<(Self, Feed, Reader), Fault> {
        let founded = founded(&*store, pool)?;
        let start = Start::new((store, log), options.uetr_filter_bytes_max)?;
        let progress = start.progress;
        let Ends { inbox, readable, reader } = start.ends(progress, (0, 0));
        let (poll, feed) = (options.poll, Feed(inbox.clone()));
        let Start { store, log, index, .. } = start;
        let mut worker =
            Worker { store, log, pool, founded, inbox: inbox.clone(), index, readable, progress };
        worker.catch_up()?;
        let thread = thread::Builder::new()
            .name("follower".to_owned())
            .spawn(move || worker.run(poll))
            .map_err(|error| Fault::system("start a thread", &error))?;
        Ok((Self { inbox, thread }, feed, reader))
    }

    /// Stops. Readers go on with what was there.
    pub fn stop(self) {
        self.inbox.stop();
        if self.thread.join().is_err() {
            tracing::error!("the follower's thread panicked");
        }
    }
}

struct Worker {
    store: Arc<dyn Store>,
    log: Arc<dyn Log>,
    pool: u32,
    /// Whether the store was seen to be this pool's.
    founded: bool,
    inbox: Arc<Inbox>,
    index: Index,
    readable: watch::Sender<Readable>,
    /// The last batch whose references are in the index.
    progress: Progress,
}

impl Worker {
    fn run(mut self, poll: Duration) {
        let _end = EndOnPanic;
        while !self.inbox.rest(poll) {
            match self.catch_up() {
                Ok(()) => metrics::going_on(),
                Err(fault) if fault.retryable() => {
                    tracing::debug!(%fault, "waiting");
                    metrics::waiting(&fault);
                }
                Err(fault) => {
                    tracing::error!(batch = self.progress.batch, %fault, "follower halted");
                    metrics::halted();
                    return self.inbox.close(&fault.to_string());
                }
            }
        }
        self.inbox.close("stopped");
    }

    /// Shows the batches that have come. Those that the log of this process does not reach yet wait.
    fn catch_up(&mut self) -> Result<(), Fault> {
        self.founded = self.founded || founded(&*self.store, self.pool)?;
        let quiet = self.inbox.quiet();
        let before = self.progress;
        self.gather()?;
        if self.progress.batch > before.batch {
            self.index.forget(self.index.refresh()?);
        }
        self.inbox.next_position.store(self.progress.next_position, Ordering::Release);
        let mut readable = self.progress.readable();
        if self.progress.batch >= quiet.batch {
            readable.position = readable.position.max(quiet.position);
        }
        self.readable.send_if_modified(|shown| {
            let changed = *shown != readable;
            *shown = readable;
            changed
        });
        Ok(())
    }

    fn gather(&mut self) -> Result<(), Fault> {
        let from = (&*self.store, &*self.log, self.index.seed());
        let (index, before) = (&self.index, self.progress);
        let mut taken = before;
        let take = |entries: &[_], covered: Covered| {
            index.remember(entries);
            let Covered { position: next_position, batch } = covered;
            taken = Progress { next_position, batch, ..taken };
            Ok(())
        };
        let reached = gather::run(from, before, take);
        // What was taken before a fault is not taken again.
        self.progress = taken;
        reached.map(drop)
    }
}
