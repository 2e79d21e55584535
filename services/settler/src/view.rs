//! What others may see of the pool: an immutable picture, replaced as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use channel::{Participant, ParticipantId, Role, RuleBook, Status};
use clearing::{AccountInfo, Day};
use ledger::{AccountId, Currency, Hash};

/// The pool as it stood behind some position.
#[derive(Debug, Clone)]
pub struct PoolView {
    /// The pool's number.
    pub pool: u32,
    /// Hash of its genesis.
    pub genesis: Hash,
    /// The key that checks receipts and decisions.
    pub operator_key: [u8; 32],
    /// The position of the next record.
    pub next_position: u64,
    /// The log's time, ms.
    pub now_ms: u64,
    /// The last sealed batch; 0 = none.
    pub batch: u64,
    /// State root after the last sealed batch.
    pub state_root: Hash,
    /// The cycle that is collecting.
    pub cycle: u64,
    /// The cycle whose cut waits for a proposal, if one does.
    pub open_cut: Option<u64>,
    /// Whether a disclosure policy is in effect, so that payloads must be sealed.
    pub sealing_required: bool,
    /// The rule book in force.
    pub rules: Arc<RuleBook>,
    /// Its hash.
    pub rules_hash: Hash,
    /// What waits, per currency.
    pub queues: Vec<QueueView>,
    /// Identities remembered.
    pub seen_entries: u64,
    /// Who takes part.
    pub directory: Arc<DirectoryView>,
    /// Limits in force with their use, by kind, participant, counterparty, currency.
    pub limits: Arc<Vec<LimitView>>,
}

/// What waits in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueView {
    /// Which.
    pub currency: Currency,
    /// How many orders.
    pub orders: u64,
    /// Their value, minor units.
    pub minor: u128,
}

/// A participant and its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Who it is.
    pub participant: Participant,
    /// Whether it takes part.
    pub status: Status,
}

/// An account and its credit line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountView {
    /// Whose, and in which currency.
    pub info: AccountInfo,
    /// How far below zero it may go, minor units; 0 for a mirror.
    pub credit_line: u64,
}

/// The business day of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayView {
    /// Which currency.
    pub currency: Currency,
    /// Its day.
    pub day: Day,
}

/// Participants, accounts and days. It has a version: the same version is the same directory.
#[derive(Debug, Clone, Default)]
pub struct DirectoryView {
    pub(crate) version: u64,
    pub(crate) members: Vec<MemberView>,
    pub(crate) by_id: BTreeMap<ParticipantId, usize>,
    pub(crate) by_name: BTreeMap<String, usize>,
    pub(crate) accounts: Vec<AccountView>,
    pub(crate) days: Vec<DayView>,
}

impl DirectoryView {
    /// Changes with every change of what is in here.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All participants, in the order in which they came.
    #[must_use]
    pub fn members(&self) -> &[MemberView] {
        &self.members
    }

    /// A participant by its number.
    #[must_use]
    pub fn member(&self, id: ParticipantId) -> Option<&MemberView> {
        self.by_id.get(&id).and_then(|at| self.members.get(*at))
    }

    /// A participant by role and name, as a certificate states them.
    #[must_use]
    pub fn find(&self, role: Role, name: &str) -> Option<&MemberView> {
        let found = self.named(name)?;
        (found.participant.role == role).then_some(found)
    }

    /// A participant by its name, which is unique.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&MemberView> {
        self.by_name.get(name).and_then(|at| self.members.get(*at))
    }

    /// All accounts, by number.
    #[must_use]
    pub fn accounts(&self) -> &[AccountView] {
        &self.accounts
    }

    /// An account by its number.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<&AccountView> {
        self.accounts.get(account.0 as usize)
    }

    /// The business days, one per currency of the pool, by currency.
    #[must_use]
    pub fn days(&self) -> &[DayView] {
        &self.days
    }
}

/// What a limit bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// The net debit position towards one other bank.
    Bilateral {
        /// The other bank.
        counterparty: ParticipantId,
    },
    /// The net debit position towards all others, as the bank wishes.
    Multilateral,
    /// The same, as the operator wishes.
    DebitCap,
    /// Orders, or their value in a currency, within a window.
    Velocity {
        /// The window's length, ms.
        window_ms: u64,
    },
}

/// A limit and its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitView {
    /// What it bounds.
    pub kind: LimitKind,
    /// Whose.
    pub participant: ParticipantId,
    /// In which currency; none for a number of orders.
    pub currency: Option<Currency>,
    /// Minor units, or orders.
    pub limit: u64,
    /// What it bounds at present: minor units, below zero if the bank is owed; or orders.
    pub used: i128,
}

impl LimitKind {
    /// Bilateral, multilateral, cap, velocity.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Bilateral { .. } => 0,
            Self::Multilateral => 1,
            Self::DebitCap => 2,
            Self::Velocity { .. } => 3,
        }
    }
}
