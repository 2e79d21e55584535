//! The projector: turns what the core says into rows that can be queried.
//!
//! One sealed batch is one commit, named by its number. Keys and values are functions of the log,
//! so committing a batch again changes nothing, whoever does it, and a batch that differs from the
//! one already written halts the projector. Nothing is read before it is written.
//!
//! * [`Projector`] is the thread that writes, [`Feed`] its bounded inbox. Any number of processes
//!   may run one on the same store.
//! * [`Follower`] is for a process that only reads: it takes note of what others write.
//! * [`Reader`] answers questions, about whole batches only: nothing of a batch is shown before
//!   its commit has returned.
//!
//! Orders stay in the log: rows carry [`clearing::Place`]s, and the reader fetches headers and
//! payloads from there. The rows' layouts are in `docs/internals/store-format.md`.

mod build;
mod draft;
mod fault;
mod feed;
mod follower;
mod gather;
mod headers;
mod layout;
mod matches;
pub mod metrics;
mod patience;
mod people;
mod projector;
mod reader;
mod start;
mod statements;
mod uetr;

pub use fault::Fault;
pub use feed::{Feed, Projected};
pub use follower::{FollowOptions, Follower};
pub use matches::Match;
pub use projector::{Options, Projector};
pub use reader::{
    Batch, EntryRow, FeedItem, Order, Part, PaymentRow, READ_ROWS_MAX, Readable, Reader,
};
pub use statements::{Sight, StatementPage, StatementRow};
