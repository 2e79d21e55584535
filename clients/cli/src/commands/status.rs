//! Where a payment is, and taking one back.

use channel::CommandBody;
use clap::Args;
use sdk::{Clock, Uetr, v1};

use super::fx::exchange_cells;
use super::{KindArg, explain, show};
use crate::context::{Context, Session};
use crate::failure::Failure;
use crate::output::{Row, Shown};
use crate::request::RequestArgs;

/// Where a payment is.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The payment's reference.
    #[arg(value_parser = parse_uetr)]
    uetr: Uetr,
    /// Wait until everything up to this position (from a receipt) can be read; otherwise until all
    /// that the pool has taken in so far can be.
    #[arg(long)]
    position: Option<u64>,
}

impl StatusArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let found = match self.position {
            Some(position) => session.client.get(self.uetr, position).await,
            None => self.latest(&session).await,
        };
        let response = found.map_err(|error| match error {
            error if error.reason() == Some("NOT_FOUND") => Failure::not_found(format!(
                "no payment {} of {}, nor one it has received and that has settled",
                self.uetr, session.profile.name
            )),
            error => error.into(),
        })?;
        explain::notes(context.output, response.payments.iter().map(v1::Payment::reason));
        Ok(Shown::Many(response.payments.iter().map(payment_row).collect()))
    }

    /// Asks behind everything that the pool has taken in so far; if that cannot be read in time,
    /// for what can be.
    async fn latest(&self, session: &Session) -> Result<v1::GetPaymentResponse, sdk::Error> {
        let client = &session.client;
        // A scripted clock stands still, and nothing is sealed before it moves.
        if session.profile.clock == Clock::System {
            let last = client.pool_info().await?.next_position.saturating_sub(1);
            match client.get(self.uetr, last).await {
                Err(error) if error.is_transient() => {}
                found => return found,
            }
        }
        client.get(self.uetr, 0).await
    }
}

pub(crate) fn parse_uetr(text: &str) -> Result<Uetr, String> {
    text.parse().map_err(|_| "must be a version 4 UUID".to_owned())
}

/// A payment as its parties see it; one of two currencies with what is got for it.
pub(crate) fn payment_row(payment: &v1::Payment) -> Row {
    let currency = payment.amount.as_ref().map(|amount| amount.currency_code.clone());
    let mut row = vec![
        ("uetr", payment.uetr.as_str().into()),
        ("kind", show::kind(payment.message_kind)),
        ("sender", payment.sender.as_str().into()),
        ("receiver", payment.receiver.as_str().into()),
        ("amount", show::money(payment.amount.as_ref())),
        ("currency", currency.into()),
        ("state", show::state(payment)),
        ("reason", show::reason(payment.reason())),
        ("batch", (payment.batch != 0).then_some(payment.batch).into()),
        ("changed_at", show::instant_or_none(payment.changed_at_ms)),
    ];
    row.extend(payment.exchange.as_ref().map(exchange_cells).unwrap_or_default());
    row
}

/// Bank: take back a payment that has not settled.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The payment's reference.
    #[arg(value_parser = parse_uetr)]
    uetr: Uetr,
    /// The kind of its message.
    #[arg(long, value_enum, default_value = "pacs008")]
    kind: KindArg,
    #[command(flatten)]
    request: RequestArgs,
}

impl CancelArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let kind = self.kind.kind();
        self.request.execute(context, CommandBody::Cancel { uetr: self.uetr, kind }).await
    }
}
