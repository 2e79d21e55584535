//! What the rest of the node holds of the pool.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use clearing::{Outcome, Pool, Proposal};

use crate::inquiry::{Questions, Unasked};
use crate::outcomes::{NotHere, Outcomes};
use crate::view::PoolView;

/// A pool as others see it: its latest picture, and the outcome of any recent record.
#[derive(Debug, Clone)]
pub struct PoolHandle {
    pub(crate) shared: Arc<Shared>,
}

/// What the settler's thread publishes into.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) view: ArcSwap<PoolView>,
    pub(crate) outcomes: Outcomes,
    pub(crate) questions: Questions,
    pub(crate) proposed: ArcSwapOption<Proposal>,
}

impl PoolHandle {
    /// The pool behind the latest group of records that was applied.
    #[must_use]
    pub fn view(&self) -> Arc<PoolView> {
        self.shared.view.load_full()
    }

    /// Waits until the record at `position` is applied. To be called for positions that a log's
    /// ticket has given, which will therefore be applied unless the pool halts.
    ///
    /// # Errors
    /// [`NotHere::TooOld`] if so many records were applied since that it is no longer kept,
    /// [`NotHere::Halted`] if the pool stopped before it.
    pub async fn outcome(&self, position: u64) -> Result<Arc<Outcome>, NotHere> {
        self.shared.outcomes.at(position).await
    }

    /// Has a question answered by the thread that owns the pool, between two groups of records. It
    /// should copy what it needs and leave the thinking to the caller: while it runs, nothing
    /// settles.
    ///
    /// # Errors
    /// [`Unasked::Busy`] if too many questions wait, [`Unasked::Halted`].
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Pool) -> T + Send + 'static,
    ) -> Result<T, Unasked> {
        self.shared.questions.ask(question).await
    }

    /// The latest proposal of this process, without its places: the next search begins with it.
    #[must_use]
    pub fn proposed(&self) -> Option<Arc<Proposal>> {
        self.shared.proposed.load_full()
    }

    /// Why the pool has stopped for good, if it has: nothing more is applied, reads go on.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        self.shared.outcomes.halted()
    }
}
