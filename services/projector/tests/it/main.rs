//! The projector with the real core, the real store and the real log, against a naive model.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod answers;
mod day;
mod model;
mod rig;
mod stops;
mod writers;
