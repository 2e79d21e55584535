//! The settler on a real log, store and projector.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail, and one of them panics on purpose"
)]

mod halt;
mod inquiry;
mod peers;
mod proposals;
mod restore;
mod ticks;
mod world;
