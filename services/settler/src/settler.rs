//! The thread that owns the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use bus::{EndOnPanic, Log, Position};
use bytes::Bytes;
use clearing::{Outcome, Pool, RecordError, Subject};
use projector::{Feed, Projected};
use store::Store;
use thiserror::Error;

use crate::capture::Capture;
use crate::clock::Clock;
use crate::handle::{PoolHandle, Shared};
use crate::inquiry::{Inbox, inbox};
use crate::metrics;
use crate::outcomes::Outcomes;
use crate::peers::{self, Peers};
use crate::proposer::{Desk, Proposer};
use crate::snapshot;
use crate::snapshotter::Snapshotter;
use crate::ticks::Ticks;

/// One group of records is at most about this large.
const GROUP_BYTES: usize = 4 << 20;
/// How long the thread sleeps at most while nothing happens.
const IDLE: Duration = Duration::from_millis(100);
/// Between two attempts to read a log that does not answer.
const PAUSE: Duration = Duration::from_millis(200);

/// How a settler works.
#[derive(Debug, Clone)]
pub struct Options {
    /// The pool's number.
    pub pool: u32,
    /// The newest outcomes kept for callers, at most.
    pub outcomes_max: usize,
    /// Bytes of the newest outcomes kept for callers, at most.
    pub outcomes_bytes_max: usize,
    /// A snapshot is taken after this many orders, at least 1; a record without any counts as one.
    pub snapshot_every_orders: u64,
    /// Whether snapshots are taken while another settler is active, too: where each has a store of
    /// its own.
    pub snapshot_on_standby: bool,
}

/// What ends the settler's work, or keeps it from starting.
#[derive(Debug, Error)]
pub enum Fault {
    /// A record cannot be read.
    #[error("record {position} of the log: {source}")]
    Record {
        /// Its position.
        position: u64,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The log cannot be read.
    #[error("log: {0}")]
    Log(#[from] bus::Fault),
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] store::Fault),
    /// Another settler of the pool has sealed something else, or cannot be heard.
    #[error(transparent)]
    Peers(Box<dyn std::error::Error + Send + Sync>),
    /// The projector takes no more outcomes.
    #[error("projector: {0}")]
    Projector(#[from] projector::Fault),
    /// The operating system gave no thread or no random number.
    #[error("cannot {doing}: {why}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        why: String,
    },
}

impl From<peers::Fault> for Fault {
    fn from(fault: peers::Fault) -> Self {
        Self::Peers(Box::new(fault))
    }
}

/// The running settler of a pool.
#[derive(Debug)]
pub struct Settler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What the settler works on.
pub struct Parts {
    /// The pool's log, with its genesis.
    pub log: Arc<dyn Log>,
    /// Where snapshots are kept.
    pub store: Arc<dyn Store>,
    /// Where outcomes go, in a process that projects.
    pub feed: Option<Feed>,
    /// The time of ticks.
    pub clock: Clock,
    /// Who proposes what settles in a cut.
    pub proposer: Box<dyn Proposer>,
    /// The other replicas of the pool, one of which is active; without them this one is.
    pub peers: Option<Peers>,
}

impl Settler {
    /// Restores the pool from the newest snapshot (that the projector has passed, in a process that
    /// projects), and starts to apply the log behind it.
    ///
    /// # Errors
    /// [`Fault::Store`] if snapshots cannot be read, [`Fault::System`].
    pub fn start(parts: Parts, options: &Options) -> Result<(Self, PoolHandle), Fault> {
        let seed = getrandom::u64()
            .map_err(|error| Fault::System { doing: "draw a seed", why: error.to_string() })?;
        let project_from = parts.feed.as_ref().map_or(u64::MAX, Feed::next_position);
        let (pool, kept) = snapshot::load(&*parts.store, project_from, seed)?;
        let next = pool.next_position();
        tracing::info!(position = next, "pool restored");
        let mut capture = Capture::new(&pool);
        let view = ArcSwap::from_pointee(capture.view(&pool, true));
        let outcomes = Outcomes::new(next, options.outcomes_max, options.outcomes_bytes_max);
        let (questions, inbox) = inbox();
        let proposed = ArcSwapOption::empty();
        let shared = Arc::new(Shared { view, outcomes, questions, proposed });
        let handle = PoolHandle { shared: shared.clone() };
        let stop = Arc::new(AtomicBool::new(false));
        // Peers say who of them is active; who is alone is.
        if parts.peers.is_none() {
            metrics::active(true);
        }
        let mut work = Work {
            ticks: Ticks::new(parts.clock.clone(), options.pool),
            desk: Desk::start(
                parts.proposer,
                parts.log.clone(),
                (options.pool, parts.clock.clone()),
                shared.clone(),
            )?,
            snapshotter: Snapshotter::start(parts.store, kept, options.snapshot_every_orders)?,
            pool,
            inbox,
            capture,
            snapshot_on_standby: options.snapshot_on_standby,
            project_from,
            peers: parts.peers,
            caught_up: false,
            log: parts.log,
            feed: parts.feed,
            clock: parts.clock,
            shared,
            stop: stop.clone(),
        };
        let thread = spawn("settler", move || work.run())?;
        Ok((Self { stop, thread }, handle))
    }

    /// Tells it to stop, and gives it so long: whether it has.
    #[must_use]
    pub fn stops_within(&self, time: Duration) -> bool {
        self.stop.store(true, Ordering::Release);
        let until = Instant::now() + time;
        while !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        self.thread.is_finished()
    }

    /// Applies what is in the log now, then stops; at once where others write into the log, too.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!("the settler's thread panicked");
        }
    }
}

pub(crate) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Fault> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| Fault::System { doing: "start a thread", why: error.to_string() })
}

struct Work {
    pool: Pool,
    log: Arc<dyn Log>,
    feed: Option<Feed>,
    peers: Option<Peers>,
    clock: Clock,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    inbox: Inbox,
    capture: Capture,
    ticks: Ticks,
    desk: Desk,
    snapshotter: Snapshotter,
    snapshot_on_standby: bool,
    /// The first position whose outcome the projector lacks.
    project_from: u64,
    /// Whether the end of the log was reached once: what falls due before that is in the log.
    caught_up: bool,
}

impl Work {
    fn run(&mut self) {
        let _end = EndOnPanic;
        let reason = match self.settle() {
            Ok(()) => "stopped".to_owned(),
            Err(fault) => {
                metrics::halted();
                tracing::error!(position = self.pool.next_position(), %fault, "pool halted");
                fault.to_string()
            }
        };
        self.publish_view(true);
        self.shared.outcomes.halt(&reason);
    }

    /// Applies records until it is told to stop and there are no more.
    fn settle(&mut self) -> Result<(), Fault> {
        loop {
            let next = Position(self.pool.next_position());
            let stopping = self.stop.load(Ordering::Acquire);
            if stopping && self.peers.is_some() {
                return Ok(());
            }
            match self.log.read(next, GROUP_BYTES) {
                Err(fault) if fault.retryable() && !stopping => {
                    tracing::warn!(%fault, "reading the log");
                    thread::sleep(PAUSE);
                }
                Err(fault) => return Err(fault.into()),
                Ok(records) if !records.is_empty() => self.apply_group(records)?,
                Ok(_) if stopping => return Ok(()),
                Ok(_) => self.idle(next),
            }
            self.inbox.answer(&self.pool);
            self.snapshotter.check()?;
            self.peers.as_ref().map_or(Ok(()), Peers::check)?;
        }
    }

    /// Whether it is for this settler to let time pass, and to propose.
    fn leads(&self) -> bool {
        self.caught_up && self.peers.as_ref().is_none_or(Peers::leads)
    }

    fn offer_snapshot(&mut self, orders: u64) {
        let may = self.snapshot_on_standby || self.leads();
        self.snapshotter.offer(&mut self.pool, orders, may);
    }

    /// Nothing to apply: the pool is up to date, so time may pass.
    fn idle(&mut self, next: Position) {
        self.clock.advance_to(self.pool.now_ms());
        if !self.caught_up {
            self.caught_up = true;
            self.peers.iter().for_each(Peers::ready);
        }
        metrics::behind(0, 0);
        if self.capture.stale() {
            self.publish_view(true);
        }
        // One that was due while another was being written.
        self.offer_snapshot(0);
        self.let_time_pass();
        let wait = if self.leads() { self.ticks.wait(&self.pool, IDLE) } else { IDLE };
        self.log.wait(next, wait);
    }

    fn apply_group(&mut self, records: Vec<Bytes>) -> Result<(), Fault> {
        let started = Instant::now();
        let count = records.len() as u64;
        let (mut orders, mut weight) = (0, 0);
        // Until the group is applied: whatever keeps the pool from it shall be seen to last.
        metrics::behind(count, self.clock.now_ms());
        for record in records {
            let of_record = self.apply(record)?;
            orders += of_record;
            weight += of_record.max(1);
        }
        self.publish_view(false);
        metrics::applied(count, orders, started.elapsed());
        let lag = self.log.end().0.saturating_sub(self.pool.next_position());
        metrics::behind(lag, if lag == 0 { 0 } else { self.pool.now_ms() });
        self.offer_snapshot(weight);
        self.let_time_pass();
        Ok(())
    }

    /// Has appended what is due: proposals and ticks.
    fn let_time_pass(&mut self) {
        if self.leads() {
            self.desk.offer(&self.pool);
            self.ticks.run(&self.pool, &*self.log);
        }
    }

    /// Applies one record, answers those who wait for it, and hands it on to the projector; how
    /// many orders it held.
    fn apply(&mut self, record: Bytes) -> Result<u64, Fault> {
        let position = self.pool.next_position();
        let outcome = self
            .pool
            .apply(position, &record)
            .map_err(|source| Fault::Record { position, source })?;
        let outcome = Arc::new(outcome);
        let orders = outcome.rulings.len() as u64;
        if self.leads() {
            // At once, so that the solver sees the cut as it was made: whoever replays has no other.
            self.desk.offer(&self.pool);
        } else if outcome.subject == Subject::System {
            self.desk.replayed(&record);
        }
        self.capture.note(&outcome);
        if self.caught_up {
            self.count(&outcome);
        }
        if outcome.subject != Subject::Orders {
            // Whoever sees the answer to a command sees what it changed.
            self.publish_view(false);
        }
        if let Some(peers) = &self.peers {
            // Before anybody hears of it.
            let mut sealed = outcome.sealed_before.iter().chain(&outcome.sealed);
            sealed.try_for_each(|batch| peers.sealed(batch))?;
        }
        self.shared.outcomes.publish(std::slice::from_ref(&outcome));
        if let Some(feed) = &self.feed
            && position >= self.project_from
        {
            let batch_open = self.pool.batch_open();
            feed.push(Projected { position, record, outcome, batch_open })?;
        }
        Ok(orders)
    }

    /// Counts what settled.
    fn count(&self, outcome: &Outcome) {
        let directory = self.pool.directory();
        let currency_of = |account| directory.account_info(account).map(|info| info.currency);
        for batch in outcome.sealed_before.iter().chain(&outcome.sealed) {
            metrics::sealed(batch, currency_of);
        }
        metrics::exchanged(&outcome.fx);
    }

    fn publish_view(&mut self, quiet: bool) {
        let view = self.capture.view(&self.pool, quiet);
        metrics::standing(&view);
        self.shared.view.store(Arc::new(view));
    }
}
