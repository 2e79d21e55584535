//! What would free most for least.

use clap::Args;
use ledger::Currency;
use sdk::v1;
use serde_json::{Value, json};

use super::levers;
use crate::context::Context;
use crate::dev::parse_currency;
use crate::failure::Failure;
use crate::output::{Cell, Row, Shown, table};

/// The cheapest that could be done about what waits, and what it would free.
#[derive(Debug, Args)]
pub(crate) struct UnlockArgs {
    /// Accounts in this currency only.
    #[arg(long, value_parser = parse_currency)]
    currency: Option<Currency>,
    /// Answers, at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    max: u32,
}

impl UnlockArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let currency = self.currency.as_ref().map_or("", |currency| currency.as_str());
        let found = session.client.unlocks(currency, self.max).await?;
        let json = json!({
            "position": found.position,
            "stuck": levers::total_objects(&found.stuck),
            "unlocks": found.unlocks.iter().map(object).collect::<Vec<_>>(),
            "everything": found.everything.as_ref().map(object),
            "complete": found.complete,
        });
        Ok(Shown::Report { json, text: text(&found) })
    }
}

fn text(found: &v1::ListUnlocksResponse) -> String {
    if found.stuck.is_empty() {
        return "Nothing is stuck: the next cycle settles all that waits in its queue.\n"
            .to_owned();
    }
    let mut text = format!("Stuck: {}\n", levers::totals(&found.stuck));
    if found.unlocks.is_empty() {
        text.push_str("Nothing that one account alone could be given frees any of it.\n");
    } else {
        text.push_str("\nEach of these by itself, the most freed for its cost first:\n");
        text.push_str(&table(&found.unlocks.iter().map(row).collect::<Vec<_>>()));
    }
    if let Some(all) = &found.everything {
        text.push_str("\nEverything is freed by all of these together:\n");
        for lever in &all.levers {
            text.push_str(&format!("  {}\n", levers::sentence(lever)));
        }
    }
    if !found.complete {
        text.push_str("\nNot every account was looked at: those that owe most were.\n");
    }
    text
}

fn row(unlock: &v1::Unlock) -> Row {
    let todo: Vec<String> = unlock.levers.iter().map(levers::sentence).collect();
    let held = Some(levers::totals(&unlock.held)).filter(|_| !unlock.held.is_empty());
    let mut row: Row =
        vec![("do", todo.join(", ").into()), ("frees", levers::totals(&unlock.freed).into())];
    if let Some(held) = held {
        row.push(("holds", Cell::from(held)));
    }
    row
}

fn object(unlock: &v1::Unlock) -> Value {
    json!({
        "do": unlock.levers.iter().map(levers::object).collect::<Vec<_>>(),
        "freed": levers::total_objects(&unlock.freed),
        "held": levers::total_objects(&unlock.held),
    })
}
