//! Netting obligations that stand in files, without any server.
//!
//! ```text
//! files ──▶ Input ──▶ Case ──▶ net ──▶ Proposal: what settles now, positions, payments to make
//!  CSV, JSON,   checked, numbered     the solver of `netting`, one part per currency unless
//!  ISO 20022                          groups join several
//! ```
//!
//! * [`Input`] takes files of obligations, liquidity and limits in any order and refuses what makes
//!   no sense with file, line, field and what to do ([`InputError`]).
//! * [`net()`] decides which obligations settle together. Without liquidity everything settles and
//!   the positions say who pays. With it nobody pays more, net, than there is, and each part comes
//!   with an upper bound that anyone can check ([`netting::bound`]).
//! * [`Proposal::payments`]: few payments that bring every position to zero.
//!
//! ```
//! use netfile::{Input, Options, net};
//!
//! let mut input = Input::default();
//! input.obligations("owed.csv", b"debtor,creditor,currency,amount\nA,B,EUR,9.00\nB,A,EUR,8.50\n")?;
//! let case = input.finish()?;
//! let proposal = net(&case, &Options::default())?;
//! assert_eq!(proposal.settled.len(), 2);
//! assert_eq!(proposal.payments[0].amount.to_string(), "0.50 EUR");
//! # Ok::<(), netfile::InputError>(())
//! ```
//!
//! Absent on purpose: I/O (bytes come in as slices) and any say over money: a proposal moves none.

mod case;
mod csv;
mod error;
mod fields;
mod input;
mod iso;
mod json;
mod part;
mod payments;
mod proposal;
mod tables;

pub use case::{CLASSES, Case, Limit, Obligation};
pub use error::InputError;
pub use input::{FILE_BYTES_MAX, Input, OBLIGATIONS_MAX, PARTICIPANTS_MAX};
pub use netting::Mode;
pub use part::Part;
pub use payments::EXACT_MAX;
pub use proposal::{Currency, Options, Payment, Position, Proposal, net};
