//! What the pool is doing, and cycles on demand.

use channel::CommandBody;
use clap::Args;

use super::show::{instant, minor};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Row, Shown, hex};
use crate::request::RequestArgs;

/// What the pool is doing.
#[derive(Debug, Args)]
pub(crate) struct PoolArgs {}

impl PoolArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let pool = context.session()?.client.pool_info().await?;
        let mut row: Row = vec![
            ("pool", pool.pool.into()),
            ("time", instant(pool.time_ms).into()),
            ("next_position", pool.next_position.into()),
            ("readable_position", pool.readable_position.into()),
            ("batch", pool.batch.into()),
            ("cycle", pool.cycle.into()),
            ("state_root", hex(&pool.state_root).into()),
            ("rules_version", pool.rules_version.into()),
            ("rules_hash", hex(&pool.rules_hash).into()),
            ("operator_key", hex(&pool.operator_key).into()),
            ("seen_entries", pool.seen_entries.into()),
        ];
        let queued = |queue: &sdk::v1::QueueInfo| {
            let value = match minor(&queue.minor_units, &queue.currency_code) {
                Cell::Digits(digits) => digits,
                _ => String::new(),
            };
            format!("{} orders, {value} {}", queue.orders, queue.currency_code)
        };
        let queues: Vec<String> = pool.queues.iter().map(queued).collect();
        row.push(("queues", queues.join("; ").into()));
        Ok(Shown::One(row))
    }
}

/// Operator: cut a cycle now.
#[derive(Debug, Args)]
pub(crate) struct RunCycleArgs {
    #[command(flatten)]
    request: RequestArgs,
}

impl RunCycleArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        self.request.execute(context, CommandBody::RunCycle).await
    }
}
