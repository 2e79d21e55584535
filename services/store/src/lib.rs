//! The queryable store: the port, its contract, and the embedded implementation.
//!
//! A store is a handful of tables of bytes, ordered by key. It knows nothing of payments. What
//! every implementation promises:
//!
//! * a commit is all or nothing, and durable once it has returned;
//! * a read sees whole commits only;
//! * damage is an error that names what is damaged, never a silent gap.
//!
//! [`contract`] is the suite that every implementation passes. [`embedded`] is the default one: an
//! LSM tree in a directory.
//!
//! Deliberately absent: reads before writes, conditional writes, secondary indexes, expiry. Rows
//! are a function of the log, so writing one twice writes the same bytes.

pub mod contract;
pub mod embedded;
mod port;
mod seal;
mod write;

pub use port::{Fault, KEY_BYTES_MAX, Row, Store, Table, VALUE_BYTES_MAX};
pub use write::Write;
