//! The ordered log's integration tests.

#![expect(clippy::expect_used, reason = "tests")]
#![cfg_attr(feature = "kafka", expect(clippy::panic, reason = "tests"))]

mod bug;
mod contract;
mod faults;
#[cfg(feature = "kafka")]
mod kafka;
mod read_only;
mod threads;
