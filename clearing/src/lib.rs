//! The pool: a pure, deterministic state machine from log records to outcomes.
