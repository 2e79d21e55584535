//! What the pool is doing, and cycles on demand.

use channel::CommandBody;
use clap::Args;
use sdk::Role;
use serde_json::json;

use super::levers;
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
        let session = context.session()?;
        let pool = session.client.pool_info().await?;
        // To others than operators the node says nothing of what waits: that is not zero.
        let told = session.profile.role == Role::Operator.as_str();
        let mut row: Row = vec![
            ("pool", pool.pool.into()),
            ("time", instant(pool.time_ms).into()),
            ("next_position", pool.next_position.into()),
            ("readable_position", pool.readable_position.into()),
            ("batch", pool.batch.into()),
            ("cycle", pool.cycle.into()),
            ("open_cut", (pool.open_cut > 0).then_some(pool.open_cut).into()),
            ("state_root", hex(&pool.state_root).into()),
            ("rules_version", pool.rules_version.into()),
            ("rules_hash", hex(&pool.rules_hash).into()),
            ("operator_key", hex(&pool.operator_key).into()),
            ("seen_entries", told.then_some(pool.seen_entries).into()),
            ("queues", told.then(|| queues(&pool.queues)).into()),
        ];
        if told && pool.queues.iter().any(|queue| queue.orders > 0) {
            row.extend(glance(&session.client).await);
        }
        Ok(Shown::One(row))
    }
}

/// What of the queues is stuck, and what would free the most of it. The node refuses the question
/// when it is asked too often: then nothing is said of it.
async fn glance(client: &sdk::Client) -> Row {
    let Ok(found) = client.unlocks("", 1).await else { return Row::new() };
    let items = levers::total_objects(&found.stuck);
    let mut row: Row = vec![("stuck", Cell::List { items, text: levers::totals(&found.stuck) })];
    if let Some(first) = found.unlocks.first() {
        let levers: Vec<String> = first.levers.iter().map(levers::sentence).collect();
        let freed = levers::totals(&first.freed);
        row.push(("best_unlock", format!("{}: frees {freed}", levers.join(", ")).into()));
    }
    row
}

fn queues(queues: &[sdk::v1::QueueInfo]) -> Cell {
    let amount = |queue: &sdk::v1::QueueInfo| minor(&queue.minor_units, &queue.currency_code);
    let item = |queue: &sdk::v1::QueueInfo| {
        json!({
            "currency": queue.currency_code,
            "orders": queue.orders,
            "amount": amount(queue).to_text(),
        })
    };
    let text = |queue: &sdk::v1::QueueInfo| {
        format!("{} orders, {} {}", queue.orders, amount(queue).to_text(), queue.currency_code)
    };
    let texts: Vec<String> = queues.iter().map(text).collect();
    Cell::List { items: queues.iter().map(item).collect(), text: texts.join("; ") }
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
