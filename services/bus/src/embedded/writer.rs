//! The writer thread: takes all that waits, writes it as one frame, then tells everybody.

use std::sync::Arc;
use std::time::Instant;

use super::engine::Engine;
use super::frame::{self, Record};
use super::preparer::Preparer;
use super::queue::{Next, Waiting};
use super::{Options, Shared};
use crate::metrics;
use crate::port::{Fault, Position};

/// The only one who writes to the log.
pub(crate) struct Writer {
    pub(crate) engine: Engine,
    pub(crate) shared: Arc<Shared>,
    pub(crate) preparer: Arc<Preparer>,
    pub(crate) options: Options,
}

/// The log cannot go on.
struct Halt(Fault);

impl Writer {
    /// Writes until the queue is closed and empty, or until the disk fails.
    pub(crate) fn run(mut self) {
        let _halt = HaltOnDrop(self.shared.clone());
        let mut group = Vec::new();
        let mut marked = false;
        let frame_bytes_max = self.options.frame_bytes_max();
        loop {
            let idle = (!marked).then_some(self.options.mark_after);
            let next = self.shared.queue.take(&mut group, frame_bytes_max, idle);
            let done = match next {
                Next::Write => self.write(&mut group),
                Next::Idle | Next::Finish => self.mark(),
            };
            if let Err(Halt(fault)) = done {
                metrics::halted();
                tracing::error!(error = &fault as &dyn std::error::Error, "the log halts");
                return;
            }
            if next == Next::Finish {
                return;
            }
            marked = next == Next::Idle;
        }
    }

    /// Writes a group and resolves its tickets, whatever comes of it.
    fn write(&mut self, group: &mut Vec<Waiting>) -> Result<(), Halt> {
        let records: Vec<Record> = group.iter().map(|waiting| waiting.record.clone()).collect();
        let first = self.engine.position();
        let written = self.make_room(&records).and_then(|()| self.append(&records));
        match written {
            Ok(()) => {
                self.shared.publish(records, self.engine.position());
                self.shared.queue.release(group);
                for (position, waiting) in (first..).zip(group.drain(..)) {
                    // Whoever dropped the ticket does not want to know.
                    let _ = waiting.answer.send(Ok(Position(position)));
                }
                Ok(())
            }
            Err(Fault::NoSpace) => {
                let refused = self.shared.queue.refuse_for_space();
                tracing::warn!("no space left for the log: appends are refused");
                metrics::blocked(true);
                deny(group.drain(..).chain(refused), &Fault::NoSpace);
                self.wait_for_space();
                Ok(())
            }
            Err(fault) => {
                // The gate shuts before anybody learns why, so that nobody appends in between.
                let waiting = self.shared.queue.halt();
                deny(group.drain(..), &fault);
                deny(waiting.into_iter(), &Fault::Halted);
                Err(Halt(fault))
            }
        }
    }

    /// Writes the records as one frame; they are durable on return.
    fn append(&mut self, records: &[Record]) -> Result<(), Fault> {
        let started = Instant::now();
        self.engine.append(records)?;
        metrics::synced(started.elapsed());
        let bytes = records.iter().map(|record| record.bytes.len() as u64).sum();
        metrics::written(records.len() as u64, bytes);
        Ok(())
    }

    /// Goes on in the next segment if the records do not fit into this one.
    fn make_room(&mut self, records: &[Record]) -> Result<(), Fault> {
        let bodies = records.iter().map(|record| record.bytes.len()).sum();
        if self.engine.fits(frame::frame_bytes(records.len(), bodies)) {
            return Ok(());
        }
        let spare = self.preparer.take()?;
        let rolled = self.engine.roll(spare);
        self.preparer.order(self.engine.next_epoch());
        rolled
    }

    /// Waits until a spare segment could be made, then takes records again.
    fn wait_for_space(&self) {
        while !self.shared.queue.pause(self.options.retry_space_every) {
            if self.preparer.has_space() {
                tracing::info!("the log has space again");
                metrics::blocked(false);
                return self.shared.queue.reopen();
            }
        }
    }

    /// Lets the file itself say that all so far is durable. Nothing is lost without it.
    fn mark(&mut self) -> Result<(), Halt> {
        match self.engine.mark() {
            Ok(()) | Err(Fault::NoSpace) => Ok(()),
            Err(fault) => Err(Halt(fault)),
        }
    }
}

fn deny(group: impl Iterator<Item = Waiting>, fault: &Fault) {
    for waiting in group {
        // Whoever dropped the ticket does not want to know.
        let _ = waiting.answer.send(Err(fault.clone()));
    }
}

/// However the writer ends, nothing waits for it any longer.
struct HaltOnDrop(Arc<Shared>);

impl Drop for HaltOnDrop {
    fn drop(&mut self) {
        deny(self.0.queue.halt().into_iter(), &Fault::Halted);
    }
}
