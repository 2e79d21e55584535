//! Writing the index: the newest entries, and the thread that writes and merges runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use store::{Store, Table, Write};

use super::run::{Run, RunId, page_keys};
use super::{Covered, Entry, Frozen, Index, Memory, Seed};
use crate::bug::EndOnPanic;
use crate::fault::Fault;
use crate::metrics;

/// Runs merged into one.
const FAN_IN: u32 = 8;
/// Frozen tables that may wait for the thread; beyond, the projector waits.
const FROZEN_MAX: usize = 2;
/// Entries merged between two commits, about: bounds memory and the size of a write.
const MERGE_ENTRIES: u64 = 262_144;
/// Keys of merged pages removed in one commit.
const DELETES: usize = 8_192;
/// Between two attempts to write to a full disk.
const NO_SPACE_PAUSE: Duration = Duration::from_millis(100);

/// The one that adds entries.
pub(crate) struct IndexWriter {
    index: Index,
    run_entries: usize,
    next_run: u32,
    frozen: Option<SyncSender<Arc<Frozen>>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl IndexWriter {
    /// Starts the thread. A run is closed at the first batch that fills it to `run_entries`.
    pub(crate) fn start(index: Index, run_entries: usize) -> Result<Self, Fault> {
        let (sender, receiver) = sync_channel(FROZEN_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let fault = Arc::new(Mutex::new(None));
        let next_run = index.state().runs.iter().map(|run| first_behind(run.id)).max();
        index.state_mut().newest = Memory::with_capacity(run_entries);
        let worker = Worker { index: index.clone(), stop: stop.clone() };
        let thread = thread::Builder::new()
            .name("uetr-index".to_owned())
            .spawn({
                let fault = fault.clone();
                move || {
                    let _end = EndOnPanic;
                    if let Err(error) = worker.run(&receiver) {
                        tracing::error!(%error, "index of references stopped");
                        *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    }
                }
            })
            .map_err(|error| Fault::system("start a thread", &error))?;
        let (frozen, thread) = (Some(sender), Some(thread));
        let next_run = next_run.unwrap_or(0);
        Ok(Self { index, run_entries, next_run, frozen, thread, stop, fault })
    }

    /// The secret under which references are hashed.
    pub(crate) fn seed(&self) -> Seed {
        self.index.seed()
    }

    /// Adds the entries of a batch; `covered` is how far the log is covered with them.
    pub(crate) fn add(&mut self, entries: &[Entry], covered: Covered) -> Result<(), Fault> {
        let mut state = self.index.state_mut();
        for entry in entries {
            state.newest.insert_unique(entry.hash, *entry, |entry| entry.hash);
        }
        if state.newest.len() < self.run_entries {
            return Ok(());
        }
        let entries = std::mem::replace(&mut state.newest, Memory::with_capacity(self.run_entries));
        let id = RunId { level: 0, number: self.next_run };
        let frozen = Arc::new(Frozen { entries, id, covered });
        state.frozen.push(frozen.clone());
        drop(state);
        self.next_run += 1;
        let sent = self.frozen.as_ref().map(|sender| sender.send(frozen));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(self.why_stopped()) }
    }

    fn why_stopped(&self) -> Fault {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        fault.unwrap_or_else(|| Fault::Halted { why: "index of references stopped".into() })
    }
}

impl Drop for IndexWriter {
    /// Abandons merges; frozen entries are gathered again from the log at the next start.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        drop(self.frozen.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the index's thread panicked");
        }
    }
}

struct Worker {
    index: Index,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self, frozen: &Receiver<Arc<Frozen>>) -> Result<(), Fault> {
        self.sweep()?;
        self.merge_all()?;
        while let Ok(next) = frozen.recv() {
            self.write_run(&next)?;
            self.merge_all()?;
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn store(&self) -> &dyn Store {
        &*self.index.0.store
    }

    /// Sorts a frozen table and writes it as a run of level 0.
    fn write_run(&self, frozen: &Arc<Frozen>) -> Result<(), Fault> {
        if self.stopping() {
            return Ok(());
        }
        let mut entries: Vec<Entry> = frozen.entries.iter().copied().collect();
        entries.sort_unstable();
        let pages_log2 = Run::pages_log2_for(entries.len());
        let mut run = Run::new(frozen.id, entries.len(), pages_log2, frozen.covered);
        let mut write = Write::new();
        run.put_pages(&entries, (0, 1 << pages_log2), &mut write);
        run.put_header(&mut write);
        if self.commit(write)? {
            let mut state = self.index.state_mut();
            state.frozen.retain(|other| !Arc::ptr_eq(other, frozen));
            state.runs.insert(0, Arc::new(run));
            metrics::uetr_runs(state.runs.len());
        }
        Ok(())
    }

    fn merge_all(&self) -> Result<(), Fault> {
        while let Some(inputs) = self.next_merge() {
            if self.stopping() || !self.merge(&inputs)? {
                break;
            }
        }
        Ok(())
    }

    /// Eight runs of one level that make one of the next; the lowest level first.
    fn next_merge(&self) -> Option<Vec<Arc<Run>>> {
        let mut runs = self.index.state().runs.clone();
        runs.sort_unstable_by_key(|run| run.id);
        let group = |run: &Arc<Run>| (run.id.level, run.id.number / FAN_IN);
        let mut groups = runs.chunk_by(|a, b| group(a) == group(b));
        groups.find(|group| group.len() == FAN_IN as usize).map(<[_]>::to_vec)
    }

    /// Merges runs, part by part of the range of hashes; `false` if it was stopped.
    fn merge(&self, inputs: &[Arc<Run>]) -> Result<bool, Fault> {
        let id = RunId { level: inputs[0].id.level + 1, number: inputs[0].id.number / FAN_IN };
        let entries: u64 = inputs.iter().map(|run| run.entries).sum();
        let covered = inputs.iter().map(|run| run.covered).max_by_key(|covered| covered.position);
        let smallest = inputs.iter().map(|run| run.pages_log2).min().unwrap_or(0);
        let pages_log2 = Run::pages_log2_for(entries as usize).max(smallest);
        let parts_log2 = (entries / MERGE_ENTRIES).max(1).ilog2().min(u32::from(smallest)) as u8;
        let mut run = Run::new(id, entries as usize, pages_log2, covered.unwrap_or_default());
        let mut merged = Vec::new();
        for part in 0..1_u32 << parts_log2 {
            merged.clear();
            for input in inputs {
                let pages = pages_of_part(part, parts_log2, input.pages_log2);
                input.read_pages(self.store(), pages, &mut merged)?;
            }
            merged.sort_unstable();
            let mut write = Write::new();
            run.put_pages(&merged, pages_of_part(part, parts_log2, pages_log2), &mut write);
            if self.stopping() || !self.commit(write)? {
                return Ok(false);
            }
        }
        self.replace(inputs, run)
    }

    /// Puts the merged run in the place of its parts.
    fn replace(&self, inputs: &[Arc<Run>], mut run: Run) -> Result<bool, Fault> {
        let mut write = Write::new();
        run.put_header(&mut write);
        inputs.iter().for_each(|input| input.delete_header(&mut write));
        if !self.commit(write)? {
            return Ok(false);
        }
        let mut state = self.index.state_mut();
        state.runs.retain(|run| !inputs.iter().any(|input| input.id == run.id));
        let used: usize = state
            .runs
            .iter()
            .filter_map(|run| run.filter.as_ref())
            .map(|filter| filter.bytes())
            .sum();
        if used + run.filter_bytes() > self.index.0.filter_bytes_max {
            run.filter = None;
        }
        state.runs.push(Arc::new(run));
        metrics::uetr_runs(state.runs.len());
        drop(state);
        inputs.iter().try_for_each(|input| self.delete_pages(input.id))?;
        Ok(true)
    }

    /// Removes what an interrupted removal of merged pages has left.
    fn sweep(&self) -> Result<(), Fault> {
        let runs = self.index.state().runs.clone();
        for run in runs.iter().filter(|run| run.id.level > 0) {
            let first = run.id.number * FAN_IN;
            for number in first..first + FAN_IN {
                self.delete_pages(RunId { level: run.id.level - 1, number })?;
            }
        }
        Ok(())
    }

    fn delete_pages(&self, id: RunId) -> Result<(), Fault> {
        loop {
            let keys = page_keys(self.store(), id, DELETES)?;
            if keys.is_empty() || self.stopping() {
                return Ok(());
            }
            let mut write = Write::new();
            keys.into_iter().for_each(|key| write.delete(Table::Uetrs, key));
            self.commit(write)?;
        }
    }

    /// Commits, as soon as there is space; `false` if it was stopped before.
    fn commit(&self, write: Write) -> Result<bool, Fault> {
        loop {
            match self.store().commit(write.clone()) {
                Ok(()) => return Ok(true),
                Err(fault) if fault.retryable() && self.stopping() => return Ok(false),
                Err(fault) if fault.retryable() => thread::sleep(NO_SPACE_PAUSE),
                Err(fault) => return Err(fault.into()),
            }
        }
    }
}

/// The pages that make one of 2^`parts_log2` equal parts of a run of 2^`pages_log2`.
fn pages_of_part(part: u32, parts_log2: u8, pages_log2: u8) -> (u32, u32) {
    let count = 1 << (pages_log2 - parts_log2);
    (part * count, count)
}

/// The number of the first run of level 0 behind a run.
fn first_behind(id: RunId) -> u32 {
    (id.number + 1) * FAN_IN.pow(u32::from(id.level))
}
