//! The seam for solvers: who proposes what settles in a cut that waits for it.
//!
//! A proposer works on a copy of the candidates, on a thread of its own. What it proposes goes
//! through the log like everything else, and the pool checks it: a proposer that gives up, lies or
//! never answers harms nothing, since the floor settles when the cut's time is up. One that panics
//! is a bug, and ends the process.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bus::Log;
use bytes::Bytes;
use clearing::{Candidates, Place, Pool, pack_settle};
use projector::EndOnPanic;

use crate::clock::Clock;
use crate::settler::{Fault, spawn};

/// Proposes what settles.
pub trait Proposer: Send + 'static {
    /// The places that shall settle together; each a candidate, all of the floor among them. Must
    /// depend on the candidates alone.
    fn propose(&mut self, candidates: &Candidates) -> Vec<Place>;
}

/// Proposes the floor: the FIFO maximum, at once instead of when the cut's time is up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Floor;

impl Proposer for Floor {
    fn propose(&mut self, candidates: &Candidates) -> Vec<Place> {
        let floor = candidates.payments.iter().filter(|candidate| candidate.floor);
        floor.map(|candidate| candidate.place).collect()
    }
}

/// Hands cuts to the proposer's thread, each once.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Gone once dropped, which ends the thread.
    cuts: Option<SyncSender<Candidates>>,
    thread: Option<JoinHandle<()>>,
    /// The cycle of the last cut handed over.
    offered: u64,
}

impl Desk {
    pub(crate) fn start(
        mut proposer: Box<dyn Proposer>,
        log: Arc<dyn Log>,
        (pool, clock): (u32, Clock),
    ) -> Result<Self, Fault> {
        // There is one open cut at a time; a second place lets the next one wait for a slow solver.
        let (cuts, waiting): (_, Receiver<Candidates>) = sync_channel(1);
        let thread = spawn("proposer", move || {
            let _end = EndOnPanic;
            for candidates in waiting {
                let mut places = proposer.propose(&candidates);
                places.sort_unstable();
                let cycle = candidates.cut.cycle;
                let settle = pack_settle((pool, clock.now_ms()), cycle, &places);
                if let Err(refused) = log.append(Bytes::from(settle)) {
                    tracing::warn!(cycle, %refused, "the log takes no proposal");
                }
            }
        })?;
        Ok(Self { cuts: Some(cuts), thread: Some(thread), offered: 0 })
    }

    /// Hands over the open cut, if there is one that was not handed over yet.
    pub(crate) fn offer(&mut self, pool: &Pool) {
        let Some(cycle) = pool.cut_waiting() else { return };
        if cycle == self.offered {
            return;
        }
        self.offered = cycle;
        if let (Some(cuts), Some(candidates)) = (&self.cuts, pool.candidates()) {
            // A solver that is still busy with earlier cuts misses this one: the floor settles it.
            drop(cuts.try_send(candidates));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.cuts = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the proposer's thread panicked");
        }
    }
}
