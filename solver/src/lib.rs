//! From the candidates of a cut to a proposal: the pool's terms to those of [`netting`], and back.
//!
//! * A node is a participant in a currency: an account. Its liquidity is what the cut says.
//! * Class and age make the class: [`netting_class`] puts class first and the older before the
//!   younger, so a queue keeps its order while waiting makes a payment count more.
//! * Rows are the candidates in their order, whose numbers stand for the order of arrival.
//! * A group of which a member is missing among the candidates cannot settle: it gets one more
//!   member, of a participant that has nothing and is never paid.
//!
//! [`propose`] is a function of the candidates, the proposal it begins with, and [`VERSION`]: who
//! has the log can run it again. The pool trusts none of it, and checks. Absent on purpose: I/O,
//! clocks, threads.

mod instance;
mod propose;

pub use instance::{instance, netting_class, places, prices, start};
pub use propose::{VERSION, propose};
