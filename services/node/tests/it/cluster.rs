//! Nodes that share a log on real brokers: `deploy/local/cluster up`, then run the ignored tests.
//!
//! `CAUSEWAY_CLUSTER_DIR` names the cluster's folder, for the tests that kill parts of it.

mod disk;
mod encrypted;
mod init;
mod loaded;
mod moving;
mod partition;
mod pools;
mod rig;
mod roles;
mod takeover;
