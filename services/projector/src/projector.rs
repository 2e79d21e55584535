//! The thread that turns outcomes into commits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime};

use bus::{EndOnPanic, Log};
use clearing::SealedBatch;
use store::{Commit, Store, Stream, Table, Write};
use tokio::sync::watch;

use crate::build::Builder;
use crate::draft::Draft;
use crate::fault::Fault;
use crate::feed::{Feed, Inbox, Projected};
use crate::gather;
use crate::headers::Headers;
use crate::layout::{self, KEY_ACCOUNT, Progress};
use crate::metrics;
use crate::patience::insist;
use crate::people::People;
use crate::reader::{Readable, Reader};
use crate::start::{Ends, Start, claim};
use crate::uetr::{Covered, Entry, Index, IndexWriter};

/// How a projector works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Outcomes that may wait, at most; [`Feed::push`] blocks beyond.
    pub queue_records_max: usize,
    /// Bytes of records that may wait, at most.
    pub queue_bytes_max: usize,
    /// Batches that wait are handed to the store together, up to about so many bytes of rows.
    pub commit_bytes: usize,
    /// Payments in one run of the index of references, at least. Must not change once a store has
    /// runs, or its runs will differ from those of other stores of the pool.
    pub uetr_run_entries: usize,
    /// Memory for the filters of runs, bytes, at most.
    pub uetr_filter_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_records_max: 4_096,
            queue_bytes_max: 64 << 20,
            commit_bytes: 8 << 20,
            // Seven eighths of 2^20: what a hash table of that size takes.
            uetr_run_entries: 917_504,
            uetr_filter_bytes_max: 64 << 20,
        }
    }
}

/// The running projector of a pool.
#[derive(Debug)]
pub struct Projector {
    inbox: Arc<Inbox>,
    thread: JoinHandle<()>,
}

impl Projector {
    /// Reads how far the store is and starts to take outcomes from there on.
    ///
    /// # Errors
    /// [`Fault::Foreign`] and [`Fault::Unsupported`] for a store that is not this pool's or not of
    /// this format; [`Fault::Store`], [`Fault::Log`] and [`Fault::Record`] if it cannot be read.
    pub fn start(
        store: Arc<dyn Store>,
        log: Arc<dyn Log>,
        pool: u32,
        options: &Options,
    ) -> Result<(Self, Feed, Reader), Fault> {
        claim(&*store, pool)?;
        let people = load_people(&*store)?;
        let start = Start::new((store, log), options.uetr_filter_bytes_max)?;
        let (store, index) = (start.store.clone(), start.index.clone());
        let mut writer =
            IndexWriter::start(index.clone(), start.covered, options.uetr_run_entries)?;
        let add = |entries: &[Entry], covered| writer.add(entries, covered);
        let progress = gather::run((&*store, &*start.log, index.seed()), start.progress, add)?;
        let inbox_max = (options.queue_records_max.max(1), options.queue_bytes_max);
        let Ends { inbox, readable, reader } = start.ends(progress, inbox_max);
        let worker = Worker {
            store,
            pool,
            inbox: inbox.clone(),
            index,
            writer,
            people,
            readable,
            commit_bytes: options.commit_bytes,
            expected: progress.next_position,
            progress,
            batch_open: false,
            behind_since: None,
            headers: Headers::default(),
            draft: Draft::default(),
            builder: Builder::default(),
            pending: Pending::default(),
        };
        let thread = thread::Builder::new()
            .name("projector".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| Fault::system("start a thread", &error))?;
        Ok((Self { inbox: inbox.clone(), thread }, Feed(inbox), reader))
    }

    /// Tells it to stop, as far as the store lets it: while that takes nothing, what was handed in is
    /// left for the next start, and nobody waits any more to hand in more.
    pub fn give_up(&self) {
        self.inbox.stop();
    }

    /// Writes the batches that are complete in what was handed in, then stops.
    pub fn stop(self) {
        self.inbox.stop();
        if self.thread.join().is_err() {
            tracing::error!("the projector's thread panicked");
        }
    }
}

fn load_people(store: &dyn Store) -> Result<People, Fault> {
    let mut people = People::default();
    let end = [&KEY_ACCOUNT[..KEY_ACCOUNT.len() - 1], &[KEY_ACCOUNT[KEY_ACCOUNT.len() - 1] + 1]];
    for (_, value) in store.scan(Table::Meta, KEY_ACCOUNT, &end.concat(), usize::MAX)? {
        people.open(&layout::decode_account(&value)?);
    }
    Ok(people)
}

/// Batches built and not yet committed.
#[derive(Default)]
struct Pending {
    /// One for each batch.
    commits: Vec<Commit>,
    /// Of all of them.
    bytes: usize,
    sealed: Vec<Sealed>,
    /// The entries of all of them, one after the other.
    uetrs: Vec<Entry>,
}

struct Sealed {
    covered: Covered,
    /// Where its entries end.
    uetrs_end: usize,
}

struct Worker {
    store: Arc<dyn Store>,
    pool: u32,
    inbox: Arc<Inbox>,
    index: Index,
    writer: IndexWriter,
    people: People,
    readable: watch::Sender<Readable>,
    commit_bytes: usize,
    /// The next position to be handed in.
    expected: u64,
    /// As far as batches are built.
    progress: Progress,
    /// Whether something has happened since the last seal.
    batch_open: bool,
    /// Since when the oldest sealed batch waits that is not in the store.
    behind_since: Option<SystemTime>,
    /// Of batches that come again.
    headers: Headers,
    draft: Draft,
    builder: Builder,
    pending: Pending,
}

impl Worker {
    fn run(mut self) {
        let _end = EndOnPanic;
        let why = match self.project() {
            Ok(()) => "stopped".to_owned(),
            Err(fault) => {
                tracing::error!(position = self.expected, %fault, "projector halted");
                metrics::halted();
                fault.to_string()
            }
        };
        self.inbox.close(&why);
    }

    fn project(&mut self) -> Result<(), Fault> {
        loop {
            let idle = self.pending.sealed.is_empty();
            match self.inbox.pop(idle) {
                Some(projected) => self.take(&projected)?,
                None if idle => return Ok(()),
                None => self.commit()?,
            }
            if self.pending.bytes >= self.commit_bytes {
                self.commit()?;
            }
            self.show();
        }
    }

    /// How far this is, to whoever watches.
    fn show(&mut self) {
        metrics::standing(self.inbox.next_position.load(Ordering::Relaxed), self.expected);
        let waits = !self.pending.sealed.is_empty();
        let since = waits.then(|| self.behind_since.unwrap_or_else(SystemTime::now));
        if since != self.behind_since {
            self.behind_since = since;
            metrics::behind_since(since);
        }
    }

    fn take(&mut self, projected: &Projected) -> Result<(), Fault> {
        let Projected { position, record, outcome, batch_open } = projected;
        if *position < self.expected {
            let sealed = outcome.sealed_before.iter().chain(&outcome.sealed);
            return sealed.into_iter().try_for_each(|batch| self.compare(batch));
        }
        if *position > self.expected {
            return Err(Fault::Gap { expected: self.expected, found: *position });
        }
        match &outcome.sealed_before {
            // After a start: this record's predecessors were committed with the batch they closed.
            Some(batch) if batch.number <= self.progress.batch => self.compare(batch)?,
            Some(batch) => {
                self.seal(batch, position.wrapping_sub(1))?;
                self.draft.clear();
            }
            None => {}
        }
        self.draft.note(record, outcome, &mut self.people, self.index.seed())?;
        if let Some(batch) = &outcome.sealed {
            self.seal(batch, *position)?;
            self.draft.clear();
        }
        self.expected += 1;
        self.batch_open = *batch_open;
        if !self.batch_open && self.pending.sealed.is_empty() {
            self.publish(*position);
        }
        Ok(())
    }

    /// A batch that was written before must be the same.
    fn compare(&mut self, batch: &SealedBatch) -> Result<(), Fault> {
        if !self.pending.sealed.is_empty() {
            self.commit()?;
        }
        let number = batch.number;
        if number > self.progress.batch {
            // Its last positions were taken before a start, its seal was not.
            return Err(Fault::Divergence { number, why: "it ends before the store does" });
        }
        let (headers, named) = (&mut self.headers, (number, self.progress.batch));
        let stored = insist(|| self.inbox.stopping(), || headers.get(&*self.store, named))?;
        match stored.map(|header| header.hash()) {
            Some(hash) if hash == batch.hash => Ok(()),
            Some(_) => Err(Fault::Divergence { number, why: "its hash is another" }),
            None => Err(Fault::Divergence { number, why: "the store lacks it" }),
        }
    }

    fn seal(&mut self, batch: &SealedBatch, last: u64) -> Result<(), Fault> {
        let number = batch.number;
        let follows = batch.pool == self.pool
            && number == self.progress.batch + 1
            && batch.previous == self.progress.hash
            && batch.first == self.progress.next_position
            && batch.last == last;
        if !follows {
            return Err(Fault::Divergence { number, why: "it does not follow the one before" });
        }
        let mut write = Write::new();
        self.builder.build(&self.draft, batch, &self.people, &mut write)?;
        self.pending.bytes += write.bytes();
        self.pending.commits.push(Commit::new(Stream::Batches, number, write));
        self.progress = Progress { next_position: last + 1, batch: number, hash: batch.hash };
        self.pending.uetrs.extend_from_slice(&self.draft.uetrs);
        let covered = Covered { position: last + 1, batch: number };
        self.pending.sealed.push(Sealed { covered, uetrs_end: self.pending.uetrs.len() });
        Ok(())
    }

    /// Writes what is pending; then shows it.
    fn commit(&mut self) -> Result<(), Fault> {
        let started = Instant::now();
        let stopping = || self.inbox.stopping();
        insist(stopping, || Ok(self.store.commit(&self.pending.commits)?))?;
        let batches = self.pending.sealed.len() as u64;
        let mut from = 0;
        for Sealed { covered, uetrs_end } in self.pending.sealed.drain(..) {
            self.writer.add(&self.pending.uetrs[from..uetrs_end], covered)?;
            from = uetrs_end;
        }
        let seconds = started.elapsed().as_secs_f64();
        metrics::committed(batches, from as u64, self.pending.bytes as u64, seconds);
        self.pending.uetrs.clear();
        self.pending.commits.clear();
        self.pending.bytes = 0;
        let next = self.progress.next_position;
        self.inbox.next_position.store(next, Ordering::Release);
        // Positions behind the last batch in which nothing happened have nothing to show.
        self.publish(if self.batch_open { next } else { self.expected.max(next) } - 1);
        Ok(())
    }

    fn publish(&self, position: u64) {
        let batch = self.progress.batch;
        self.readable.send_replace(Readable { batch, position });
    }
}
