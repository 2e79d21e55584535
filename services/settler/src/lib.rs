//! The settler: one thread that feeds the durable log to the pool, in order, and publishes what
//! comes out.
//!
//! ```text
//! log ──▶ thread: Pool::apply ──▶ outcomes (callers wait) ──▶ feed of the projector
//!  ▲                │  └──▶ view (a picture for everybody else, taken by `capture`)
//!  └── ticks, proposals       └──▶ snapshots, written by a thread of their own
//! ```
//!
//! * `clock`: where the time of new records comes from. `handle`, `view`, `outcomes`: what others
//!   see; `inquiry`: what they may ask the pool itself. `settler`: the thread. `ticks`: when time must
//!   pass. `proposer`: the seam for solvers. `peers`: the other settlers of the pool: which one is
//!   active, and whether all seal the same.
//! * `snapshot`, `snapshotter`: the pool as rows of the store; recovery is a snapshot and the rest
//!   of the log.
//!
//! The pool is a function of its log: the settler decides nothing. Whatever it cannot go on after
//! (a record that does not read, a fault of log, store or projector) halts the pool with the
//! reason; nobody can then wait in vain, and reads go on.

mod capture;
mod clock;
mod handle;
mod inquiry;
pub mod metrics;
mod outcomes;
mod peers;
mod proposer;
mod settler;
mod snapshot;
mod snapshotter;
mod ticks;
mod view;

pub use clock::Clock;
pub use handle::PoolHandle;
pub use inquiry::Unasked;
pub use outcomes::NotHere;
pub use peers::{Part, Peers, PeersOptions, canonical_message};
pub use proposer::{Floor, Proposer, Solver};
pub use settler::{Fault, Options, Parts, Settler};
pub use view::{
    AccountView, DayView, DirectoryView, LimitKind, LimitView, MemberView, PoolView, QueueView,
};
