//! Why payments wait, and what would free them.
//!
//! Everything starts from a [`clearing::Preview`]: what a cut would take if it were made now, with
//! all that decides what of it settles. It is thought about here, beside the pool, which is not
//! changed and does not wait.
//!
//! * [`obstacles`]: what a payment lacks. The payments that would have to settle with it are added
//!   to what settles anyway; every account and every limit that this leaves short is an obstacle.
//!   [`remedy`] is what frees it. [`diagnose`] and [`diagnose_proposed`] give both.
//! * [`what_if`]: what a cycle would settle if something were different.
//! * [`unlock`]: where a little more money, or a higher limit, frees the most.
//!
//! Which payments a cycle settles is the caller's to say ([`Choose`]): the FIFO maximum
//! ([`clearing::Preview::floor`]), or what a solver proposes on top of it. Pure: no I/O, no clock,
//! no randomness; the same preview gives the same answer.

mod aftermath;
mod effect;
mod obstacle;
mod remedy;
mod unlock;

pub use aftermath::Aftermath;
pub use effect::{Effect, Total, totals, what_if};
pub use obstacle::{Inflow, Obstacle, inflows, obstacles};
pub use remedy::{Diagnosis, diagnose, diagnose_proposed, remedy};
pub use unlock::{Options, Unlock, Unlocks, Weigh, unlock};

use clearing::Preview;

/// Says which of a preview's payments a cycle settles, by their index.
pub type Choose<'a> = &'a dyn Fn(&Preview) -> Vec<bool>;
