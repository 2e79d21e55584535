//! Accounts: four counters that only ever hold what was debited and credited, and a debit limit.

use crate::merkle::{Hash, leaf_hash};
use crate::money::Currency;

/// An account, numbered from 0 in the order of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

impl AccountId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How far the debits of an account may exceed its credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebitLimit {
    /// By at most this many minor units: the credit line; 0 for an account that must be funded.
    AtMost(u64),
    /// Without limit: mirrors of money held elsewhere (nostro accounts).
    Unlimited,
}

/// The four counters in minor units.
///
/// Each stays far below 2^127: a counter that is loaded is at most 2^120, and no run of transfers
/// below 10^18 each is long enough to climb from there. So sums of them fit an `i128`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reserved debits.
    pub debits_pending: u128,
    /// Final debits.
    pub debits_posted: u128,
    /// Announced credits; they cannot be spent.
    pub credits_pending: u128,
    /// Final credits.
    pub credits_posted: u128,
}

impl Counters {
    /// The most a counter may hold when books are loaded.
    pub const MAX: u128 = 1 << 120;

    /// Final credits less final debits.
    pub const fn balance(&self) -> i128 {
        self.credits_posted.cast_signed() - self.debits_posted.cast_signed()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.debits_pending += other.debits_pending;
        self.debits_posted += other.debits_posted;
        self.credits_pending += other.credits_pending;
        self.credits_posted += other.credits_posted;
    }
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub(crate) counters: Counters,
    pub(crate) limit: DebitLimit,
    pub(crate) currency: Currency,
    pub(crate) closed: bool,
    /// The limit was lowered below its use, and the account is not back within it.
    pub(crate) limit_lowered: bool,
}

impl Account {
    /// What an account without limit has available: more than there is, and far enough from the
    /// end of the type that amounts can be added to it.
    pub const UNLIMITED: i128 = 1 << 126;

    pub(crate) fn new(currency: Currency, limit: DebitLimit) -> Self {
        let counters = Counters::default();
        Self { counters, limit, currency, closed: false, limit_lowered: false }
    }

    /// The currency of everything in the account.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The debit limit.
    pub const fn limit(&self) -> DebitLimit {
        self.limit
    }

    /// A closed account takes no transfers, for good.
    pub const fn closed(&self) -> bool {
        self.closed
    }

    /// The four counters in minor units.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Reserved debits in minor units.
    pub const fn debits_pending(&self) -> u128 {
        self.counters.debits_pending
    }

    /// Final debits in minor units.
    pub const fn debits_posted(&self) -> u128 {
        self.counters.debits_posted
    }

    /// Announced credits in minor units; they cannot be spent.
    pub const fn credits_pending(&self) -> u128 {
        self.counters.credits_pending
    }

    /// Final credits in minor units.
    pub const fn credits_posted(&self) -> u128 {
        self.counters.credits_posted
    }

    /// Final credits less final debits, in minor units.
    pub const fn balance(&self) -> i128 {
        self.counters.balance()
    }

    /// What can still be debited, in minor units: the balance and the credit line, less reserved
    /// debits. Negative if the limit was lowered below its use; [`Account::UNLIMITED`] without
    /// limit.
    pub const fn available(&self) -> i128 {
        match self.limit {
            DebitLimit::Unlimited => Self::UNLIMITED,
            DebitLimit::AtMost(line) => {
                self.balance() + line as i128 - self.counters.debits_pending.cast_signed()
            }
        }
    }

    /// The canonical bytes: currency, flags, line, then the counters, all big-endian.
    pub(crate) fn to_bytes(&self) -> [u8; Self::BYTES] {
        let (unlimited, line) = match self.limit {
            DebitLimit::Unlimited => (Self::FLAG_UNLIMITED, 0),
            DebitLimit::AtMost(line) => (0, line),
        };
        let closed = if self.closed { Self::FLAG_CLOSED } else { 0 };
        let lowered = if self.limit_lowered { Self::FLAG_LIMIT_LOWERED } else { 0 };
        let mut bytes = [0; Self::BYTES];
        bytes[..3].copy_from_slice(&self.currency.to_bytes());
        bytes[3] = unlimited | closed | lowered;
        bytes[4..12].copy_from_slice(&line.to_be_bytes());
        bytes[12..28].copy_from_slice(&self.counters.debits_pending.to_be_bytes());
        bytes[28..44].copy_from_slice(&self.counters.debits_posted.to_be_bytes());
        bytes[44..60].copy_from_slice(&self.counters.credits_pending.to_be_bytes());
        bytes[60..].copy_from_slice(&self.counters.credits_posted.to_be_bytes());
        bytes
    }

    pub(crate) const BYTES: usize = 76;
    pub(crate) const FLAG_UNLIMITED: u8 = 1;
    pub(crate) const FLAG_CLOSED: u8 = 2;
    pub(crate) const FLAG_LIMIT_LOWERED: u8 = 4;

    pub(crate) fn hash(&self) -> Hash {
        leaf_hash(&self.to_bytes())
    }
}
