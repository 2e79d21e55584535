//! `causeway net`: netting what stands in files, without a node.

mod picture;
mod render;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ledger::Currency;
use netfile::{FILE_BYTES_MAX, Input, InputError, Options, net};

use self::render::Render;
use crate::context::Context;
use crate::failure::{Failure, at};
use crate::output::{Format, Shown};

/// Net obligations that stand in files: what settles together, net positions, payments to make.
///
/// No node is needed and no money moves: the result is a proposal. FILES are CSV (debtor, creditor,
/// currency, amount, and if wanted class, group, reference, date), JSON, or ISO 20022 pacs.008 and
/// pacs.009. Without --liquidity everything settles and the positions say who has to pay; with it
/// nobody pays more, net, than there is.
#[derive(Debug, Args)]
pub(crate) struct NetArgs {
    /// Files of obligations.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What everybody can pay: CSV of participant, currency, available. What is not named is zero.
    #[arg(long, value_name = "FILE")]
    liquidity: Option<PathBuf>,
    /// The most that somebody will pay net: CSV of participant, counterparty (empty: all together),
    /// currency, limit.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Which sets may settle.
    #[arg(long, value_enum, default_value = "free")]
    mode: Mode,
    /// Work to spend on each part, in the solver's steps; by default what suits its size. The same
    /// number gives the same proposal on any machine.
    #[arg(long)]
    steps: Option<u64>,
    /// What one whole unit of a currency counts where groups join currencies, as in USD=9 and
    /// EUR=10; 1 if nothing is said.
    #[arg(long = "weight", value_name = "CURRENCY=N", value_parser = parse_weight)]
    weights: Vec<(Currency, u64)>,
    /// Which table `--output csv` writes.
    #[arg(long, value_enum, default_value = "payments")]
    table: Table,
    /// Write a picture of it to this file: gross and net, and positions.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Which sets may settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Each debtor's obligations strictly in their order, by class and then as they came.
    Fifo,
    /// At least what strict order settles, and of the rest whatever is worth most.
    Floor,
    /// Whatever is worth most.
    Free,
}

/// A table of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// Who pays whom how much.
    Payments,
    /// Where everybody stands.
    Positions,
    /// Every obligation, and whether it settles now.
    Obligations,
}

impl NetArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Shown, Failure> {
        let case = self.read()?;
        let options = Options {
            mode: match self.mode {
                Mode::Fifo => netfile::Mode::Fifo,
                Mode::Floor => netfile::Mode::Floor,
                Mode::Free => netfile::Mode::Free,
            },
            steps: self.steps,
            weights: self.weights.iter().copied().collect::<BTreeMap<_, _>>(),
        };
        let proposal = net(&case, &options).map_err(refused)?;
        let render = Render { case: &case, proposal: &proposal };
        if let Some(path) = &self.svg {
            std::fs::write(path, picture::draw(render)).map_err(at(path))?;
            context.output.note(&format!("wrote {}", path.display()));
        }
        if context.output.format != Format::Csv {
            return Ok(Shown::Report { json: render.json(), text: render.text() });
        }
        Ok(Shown::Many(match self.table {
            Table::Payments => render.payments(),
            Table::Positions => render.positions(),
            Table::Obligations => render.obligations(),
        }))
    }

    fn read(&self) -> Result<netfile::Case, Failure> {
        let mut input = Input::default();
        let name = |path: &Path| path.display().to_string();
        for path in &self.files {
            input.obligations(&name(path), &bytes_of(path)?).map_err(refused)?;
        }
        if let Some(path) = &self.liquidity {
            input.liquidity(&name(path), &bytes_of(path)?).map_err(refused)?;
        }
        if let Some(path) = &self.limits {
            input.limits(&name(path), &bytes_of(path)?).map_err(refused)?;
        }
        input.finish().map_err(refused)
    }
}

/// A file's bytes: never more of it than may be netted, and one more, which is refused.
fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(at(path))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(at(path))?;
    Ok(bytes)
}

fn refused(error: InputError) -> Failure {
    let field = (!error.field.is_empty()).then(|| error.field.clone());
    Failure { field, ..Failure::usage(error.to_string()) }
}

fn parse_weight(text: &str) -> Result<(Currency, u64), String> {
    let weight = text.split_once('=').and_then(|(code, weight)| {
        Some((Currency::parse(code).ok()?, weight.parse().ok().filter(|weight| *weight > 0)?))
    });
    weight.ok_or_else(|| "must be a currency and a whole number, as in USD=9".to_owned())
}
