//! The queryable store: the port, its contract, and the embedded implementation.
//!
//! A store is a handful of tables of bytes, ordered by key. It knows nothing of payments. What
//! every implementation promises:
//!
//! * a commit is all or nothing, and durable once it has returned;
//! * a commit has a name; the same name with the same rows is the same commit, with other rows an
//!   error that halts. So any number of processes may write what follows from one log;
//! * a read sees whole commits only;
//! * damage is an error that names what is damaged, never a silent gap.
//!
//! [`contract`] is the suite that every implementation passes. [`embedded`] is the default one: an
//! LSM tree in a directory. Behind the feature `cql` is the one on Apache Cassandra or ScyllaDB.
//!
//! Deliberately absent: reads before writes, secondary indexes, expiry, overwriting. Rows are a
//! function of the log, so writing one twice writes the same bytes.

mod commit;
pub mod contract;
#[cfg(feature = "cql")]
pub mod cql;
pub mod embedded;
mod fault;
mod port;
mod seal;
mod table;
mod write;

pub use commit::{Commit, CommitHash, FACT_BYTES_MAX, Fact, Stream};
pub use fault::Fault;
pub use port::{KEY_BYTES_MAX, Row, Store, VALUE_BYTES_MAX};
pub use table::Table;
pub use write::Write;
