//! The solver from outside.

mod version;
