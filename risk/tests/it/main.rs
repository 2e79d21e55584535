//! Tests of the limits through their public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod encoding;
mod examples;
mod model;
