//! The Rust client of a Causeway node.
