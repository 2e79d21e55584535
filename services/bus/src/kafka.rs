//! The log on Apache Kafka: a topic with one partition, a record a message, its offset the position.
//!
//! ```text
//! append ──▶ producer (idempotent, acks=all) ──▶ broker ──▶ tickets
//!                                                  │
//!            readers ◀── tail in memory ◀── follower (one consumer at the end)
//!               └─────── older records ◀─── readers of their own
//! ```
//!
//! * `settings`: how to reach the brokers. `topic`: what the topic must promise.
//! * `producer`: records in; `gate`: or not. `follower`: the end of the log as it grows. `history`: older records.
//! * `cursor`: reading from a position on, for both of them; `stand`: without passing over any.
//!
//! Absent on purpose: transactions, consumer groups and committed offsets. A consumer keeps its
//! position with its effect, and positions are dense because nothing but records is ever written:
//! a missing offset is damage, named, never skipped (`auto.offset.reset=error`).
//!
//! What a resolved ticket means: the record is on every in-sync replica, of which there are at
//! least as many as the topic's `min.insync.replicas`. Brokers answer before they sync to disk.

mod cursor;
mod follower;
mod gate;
mod history;
mod lane;
mod meter;
mod producer;
mod settings;
mod stand;
mod topic;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::error::KafkaError;
use tokio::sync::watch;

pub use self::settings::Settings;
pub use self::topic::{Promise, Retention, TopicFault, check, create, delete};

use self::follower::Follower;
use self::history::History;
use self::meter::Meter;
use self::producer::Producer;
use crate::port::{Fault, Log, Position, RECORD_BYTES_MAX, Refused, Ticket};
use crate::tail::Tail;

/// What the threads of a log share.
struct Shared {
    tail: Tail,
    /// The records that are known to be durable.
    end: watch::Sender<Position>,
    /// The records that the follower has taken up: behind `end` by what is on its way.
    followed: Mutex<u64>,
    /// Wakes threads that wait for `followed` to move.
    moved: Condvar,
    /// Why the log cannot be read any more.
    broken: Mutex<Option<Fault>>,
    /// When the brokers last answered a read.
    heard: Mutex<Instant>,
    meter: Meter,
}

impl Shared {
    /// Behind so many records, of which none is in memory.
    fn new(end: u64, cache_bytes: usize, meter: Meter) -> Self {
        meter.end(end);
        Self {
            tail: Tail::new(end, cache_bytes),
            end: watch::Sender::new(Position(end)),
            followed: Mutex::new(end),
            moved: Condvar::new(),
            broken: Mutex::default(),
            heard: Mutex::new(Instant::now()),
            meter,
        }
    }

    /// The brokers have answered a read.
    fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.meter.silence(Duration::ZERO);
    }

    /// How long they have not.
    fn silence(&self) -> Duration {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// The log has at least `end` records.
    fn raise_end(&self, end: u64) {
        self.end.send_if_modified(|known| {
            let higher = known.0 < end;
            if higher {
                *known = Position(end);
                self.meter.end(end);
            }
            higher
        });
    }

    /// The follower has taken up `records`.
    fn follow(&self, records: Vec<Bytes>) {
        let count = records.len() as u64;
        self.tail.extend(records.into_iter());
        let end = {
            let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
            *followed += count;
            *followed
        };
        self.raise_end(end);
        self.moved.notify_all();
    }

    fn followed(&self) -> u64 {
        *self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until more than `position` records are followed, at most so long.
    fn await_beyond(&self, position: u64, timeout: Duration) -> bool {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let waited =
            self.moved.wait_timeout_while(followed, timeout, |followed| *followed <= position);
        let (followed, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *followed > position
    }

    fn break_with(&self, fault: Fault) {
        self.meter.halted();
        tracing::error!(%fault, "the log cannot be read any more");
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        self.moved.notify_all();
    }

    fn check(&self) -> Result<(), Fault> {
        match &*self.broken.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }
}

/// A pool's log in a topic of Kafka.
///
/// Dropping it waits until what was appended is durable, or known not to have been answered for.
pub struct KafkaLog {
    // Dropped first, while the follower still sees what it writes.
    producer: Producer,
    history: History,
    shared: Arc<Shared>,
    /// The topic, as faults call it.
    place: String,
    _follower: Follower,
}

impl KafkaLog {
    /// Opens the log in a topic that exists.
    ///
    /// # Errors
    /// [`Fault::Unanswered`] if the brokers do not answer or the settings cannot be used,
    /// [`Fault::Absent`] if there is no such topic, [`Fault::Io`] if no thread can be started.
    pub fn open(settings: &Settings) -> Result<Self, Fault> {
        let end = history::bounds(settings)?;
        let meter = Meter { shown: settings.metrics };
        let shared = Arc::new(Shared::new(end, settings.cache_bytes, meter));
        Ok(Self {
            producer: Producer::start(settings, shared.clone())?,
            history: History::new(settings),
            place: place(&settings.topic),
            _follower: Follower::start(settings, shared.clone())?,
            shared,
        })
    }

    /// What [`Log::read`] gives.
    fn find(&self, from: Position, bytes_max: usize) -> Result<Vec<Bytes>, Fault> {
        self.shared.check()?;
        let mut end = self.end();
        if from > end {
            // Another process may have appended what this one has not seen yet.
            end = Position(self.history.end()?);
            self.shared.raise_end(end.0);
        }
        if from > end {
            return Err(Fault::Beyond { place: self.place.clone(), end });
        }
        if from == end {
            return Ok(Vec::new());
        }
        if from.0 >= self.shared.followed() {
            self.shared.await_beyond(from.0, settings::PATIENCE);
            self.shared.check()?;
        }
        if let Some(records) = self.shared.tail.read(from.0, end.0, bytes_max) {
            return Ok(records);
        }
        self.history.read(from.0, end.0, bytes_max)
    }
}

impl Log for KafkaLog {
    fn append(&self, record: Bytes) -> Result<Ticket, Refused> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(Refused::TooLarge { bytes: record.len(), bytes_max: RECORD_BYTES_MAX });
        }
        if self.shared.check().is_err() {
            return Err(Refused::Halted);
        }
        self.producer.append(&record)
    }

    fn read(&self, from: Position, bytes_max: usize) -> Result<Vec<Bytes>, Fault> {
        self.find(from, bytes_max).inspect_err(|fault| {
            if !fault.retryable() {
                // Others may still read elsewhere; whoever asked cannot go on, and needs somebody.
                self.shared.meter.halted();
            }
        })
    }

    fn end(&self) -> Position {
        *self.shared.end.borrow()
    }

    fn wait(&self, position: Position, timeout: Duration) -> bool {
        self.end() > position || self.shared.await_beyond(position.0, timeout)
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.shared.end.subscribe()
    }

    fn silence(&self) -> Duration {
        self.shared.silence()
    }
}

/// What faults call a topic.
fn place(topic: &str) -> String {
    format!("topic {topic}")
}

/// What the client library says, as a fault.
fn fault(error: &KafkaError) -> Fault {
    Fault::Unanswered { why: error.to_string() }
}
