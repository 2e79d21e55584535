//! The edge as its callers meet it: real TLS, the real log, pool and store on a temporary
//! directory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod access;
mod bad_input;
mod commands;
mod directory;
mod drain;
mod faults;
mod fx;
mod fx_insight;
mod insight;
mod isolation;
mod node;
mod pages;
mod people;
mod readers;
mod sealed;
mod submit;
mod watch;
