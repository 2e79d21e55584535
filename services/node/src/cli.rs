//! The command line. Data goes to stdout, everything else to stderr.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "cluster")]
use crate::cluster;
use crate::config::{Config, Role, Settings};
use crate::node::{self, Exit};
use crate::{catalogue, certificates, export, import, telemetry, verify};

/// A Causeway node.
#[derive(Debug, Parser)]
#[command(
    name = "causewayd",
    version,
    after_help = "Exit codes: 0 ok, 1 fault, 2 usage, 6 verification failed."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all roles on the files of one folder (`causeway dev init` makes them).
    Dev {
        /// The folder that holds causewayd.toml.
        #[arg(long)]
        dir: PathBuf,
        #[command(flatten)]
        start: Start,
    },
    /// Run a node.
    Run {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// What this process does; without it, what the configuration says.
        #[arg(long = "role", value_enum, value_delimiter = ',')]
        roles: Vec<Role>,
        #[command(flatten)]
        start: Start,
    },
    /// Replay a log from zero, check everything in it and compare the store with it.
    Verify {
        /// A data directory, or a folder that holds one as `data`, on which no node may run; a file
        /// that `export` wrote, beside which there is no store to compare; or a node's configuration
        /// (.toml), whose log may be a shared one.
        #[arg(value_name = "DIR|FILE")]
        dir: PathBuf,
        /// How the result is written.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
        /// Do not check the signatures of batches and commands.
        #[arg(long)]
        no_signatures: bool,
        /// Run the solver again for each proposal in the log and compare. Takes as long as the
        /// solver took.
        #[arg(long)]
        resolve: bool,
    },
    /// Write a log to one file, which `verify` and `causeway simulate` read.
    Export {
        /// A data directory, or a folder that holds one as `data`, on which no node may run; or a
        /// node's configuration (.toml), whose log may be a shared one.
        dir: PathBuf,
        /// The file to write, whole or not at all; it may not be there yet. `-` is stdout.
        file: PathBuf,
        /// How the result is written; to stderr if the log goes to stdout.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Write an exported log into the empty log that a configuration names, embedded or shared: so a
    /// pool moves. On a cluster, topics and tables are made. Safe to repeat.
    Import {
        /// A file that `export` wrote.
        file: PathBuf,
        /// The configuration of a node that does not run yet.
        #[arg(long)]
        config: PathBuf,
        /// How the result is written.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Write what the certificate of each cycle is computed from, a line for each, so that it can be
    /// checked without the log. Shows who is short of money, as the log does: for the operator, its
    /// standby, and an overseer who was given the log.
    Certificates {
        /// A data directory, or a folder that holds one as `data`, on which no node may run; or a
        /// file that `export` wrote.
        #[arg(value_name = "DIR|FILE")]
        dir: PathBuf,
        /// Only this cycle.
        #[arg(long)]
        cycle: Option<u64>,
        /// How a cycle is written: its certificate in short, or all that it takes to check it.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// What the nodes of a cluster share.
    #[cfg(feature = "cluster")]
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The metrics.
    #[command(subcommand)]
    Metrics(ListCommand),
    /// The reasons for which the core says no.
    #[command(subcommand)]
    Rejects(ListCommand),
}

#[derive(Debug, Args)]
struct Start {
    /// Write the addresses to this file, as JSON, once the node is ready.
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

#[cfg(feature = "cluster")]
#[derive(Debug, Subcommand)]
enum ClusterCommand {
    /// Make what is missing, check everything, and begin the log with the genesis. Safe to repeat.
    Init {
        /// The configuration file of any gateway.
        #[arg(long)]
        config: PathBuf,
    },
    /// Check everything and say how far it is.
    Status {
        /// The configuration file of any node.
        #[arg(long)]
        config: PathBuf,
        /// How it is written.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every key with its value, as TOML that can be used.
    Show {
        /// The configuration file; without it, defaults and environment.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Say where each value came from.
        #[arg(long)]
        origin: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ListCommand {
    /// Print them all.
    List {
        /// How they are written.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Dev { dir, start } => run(&dir.join("causewayd.toml"), &[], &start),
        Command::Run { config, roles, start } => run(&config, &roles, &start),
        Command::Verify { dir, output, no_signatures, resolve } => {
            verify(&dir, output, (!no_signatures, resolve))
        }
        Command::Export { dir, file, output } => write_out(&dir, &file, output),
        Command::Import { file, config, output } => read_in(&file, &config, output),
        Command::Certificates { dir, cycle, output } => write_certificates(&dir, cycle, output),
        #[cfg(feature = "cluster")]
        Command::Cluster(command) => on_cluster(command),
        Command::Config(ConfigCommand::Show { config, origin }) => show(config.as_deref(), origin),
        Command::Metrics(ListCommand::List { output }) => print(&catalogue::metrics(output)),
        Command::Rejects(ListCommand::List { output }) => print(&catalogue::rejects(output)),
    };
    done.unwrap_or_else(|error| {
        complain(&format!("causewayd: {error:#}"));
        ExitCode::from(1)
    })
}

/// A configuration that cannot be used is a mistake in the call, like a wrong option.
fn settings(file: Option<&Path>) -> Result<Settings, ExitCode> {
    Settings::load(file).map_err(misused)
}

fn config(file: &Path, roles: &[Role]) -> Result<Config, ExitCode> {
    let shown = || format!("configuration {}", file.display());
    Config::new(&settings(Some(file))?, roles).with_context(shown).map_err(misused)
}

fn misused(error: anyhow::Error) -> ExitCode {
    complain(&format!("causewayd: {error:#}"));
    ExitCode::from(2)
}

fn run(file: &Path, roles: &[Role], start: &Start) -> Result<ExitCode> {
    let config = match config(file, roles) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    telemetry::install(&config)?;
    Ok(match node::run(&config, start.ready_file.as_deref())? {
        Exit::Drained => ExitCode::SUCCESS,
        Exit::CutOff => ExitCode::from(1),
    })
}

#[cfg(feature = "cluster")]
fn on_cluster(command: ClusterCommand) -> Result<ExitCode> {
    let (ClusterCommand::Init { config: file } | ClusterCommand::Status { config: file, .. }) =
        &command;
    let config = match config(file, &[]) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    match command {
        ClusterCommand::Init { .. } => print(&cluster::init(&config)?),
        ClusterCommand::Status { output, .. } => print(&cluster::status(&config, output)?),
    }
}

fn verify(dir: &Path, output: Output, (signatures, resolve): (bool, bool)) -> Result<ExitCode> {
    let report = verify::verify(dir, signatures, resolve)?;
    print(&report.render(output))?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(6) })
}

fn write_out(dir: &Path, file: &Path, output: Output) -> Result<ExitCode> {
    if file == Path::new("-") {
        complain(export::to_stdout(dir)?.render(output).trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    match export::to_file(dir, file) {
        Ok(exported) => print(&exported.render(output)),
        Err(error) if export::in_the_way(&error) => {
            complain(&format!("causewayd: {error:#}"));
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error),
    }
}

fn read_in(file: &Path, config_file: &Path, output: Output) -> Result<ExitCode> {
    match config(config_file, &[]) {
        Ok(config) => print(&import::from_file(&config, file)?.render(output)),
        Err(exit) => Ok(exit),
    }
}

fn write_certificates(dir: &Path, cycle: Option<u64>, output: Output) -> Result<ExitCode> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = certificates::write(dir, cycle, output, &mut out)?;
    out.flush().context("cannot write to stdout")?;
    match (written, cycle) {
        (Err(bad), _) => {
            complain(&format!("causewayd: {bad}"));
            Ok(ExitCode::from(6))
        }
        (Ok(0), Some(cycle)) => anyhow::bail!("cycle {cycle} settled nothing in this log"),
        (Ok(_), _) => Ok(ExitCode::SUCCESS),
    }
}

fn show(file: Option<&Path>, origin: bool) -> Result<ExitCode> {
    match settings(file) {
        Ok(settings) => print(&settings.show(origin)),
        Err(exit) => Ok(exit),
    }
}

fn print(text: &str) -> Result<ExitCode> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn complain(message: &str) {
    // Nobody is left to tell if stderr is gone too.
    drop(writeln!(std::io::stderr(), "{message}"));
}
