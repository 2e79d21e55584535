//! The netting crate against brute force and its own definitions.

mod brute;
mod cases;
mod small;
