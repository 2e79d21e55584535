//! A pool's day again, under another rule book.
//!
//! A [`Simulation`] takes the records of a log one after the other and keeps two pools: one that
//! applies them as they are, and one that is given what the same people ordered and commanded at the
//! same instants, but under the rules, liquidity and limits of a [`Plan`]. What became of the
//! payments in each is a [`Day`]: what settled, how long it waited, what liquidity it took.
//!
//! ```text
//! record ──▶ as it was:      Pool::apply ──▶ Meter ──▶ Day
//!        └─▶ feeder (Plan) ─▶ as it would be: Pool::apply ──▶ Meter ──▶ Day
//!              orders, commands (adapted), ticks, proposals of `solver`
//! ```
//!
//! * Cycles are cut at the instants at which they were, unless the plan says when ([`Ticks`]).
//! * A proposal settles at the instant of its cut: the solver takes no simulated time.
//! * Up to the first record that the plan changes, the log's own records are fed, with its own ticks
//!   and proposals. So a plan that changes nothing, as it may name what is there already, reaches
//!   the log's own roots.
//! * People do not react: who had more or less money would have sent other orders.
//!
//! Pure: no I/O, clock, randomness, float; the same log and plan give the same days. Signatures are
//! not checked here: `causewayd verify` does that.

#![forbid(clippy::float_arithmetic)]

mod day;
mod feeder;
mod meter;
mod plan;
mod series;
mod simulation;

pub use day::{CurrencyDay, Day, LiquidityUse};
pub use plan::{LimitChange, LimitKind, Plan, RuleChanges, Share, Ticks};
pub use series::POINTS_MAX;
pub use simulation::{Comparison, Fault, Simulation};
