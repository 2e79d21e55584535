//! The command line's words.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::context::{Context, Globals};
use crate::dev;
use crate::failure::Failure;
use crate::output::Shown;

/// Hand in payments, follow them, run a pool.
#[derive(Debug, Parser)]
#[command(
    name = "causeway",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 ok, 1 fault, 2 usage, 3 rejected by a rule (do not repeat), \
                  4 transient (nothing is lost: run the same command again), 5 not authorised, \
                  6 verification failed, 130 interrupted."
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Development folders.
    #[command(subcommand)]
    Dev(dev::Command),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context::new(cli.globals);
    match cli.command.run(&context).and_then(|shown| context.output.show(&shown)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            context.output.fail(&failure);
            failure.exit_code()
        }
    }
}

impl Command {
    fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self {
            Self::Dev(command) => command.run(context),
        }
    }
}
