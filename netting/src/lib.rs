//! Netting: of the payments that are queued, the set that settles most value at once with the
//! money there is.

mod bound;
mod check;
mod core;
mod dive;
mod fifo;
mod layout;
mod model;
mod presolve;
mod prices;
mod problem;
mod random;
mod repair;
mod solve;

pub use bound::{PRICE_BITS, bound};
pub use check::{Violation, check};
pub use fifo::fifo;
pub use model::{Instance, InstanceError, Limit, MINOR_MAX, Payment, WEIGHT_MAX};
pub use solve::{Mode, Options, Solution, solve};
