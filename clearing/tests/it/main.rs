//! Tests of the pool through its public interface.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail"
)]

mod beginning;
mod certificates;
mod days;
mod desk;
mod disclosure;
mod exchange;
mod golden;
mod preview;
mod script;
mod tables;
