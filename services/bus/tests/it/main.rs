//! The ordered log's integration tests.

mod contract;
