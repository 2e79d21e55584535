//! Whose turn it is to read: so many reads at once over all, and so many of each participant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use channel::ParticipantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Turns of all participants. A participant waits for its own share first, so what it has in the
/// queue of all is never more than that share.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    /// Never more than the pool has participants: nobody else is let in to read.
    each: Mutex<BTreeMap<ParticipantId, Arc<Semaphore>>>,
    each_max: usize,
}

/// The turn of one read, until it is dropped.
pub(crate) struct Turn {
    _all: Option<OwnedSemaphorePermit>,
    _own: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(crate) fn new(all_max: usize, each_max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all_max)), each: Mutex::default(), each_max }
    }

    /// Waits for a turn; those of one participant come in the order in which they were asked for.
    pub(crate) async fn wait(&self, participant: ParticipantId) -> Turn {
        // Neither semaphore is ever closed: there always is a permit in the end.
        let own = self.share(participant).acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        Turn { _all: all, _own: own }
    }

    fn share(&self, participant: ParticipantId) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let share = each.entry(participant);
        Arc::clone(share.or_insert_with(|| Arc::new(Semaphore::new(self.each_max))))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const GREEDY: ParticipantId = ParticipantId(1);
    const OTHER: ParticipantId = ParticipantId(2);

    /// What one look at a future finds.
    fn look<T>(future: &mut std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn at_once(turns: &Turns, participant: ParticipantId) -> Option<Turn> {
        match look(&mut pin!(turns.wait(participant))) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn one_that_takes_all_it_may_leaves_the_others_their_turns() {
        let turns = Turns::new(3, 2);
        let held = [at_once(&turns, GREEDY).unwrap(), at_once(&turns, GREEDY).unwrap()];
        assert!(at_once(&turns, GREEDY).is_none());
        let _other = at_once(&turns, OTHER).unwrap();
        assert!(at_once(&turns, OTHER).is_none(), "over all there are three");
        drop(held);
        assert!(at_once(&turns, OTHER).is_some());
    }

    #[test]
    fn whoever_waits_for_its_share_is_not_in_the_queue_of_all() {
        let turns = Turns::new(1, 1);
        let held = at_once(&turns, GREEDY).unwrap();
        let mut waiting = [(); 3].map(|()| Box::pin(turns.wait(GREEDY)));
        for wait in &mut waiting {
            assert!(look(&mut wait.as_mut()).is_pending());
        }
        let mut other = pin!(turns.wait(OTHER));
        assert!(look(&mut other).is_pending());
        drop(held);
        assert!(look(&mut other).is_ready(), "next of all, although it asked last");
    }
}
