//! A pool with two banks on disk, and records for it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::embedded::EmbeddedLog;
use bus::{Log, Position, Refused, Ticket};
use bytes::Bytes;
use channel::{
    Command, CommandBody, Genesis, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, RequestId, Role, RuleBook, SignedCommand, Uetr, ValueDate, merkle_root,
    order_digest,
};
use clearing::{Outcome, pack_command, pack_genesis, pack_orders};
use ledger::{Amount, Currency};
use projector::Projector;
use settler::{Clock, Floor, Options, Parts, Peers, PoolHandle, Proposer, Settler};
use store::embedded::EmbeddedStore;
use tempfile::TempDir;

pub(crate) const START_MS: u64 = 1_767_225_600_000;
pub(crate) const ALBION: ParticipantId = ParticipantId(11);
pub(crate) const BERLIN: ParticipantId = ParticipantId(12);
const OPERATOR: ParticipantId = ParticipantId(1);
const AGENT: ParticipantId = ParticipantId(2);

pub(crate) fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

/// The log, noting where reading began; it may answer nobody for a while.
pub(crate) struct WatchedLog {
    inner: EmbeddedLog,
    first_read: Mutex<Option<u64>>,
    /// Whether nothing can be read.
    pub(crate) silent: AtomicBool,
    /// So many appends more are taken and get lost.
    pub(crate) losing: AtomicU64,
}

fn unanswered() -> bus::Fault {
    bus::Fault::Unanswered { why: "as the test will have it".to_owned() }
}

impl Log for WatchedLog {
    fn append(&self, record: Bytes) -> Result<Ticket, Refused> {
        let loses = |losing: u64| losing.checked_sub(1);
        if self.losing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, loses).is_ok() {
            let (sender, ticket) = Ticket::new();
            sender.send(Err(unanswered())).unwrap();
            return Ok(ticket);
        }
        self.inner.append(record)
    }

    fn read(&self, from: Position, bytes_max: usize) -> Result<Vec<Bytes>, bus::Fault> {
        if self.silent.load(Ordering::Relaxed) {
            return Err(unanswered());
        }
        self.first_read.lock().unwrap().get_or_insert(from.0);
        self.inner.read(from, bytes_max)
    }

    fn end(&self) -> Position {
        self.inner.end()
    }

    fn wait(&self, position: Position, timeout: Duration) -> bool {
        self.inner.wait(position, timeout)
    }

    fn watch(&self) -> tokio::sync::watch::Receiver<Position> {
        self.inner.watch()
    }
}

/// The log in a folder.
pub(crate) fn open_log(dir: &Path) -> Arc<WatchedLog> {
    let options =
        bus::embedded::Options { segment_bytes: 1 << 20, ..bus::embedded::Options::default() };
    let inner = EmbeddedLog::open(&dir.join("log"), 1, options).unwrap();
    Arc::new(WatchedLog {
        inner,
        first_read: Mutex::default(),
        silent: AtomicBool::new(false),
        losing: AtomicU64::new(0),
    })
}

/// Everything of one pool, running.
pub(crate) struct World {
    pub(crate) log: Arc<WatchedLog>,
    pub(crate) store: Arc<EmbeddedStore>,
    pub(crate) pool: PoolHandle,
    pub(crate) clock: Clock,
    projector: Projector,
    settler: Settler,
    serial: AtomicU64,
}

impl World {
    /// Opens a pool whose time stands still and that takes no snapshots.
    pub(crate) fn quiet(dir: &TempDir) -> Self {
        Self::open(dir.path(), scripted(), Box::new(Floor), u64::MAX)
    }

    pub(crate) fn open(
        dir: &Path,
        clock: Clock,
        proposer: Box<dyn Proposer>,
        snapshot_every_orders: u64,
    ) -> Self {
        Self::among(open_log(dir), dir, clock, proposer, (snapshot_every_orders, None))
    }

    /// The same on a log that others may work on, too, and among those.
    pub(crate) fn among(
        log: Arc<WatchedLog>,
        dir: &Path,
        clock: Clock,
        proposer: Box<dyn Proposer>,
        (snapshot_every_orders, peers): (u64, Option<Peers>),
    ) -> Self {
        let options = store::embedded::Options { cache_bytes: 8 << 20, reserve_bytes: 1 << 20 };
        let store = Arc::new(EmbeddedStore::open(dir.join("store"), options).unwrap());
        let (projector, feed, _) =
            Projector::start(store.clone(), log.clone(), 1, &projector::Options::default())
                .unwrap();
        *log.first_read.lock().unwrap() = None;
        let parts = Parts {
            log: log.clone(),
            store: store.clone(),
            feed: Some(feed),
            clock: clock.clone(),
            proposer,
            peers,
        };
        let options = Options {
            pool: 1,
            outcomes_max: 1_024,
            outcomes_bytes_max: 64 << 20,
            snapshot_every_orders,
            snapshot_on_standby: true,
        };
        let (settler, pool) = Settler::start(parts, &options).unwrap();
        let serial = AtomicU64::new(log.end().0 << 32);
        Self { log, store, pool, clock, projector, settler, serial }
    }

    /// Where the settler began to read the log.
    pub(crate) fn began_at(&self) -> u64 {
        let first = || *self.log.first_read.lock().unwrap();
        until(|| first().is_some());
        first().unwrap()
    }

    /// How many orders wait.
    pub(crate) fn queued(&self) -> u64 {
        self.pool.view().queues.iter().map(|queue| queue.orders).sum()
    }

    /// Cuts a cycle.
    pub(crate) fn cycle(&self) -> Arc<Outcome> {
        self.command(OPERATOR, CommandBody::RunCycle)
    }

    /// Stops everything but the store.
    pub(crate) fn close(self) -> Arc<EmbeddedStore> {
        self.settler.stop();
        self.projector.stop();
        self.store
    }

    /// Appends a record and waits for what came of it.
    pub(crate) fn log(&self, record: Vec<u8>) -> Arc<Outcome> {
        let position = self.log.append(Bytes::from(record)).unwrap().wait().unwrap();
        self.outcome(position.0)
    }

    pub(crate) fn outcome(&self, position: u64) -> Arc<Outcome> {
        block_on(self.pool.outcome(position)).unwrap()
    }

    /// A number that was not used before.
    fn serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn command(&self, maker: ParticipantId, body: CommandBody) -> Arc<Outcome> {
        let now_ms = self.clock.now_ms();
        let request_id = RequestId(u128::from(self.serial()).to_be_bytes());
        let command = Command { pool: 1, request_id, maker, issued_at_ms: now_ms, body };
        let signed = SignedCommand { command: command.encode(), signature: [0; 64], checker: None };
        let outcome = self.log(pack_command((1, now_ms), &signed));
        assert_eq!(outcome.reject, None, "{:?}", command.body);
        outcome
    }

    /// A record of `count` orders of `minor` each.
    pub(crate) fn orders(&self, from: ParticipantId, minor: u64, count: u64) -> Vec<u8> {
        let to = if from == ALBION { BERLIN } else { ALBION };
        let now_ms = self.clock.now_ms();
        let headers: Vec<_> = (0..count)
            .map(|_| {
                let mut uetr = u128::from(self.serial()).to_be_bytes();
                uetr[6] = 0x40;
                uetr[8] = 0x80;
                header(from, to, Uetr(uetr), minor, now_ms).encode()
            })
            .collect();
        let digests: Vec<_> = headers.iter().map(|header| order_digest(header, b"")).collect();
        let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
        let orders: Vec<_> = headers.iter().map(|header| (header, &b""[..])).collect();
        pack_orders((1, now_ms), from, &[0; 64], &root, &digests, &orders)
    }

    /// Begins the pool, with everything in place for orders.
    pub(crate) fn begin(&self, change: impl FnOnce(&mut RuleBook)) {
        let netting = NettingMode::StrictFifo;
        let mut rules = RuleBook { netting, ..RuleBook::standard(vec![eur()]) };
        change(&mut rules);
        let person = |id, role, name: &str| Participant {
            id,
            role,
            name: name.to_owned(),
            country: *b"GB",
            key: [9; 32],
        };
        let participants = vec![
            person(OPERATOR, Role::Operator, "alice"),
            person(AGENT, Role::SettlementAgent, "agent"),
            person(ALBION, Role::Bank, "ALBKGB2L"),
            person(BERLIN, Role::Bank, "BRBKDEFF"),
        ];
        let genesis =
            Genesis { pool: 1, rules, operator_key: [7; 32], roots: Vec::new(), participants };
        self.log(pack_genesis(self.clock.now_ms(), &genesis));
        let currency = eur();
        for participant in [ALBION, BERLIN] {
            let account = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
            self.command(OPERATOR, account);
            let amount = Amount::new(1_000_000, currency).unwrap();
            let pay_in = [participant.0 as u8; 16];
            self.command(AGENT, CommandBody::Fund { participant, amount, pay_in });
        }
        let now_ms = self.clock.now_ms();
        let (cut_off_at_ms, closes_at_ms) = (now_ms + 36_000_000, now_ms + 40_000_000);
        let date = value_date();
        self.command(
            OPERATOR,
            CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms },
        );
    }
}

fn header(
    sender: ParticipantId,
    receiver: ParticipantId,
    uetr: Uetr,
    minor: u64,
    created_at_ms: u64,
) -> OrderHeader {
    OrderHeader {
        urgent: false,
        pool: 1,
        sender,
        receiver,
        uetr,
        kind: MessageKind::CustomerTransfer,
        class: 1,
        amount: Amount::new(minor, eur()).unwrap(),
        value_date: value_date(),
        policy_version: 0,
        created_at_ms,
        not_before_ms: 0,
        not_after_ms: 0,
        link: None,
        sealing: None,
        fx: None,
        payload_len: 0,
    }
}

fn value_date() -> ValueDate {
    ValueDate::new(20_260_101).unwrap()
}

pub(crate) fn scripted() -> Clock {
    Clock::Scripted(Arc::new(AtomicU64::new(START_MS)))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Polls until it holds; a failure shows as a test that hangs and is killed from outside.
pub(crate) fn until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::sleep(Duration::from_millis(5));
    }
}
