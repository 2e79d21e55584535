//! The `causeway` binary, as scripts use it: what it prints, and its exit codes.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail, one that cannot run must say so"
)]

mod canary;
mod capture;
mod crook;
mod crooked;
mod demo;
mod disputes;
mod faults;
mod fx;
mod insight;
mod liar;
mod lies;
mod net;
mod node;
mod operator;
mod references;
mod rotation;
mod run;
mod sealed;
mod sealed_pool;
mod simulate;
mod started;
mod stream;
mod token;
mod wire;
mod words;
