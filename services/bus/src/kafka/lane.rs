//! Records on their way into the client library, which is given no more than it sends at once.
//!
//! The library sends another request while fewer than five records are unanswered. Where it may not,
//! its thread asks without a pause whether it may by now: under load that took half of a core. So what
//! would wait in the library waits here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::producer::BaseRecord;
use tokio::sync::oneshot;

use super::fault;
use super::producer::Client;
use super::settings::BATCH_BYTES;
use crate::port::{Fault, Position, Refused};

/// Where the answer for a record goes.
pub(super) type Answer = oneshot::Sender<Result<Position, Fault>>;

/// What is kept of a record that the client has: how many bytes it is, and where its answer goes.
pub(super) struct Sent {
    pub(super) bytes: usize,
    pub(super) answer: Answer,
}

/// An idempotent producer sends nothing more beyond (`RD_KAFKA_IDEMP_MAX_INFLIGHT` of librdkafka).
const UNANSWERED_MAX: usize = 5;
/// A request takes this much of what is there: it is closed where one record more would be
/// [`BATCH_BYTES`], and one that is larger than the rest travels alone.
const REQUEST_BYTES: usize = BATCH_BYTES / 2;
const RECORDS_MAX: usize = 100_000;

/// Records for one client, first in, first out.
pub(super) struct Lane {
    topic: String,
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Known once it was handed a record.
    client: Weak<Client>,
    waiting: VecDeque<Waiting>,
    /// How many records the client has.
    given: usize,
    /// Of all that are unanswered.
    bytes: usize,
}

struct Waiting {
    since: Instant,
    record: Bytes,
    answer: Answer,
}

impl Lane {
    pub(super) fn new(topic: String, bytes_max: usize) -> Self {
        Self { topic, bytes_max, state: Mutex::default() }
    }

    /// Takes a record for the client whose lane this is.
    ///
    /// # Errors
    /// There is no room for it; or the client takes nothing, and it is nowhere.
    pub(super) fn push(
        &self,
        client: &Arc<Client>,
        record: &Bytes,
        answer: Answer,
    ) -> Result<(), Refused> {
        let mut state = self.state();
        let full = state.bytes > 0 && state.bytes + record.len() > self.bytes_max;
        if full || state.given + state.waiting.len() >= RECORDS_MAX {
            return Err(Refused::Busy);
        }
        state.client = Arc::downgrade(client);
        state.bytes += record.len();
        let since = Instant::now();
        state.waiting.push_back(Waiting { since, record: record.clone(), answer });
        self.give(client, &mut state).map_err(|_| Refused::Unreachable)
    }

    /// A record of so many bytes was answered for: those behind it may go.
    ///
    /// # Errors
    /// The client takes nothing; those that waited are unanswered.
    pub(super) fn answered(&self, bytes: usize) -> Result<(), Fault> {
        // Held longer than the lock: the end of a client answers for what it has.
        let client = self.state().client.upgrade();
        let mut state = self.state();
        state.given -= 1;
        state.bytes -= bytes;
        match &client {
            Some(client) => self.give(client, &mut state),
            None => Ok(()),
        }
    }

    /// All that wait are unanswered, too: one before them did not come through.
    pub(super) fn give_up(&self, fault: &Fault) {
        self.state().give_up(Duration::ZERO, fault);
    }

    /// Those are unanswered that could not be sent for so long.
    pub(super) fn expire(&self, after: Duration) {
        let why = format!("it could not be sent in {after:?}");
        self.state().give_up(after, &Fault::Unanswered { why });
    }

    /// Gives the client what it can send at once.
    fn give(&self, client: &Client, state: &mut State) -> Result<(), Fault> {
        let mut room = UNANSWERED_MAX.saturating_sub(state.given) * REQUEST_BYTES;
        while let Some(next) = state.waiting.front()
            && (next.record.len() <= room || state.given == 0)
            && let Some(Waiting { record, answer, .. }) = state.waiting.pop_front()
        {
            let sent = Box::new(Sent { bytes: record.len(), answer });
            room = room.saturating_sub(sent.bytes);
            let message = BaseRecord::<(), [u8], _>::with_opaque_to(&self.topic, sent)
                .partition(0)
                .payload(&record);
            match client.send(message) {
                Ok(()) => state.given += 1,
                Err((error, message)) => {
                    tracing::warn!(%error, "the producer takes no record");
                    let fault = fault(&error);
                    state.bytes -= record.len();
                    drop(message.delivery_opaque.answer.send(Err(fault.clone())));
                    state.give_up(Duration::ZERO, &fault);
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Answers those that have waited so long.
    fn give_up(&mut self, after: Duration, fault: &Fault) {
        let late = self.waiting.iter().take_while(|it| it.since.elapsed() >= after).count();
        for Waiting { record, answer, .. } in self.waiting.drain(..late) {
            self.bytes -= record.len();
            // Whoever appended may have stopped waiting.
            drop(answer.send(Err(fault.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::producer::Producer as _;

    use super::*;
    use crate::kafka::meter::Meter;
    use crate::kafka::producer::{Answers, Deliveries};
    use crate::kafka::{Settings, Shared};
    use crate::port::Ticket;

    /// A client whose brokers never answer, with a lane of 4 MiB.
    fn client() -> Arc<Client> {
        let answers = Answers::new(Arc::new(Shared::new(0, 0, Meter { shown: false })));
        let lane = Lane::new("topic".to_owned(), 4 << 20);
        let config = Settings::new(vec!["127.0.0.1:1".to_owned()], "topic".to_owned()).producer();
        Arc::new(config.create_with_context(Deliveries { answers, lane }).unwrap())
    }

    /// Tickets of as many records of so many bytes as it takes.
    fn fill(client: &Arc<Client>, bytes: usize) -> Vec<Ticket> {
        let record = Bytes::from(vec![7; bytes]);
        let push = || {
            let (answer, ticket) = Ticket::new();
            client.context().lane.push(client, &record, answer).ok().map(|()| ticket)
        };
        std::iter::from_fn(push).collect()
    }

    /// How many records the client has, how many wait, and the bytes of both.
    fn standing(client: &Client) -> (usize, usize, usize) {
        let state = client.context().lane.state();
        (state.given, state.waiting.len(), state.bytes)
    }

    #[test]
    fn the_client_has_what_it_sends_at_once_and_the_rest_waits() {
        for (bytes, given, taken) in [(100 << 10, 5, 40), (600 << 10, 4, 6), (5 << 20, 1, 1)] {
            let client = client();
            assert_eq!(fill(&client, bytes).len(), taken, "{bytes}");
            assert_eq!(standing(&client), (given, taken - given, taken * bytes));
        }
    }

    #[test]
    fn what_waits_follows_the_answers_a_request_for_each() {
        let client = client();
        let tickets = fill(&client, 100 << 10);
        assert_eq!((standing(&client).0, tickets.len()), (5, 40));
        client.context().lane.answered(100 << 10).unwrap();
        // One request: five times 100 KiB of 512.
        assert_eq!(standing(&client), (9, 30, 39 * (100 << 10)));
        // Its end would answer for that record once more.
        std::mem::forget(client);
    }

    #[test]
    fn what_waits_too_long_is_unanswered() {
        let client = client();
        let mut tickets = fill(&client, 100 << 10);
        client.context().lane.expire(Duration::from_secs(60));
        assert_eq!(standing(&client).1, 35);
        client.context().lane.expire(Duration::ZERO);
        assert_eq!(standing(&client), (5, 0, 500 << 10));
        for ticket in tickets.drain(5..) {
            assert!(matches!(ticket.wait(), Err(Fault::Unanswered { .. })));
        }
    }

    #[test]
    fn what_waits_behind_a_failure_is_unanswered_with_it() {
        let client = client();
        let tickets = fill(&client, 100 << 10);
        assert_eq!(tickets.len(), 40);
        // It gives up what it has.
        drop(client);
        for ticket in tickets {
            assert!(matches!(ticket.wait(), Err(Fault::Unanswered { .. })));
        }
    }
}
