//! Balances and statements.

use clap::Args;
use ledger::Currency;
use sdk::v1;
use sdk::v1::list_balances_request::AsOf;

use super::show::{minor, money, net, parse_instant, word};
use crate::context::Context;
use crate::dev::parse_currency;
use crate::failure::Failure;
use crate::output::{Format, Row, Shown};

/// Balances, now or as they stood.
#[derive(Debug, Args)]
pub(crate) struct BalancesArgs {
    /// Whose: a name (BIC). Otherwise the caller's, or all for an operator.
    participant: Option<String>,
    /// As of the end of this batch.
    #[arg(long, conflicts_with = "at")]
    batch: Option<u64>,
    /// As of this instant.
    #[arg(long, value_parser = parse_instant)]
    at: Option<u64>,
    /// Wait until everything up to this position (from a receipt) can be read.
    #[arg(long, default_value_t = 0)]
    position: u64,
}

impl BalancesArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let as_of = self.batch.map(AsOf::Batch).or(self.at.map(AsOf::TimeMs));
        let participant = self.participant.unwrap_or_default();
        let response = session.client.balances(&participant, as_of, self.position).await?;
        if context.output.format == Format::Text {
            context.output.note(&format!("as of batch {}", response.as_of_batch));
        }
        let row = |balance: &v1::Balance| balance_row(balance, response.as_of_batch);
        Ok(Shown::Many(response.balances.iter().map(row).collect()))
    }
}

fn balance_row(balance: &v1::Balance, as_of_batch: u64) -> Row {
    let currency = balance.currency_code.as_str();
    let owner = Some(balance.participant.as_str()).filter(|name| !name.is_empty());
    vec![
        ("account", balance.account.into()),
        ("participant", owner.into()),
        ("currency", currency.into()),
        ("balance", net(balance.balance.as_ref())),
        ("debits", minor(&balance.debits_posted, currency)),
        ("credits", minor(&balance.credits_posted, currency)),
        ("debits_pending", minor(&balance.debits_pending, currency)),
        ("credits_pending", minor(&balance.credits_pending, currency)),
        ("batch", as_of_batch.into()),
    ]
}

/// An account's entries, oldest first.
#[derive(Debug, Args)]
pub(crate) struct StatementArgs {
    /// The account's currency.
    #[arg(value_parser = parse_currency)]
    currency: Currency,
    /// Whose: a name (BIC). Otherwise the caller's.
    #[arg(long)]
    participant: Option<String>,
    /// Only entries of this batch and later ones.
    #[arg(long, default_value_t = 0)]
    from_batch: u64,
}

impl StatementArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let client = context.session()?.client;
        let participant = self.participant.unwrap_or_default();
        let mut rows = Vec::new();
        let mut token = Vec::new().into();
        loop {
            let currency = self.currency.as_str();
            let page = client.entries_page(&participant, currency, self.from_batch, token).await?;
            rows.extend(page.entries.iter().map(entry_row));
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(Shown::Many(rows));
            }
        }
    }
}

fn entry_row(entry: &v1::Entry) -> Row {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    vec![
        ("batch", entry.batch.into()),
        ("kind", word(entry.kind().as_str_name(), "TRANSFER_KIND_")),
        ("side", if entry.debit { "debit" } else { "credit" }.into()),
        ("amount", money(entry.amount.as_ref())),
        ("balance", net(entry.balance_after.as_ref())),
        ("counterparty", text(&entry.counterparty).into()),
        ("uetr", text(&entry.uetr).into()),
    ]
}
