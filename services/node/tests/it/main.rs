//! The node as its operators meet it: real processes on real directories.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail, and one that is skipped must say so"
)]

mod certificates;
#[cfg(feature = "cluster")]
mod cluster;
mod commands;
mod crash;
mod damage;
mod drain;
mod duplicates;
mod export;
mod faults;
mod full_disk;
mod fx;
mod load;
mod resolve;
mod rig;
