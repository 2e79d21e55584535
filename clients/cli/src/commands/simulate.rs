//! `causeway simulate`: a day again, under another rule book.

mod picture;
mod plan;
mod render;

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use archive::Reader;
use clap::Args;
use simulator::{Comparison, Fault, Simulation};

use crate::context::Context;
use crate::failure::{Failure, at};
use crate::output::Shown;

/// Replay a day's log under other rules, and compare: value settled, delay, liquidity used.
///
/// LOG is a file that `causewayd export` wrote. What the banks, operators and agents handed in comes
/// at the same instants; rules, liquidity, credit lines and limits are those of the plan. Nothing
/// is sent anywhere. Signatures are not checked: `causewayd verify LOG` does that.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The exported log.
    log: PathBuf,
    /// What shall be different (TOML); without it the day is played as it was.
    #[arg(long, value_name = "FILE")]
    pool: Option<PathBuf>,
    /// Write a picture to this file: queued value, settled value and liquidity over time.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl SimulateArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Shown, Failure> {
        let plan = match &self.pool {
            Some(path) => plan::load(path)?,
            None => simulator::Plan::default(),
        };
        let compared = self.simulate(plan)?;
        if let Some(path) = &self.svg {
            std::fs::write(path, picture::draw(&compared)).map_err(at(path))?;
            context.output.note(&format!("wrote {}", path.display()));
        }
        Ok(Shown::Report { json: render::json(&compared), text: render::text(&compared) })
    }

    fn simulate(&self, plan: simulator::Plan) -> Result<Comparison, Failure> {
        let about = self.log.display();
        if self.log.is_dir() {
            let hint = "is a folder; make a file of its log with `causewayd export`";
            return Err(Failure::usage(format!("{about}: {hint}")));
        }
        let file = File::open(&self.log).map_err(at(&self.log))?;
        let mut simulation = Simulation::new(plan);
        for record in Reader::new(BufReader::with_capacity(1 << 20, file)) {
            let record = record.map_err(|error| Failure::usage(format!("{about}: {error}")))?;
            simulation.feed(&record).map_err(|fault| self.refused(&fault))?;
        }
        simulation.finish().map_err(|fault| self.refused(&fault))
    }

    fn refused(&self, fault: &Fault) -> Failure {
        let about = match (&fault, &self.pool) {
            (Fault::Plan { .. } | Fault::Unknown(_), Some(plan)) => plan.display(),
            _ => self.log.display(),
        };
        Failure::usage(format!("{about}: {fault}"))
    }
}
