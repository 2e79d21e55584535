//! Tests of the books through their public interface.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail"
)]

mod encoding;
mod maximums;
mod properties;
mod script;
mod tables;
