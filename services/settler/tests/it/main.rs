//! The settler on a real log, store and projector.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod halt;
mod proposals;
mod restore;
mod ticks;
mod world;
