//! Feeds the log to the pool and publishes what it decides.
