//! Turns outcomes into rows that can be queried.
