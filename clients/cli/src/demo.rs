//! The demonstration: a payment day of a dozen banks, played against a node of its own.
//!
//! ```text
//! day:     seed ──▶ script (one step = one record of the log)   banks: what the project ships
//! sealing: script ──▶ the same, sealed, with keys, epochs, verdicts and confirmations
//! place:   the folder, new or found       node: causewayd as a child   cluster: or several, on servers
//! feeder:  script ──▶ node, one step after the other, from wherever the log ends
//! tally:   what the node says came of it  report: what people and programs are told
//! ```
//! The log comes out the same for the same seed: its keys are made from the seed, its time is the
//! script's, and one feeder hands in one step after the other. So it can be killed at any moment
//! and taken up again, and reaches the same roots.

mod banks;
mod cluster;
mod day;
mod feeder;
#[cfg(test)]
mod generate;
mod node;
mod place;
mod random;
mod readers;
mod report;
mod sealing;
mod tally;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::cluster::ClusterArgs;
use self::feeder::Feeder;
use self::node::Node;
use self::place::Place;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::output::Shown;

/// Play a payment day: a dozen banks, six currencies, several hundred ISO 20022 payments, foreign
/// exchange, and a gridlock that only netting resolves.
///
/// Starts a node of its own, hands in the day's files, runs the cycles, reports, and checks every
/// invariant by replaying the log. Keys and time are the demonstration's own.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after the report instead of keeping the node running; so it does without being asked if
    /// stdout is not a terminal.
    #[arg(long)]
    once: bool,
    /// Which payments are made, of what size, in which order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep everything in this folder. A day that was broken off there is taken up again.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Threads of the node. The outcome does not depend on it.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How a day ended.
enum Played {
    /// With the report.
    Reported(Shown),
    /// With the report shown and the node running again; what to try next on it.
    Running(Node, Place, String),
}

impl DemoArgs {
    /// Plays the day; whoever interrupts it may take it up again.
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let mut terminate = signal(SignalKind::terminate())
            .map_err(|error| Failure::fault(format!("cannot listen for signals: {error}")))?;
        let hint = match &self.data_dir {
            Some(_) => "the same command takes the day up again",
            None => "with --data-dir DIR a day can be taken up again",
        };
        let interrupted = || Err(Failure::new(Kind::Interrupted, format!("interrupted; {hint}")));
        let played = tokio::select! {
            played = Box::pin(self.play(context)) => played?,
            _ = tokio::signal::ctrl_c() => return interrupted(),
            _ = terminate.recv() => return interrupted(),
        };
        let (mut node, _place, next) = match played {
            Played::Reported(shown) => return Ok(shown),
            Played::Running(node, place, next) => (node, place, next),
        };
        context.output.note(&next);
        // Until somebody ends it: that is how it is meant to end.
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            ended = node.ended() => return Err(ended),
        }
        node.stop().await?;
        Ok(Shown::Nothing)
    }

    async fn play(&self, context: &Context) -> Result<Played, Failure> {
        let cast = banks::cast()?;
        let place = Place::find(self.data_dir.as_deref(), self.seed, &cast)?;
        let script = day::script(self.seed, &cast)?;
        let (script, counted) = sealing::seal(self.seed, &place.dir, script)?;
        let parts = self.cluster.parts(&place.dir).await?;
        let node = Node::start(&place.dir, self.threads, &parts.parts).await?;
        let feeder = Feeder::connect(&place.dir, node.address())?;
        feeder.feed(&place.dir, &script, context.output).await?;
        let tally = tally::read(&place.dir, node.address(), &script).await?;
        let opened = readers::read(&place.dir, node.address()).await?;
        node.stop().await?;
        let replay = node::verify(&parts.verified).await?;
        let report = report::Report::new(self.seed, &tally, &replay, (counted, opened))?;
        let shown = Shown::Report { json: report.to_json(), text: report.to_text() };
        if !report.ok() {
            context.output.show(&shown)?;
            return Err(Failure::new(Kind::VerificationFailed, "an invariant does not hold"));
        }
        if self.once || !std::io::stdout().is_terminal() {
            return Ok(Played::Reported(shown));
        }
        let node = Node::start(&place.dir, self.threads, &parts.parts).await?;
        place.set_address(node.address())?;
        context.output.show(&shown)?;
        let next = report.next_steps(&place.dir);
        Ok(Played::Running(node, place, next))
    }
}
