//! When time must pass by itself: a cycle falls due, an open batch must be sealed, a day closes.
//!
//! The pool says when; this decides whether a tick is on its way already. At most one is: the next
//! is appended once the last was applied. A tick that changed nothing (the pool refuses a jump of
//! time that no operator has confirmed) is tried again after a pause, not at once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bus::{Log, Ticket};
use bytes::Bytes;
use clearing::{NextTick, Pool, pack_tick};

use crate::clock::Clock;

/// Between two ticks for the same instant, and after an append that failed.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Ticks {
    clock: Clock,
    pool: u32,
    under_way: UnderWay,
    /// What the last tick was for, and when another for the same may go out.
    last: Option<(NextTick, Instant)>,
    /// The pool's time, ms, and since when it has not moved.
    reached: (u64, Instant),
}

#[derive(Debug)]
enum UnderWay {
    Nothing,
    Appended(Ticket),
    Durable(u64),
}

impl Ticks {
    pub(crate) fn new(clock: Clock, pool: u32) -> Self {
        Self { clock, pool, under_way: UnderWay::Nothing, last: None, reached: (0, Instant::now()) }
    }

    /// Appends a tick if one is due and none is on its way.
    pub(crate) fn run(&mut self, pool: &Pool, log: &dyn Log) {
        if !self.clock.runs() || self.is_under_way(pool) {
            return;
        }
        if pool.now_ms() > self.reached.0 {
            self.reached = (pool.now_ms(), Instant::now());
        }
        let Some(next) = pool.next_tick() else { return };
        let now_ms = self.now_ms();
        if now_ms < next.at_ms || self.pauses(next) {
            return;
        }
        self.last = Some((next, Instant::now() + PAUSE));
        let tick = pack_tick((self.pool, now_ms), next.cycle);
        match log.append(Bytes::from(tick)) {
            Ok(ticket) => self.under_way = UnderWay::Appended(ticket),
            Err(refused) => tracing::debug!(%refused, "the log takes no tick"),
        }
    }

    /// How long it takes at most until [`Ticks::run`] has something to do.
    pub(crate) fn wait(&self, pool: &Pool, most: Duration) -> Duration {
        let next = self.clock.runs().then(|| pool.next_tick()).flatten();
        let Some(next) = next else { return most };
        if self.pauses(next) {
            return most;
        }
        let left = next.at_ms.saturating_sub(self.now_ms());
        Duration::from_millis(left.max(1)).min(most)
    }

    /// The time of ticks: this machine's, or the pool's, which runs on from its last record. Records
    /// of a process whose clock is ahead move the pool's time; what falls due by it does not wait
    /// until this machine's clock is there.
    fn now_ms(&self) -> u64 {
        let (pool_ms, since) = self.reached;
        let runs_on = u64::try_from(since.elapsed().as_millis()).unwrap_or(0);
        self.clock.now_ms().max(pool_ms.saturating_add(runs_on))
    }

    fn pauses(&self, next: NextTick) -> bool {
        self.last.is_some_and(|(last, until)| last == next && Instant::now() < until)
    }

    fn is_under_way(&mut self, pool: &Pool) -> bool {
        if let UnderWay::Appended(ticket) = &mut self.under_way {
            match Pin::new(ticket).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return true,
                Poll::Ready(Ok(position)) => self.under_way = UnderWay::Durable(position.0),
                Poll::Ready(Err(fault)) => {
                    tracing::debug!(%fault, "a tick was not logged");
                    self.under_way = UnderWay::Nothing;
                }
            }
        }
        matches!(self.under_way, UnderWay::Durable(position) if position >= pool.next_position())
    }
}
