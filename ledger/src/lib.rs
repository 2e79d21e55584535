//! The books: a pure double-entry state machine.
//!
//! * [`money`]: currencies and amounts in minor units.
//! * [`Ledger`]: accounts and what moves money between them; [`Ledger::apply_batch`] is all or
//!   nothing, [`Ledger::check`] verifies every invariant, [`Ledger::state_root`] commits to it all.
//! * [`merkle`] and [`Tree`]: the RFC 6962 tree hash, shared by everything that proves something.
//!
//! The same calls give the same books, the same bytes and the same root on any machine. Absent on
//! purpose: I/O, clocks, randomness, floats, threads; and any knowledge of payments or of who owns
//! an account.

#![forbid(clippy::float_arithmetic)]

mod account;
mod batch;
mod codec;
mod currency;
mod cursor;
mod draft;
mod invariants;
mod ledger;
pub mod merkle;
pub mod money;
mod pending;
mod reject;
mod transfer;
mod tree;

pub use account::{Account, AccountId, Counters, DebitLimit};
pub use batch::{Applied, BATCH_MAX};
pub use codec::DecodeError;
pub use cursor::{Cursor, Truncated};
pub use invariants::Violation;
pub use ledger::{ACCOUNTS_MAX, Ledger, PENDING_MAX};
pub use merkle::Hash;
pub use money::{Amount, Currency, MINOR_MAX, MoneyError};
pub use reject::{BatchReject, Reject};
pub use transfer::{Kind, Pending, Transfer, TransferId};
pub use tree::Tree;
