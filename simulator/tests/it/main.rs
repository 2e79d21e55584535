//! Small days, made record by record, and what a plan makes of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod days;
mod log;
mod roots;
