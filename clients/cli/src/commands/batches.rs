//! Sealed batches, their chain of hashes checked.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sdk::v1;

use super::batch_report;
use super::show::instant;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Row, Shown, hex};

/// The sealed batches in order, their chain of hashes recomputed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BatchesArgs {
    #[command(subcommand)]
    one: Option<One>,
    /// Go on with new batches as they are sealed.
    #[arg(long)]
    follow: bool,
}

#[derive(Debug, Subcommand)]
enum One {
    /// What one batch moved, gross and net, by currency and participant, and how much money that
    /// took. A bank is told of its own side.
    Show {
        /// Its number.
        number: u64,
        /// Write a picture of it to this file.
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
}

impl BatchesArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let client = context.session()?.client;
        if let Some(One::Show { number, svg }) = self.one {
            return batch_report::show(&client, number, svg.as_deref()).await;
        }
        let last = client.pool_info().await?.batch;
        let mut feed = client.subscribe_batches(Vec::new());
        let mut rows = Vec::new();
        loop {
            let done = rows.len() as u64 >= last && !self.follow;
            if done {
                return Ok(if self.follow { Shown::Nothing } else { Shown::Many(rows) });
            }
            match feed.next().await? {
                Some(batch) if self.follow => context.output.row(&row(&batch))?,
                Some(batch) => rows.push(row(&batch)),
                None => {}
            }
        }
    }
}

/// The sum over the batch's cycles; empty if none settled in it.
fn sum(batch: &v1::Batch, field: impl Fn(&v1::Certificate) -> &String) -> String {
    if batch.certificates.is_empty() {
        return String::new();
    }
    total(batch, field).to_string()
}

fn total(batch: &v1::Batch, field: impl Fn(&v1::Certificate) -> &String) -> u128 {
    let sums = batch.certificates.iter().map(|it| field(it).parse::<u128>().unwrap_or(0));
    sums.fold(0, u128::saturating_add)
}

/// How much more could have settled at most, in percent of the bound.
pub(crate) fn gap(batch: &v1::Batch) -> String {
    let (value, bound) = (total(batch, |it| &it.value), total(batch, |it| &it.bound));
    if bound == 0 {
        return String::new();
    }
    // In hundredths of a percent, rounded up: a gap never looks smaller than it is.
    let open = bound.saturating_sub(value);
    let parts = open.saturating_mul(10_000).div_ceil(bound);
    format!("{}.{:02} %", parts / 100, parts % 100)
}

fn row(batch: &v1::Batch) -> Row {
    vec![
        ("pool", batch.pool.into()),
        ("number", batch.number.into()),
        ("first", batch.first_position.into()),
        ("last", batch.last_position.into()),
        ("sealed_at", instant(batch.sealed_at_ms).into()),
        ("payments", batch.payment_count.into()),
        ("transfers", batch.transfer_count.into()),
        ("value", sum(batch, |it| &it.value).into()),
        ("bound", sum(batch, |it| &it.bound).into()),
        ("gap", gap(batch).into()),
        ("state_root", hex(&batch.state_root).into()),
        ("hash", hex(&batch.hash).into()),
    ]
}
