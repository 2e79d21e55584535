//! The books: a pure double-entry state machine.
//!
//! * [`money`]: currencies and amounts in minor units.
//! * [`merkle`]: the RFC 6962 tree hash, shared by everything that proves something.
//!
//! Absent on purpose: I/O, clocks, randomness, floats, threads.

mod currency;
pub mod merkle;
pub mod money;

pub use merkle::Hash;
pub use money::{Amount, Currency, MINOR_MAX, MoneyError};
