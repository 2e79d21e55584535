//! Records in: the idempotent producer, and the gate in front of it.
//!
//! The brokers answer for a record, or the client library gives it up in the end. Given up means
//! unknown: it may be in the log. While answers fail to come, appends are refused; they are taken
//! again once an answer comes, or once a broker leads the topic.

use std::mem::replace;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Message as _};
use tokio::sync::oneshot;

use super::{Settings, Shared, fault};
use crate::metrics;
use crate::port::{Fault, Position, RECORD_BYTES_MAX, Refused, Ticket};

/// How long the thread that takes answers sleeps at most.
const POLL: Duration = Duration::from_millis(50);
/// Without any answer for this long while records wait, the brokers count as out of reach.
const STALLED: Duration = Duration::from_secs(3);
/// How often brokers out of reach are asked whether one of them leads the topic again.
const PROBE_EVERY: Duration = Duration::from_millis(500);
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

type Client = BaseProducer<Answers>;

/// Appends to the topic, and the thread that takes the brokers' answers.
pub(super) struct Producer {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

struct Inner {
    config: ClientConfig,
    topic: String,
    /// Replaced when the library declares it unusable.
    client: Mutex<Arc<Client>>,
    answers: Answers,
    stop: AtomicBool,
}

/// What comes of records.
#[derive(Clone)]
struct Answers {
    shared: Arc<Shared>,
    /// Whether records are taken.
    open: Arc<AtomicBool>,
    /// How many records were answered for.
    count: Arc<AtomicU64>,
}

impl Answers {
    fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Release);
        metrics::blocked(!open);
    }
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<oneshot::Sender<Result<Position, Fault>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, answer: Self::DeliveryOpaque) {
        let outcome = match result {
            Ok(message) => {
                metrics::written(1, message.payload_len() as u64);
                Ok(Position(message.offset().unsigned_abs()))
            }
            Err((error, _)) => Err(fault(error)),
        };
        if let Ok(position) = &outcome {
            self.shared.raise_end(position.0 + 1);
        }
        self.set_open(outcome.is_ok());
        self.count.fetch_add(1, Ordering::Release);
        // Whoever appended may have stopped waiting.
        drop(answer.send(outcome));
    }
}

impl Producer {
    pub(super) fn start(settings: &Settings, shared: Arc<Shared>) -> Result<Self, Fault> {
        let open = Arc::new(AtomicBool::new(true));
        let answers = Answers { shared, open, count: Arc::default() };
        let config = settings.producer();
        let client = create(&config, &answers)?;
        let inner = Arc::new(Inner {
            config,
            topic: settings.topic.clone(),
            client: Mutex::new(Arc::new(client)),
            answers,
            stop: AtomicBool::new(false),
        });
        let running = inner.clone();
        let thread = thread::Builder::new()
            .name("log-producer".to_owned())
            .spawn(move || running.take_answers())
            .map_err(|error| Fault::io("start a log thread", error))?;
        Ok(Self { inner, thread: Some(thread) })
    }

    /// Hands a record to the library, which sends it as soon as it can.
    pub(super) fn append(&self, record: &Bytes) -> Result<Ticket, Refused> {
        if !self.inner.answers.open.load(Ordering::Acquire) {
            return Err(Refused::Unreachable);
        }
        let (answer, ticket) = Ticket::new();
        let message =
            BaseRecord::<(), [u8], _>::with_opaque_to(&self.inner.topic, Box::new(answer))
                .partition(0)
                .payload(record);
        match self.inner.client().send(message) {
            Ok(()) => Ok(ticket),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                Err(Refused::Busy)
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                Err(Refused::TooLarge { bytes: record.len(), bytes_max: RECORD_BYTES_MAX })
            }
            Err((error, _)) => {
                tracing::warn!(%error, "the producer takes no record");
                Err(Refused::Unreachable)
            }
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the producer's thread panicked");
        }
    }
}

impl Inner {
    fn client(&self) -> Arc<Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs until it is told to stop and nothing waits for an answer any more.
    fn take_answers(&self) {
        let (mut answered, mut since, mut probed) = (0, Instant::now(), Instant::now());
        loop {
            let client = self.client();
            client.poll(POLL);
            let waiting = client.in_flight_count() > 0;
            if self.stop.load(Ordering::Acquire) && !waiting {
                return;
            }
            let count = self.answers.count.load(Ordering::Acquire);
            if replace(&mut answered, count) != count || !waiting {
                since = Instant::now();
            }
            if let Some((_, why)) = client.client().fatal_error() {
                self.renew(&why);
            } else if since.elapsed() > STALLED {
                self.answers.set_open(false);
            }
            let open = self.answers.open.load(Ordering::Acquire);
            if !open && !waiting && probed.elapsed() > PROBE_EVERY {
                probed = Instant::now();
                self.answers.set_open(self.led(&client));
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

    /// Puts a new client in the place of one that the library gave up. What the old one still held
    /// is answered for, as unanswered, when it is dropped.
    fn renew(&self, why: &str) {
        tracing::warn!(why, "the producer starts anew");
        match create(&self.config, &self.answers) {
            Ok(client) => {
                *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(client);
            }
            Err(fault) => tracing::error!(%fault, "no new producer"),
        }
    }
}

fn create(config: &ClientConfig, answers: &Answers) -> Result<Client, Fault> {
    config.create_with_context(answers.clone()).map_err(|error| fault(&error))
}
