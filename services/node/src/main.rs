//! The `causewayd` binary: a Causeway node.

use std::process::ExitCode;

fn main() -> ExitCode {
    node::main()
}
