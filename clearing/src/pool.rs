//! The pool: its state, and the way of a record through it.

use channel::{DecodeError, Genesis, RuleBook, SignedCommand};
use ledger::{AccountId, Hash, Ledger};
use risk::{Limits, Velocity};

use crate::batch::{BATCH_TRANSFERS_SOFT_MAX, OpenBatch, balance_after};
use crate::cycle::Cycle;
use crate::directory::Directory;
use crate::disclosure::Disclosure;
use crate::evidence::Evidence;
use crate::expiry::Expiry;
use crate::fifo::Fifo;
use crate::funding::Funding;
use crate::fx::Fx;
use crate::group::Groups;
use crate::outcome::{BalanceAfter, Outcome, Ruled, Ruling, SealedBatch, Stated, Subject};
use crate::outlived::Outlived;
use crate::payment::Payments;
use crate::queue::Queues;
use crate::record::{OrdersRecord, Place, Record, RecordBody, RecordError};
use crate::reject::Reject;
use crate::requests::Requests;
use crate::seen::SeenIndex;
use crate::waiting::Waiting;

/// The end of logged time, 9999-12-31T23:59:59.999Z in ms: adding to a time never overflows.
pub(crate) const TIME_MAX_MS: u64 = 253_402_300_799_999;

/// A pool: everything that is a function of its log.
///
/// An empty pool waits for the genesis at position 0. After that, [`Pool::apply`] takes the records
/// in order.
#[derive(Debug)]
pub struct Pool {
    pub(crate) pool: u32,
    /// Hash of the genesis.
    pub(crate) identity: Hash,
    pub(crate) operator_key: [u8; 32],
    pub(crate) next_position: u64,
    pub(crate) now_ms: u64,
    /// Up to here an operator has confirmed that time may jump.
    pub(crate) confirmed_until_ms: u64,
    pub(crate) rules: RuleBook,
    pub(crate) rules_hash: Hash,
    pub(crate) directory: Directory,
    pub(crate) ledger: Ledger,
    pub(crate) limits: Limits,
    pub(crate) velocity: Velocity,
    pub(crate) seen: SeenIndex,
    pub(crate) outlived: Outlived,
    pub(crate) payments: Payments,
    pub(crate) queues: Queues,
    pub(crate) waiting: Waiting,
    pub(crate) groups: Groups,
    pub(crate) fx: Fx,
    pub(crate) expiry: Expiry,
    pub(crate) requests: Requests,
    pub(crate) funding: Funding,
    pub(crate) disclosure: Disclosure,
    pub(crate) cycle: Cycle,
    pub(crate) batch: OpenBatch,
    pub(crate) last_root: Hash,
    /// Memory of the search for the FIFO maximum.
    pub(crate) fifo: Fifo,
    /// Memory of a settlement.
    pub(crate) postings: Vec<ledger::Transfer>,
    /// Kept for those who asked for it; no part of the state.
    pub(crate) evidence: Option<Vec<Evidence>>,
}

impl Pool {
    /// An empty pool. The seed spreads the hashes of identities; it never changes a result.
    #[must_use]
    pub fn new(hash_seed: u64) -> Self {
        let rules = RuleBook::standard(Vec::new());
        Self {
            pool: 0,
            identity: [0; 32],
            operator_key: [0; 32],
            next_position: 0,
            now_ms: 0,
            confirmed_until_ms: 0,
            rules_hash: rules.hash(),
            rules,
            directory: Directory::default(),
            ledger: Ledger::new(),
            limits: Limits::new(),
            velocity: Velocity::new(),
            seen: SeenIndex::new(hash_seed),
            outlived: Outlived::default(),
            payments: Payments::default(),
            queues: Queues::default(),
            waiting: Waiting::default(),
            groups: Groups::default(),
            fx: Fx::default(),
            expiry: Expiry::default(),
            requests: Requests::default(),
            funding: Funding::default(),
            disclosure: Disclosure::default(),
            cycle: Cycle::default(),
            batch: OpenBatch::default(),
            last_root: [0; 32],
            fifo: Fifo::default(),
            postings: Vec::new(),
            evidence: None,
        }
    }

    /// The position of the record that [`Pool::apply`] takes next.
    #[must_use]
    pub fn next_position(&self) -> u64 {
        self.next_position
    }

    /// The pool's time: of the latest record so far, ms since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The number of the current cycle: the one that collects.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        self.cycle.number
    }

    /// The cycle of the cut that waits for a proposal.
    #[must_use]
    pub fn cut_waiting(&self) -> Option<u64> {
        self.cycle.cut.as_ref().map(|open| open.cut.cycle)
    }

    /// Whether something has happened since the last seal, so that another batch is to come.
    #[must_use]
    pub fn batch_open(&self) -> bool {
        self.batch.opened_at_ms.is_some()
    }

    /// The key that checks receipts and decisions.
    #[must_use]
    pub fn operator_key(&self) -> [u8; 32] {
        self.operator_key
    }

    /// The present rule book.
    #[must_use]
    pub fn rules(&self) -> &RuleBook {
        &self.rules
    }

    /// Participants, currencies and accounts.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// All limits with their use. Participants and currencies are numbered by their index in
    /// [`Directory::members`] and [`Directory::currencies`].
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The velocity limits, numbered like [`Pool::limits`].
    #[must_use]
    pub fn velocity(&self) -> &Velocity {
        &self.velocity
    }

    /// The books, for reading.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The four counters of an account.
    #[must_use]
    pub fn balance(&self, account: AccountId) -> Option<BalanceAfter> {
        self.ledger.account(account).map(|books| balance_after(account, books))
    }

    /// Applies the record at `position`: what came of it.
    ///
    /// # Errors
    /// [`RecordError`]: the log is damaged or of another version; the caller must halt. The pool
    /// is as it was.
    pub fn apply(&mut self, position: u64, record: &[u8]) -> Result<Outcome, RecordError> {
        if position != self.next_position {
            return Err(RecordError::Position { expected: self.next_position, found: position });
        }
        let record = Record::read(record)?;
        if record.time_ms > TIME_MAX_MS {
            return Err(DecodeError::Range { field: "time" }.into());
        }
        match &record.body {
            RecordBody::Genesis(genesis) if position == 0 => {
                return self.begin(record.time_ms, genesis);
            }
            RecordBody::Genesis(again) if again.hash() == self.identity => {
                return Ok(self.pass_over(position));
            }
            RecordBody::Genesis(_) => return Err(RecordError::Genesis),
            _ if position == 0 => return Err(RecordError::Genesis),
            _ if record.pool != self.pool => return Err(RecordError::Pool(record.pool)),
            RecordBody::Orders(orders) => self.check_orders(orders)?,
            RecordBody::Command(signed) => self.check_command(signed)?,
            RecordBody::Statements(record) => self.check_statements(record)?,
            RecordBody::Tick { .. } | RecordBody::Settle(_) => {}
        }
        // After this point, the record takes effect.
        let mut outcome = self.outcome(position, &record);
        let jumps = self.time_jumps(&record);
        outcome.sealed_before = self.seal_if_due(if jumps { self.now_ms } else { record.time_ms });
        self.next_position += 1;
        if jumps {
            refuse(&mut outcome, &record.body);
            return Ok(outcome);
        }
        self.now_ms = self.now_ms.max(record.time_ms);
        outcome.time_ms = self.now_ms;
        self.pass_time(&mut outcome);
        self.dispatch(&record, &mut outcome);
        self.finish(&mut outcome);
        Ok(outcome)
    }

    fn dispatch(&mut self, record: &Record<'_>, outcome: &mut Outcome) {
        match &record.body {
            RecordBody::Orders(orders) => self.take_orders(orders, outcome),
            RecordBody::Command(signed) => self.take_command(signed, record.time_ms, outcome),
            RecordBody::Tick { cycle } => self.take_tick(*cycle, outcome),
            RecordBody::Settle(proposal) => self.take_proposal(proposal, outcome),
            RecordBody::Statements(record) => self.take_statements(record, outcome),
            RecordBody::Genesis(_) => unreachable!("a genesis stands at position 0 only"),
        }
    }

    /// The pool's own genesis once more, from two that began the log at once: nothing comes of it,
    /// and no time passes.
    fn pass_over(&mut self, position: u64) -> Outcome {
        let mut outcome = empty_outcome(position, self.now_ms, Subject::System);
        outcome.sealed_before = self.seal_if_due(self.now_ms);
        self.next_position += 1;
        outcome
    }

    fn outcome(&self, position: u64, record: &Record<'_>) -> Outcome {
        let subject = match &record.body {
            RecordBody::Orders(_) => Subject::Orders,
            RecordBody::Statements(_) => Subject::Statements,
            RecordBody::Command(signed) => {
                request_of(signed).map_or(Subject::System, Subject::Command)
            }
            _ => Subject::System,
        };
        empty_outcome(position, self.now_ms, subject)
    }

    /// Whether the record's time is further ahead than it may be.
    fn time_jumps(&self, record: &Record<'_>) -> bool {
        let bound = self.now_ms.saturating_add(self.rules.clock_jump_max_ms);
        record.time_ms > bound.max(self.confirmed_until_ms) && !self.confirms_time(record)
    }

    fn begin(&mut self, time_ms: u64, genesis: &Genesis) -> Result<Outcome, RecordError> {
        let mut directory = Directory::default();
        for participant in &genesis.participants {
            directory
                .add(participant.clone())
                .map_err(|_| DecodeError::Range { field: "participants" })?;
        }
        // After this point, the pool begins.
        self.directory = directory;
        self.pool = genesis.pool;
        self.identity = genesis.hash();
        self.operator_key = genesis.operator_key;
        self.disclosure.roots.clone_from(&genesis.roots);
        self.next_position = 1;
        self.now_ms = time_ms;
        self.cycle.due_at_ms = time_ms + u64::from(genesis.rules.cycle_ms);
        let mut outcome = empty_outcome(0, time_ms, Subject::System);
        self.adopt_rules(genesis.rules.clone(), &mut outcome);
        self.batch.open(time_ms);
        Ok(outcome)
    }

    /// Lets logged time do what is due: unless a cut waits, which fixes everything it holds.
    pub(crate) fn pass_time(&mut self, outcome: &mut Outcome) {
        self.fx.book.lapse(self.now_ms);
        if self.cycle.floor_due(self.now_ms) {
            self.settle_floor(outcome);
        }
        if self.cycle.cut.is_none() {
            self.expire_due(outcome);
            self.end_due_fx(outcome);
            self.close_due_days(outcome);
            self.release_due(outcome);
        }
    }

    fn finish(&mut self, outcome: &mut Outcome) {
        self.end_revoked(outcome);
        self.match_payments(outcome);
        self.retry_credited(outcome);
        outcome.changes.append(&mut self.fx.settled);
        if !outcome.changes.is_empty() {
            self.batch.open(self.now_ms);
        }
        if self.cycle.settled {
            self.cycle.settled = false;
            outcome.sealed = Some(self.seal(self.next_position - 1));
        }
    }

    /// Seals the open batch before a record of this time, if it is old or large enough.
    fn seal_if_due(&mut self, time_ms: u64) -> Option<SealedBatch> {
        let opened_at_ms = self.batch.opened_at_ms?;
        let due_at_ms = opened_at_ms + u64::from(self.rules.seal_ms);
        let large = self.batch.transfers.len() > BATCH_TRANSFERS_SOFT_MAX;
        (large || time_ms >= due_at_ms).then(|| self.seal(self.next_position - 1))
    }

    fn seal(&mut self, last: u64) -> SealedBatch {
        let place = (self.pool, last, self.now_ms);
        let mut sealed = self.batch.close(place, &self.ledger, &self.directory);
        sealed.state_root = self.state_root();
        sealed.hash = sealed.compute_hash();
        self.batch.previous = sealed.hash;
        self.last_root = sealed.state_root;
        sealed
    }
}

fn request_of(signed: &SignedCommand) -> Option<channel::RequestId> {
    channel::Command::decode(&signed.command).ok().map(|command| command.request_id)
}

pub(crate) fn empty_outcome(position: u64, time_ms: u64, subject: Subject) -> Outcome {
    Outcome {
        position,
        time_ms,
        subject,
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
    }
}

/// Refuses a whole record whose time nobody confirmed.
fn refuse(outcome: &mut Outcome, body: &RecordBody<'_>) {
    let (position, decided_at_ms) = (outcome.position, outcome.time_ms);
    let reason = Some(Reject::ClockJump);
    let place = |index| Place::new(position, index);
    match body {
        RecordBody::Orders(OrdersRecord { headers, .. }) => {
            let ruling = Ruling::Refused;
            let ruled = |place| Ruled { place, decided_at_ms, ruling, reason, replayed: false };
            outcome.rulings = (0..headers.len()).map(place).map(ruled).collect();
        }
        RecordBody::Statements(record) => {
            let stated = |place| Stated { place, reject: reason, replayed: false };
            outcome.statements = (0..record.statements.len()).map(place).map(stated).collect();
        }
        _ => outcome.reject = reason,
    }
}

/// A participant's index, as the limits number it.
pub(crate) fn risk_id(index: u32) -> risk::ParticipantId {
    risk::ParticipantId(index)
}
