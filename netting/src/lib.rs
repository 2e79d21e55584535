//! Netting: of the payments that are queued, the set that settles most value at once with the
//! money there is, and a proof of how far from the best it can be.
//!
//! An [`Instance`] holds liquidity `L_r` per node (participant and currency), payments, groups that
//! settle whole or not at all, and limits. With `x_j` in `{0, 1}` per item (a group or a single
//! payment), `d_jr` what it moves at row `r`, and `v_j` the sum of class weight times currency
//! weight times amount:
//!
//! ```text
//! max sum_j v_j x_j   such that   L_r + sum_j d_jr x_j >= 0   for every row r
//! ```
//!
//! * [`fifo`]: the greatest family of queue prefixes, exact (Bech and Soramäki 2001).
//! * [`solve`]: the floor, then a search ([`Mode`]); what it returns has passed [`check`], or is
//!   the floor. It counts steps and never looks at a clock: the same instance and [`Options`] give
//!   the same [`Solution`].
//! * [`bound`]: `D(p) = sum_r L_r p_r + sum_j max(0, v_j + sum_r p_r d_jr)` for any prices
//!   `p >= 0`, after a presolve that proves every step; integers only. Prices show who is short of
//!   money: not for everyone's eyes.
//! * [`check`]: feasible, groups whole, within limits; integers only, and nothing shared with the
//!   solver.
//!
//! The search: presolve; prices by a primal-dual method (Chambolle and Pock 2011, restarts as in
//! PDLP, Applegate et al. 2021); dives that fix the largest first and follow what each choice
//! forces, in turns with branch and bound over the large items that rounding decides blindly;
//! chains of flips that close holes and then trade value. Floats live in the search alone.
//!
//! ```
//! use netting::{Instance, Options, Payment, solve};
//!
//! // Three banks without money, each owing 9 to the next: alone none can pay, together all can.
//! let owes = |seq: u64, debtor: u32, creditor: u32| Payment {
//!     seq, debtor, creditor, currency: 0, class: 0, amount: 9, group: None,
//! };
//! let instance = Instance {
//!     participants: 3,
//!     currency_weights: vec![1],
//!     class_weights: vec![1],
//!     liquidity: vec![0; 3],
//!     payments: vec![owes(0, 0, 1), owes(1, 1, 2), owes(2, 2, 0)],
//!     limits: Vec::new(),
//! };
//! let solution = solve(&instance, Options::default())?;
//! assert_eq!(solution.settled, [0, 1, 2]);
//! assert_eq!((solution.value, solution.upper_bound), (27, 27));
//! # Ok::<(), netting::InstanceError>(())
//! ```
//!
//! Absent on purpose: I/O, clocks, threads, other crates of this workspace.

mod bound;
mod check;
mod core;
mod dive;
mod fifo;
mod fixing;
mod items;
mod layout;
mod model;
mod presolve;
mod prices;
mod problem;
mod random;
mod repair;
mod search;
mod solve;
mod tree;

pub use bound::{PRICE_BITS, bound};
pub use check::{Violation, check};
pub use fifo::fifo;
pub use model::{Instance, InstanceError, Limit, MINOR_MAX, Payment, WEIGHT_MAX};
pub use solve::{Mode, Options, STEPS_MAX, Solution, solve};
