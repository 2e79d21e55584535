//! Records in: the idempotent producer, and the gate in front of it.
//!
//! Records wait in the lane (`lane.rs`) for those before them. The brokers answer for a record, or
//! the client library gives it up in the end. Given up means unknown: it may be in the log. While
//! answers fail to come, appends are refused; they are taken again once an answer comes: once a
//! broker leads the topic, one record is sent to get it.

use std::mem::replace;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Message as _};

use super::gate::Gate;
use super::lane::{Answer, Lane, Sent};
use super::{Settings, Shared, fault};
use crate::bug::EndOnPanic;
use crate::port::{Fault, Position, Refused, Ticket};

/// How long the thread that takes answers sleeps at most.
const POLL: Duration = Duration::from_millis(50);
/// Without any answer for this long while records wait, the brokers count as out of reach.
const STALLED: Duration = Duration::from_secs(3);
/// How often brokers out of reach are asked whether one of them leads the topic again.
const PROBE_EVERY: Duration = Duration::from_millis(500);
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// Between two clients at first, and at most: one that is declared unusable may be so for good.
const RENEW_AFTER: Duration = Duration::from_millis(500);
const RENEW_AFTER_MAX: Duration = Duration::from_secs(30);

pub(super) type Client = BaseProducer<Deliveries>;

/// Appends to the topic, and the thread that takes the brokers' answers.
pub(super) struct Producer {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

struct Inner {
    config: ClientConfig,
    topic: String,
    queue_bytes_max: usize,
    /// Records that could not be sent in this time are unanswered.
    give_up_after: Duration,
    /// Made for the first record: who only reads needs no right to write. Gone for a while once the
    /// library declares it unusable.
    client: Mutex<Option<Arc<Client>>>,
    answers: Answers,
    stop: AtomicBool,
}

/// What comes of records.
#[derive(Clone)]
pub(super) struct Answers {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    /// How many records were answered for.
    count: Arc<AtomicU64>,
}

impl Answers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { gate: Arc::new(Gate::new(shared.meter)), count: Arc::default(), shared }
    }

    /// A record was answered for, with its offset, or given up.
    fn take(&self, offset: Result<i64, Fault>, answer: Answer) {
        match &offset {
            Ok(_) => self.gate.open(),
            Err(_) => self.gate.shut(),
        }
        let outcome = offset.and_then(placed);
        if let Ok(position) = &outcome {
            self.shared.raise_end(position.0 + 1);
        }
        self.count.fetch_add(1, Ordering::Release);
        // Whoever appended may have stopped waiting.
        drop(answer.send(outcome));
    }
}

/// Where a durable record is. The brokers do not say it of one that was sent twice and that they
/// knew: librdkafka then reports a negative offset.
fn placed(offset: i64) -> Result<Position, Fault> {
    u64::try_from(offset).map(Position).map_err(|_| Fault::Unanswered {
        why: "the record is durable, but no broker said where".to_owned(),
    })
}

/// What a client answers for its records, and those that wait for that.
pub(super) struct Deliveries {
    pub(super) answers: Answers,
    pub(super) lane: Lane,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Sent>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Self::DeliveryOpaque) {
        let Sent { bytes, answer } = *sent;
        let offset = match result {
            Ok(message) => {
                self.answers.shared.meter.written(bytes as u64);
                Ok(message.offset())
            }
            Err((error, _)) => Err(fault(error)),
        };
        let failed = offset.as_ref().err().cloned();
        self.answers.take(offset, answer);
        if let Some(fault) = failed {
            self.lane.give_up(&fault);
        }
        if self.lane.answered(bytes).is_err() {
            self.answers.gate.shut();
        }
    }
}

impl Producer {
    pub(super) fn start(settings: &Settings, shared: Arc<Shared>) -> Result<Self, Fault> {
        let inner = Arc::new(Inner {
            config: settings.producer(),
            topic: settings.topic.clone(),
            queue_bytes_max: settings.queue_bytes_max,
            give_up_after: settings.give_up_after,
            client: Mutex::default(),
            answers: Answers::new(shared),
            stop: AtomicBool::new(false),
        });
        let running = inner.clone();
        let thread = thread::Builder::new()
            .name("log-producer".to_owned())
            .spawn(move || running.take_answers())
            .map_err(|error| Fault::io("start a log thread", error))?;
        Ok(Self { inner, thread: Some(thread) })
    }

    /// Has a record sent as soon as those before it are on their way.
    pub(super) fn append(&self, record: &Bytes) -> Result<Ticket, Refused> {
        let gate = &self.inner.answers.gate;
        if !gate.admits() {
            return Err(Refused::Unreachable);
        }
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => {
                tracing::warn!(%error, "no producer");
                gate.give_back();
                gate.shut();
                return Err(Refused::Unreachable);
            }
        };
        let (answer, ticket) = Ticket::new();
        client.context().lane.push(&client, record, answer).inspect_err(|refused| {
            gate.give_back();
            if *refused == Refused::Unreachable {
                gate.shut();
            }
        })?;
        Ok(ticket)
    }

    /// The client, made if there is none.
    fn client(&self) -> Result<Arc<Client>, KafkaError> {
        let inner = &self.inner;
        let mut slot = inner.slot();
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let lane = Lane::new(inner.topic.clone(), inner.queue_bytes_max);
        let deliveries = Deliveries { answers: inner.answers.clone(), lane };
        let client: Client = inner.config.create_with_context(deliveries)?;
        let client = Arc::new(client);
        *slot = Some(client.clone());
        drop(slot);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        Ok(client)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the producer's thread panicked");
            }
        }
    }
}

/// What the thread remembers from one look to the next.
struct Watch {
    /// Records answered for, and since when there were no more although some waited.
    answered: u64,
    since: Instant,
    /// When brokers out of reach are asked again.
    probe_at: Instant,
    /// How long to do without a client once this one is unusable.
    renew_after: Duration,
}

impl Inner {
    fn slot(&self) -> MutexGuard<'_, Option<Arc<Client>>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs until it is told to stop and nothing waits for an answer any more.
    fn take_answers(&self) {
        let _end = EndOnPanic;
        let now = Instant::now();
        let mut watch = Watch { answered: 0, since: now, probe_at: now, renew_after: RENEW_AFTER };
        loop {
            // Before the client: what was appended before the end has one.
            let stopping = self.stop.load(Ordering::Acquire);
            let client = self.slot().clone();
            let waiting = match &client {
                Some(client) => {
                    client.poll(POLL);
                    client.context().lane.expire(self.give_up_after);
                    client.in_flight_count() > 0
                }
                None => {
                    thread::park_timeout(POLL);
                    false
                }
            };
            if stopping && !waiting {
                return;
            }
            self.look(&mut watch, client, waiting);
        }
    }

    /// Opens and shuts the gate as the answers come, or fail to.
    fn look(&self, watch: &mut Watch, client: Option<Arc<Client>>, waiting: bool) {
        let gate = &self.answers.gate;
        let count = self.answers.count.load(Ordering::Acquire);
        if replace(&mut watch.answered, count) != count || !waiting {
            watch.since = Instant::now();
            if gate.is_open() && waiting {
                watch.renew_after = RENEW_AFTER;
            }
        }
        if let Some((_, why)) = client.as_ref().and_then(|client| client.client().fatal_error()) {
            let pause = watch.renew_after;
            tracing::warn!(why, ?pause, "the producer starts anew");
            gate.shut();
            // What it still held is answered for, as unanswered, when it is dropped.
            *self.slot() = None;
            watch.probe_at = Instant::now() + pause;
            watch.renew_after = (pause * 2).min(RENEW_AFTER_MAX);
            return;
        }
        if watch.since.elapsed() > STALLED {
            gate.shut();
        }
        if !gate.is_open() && !waiting && Instant::now() >= watch.probe_at {
            watch.probe_at = Instant::now() + PROBE_EVERY;
            if client.is_none_or(|client| self.led(&client)) {
                gate.try_one();
            }
        }
    }

    /// Whether a broker leads the topic's partition.
    fn led(&self, client: &Client) -> bool {
        let found = client.client().fetch_metadata(Some(&self.topic), PROBE_PATIENCE);
        found.is_ok_and(|metadata| {
            let topic = metadata.topics().first();
            let partition = topic.and_then(|topic| topic.partitions().first());
            partition.is_some_and(|it| it.leader() >= 0 && it.error().is_none())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::meter::Meter;

    /// What an answer makes of the ticket, and how many records the log is then known to have.
    fn taken(offset: Result<i64, Fault>) -> (Result<Position, Fault>, u64, bool) {
        let shared = Arc::new(Shared::new(5, 0, Meter { shown: false }));
        let answers = Answers::new(shared.clone());
        let (answer, ticket) = Ticket::new();
        answers.take(offset, answer);
        (ticket.wait(), shared.end.borrow().0, answers.gate.is_open())
    }

    #[test]
    fn an_offset_is_the_records_position() {
        let (outcome, end, open) = taken(Ok(7));
        assert!(matches!(outcome, Ok(Position(7))), "{outcome:?}");
        assert_eq!((end, open), (8, true));
    }

    /// `RD_KAFKA_OFFSET_INVALID`: delivered, as a record that the brokers had already.
    #[test]
    fn an_answer_without_an_offset_is_no_position() {
        for offset in [-1_001, -1, i64::MIN] {
            let (outcome, end, open) = taken(Ok(offset));
            assert!(matches!(outcome, Err(Fault::Unanswered { .. })), "{outcome:?}");
            assert_eq!((end, open), (5, true));
        }
    }

    #[test]
    fn a_record_given_up_is_unanswered_and_shuts_the_gate() {
        let (outcome, end, open) = taken(Err(Fault::Unanswered { why: "timed out".to_owned() }));
        assert!(matches!(outcome, Err(Fault::Unanswered { .. })), "{outcome:?}");
        assert_eq!((end, open), (5, false));
    }
}
