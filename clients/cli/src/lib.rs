//! The causeway command line.
