//! The command line's words.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands;
use crate::context::{Context, Globals};
use crate::demo;
use crate::dev;
use crate::failure::{Failure, Kind};
use crate::output::{Format, Output, Shown};
use crate::sealed;

const HELP: &str = "\
To get started:
  causeway demo --once                         a whole payment day, played and checked
  causeway dev init dev                        a folder for a node of your own
  causewayd dev --dir dev                      that node
  causeway net obligations.csv                 net what stands in a file, without a node
  causeway --profile alice pool                look at it
  causeway --profile ALBKGB2L pay pacs008.xml  hand in a payment

Exit codes: 0 ok, 1 fault or not found, 2 usage, 3 rejected by a rule (do not repeat), 4 transient \
(nothing is lost: run the same command again), 5 not authorised, 6 verification failed, \
130 interrupted.";

/// Hand in payments, follow them, run a pool.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, propagate_version = true, after_help = HELP)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Net(commands::NetArgs),
    Simulate(commands::SimulateArgs),
    Pay(commands::PayArgs),
    Status(commands::StatusArgs),
    Why(commands::WhyArgs),
    Unlock(commands::UnlockArgs),
    #[command(name = "whatif")]
    WhatIf(commands::WhatIfArgs),
    Cancel(commands::CancelArgs),
    Watch(commands::WatchArgs),
    Inbox(commands::InboxArgs),
    Report(commands::ReportArgs),
    Balances(commands::BalancesArgs),
    Statement(commands::StatementArgs),
    Fund(commands::FundArgs),
    Defund(commands::DefundArgs),
    ConfirmDefund(commands::ConfirmDefundArgs),
    /// Foreign exchange.
    #[command(subcommand)]
    Fx(commands::Fx),
    /// Limits, and their use.
    #[command(subcommand)]
    Limits(commands::Limits),
    /// Business days.
    #[command(subcommand)]
    Days(commands::Days),
    /// Cycles.
    #[command(subcommand)]
    Cycles(Cycles),
    /// Who takes part.
    #[command(subcommand)]
    Participants(commands::Participants),
    /// Accounts.
    #[command(subcommand)]
    Accounts(commands::Accounts),
    /// The rule book.
    #[command(subcommand)]
    Rules(commands::Rules),
    Pool(commands::PoolArgs),
    Batches(commands::BatchesArgs),
    /// Keys to which others seal for this participant.
    #[command(subcommand)]
    Keys(sealed::Keys),
    /// Whom this participant believes.
    #[command(subcommand)]
    Trust(sealed::Trust),
    /// The disclosure policy: who reads what.
    #[command(subcommand)]
    Policy(sealed::Policy),
    /// What a root signs, without a network.
    #[command(subcommand)]
    Root(sealed::Root),
    Open(sealed::OpenArgs),
    /// Write views of a payment for a third party, or check what was written.
    Dispute(sealed::DisputeArgs),
    Faults(sealed::FaultsArgs),
    /// What a screener does.
    #[command(subcommand)]
    Screen(sealed::Screening),
    /// Development folders.
    #[command(subcommand)]
    Dev(dev::Command),
    /// Settings.
    #[command(subcommand)]
    Config(Config),
    /// Write a shell's completions to stdout.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
enum Cycles {
    Run(commands::RunCycleArgs),
}

#[derive(Debug, Subcommand)]
enum Config {
    /// Show every setting.
    Show {
        /// Say where each value came from.
        #[arg(long)]
        origin: bool,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let context = Context::new(cli.globals);
    let shown = run(cli.command, &context);
    match shown.and_then(|shown| context.output.show(&shown).map(|()| shown.exit_code())) {
        Ok(code) => code,
        Err(failure) => {
            context.output.fail(&failure);
            failure.exit_code()
        }
    }
}

/// Help that was asked for, or arguments that make no sense: in the form that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let plain = |value: &str| ["text", "csv"].contains(&value);
    let json =
        |pair: &[String]| matches!(pair, [flag, value] if flag == "--output" && !plain(value));
    let wanted = words.windows(2).any(json)
        || words.iter().any(|word| {
            word == "--json" || word.strip_prefix("--output=").is_some_and(|value| !plain(value))
        });
    if error.use_stderr() && wanted {
        let first = error.to_string();
        let first = first.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let failure = Failure::usage(first);
        Output { format: Format::Json }.fail(&failure);
        return failure.exit_code();
    }
    // Nobody is left to tell if the terminal is gone.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { Kind::Usage as u8 } else { 0 })
}

/// Runs a command until it is done or interrupted.
fn run(command: Command, context: &Context) -> Result<Shown, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::fault(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        // The demonstration ends by being interrupted: it sees to that itself.
        if let Command::Demo(args) = command {
            return Box::pin(args.run(context)).await;
        }
        tokio::select! {
            shown = Box::pin(command.run(context)) => shown,
            _ = tokio::signal::ctrl_c() => Err(Failure::new(Kind::Interrupted, "interrupted")),
        }
    })
}

impl Command {
    async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self {
            Self::Demo(args) => args.run(context).await,
            Self::Net(args) => args.run(context),
            Self::Simulate(args) => args.run(context),
            Self::Pay(args) => args.run(context).await,
            Self::Status(args) => args.run(context).await,
            Self::Why(args) => args.run(context).await,
            Self::Unlock(args) => args.run(context).await,
            Self::WhatIf(args) => args.run(context).await,
            Self::Cancel(args) => args.run(context).await,
            Self::Watch(args) => args.run(context).await,
            Self::Inbox(args) => args.run(context).await,
            Self::Report(args) => args.run(context).await,
            Self::Balances(args) => args.run(context).await,
            Self::Statement(args) => args.run(context).await,
            Self::Fund(args) => args.run(context).await,
            Self::Defund(args) => args.run(context).await,
            Self::ConfirmDefund(args) => args.run(context).await,
            Self::Fx(command) => Box::pin(command.run(context)).await,
            Self::Limits(command) => command.run(context).await,
            Self::Days(command) => command.run(context).await,
            Self::Cycles(Cycles::Run(args)) => args.run(context).await,
            Self::Participants(command) => command.run(context).await,
            Self::Accounts(command) => command.run(context).await,
            Self::Rules(command) => command.run(context).await,
            Self::Pool(args) => args.run(context).await,
            Self::Batches(args) => args.run(context).await,
            Self::Keys(command) => command.run(context).await,
            Self::Trust(command) => command.run(context).await,
            Self::Policy(command) => command.run(context).await,
            Self::Root(command) => command.run(),
            Self::Open(args) => Box::pin(args.run(context)).await,
            Self::Dispute(args) => Box::pin(args.run(context)).await,
            Self::Faults(args) => Box::pin(args.run(context)).await,
            Self::Screen(command) => Box::pin(command.run(context)).await,
            Self::Dev(command) => command.run(context).await,
            Self::Config(Config::Show { origin }) => context.show(origin),
            Self::Completions { shell } => complete(shell),
        }
    }
}

fn complete(shell: Shell) -> Result<Shown, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "causeway", &mut script);
    let text = String::from_utf8(script).map_err(|_| Failure::fault("completions are not text"))?;
    Ok(Shown::Report { json: text.as_str().into(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_consistent() {
        Cli::command().debug_assert();
    }
}
