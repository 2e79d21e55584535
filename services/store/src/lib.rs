//! The queryable store: port, contract suite, embedded implementation.
