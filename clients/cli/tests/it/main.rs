//! The `causeway` binary, as scripts use it: what it prints, and its exit codes.

mod demo;
mod node;
mod run;
mod words;
