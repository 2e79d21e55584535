//! The causewayd binary.
