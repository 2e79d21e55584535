//! The netting crate against brute force and its own definitions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod brute;
mod cases;
mod hostile;
mod quality;
mod removal;
mod small;
mod warm;
