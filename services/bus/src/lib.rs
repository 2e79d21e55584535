//! The ordered log of a pool: the port, its contract, and the embedded implementation.
//!
//! A log is a dense sequence of opaque records. It knows nothing of payments: a record is bytes,
//! and its [`Position`] is the only order there is. What every implementation promises:
//!
//! * a ticket resolves only once its record is durable, and then the record is never lost;
//! * readers see durable records only, in order, without gap or repetition;
//! * damage is an error that names the place, never a silent skip.
//!
//! [`contract`] is the suite that every implementation passes. [`embedded`] is the default one:
//! files in a directory, written by one thread in groups. [`sim`] is a disk that loses power,
//! tears writes and fills up on demand. `kafka`, behind the feature of that name, keeps the log in
//! a topic of Apache Kafka.
//!
//! A thread that panics ends the process ([`EndOnPanic`]): callers never wait for a log that is dead.
//!
//! Deliberately absent: consumer groups, stored consumer positions (a consumer keeps its position
//! in the same atomic write as its effect), and deletion of old records.

mod bug;
pub mod contract;
pub mod disk;
pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod metrics;
mod port;
pub mod sim;
mod tail;

pub use bug::EndOnPanic;
pub use port::{Fault, Log, Position, RECORD_BYTES_MAX, Refused, Ticket};
