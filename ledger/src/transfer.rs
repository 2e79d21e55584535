//! Transfers: the only way money moves.

use crate::account::AccountId;

/// The number of a transfer, given by the caller.
///
/// The books keep the numbers of pending transfers only. That nothing is posted twice is decided
/// before a transfer is made, by the identity of its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u64);

/// Moves an amount from one account to another of the same currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its number.
    pub id: TransferId,
    /// The account that pays.
    pub debit: AccountId,
    /// The account that is paid.
    pub credit: AccountId,
    /// Minor units, 1 to [`MINOR_MAX`](crate::MINOR_MAX).
    pub amount: u64,
    /// What it does.
    pub kind: Kind,
}

/// What a transfer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Moves the amount at once.
    Post,
    /// Reserves the amount until it is posted, voided, or expires.
    Pend {
        /// The first instant at which [`Ledger::expire`](crate::Ledger::expire) voids it, in
        /// milliseconds of logged time.
        expires_at: u64,
    },
    /// Posts up to the whole reserved amount, between the same accounts; the rest is released.
    PostPending {
        /// The reservation.
        pending: TransferId,
    },
    /// Releases a reservation; accounts and amount must be the reservation's own.
    VoidPending {
        /// The reservation.
        pending: TransferId,
    },
}

/// A reservation that is neither posted nor voided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The account that will pay.
    pub debit: AccountId,
    /// The account that will be paid.
    pub credit: AccountId,
    /// Reserved minor units.
    pub amount: u64,
    /// The first instant at which it expires, in milliseconds of logged time.
    pub expires_at: u64,
}
