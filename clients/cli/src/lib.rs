//! The `causeway` command line: what banks, settlement agents, operators and regulators do with a
//! node, and `causeway dev init`, which makes a development folder.
//!
//! stdout is data, stderr the rest; exit codes are part of the interface ([`main`]'s help lists
//! them); text that others wrote is escaped before it reaches a terminal.

mod args;
mod commands;
mod context;
mod demo;
mod dev;
mod failure;
mod output;
mod request;
mod sealed;

pub use args::main;
