//! Writing the index: the newest entries, and the thread that writes and merges runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use bus::EndOnPanic;
use store::{Commit, Store, Stream, Write};

use super::run::{FAN_IN, Run, RunId};
use super::{Covered, Entry, Frozen, Index, Memory};
use crate::fault::Fault;
use crate::patience::insist;

/// Frozen tables that may wait for the thread; beyond, the projector waits.
const FROZEN_MAX: usize = 2;
/// Entries merged between two commits, about: bounds memory and the size of a write.
const MERGE_ENTRIES: u64 = 262_144;
/// Rows of a merged filter, of 64 KiB, in one commit.
const FILTER_ROWS: usize = 64;

/// The one that adds entries.
pub(crate) struct IndexWriter {
    index: Index,
    run_entries: usize,
    next_run: u32,
    /// The last batch that was in a run at the start.
    covered: u64,
    frozen: Option<SyncSender<Arc<Frozen>>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl IndexWriter {
    /// Starts the thread. A run is closed at the first batch that fills it to `run_entries`.
    pub(crate) fn start(index: Index, covered: Covered, run_entries: usize) -> Result<Self, Fault> {
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
                    match worker.run(&receiver) {
                        Ok(()) => {}
                        // The next start goes on with it.
                        Err(error) if error.retryable() && worker.stopping() => {}
                        Err(error) => {
                            tracing::error!(%error, "index of references stopped");
                            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        }
                    }
                }
            })
            .map_err(|error| Fault::system("start a thread", &error))?;
        let (frozen, thread) = (Some(sender), Some(thread));
        let next_run = next_run.unwrap_or(0);
        let covered = covered.batch;
        Ok(Self { index, run_entries, next_run, covered, frozen, thread, stop, fault })
    }

    /// Adds the entries of a batch; `covered` is how far the log is covered with them.
    pub(crate) fn add(&mut self, entries: &[Entry], covered: Covered) -> Result<(), Fault> {
        if covered.batch <= self.covered {
            // Another writer is ahead of this one, and its run holds them.
            return Ok(());
        }
        self.index.remember(entries);
        let mut state = self.index.state_mut();
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

    /// Sorts a frozen table and writes it as a run of level 0, unless another writer has done so.
    fn write_run(&self, frozen: &Arc<Frozen>) -> Result<(), Fault> {
        if self.stopping() {
            return Ok(());
        }
        if self.refresh()?.position < frozen.covered.position {
            let mut entries: Vec<Entry> = frozen.entries.iter().copied().collect();
            entries.sort_unstable();
            let pages_log2 = Run::pages_log2_for(entries.len());
            let mut run = Run::new(frozen.id, entries.len(), pages_log2, frozen.covered);
            let mut write = Write::new();
            run.put_pages(&entries, (0, 1 << pages_log2), &mut write);
            run.put_filter(&run.filter_chunks(), &mut write);
            let number = self.next();
            run.next = number + 1;
            run.put_header(&mut write);
            if !self.commit(number, write)? {
                return Ok(());
            }
            self.refresh()?;
        }
        self.index.state_mut().frozen.retain(|other| !Arc::ptr_eq(other, frozen));
        Ok(())
    }

    /// The number of the next commit: behind that of the run that was written last.
    fn next(&self) -> u64 {
        self.index.state().runs.iter().map(|run| run.next).max().unwrap_or(1)
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

    /// Merges runs, unless another writer has done so; `false` if it was stopped.
    fn merge(&self, inputs: &[Arc<Run>]) -> Result<bool, Fault> {
        match self.write_merged(inputs) {
            Ok(true) => {
                self.refresh()?;
            }
            Ok(false) => return Ok(false),
            Err(fault) => {
                // Another writer may have merged and removed them meanwhile.
                self.refresh()?;
                let runs = self.index.state().runs.clone();
                if inputs.iter().any(|input| runs.iter().any(|run| run.id == input.id)) {
                    return Err(fault);
                }
            }
        }
        inputs.iter().try_for_each(|input| self.remove(input.id))?;
        Ok(true)
    }

    /// Writes the run that others make, part by part of the range of hashes, its header last.
    fn write_merged(&self, inputs: &[Arc<Run>]) -> Result<bool, Fault> {
        let id = RunId { level: inputs[0].id.level + 1, number: inputs[0].id.number / FAN_IN };
        let entries: u64 = inputs.iter().map(|run| run.entries).sum();
        let covered = inputs.iter().map(|run| run.covered).max_by_key(|covered| covered.position);
        let smallest = inputs.iter().map(|run| run.pages_log2).min().unwrap_or(0);
        let pages_log2 = Run::pages_log2_for(entries as usize).max(smallest);
        let parts_log2 = (entries / MERGE_ENTRIES).max(1).ilog2().min(u32::from(smallest)) as u8;
        let mut run = Run::new(id, entries as usize, pages_log2, covered.unwrap_or_default());
        let mut merged = Vec::new();
        let mut number = self.next();
        for part in 0..1_u32 << parts_log2 {
            merged.clear();
            for input in inputs {
                let pages = pages_of_part(part, parts_log2, input.pages_log2);
                self.insist(|| input.read_pages(self.store(), pages, &mut merged))?;
            }
            merged.sort_unstable();
            let mut write = Write::new();
            run.put_pages(&merged, pages_of_part(part, parts_log2, pages_log2), &mut write);
            if !self.commit(number, write)? {
                return Ok(false);
            }
            number += 1;
        }
        for rows in run.filter_chunks().chunks(FILTER_ROWS) {
            let mut write = Write::new();
            run.put_filter(rows, &mut write);
            if !self.commit(number, write)? {
                return Ok(false);
            }
            number += 1;
        }
        let mut write = Write::new();
        run.next = number + 1;
        run.put_header(&mut write);
        self.commit(number, write)
    }

    /// Removes what an interrupted removal of merged runs has left.
    fn sweep(&self) -> Result<(), Fault> {
        let runs = self.index.state().runs.clone();
        for run in runs.iter().filter(|run| run.id.level > 0) {
            let first = run.id.number * FAN_IN;
            for number in first..first + FAN_IN {
                self.remove(RunId { level: run.id.level - 1, number })?;
            }
        }
        Ok(())
    }

    fn remove(&self, id: RunId) -> Result<(), Fault> {
        if self.stopping() {
            return Ok(());
        }
        self.insist(|| Ok(Run::remove(self.store(), id)?))
    }

    /// Takes note of the runs there are.
    fn refresh(&self) -> Result<Covered, Fault> {
        self.insist(|| self.index.refresh())
    }

    /// Commits; `false` if it was stopped before.
    fn commit(&self, number: u64, write: Write) -> Result<bool, Fault> {
        if self.stopping() {
            return Ok(false);
        }
        let commit = Commit::new(Stream::Uetrs, number, write);
        self.insist(|| Ok(self.store().commit(std::slice::from_ref(&commit))?)).map(|()| true)
    }

    fn insist<T>(&self, attempt: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
        insist(|| self.stopping(), attempt)
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
