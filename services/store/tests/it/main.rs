//! The embedded store against the contract, against damage, crashes and full disks.

mod contract;
