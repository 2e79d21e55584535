//! The ordered log's integration tests.

#![expect(clippy::expect_used, reason = "tests")]

mod contract;
mod faults;
mod read_only;
mod threads;
