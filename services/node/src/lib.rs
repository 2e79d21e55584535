//! The node: the roles of the engine as processes, their configuration and their tools.
//!
//! * `cli`: the command line and the exit codes. `config`: the settings, each with its origin.
//! * `catalogue`: metrics and rejects, recorded and listed. `process`: the metrics of the process.
//! * `genesis`: how a pool begins. `datadir`: what is on disk, and that only one process has it.
//! * `node`: wiring, start, drain. `backends`: log and store, embedded or shared. `tables`: who
//!   writes and who follows the store. `cluster`: topics
//!   of Kafka, made, checked and opened (feature `cluster`). `http`: metrics and health. `ready`: who
//!   is told. `telemetry`: events.
//! * `origin`: which log a store was made from. `export`: the log as one file. `verify`: replays either from zero and compares everything.
//!   `certificates`: replays either and writes what each certificate is computed from.
//!
//! Deliberately absent: any code that opens payloads.

mod backends;
mod catalogue;
mod certificates;
mod cli;
#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod datadir;
mod export;
mod genesis;
mod http;
mod import;
mod node;
mod origin;
mod process;
mod ready;
mod tables;
mod telemetry;
mod verify;

pub use cli::main;
