//! Answers about real pools.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod answers;
mod world;
