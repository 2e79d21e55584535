//! The embedded store against the contract, against damage, crashes and full disks.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail"
)]

mod contract;
#[cfg(feature = "cql")]
mod cql;
mod crashes;
mod damage;
mod disk;
mod limits;
mod rig;
