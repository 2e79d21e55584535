//! The books: a pure double-entry state machine.
