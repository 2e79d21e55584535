//! The settlers of one pool, among each other: who is active, and whether all seal the same.
//!
//! ```text
//! core ──sealed batches──▶ peers ──claims, beats, seals──▶ outcomes log ──▶ peers of others
//!   ▲                        │ reads it, too
//!   └─ active or not ────────┴─ another hash for a batch of ours: halt
//! ```
//!
//! Every replica of a pool reads its outcomes log: a second log, as small as this one is large. Two
//! cores that make different things of the same record must not both go on; nobody can tell here
//! which of them is right, so the one that finds it says what it has itself, and stops.

mod message;
mod ownership;
mod seals;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bus::{EndOnPanic, Log, Position, Ticket};
use bytes::Bytes;
use channel::DecodeError;
use clearing::SealedBatch;
use thiserror::Error;

pub use self::message::canonical_message;
use self::message::{Body, Message, Seal};
use self::ownership::Ownership;
use self::seals::{Difference, Seals};
use crate::metrics;
use crate::settler::{self, spawn};

/// How long to wait for messages before looking at the clock again.
const IDLE: Duration = Duration::from_millis(100);
/// Between two attempts to read what cannot be read now.
const PAUSE: Duration = Duration::from_millis(500);
/// Read at once, at most.
const GROUP_BYTES: usize = 1 << 20;
/// Messages read at the start, at most: what is older was compared by those who were there.
const LOOK_BACK: u64 = 65_536;
/// How long a settler that stops waits until its resignation is durable.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a replica does among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Is active while no other is: claims, and steps back.
    Contends,
    /// Is active whatever others do.
    Leads,
    /// Is never active; a settler that replays all the same, and says so if it finds a difference.
    Stands,
    /// Only compares, and says nothing.
    Listens,
}

/// Who the others are.
#[derive(Debug, Clone, Copy)]
pub struct PeersOptions {
    /// The pool's number.
    pub pool: u32,
    /// What this replica does.
    pub part: Part,
    /// Without a sign of life from the active settler for this long, another one takes over.
    pub takeover: Duration,
}

/// Why a replica cannot go on among the others.
#[derive(Debug, Clone, Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Differs(#[from] Box<Difference>),
    #[error("outcomes log: {0}")]
    Log(#[from] bus::Fault),
    #[error("message {position} of the outcomes log: {source}")]
    Message { position: u64, source: DecodeError },
    #[error("outcomes log: message {position} is of pool {found}, expected pool {expected}")]
    Foreign { position: u64, found: u32, expected: u32 },
}

/// This replica among the others; leaves when dropped.
#[derive(Debug)]
pub struct Peers {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Between the core's thread and that of the messages.
#[derive(Debug)]
struct Shared {
    leads: AtomicBool,
    /// Whether the core has caught up with the log: before, it takes over nothing.
    ready: AtomicBool,
    stop: AtomicBool,
    seals: Mutex<Seals>,
    fault: Mutex<Option<Fault>>,
}

impl Peers {
    /// Starts to read the outcomes log.
    ///
    /// # Errors
    /// [`settler::Fault::System`].
    pub fn start(log: Arc<dyn Log>, options: PeersOptions) -> Result<Self, settler::Fault> {
        let me = getrandom::u64().map_err(|error| settler::Fault::System {
            doing: "draw a number",
            why: error.to_string(),
        })?;
        let leads = options.part == Part::Leads;
        metrics::active(leads);
        let shared = Arc::new(Shared {
            leads: AtomicBool::new(leads),
            ready: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            seals: Mutex::default(),
            fault: Mutex::default(),
        });
        let next = log.end().0.saturating_sub(LOOK_BACK);
        let mut member = Member {
            ownership: Ownership::new(me, options.takeover, Instant::now()),
            me,
            options,
            log,
            next,
            told: 0,
            pending: VecDeque::new(),
            shared: shared.clone(),
        };
        tracing::info!(settler = format!("{me:016x}"), part = ?options.part, "among its peers");
        let thread = spawn("peers", move || member.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether this settler is to let time pass and to propose.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.shared.leads.load(Ordering::Acquire)
    }

    /// The core has caught up: from now on it may be the active one.
    pub(crate) fn ready(&self) {
        self.shared.ready.store(true, Ordering::Release);
    }

    /// The core has sealed a batch.
    ///
    /// # Errors
    /// [`Fault::Differs`]
    pub(crate) fn sealed(&self, batch: &SealedBatch) -> Result<(), Fault> {
        let compared = self.shared.seals().sealed(Seal::from(batch));
        compared.map_err(|difference| {
            let fault = Fault::from(difference);
            self.shared.break_with(fault.clone());
            fault
        })
    }

    /// # Errors
    /// Why the core must not go on.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.shared.fault().clone().map_or(Ok(()), Err)
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the peers' thread panicked");
        }
    }
}

impl Shared {
    fn seals(&self) -> MutexGuard<'_, Seals> {
        self.seals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self) -> MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn break_with(&self, fault: Fault) {
        self.fault().get_or_insert(fault);
    }
}

/// The thread that reads and writes the messages.
struct Member {
    me: u64,
    options: PeersOptions,
    log: Arc<dyn Log>,
    /// The next message to read.
    next: u64,
    ownership: Ownership,
    /// The newest batch of those that this settler has told of, all of which are in the log.
    told: u64,
    /// What it said last, while that is on its way, in order; with the number of a batch told of.
    pending: VecDeque<(Ticket, Option<u64>)>,
    shared: Arc<Shared>,
}

impl Member {
    fn run(&mut self) {
        let _end = EndOnPanic;
        while !self.shared.stop.load(Ordering::Acquire) {
            match self.listen() {
                Ok(true) => {}
                Ok(false) => {
                    self.speak();
                    self.log.wait(Position(self.next), IDLE);
                }
                Err(Fault::Log(fault)) if fault.retryable() => {
                    tracing::warn!(%fault, "listening to the other settlers");
                    thread::sleep(PAUSE);
                }
                Err(fault) => return self.end(fault),
            }
            if let Err(fault) = self.own_difference() {
                return self.end(fault);
            }
        }
        self.resign();
    }

    /// Reads some messages; whether there were any.
    fn listen(&mut self) -> Result<bool, Fault> {
        let messages = match self.log.read(Position(self.next), GROUP_BYTES) {
            // The older ones are gone, as they may be.
            Err(bus::Fault::Gone { first, .. }) if self.ownership.term() == 0 => {
                self.next = first.0;
                return Ok(true);
            }
            messages => messages?,
        };
        for bytes in &messages {
            let position = self.next;
            let message =
                Message::decode(bytes).map_err(|source| Fault::Message { position, source })?;
            let (found, expected) = (message.pool, self.options.pool);
            if found != expected {
                return Err(Fault::Foreign { position, found, expected });
            }
            self.next += 1;
            self.hear(&message)?;
        }
        Ok(!messages.is_empty())
    }

    fn hear(&mut self, message: &Message) -> Result<(), Fault> {
        let was = self.ownership.owner();
        self.ownership.hear(message, Instant::now());
        let owner = self.ownership.owner();
        if was != owner {
            let active = owner.map(|owner| format!("{owner:016x}")).unwrap_or_default();
            tracing::info!(term = self.ownership.term(), active, "active settler");
        }
        if self.options.part == Part::Contends {
            let leads = self.ownership.leads();
            if self.shared.leads.swap(leads, Ordering::AcqRel) != leads {
                metrics::active(leads);
            }
        }
        match message.body {
            Body::Sealed(seal) if message.settler != self.me => {
                Ok(self.shared.seals().hear(seal, message.settler)?)
            }
            _ => Ok(()),
        }
    }

    /// Says what is due, if the last thing said has arrived.
    fn speak(&mut self) {
        if !self.arrived() {
            return;
        }
        let now = Instant::now();
        if self.shared.leads.load(Ordering::Acquire) {
            self.tell(now);
        }
        if self.options.part == Part::Contends
            && self.shared.ready.load(Ordering::Acquire)
            && let Some(body) = self.ownership.say(now)
        {
            self.say(body);
        }
    }

    /// Takes note of what has arrived; whether nothing is on its way any more.
    fn arrived(&mut self) -> bool {
        while let Some((ticket, batch)) = self.pending.front_mut() {
            match ticket.now() {
                None => return false,
                Some(Ok(_)) => self.told = batch.unwrap_or(self.told),
                Some(Err(fault)) => {
                    // All from here on are told again: whoever hears one twice compares it twice.
                    tracing::debug!(%fault, "a message to the other settlers");
                    self.pending.clear();
                    return true;
                }
            }
            self.pending.pop_front();
        }
        true
    }

    /// Tells of the batches that nobody has told of yet.
    fn tell(&mut self, now: Instant) {
        let untold: Vec<Seal> = self.shared.seals().untold(self.told).copied().collect();
        for seal in untold {
            if !self.say(Body::Sealed(seal)) {
                return;
            }
            self.ownership.spoke(Body::Beat, now);
        }
    }

    /// Whether the log takes it.
    fn say(&mut self, body: Body) -> bool {
        let term = match self.options.part {
            Part::Contends => self.ownership.term_of(&body),
            // It has no term: nobody takes it for the active one.
            Part::Leads | Part::Stands | Part::Listens => 0,
        };
        let message = Message { pool: self.options.pool, settler: self.me, term, body };
        let batch = match body {
            Body::Sealed(seal) => Some(seal.number),
            Body::Claim | Body::Beat | Body::Resign => None,
        };
        match self.log.append(Bytes::from(message.encode())) {
            Ok(ticket) => self.pending.push_back((ticket, batch)),
            Err(refused) => {
                tracing::debug!(%refused, "the outcomes log takes nothing");
                return false;
            }
        }
        true
    }

    /// # Errors
    /// What the core's thread has found.
    fn own_difference(&self) -> Result<(), Fault> {
        self.shared.fault().clone().map_or(Ok(()), Err)
    }

    /// Nothing more is read. Of a difference the others must hear, too.
    fn end(&mut self, fault: Fault) {
        // First of all the core: it must not go on while the others are told.
        self.shared.leads.store(false, Ordering::Release);
        self.shared.break_with(fault.clone());
        metrics::active(false);
        if let Fault::Differs(difference) = &fault
            && self.options.part != Part::Listens
        {
            metrics::diverged();
            self.pending.clear();
            self.say(Body::Sealed(difference.ours));
            self.farewell();
        }
    }

    /// Lets another one take over at once.
    fn resign(&mut self) {
        if self.options.part == Part::Contends && self.ownership.leads() {
            self.pending.clear();
            self.say(Body::Resign);
            self.farewell();
        }
        metrics::active(false);
    }

    /// Waits until what was said last is durable, but not for long. Nothing else is waited for then.
    fn farewell(&mut self) {
        let until = Instant::now() + FAREWELL;
        while !self.arrived() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
