//! The ordered log: port, contract suite, embedded implementation.
