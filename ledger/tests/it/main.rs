//! Tests of the books through their public interface.

mod encoding;
mod maximums;
mod properties;
mod script;
mod tables;
