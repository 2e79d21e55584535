//! Sealed batches, their chain of hashes checked.

use clap::Args;
use sdk::v1;

use super::show::instant;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Row, Shown, hex};

/// The sealed batches in order, their chain of hashes recomputed.
#[derive(Debug, Args)]
pub(crate) struct BatchesArgs {
    /// Go on with new batches as they are sealed.
    #[arg(long)]
    follow: bool,
}

impl BatchesArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let client = context.session()?.client;
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

fn row(batch: &v1::Batch) -> Row {
    vec![
        ("pool", batch.pool.into()),
        ("number", batch.number.into()),
        ("first", batch.first_position.into()),
        ("last", batch.last_position.into()),
        ("sealed_at", instant(batch.sealed_at_ms).into()),
        ("payments", batch.payment_count.into()),
        ("transfers", batch.transfer_count.into()),
        ("state_root", hex(&batch.state_root).into()),
        ("hash", hex(&batch.hash).into()),
    ]
}
