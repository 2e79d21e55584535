//! Who proposes what settles in a cut that waits for it.
//!
//! A proposer works on a copy of the candidates, on a thread of its own. What it proposes goes
//! through the log like everything else, and the pool checks it. So a proposer that is slow, lies
//! or panics costs nothing but what it would have gained: the floor settles when the cut's time is
//! up, and the next cut is tried anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use bus::Log;
use bytes::Bytes;
use clearing::{Candidates, Pool, Proposal, Record, RecordBody, pack_settle};

use crate::clock::Clock;
use crate::handle::Shared;
use crate::metrics;
use crate::settler::{Fault, spawn};

/// Proposes what settles.
pub trait Proposer: Send + 'static {
    /// What shall settle together: places of candidates, all of the floor among them.
    fn propose(&mut self, candidates: &Candidates) -> Proposal;

    /// Takes up from the last proposal in the log, made by a proposer before this one.
    fn resume(&mut self, _last: Proposal) {}
}

/// Proposes the floor: the FIFO maximum, at once instead of when the cut's time is up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Floor;

impl Proposer for Floor {
    fn propose(&mut self, candidates: &Candidates) -> Proposal {
        let floor = candidates.payments.iter().filter(|candidate| candidate.floor);
        Proposal {
            cycle: candidates.cut.cycle,
            as_of: candidates.as_of,
            places: floor.map(|candidate| candidate.place).collect(),
            ..Proposal::default()
        }
    }
}

/// Proposes what [`solver`] finds, each time from the prices of the time before.
#[derive(Debug, Clone, Default)]
pub struct Solver {
    previous: Option<Proposal>,
}

impl Proposer for Solver {
    fn propose(&mut self, candidates: &Candidates) -> Proposal {
        // Taken: after a panic the next search begins without.
        let previous = self.previous.take();
        let proposal = solver::propose(candidates, previous.as_ref());
        self.previous = Some(Proposal { places: Vec::new(), ..proposal.clone() });
        proposal
    }

    fn resume(&mut self, last: Proposal) {
        self.previous = Some(last);
    }
}

/// Hands cuts to the proposer's thread, each once.
#[derive(Debug)]
pub(crate) struct Desk {
    tray: Arc<Tray>,
    thread: Option<JoinHandle<()>>,
    /// The cycle of the last cut handed over.
    offered: u64,
    /// The last proposal that was found in the log at the start, until it is handed over.
    last: Option<Proposal>,
}

impl Desk {
    pub(crate) fn start(
        mut proposer: Box<dyn Proposer>,
        log: Arc<dyn Log>,
        (pool, clock): (u32, Clock),
        shared: Arc<Shared>,
    ) -> Result<Self, Fault> {
        let tray = Arc::new(Tray::default());
        let waiting = tray.clone();
        let thread = spawn("proposer", move || {
            while let Some(Offer { candidates, now_ms, last }) = waiting.take() {
                if let Some(last) = last {
                    proposer.resume(last);
                }
                let cycle = candidates.cut.cycle;
                let found = proposed(&mut *proposer, &candidates);
                shared.proposed.store(found.as_ref().map(without_places));
                let Some(proposal) = found else { continue };
                // A scripted clock is set only after the tick that made the cut.
                let settle = pack_settle((pool, clock.now_ms().max(now_ms)), &proposal);
                if let Err(refused) = log.append(Bytes::from(settle)) {
                    tracing::warn!(cycle, %refused, "the log takes no proposal");
                }
            }
        })?;
        Ok(Self { tray, thread: Some(thread), offered: 0, last: None })
    }

    /// Notes a record that was in the log before the start. With what the proposer gave last it
    /// goes on as if it had not been interrupted.
    pub(crate) fn replayed(&mut self, record: &[u8]) {
        if let Ok(Record { body: RecordBody::Settle(settle), .. }) = Record::read(record) {
            self.last = Some(Proposal { places: Vec::new(), ..settle.proposal() });
        }
    }

    /// Hands over the open cut, if there is one that was not handed over yet.
    pub(crate) fn offer(&mut self, pool: &Pool) {
        let Some(cycle) = pool.cut_waiting() else { return };
        if cycle == self.offered {
            return;
        }
        self.offered = cycle;
        if let Some(candidates) = pool.candidates() {
            self.tray.put(Offer { candidates, now_ms: pool.now_ms(), last: self.last.take() });
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.tray.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the proposer's thread panicked");
        }
    }
}

/// What is proposed, its places in order; nothing if the proposer panics.
fn proposed(proposer: &mut dyn Proposer, candidates: &Candidates) -> Option<Proposal> {
    let started = Instant::now();
    // A panic leaves nothing behind but the proposer, which starts every cut from what it is given.
    match catch_unwind(AssertUnwindSafe(|| proposer.propose(candidates))) {
        Ok(mut proposal) => {
            proposal.places.sort_unstable();
            metrics::proposed(started.elapsed(), proposal.steps);
            Some(proposal)
        }
        Err(_) => {
            metrics::solver_panicked();
            tracing::error!(cycle = candidates.cut.cycle, "the solver panicked: the floor settles");
            None
        }
    }
}

fn without_places(proposal: &Proposal) -> Arc<Proposal> {
    let prices = proposal.prices.clone();
    Arc::new(Proposal { places: Vec::new(), prices, ..*proposal })
}

/// A cut that waits for a proposal.
#[derive(Debug)]
struct Offer {
    candidates: Candidates,
    /// The pool's time, ms.
    now_ms: u64,
    /// What the proposer is to take up from.
    last: Option<Proposal>,
}

/// Holds the newest cut until the proposer is free: of older ones the floor has settled.
#[derive(Debug, Default)]
struct Tray {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    offer: Option<Offer>,
    closed: bool,
}

impl Tray {
    fn put(&self, mut offer: Offer) {
        let mut held = self.lock();
        let passed = held.offer.take().and_then(|passed| passed.last);
        offer.last = offer.last.or(passed);
        held.offer = Some(offer);
        drop(held);
        self.changed.notify_one();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for a cut; none once it is closed.
    fn take(&self) -> Option<Offer> {
        let mut held = self.lock();
        loop {
            if held.closed {
                return None;
            }
            if let Some(offer) = held.offer.take() {
                return Some(offer);
            }
            held = self.changed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Whoever holds it only moves values: they are whole even if it panics.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
