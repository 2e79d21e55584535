//! Questions to the pool, answered by the thread that owns it, between two groups of records.
//!
//! An answer costs the pool time in which it settles nothing, so there are bounds: few questions
//! wait at once, and after each answer the pool works at least nine times as long as it took. A
//! question only takes a copy of what it needs; whoever asked thinks about it elsewhere.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use clearing::Pool;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::metrics;

/// Questions that wait at once.
const WAITING_MAX: usize = 4;
/// For this many times as long as an answer took, there is none.
const REST: u32 = 9;

type Question = Box<dyn FnOnce(&Pool) + Send>;

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unasked {
    /// As many questions wait as may.
    #[error("too many questions wait for the pool")]
    Busy,
    /// The pool has stopped.
    #[error("the pool has halted")]
    Halted,
}

/// Where questions are put.
#[derive(Debug)]
pub(crate) struct Questions(SyncSender<Question>);

/// Where the pool's thread finds them.
#[derive(Debug)]
pub(crate) struct Inbox {
    questions: Receiver<Question>,
    rests_until: Instant,
}

pub(crate) fn inbox() -> (Questions, Inbox) {
    let (sender, questions) = sync_channel(WAITING_MAX);
    (Questions(sender), Inbox { questions, rests_until: Instant::now() })
}

impl Questions {
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Pool) -> T + Send + 'static,
    ) -> Result<T, Unasked> {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |pool| {
            // Whoever asked may have gone away in the meantime.
            if !answer.is_closed() {
                drop(answer.send(question(pool)));
            }
        });
        self.0.try_send(question).map_err(|refused| match refused {
            TrySendError::Full(_) => Unasked::Busy,
            TrySendError::Disconnected(_) => Unasked::Halted,
        })?;
        answered.await.map_err(|_| Unasked::Halted)
    }
}

impl Inbox {
    /// Answers the question that waits longest, unless the pool rests from the last one.
    pub(crate) fn answer(&mut self, pool: &Pool) {
        let started = Instant::now();
        if started < self.rests_until {
            return;
        }
        let Ok(question) = self.questions.try_recv() else { return };
        question(pool);
        let took = started.elapsed();
        metrics::answered(took);
        self.rests_until = Instant::now() + took * REST;
    }
}
