//! The newest outcomes, and those who wait for one.

use std::collections::{BTreeMap, VecDeque};
use std::mem::size_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use channel::ParticipantId;
use clearing::{BalanceAfter, Change, Net, Outcome, Place, Ruled, SealedBatch, Transfer};
use thiserror::Error;
use tokio::sync::oneshot;

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotHere {
    /// Applied so long ago that its outcome is no longer kept in memory.
    #[error("the outcome of this position is no longer kept")]
    TooOld,
    /// The pool stopped before this position.
    #[error("the pool has halted: {0}")]
    Halted(String),
}

/// A ring of outcomes, bounded in number and in bytes, and the callers who wait for the next ones.
///
/// A caller waits only for a position that is durable, so a waiter never stays for long; there are
/// as many as calls are under way.
#[derive(Debug)]
pub(crate) struct Outcomes {
    inner: Mutex<Inner>,
    count_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Inner {
    /// The position of `kept[0]`, or of the next outcome if nothing is kept.
    first: u64,
    kept: VecDeque<(Arc<Outcome>, usize)>,
    bytes: usize,
    waiters: BTreeMap<u64, Vec<oneshot::Sender<Arc<Outcome>>>>,
    halted: Option<String>,
}

impl Outcomes {
    /// The first outcome to come is that of position `next`.
    pub(crate) fn new(next: u64, count_max: usize, bytes_max: usize) -> Self {
        let inner = Inner {
            first: next,
            kept: VecDeque::new(),
            bytes: 0,
            waiters: BTreeMap::new(),
            halted: None,
        };
        Self { inner: Mutex::new(inner), count_max, bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends the outcomes of the next positions, in order, and wakes who waited for them.
    pub(crate) fn publish(&self, outcomes: &[Arc<Outcome>]) {
        let mut woken = Vec::new();
        let mut inner = self.lock();
        for outcome in outcomes {
            let bytes = size_of_outcome(outcome);
            inner.kept.push_back((outcome.clone(), bytes));
            inner.bytes += bytes;
            while inner.kept.len() > self.count_max || inner.bytes > self.bytes_max {
                let Some((_, bytes)) = inner.kept.pop_front() else { break };
                inner.bytes -= bytes;
                inner.first += 1;
            }
            if let Some(waiters) = inner.waiters.remove(&outcome.position) {
                woken.extend(waiters.into_iter().map(|waiter| (waiter, outcome.clone())));
            }
        }
        drop(inner);
        for (waiter, outcome) in woken {
            // A caller who went away needs no answer.
            drop(waiter.send(outcome));
        }
    }

    /// No more outcomes will come. The first reason given stays.
    pub(crate) fn halt(&self, reason: &str) {
        let mut inner = self.lock();
        inner.halted.get_or_insert_with(|| reason.to_owned());
        inner.waiters.clear();
    }

    pub(crate) fn halted(&self) -> Option<String> {
        self.lock().halted.clone()
    }

    /// Waits for the outcome of a position that is in the log, or will be in a moment.
    pub(crate) async fn at(&self, position: u64) -> Result<Arc<Outcome>, NotHere> {
        let waiter = {
            let mut inner = self.lock();
            if position < inner.first {
                return Err(NotHere::TooOld);
            }
            if let Some((outcome, _)) = inner.kept.get((position - inner.first) as usize) {
                return Ok(outcome.clone());
            }
            if let Some(reason) = &inner.halted {
                return Err(NotHere::Halted(reason.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            inner.waiters.entry(position).or_default().push(sender);
            receiver
        };
        waiter.await.map_err(|_| NotHere::Halted(self.halted().unwrap_or_default()))
    }
}

/// What an outcome takes in memory, about.
fn size_of_outcome(outcome: &Outcome) -> usize {
    let batch = |batch: &SealedBatch| {
        batch.transfers.len() * size_of::<Transfer>()
            + batch.nets.len() * size_of::<Net>()
            + batch.balances.len() * size_of::<BalanceAfter>()
    };
    size_of::<Outcome>()
        + outcome.rulings.len() * size_of::<Ruled>()
        + outcome.changes.len() * size_of::<Change>()
        + outcome.readers.len() * size_of::<(Place, ParticipantId)>()
        + outcome.sealed_before.as_ref().map_or(0, batch)
        + outcome.sealed.as_ref().map_or(0, batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearing::Subject;

    fn outcome(position: u64) -> Arc<Outcome> {
        Arc::new(Outcome {
            position,
            time_ms: 0,
            subject: Subject::System,
            rulings: Vec::new(),
            statements: Vec::new(),
            readers: Vec::new(),
            holds: Vec::new(),
            reject: None,
            replayed: false,
            sealed_before: None,
            changes: Vec::new(),
            fx: Vec::new(),
            accounts_opened: Vec::new(),
            cut: None,
            sealed: None,
        })
    }

    #[tokio::test]
    async fn keeps_the_newest_and_answers_those_who_wait() {
        let outcomes = Arc::new(Outcomes::new(10, 2, usize::MAX));
        let waiting = tokio::spawn({
            let outcomes = outcomes.clone();
            async move { outcomes.at(12).await }
        });
        tokio::task::yield_now().await;
        outcomes.publish(&[outcome(10), outcome(11), outcome(12)]);
        assert_eq!(waiting.await.unwrap().unwrap().position, 12);
        assert_eq!(outcomes.at(10).await, Err(NotHere::TooOld));
        assert_eq!(outcomes.at(9).await, Err(NotHere::TooOld));
        assert_eq!(outcomes.at(11).await.unwrap().position, 11);
    }

    #[tokio::test]
    async fn bytes_bound_it_too() {
        let one = size_of_outcome(&outcome(0));
        let outcomes = Outcomes::new(0, 100, one * 3);
        outcomes.publish(&(0..5).map(outcome).collect::<Vec<_>>());
        assert_eq!(outcomes.at(1).await, Err(NotHere::TooOld));
        assert_eq!(outcomes.at(2).await.unwrap().position, 2);
    }

    #[tokio::test]
    async fn a_halt_answers_everybody_with_the_first_reason() {
        let outcomes = Arc::new(Outcomes::new(0, 8, usize::MAX));
        let waiting = tokio::spawn({
            let outcomes = outcomes.clone();
            async move { outcomes.at(3).await }
        });
        tokio::task::yield_now().await;
        outcomes.publish(&[outcome(0)]);
        outcomes.halt("first");
        outcomes.halt("second");
        let halted = Err(NotHere::Halted("first".to_owned()));
        assert_eq!(waiting.await.unwrap(), halted);
        assert_eq!(outcomes.at(1).await, halted);
        assert_eq!(outcomes.at(0).await.unwrap().position, 0);
    }
}
