//! Files in, proposals out; and what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod formats;
mod nets;
mod refusals;
