//! Where a payment is, and taking one back.

use channel::CommandBody;
use clap::{Args, ValueEnum};
use sdk::{MessageKind, Uetr, v1};

use super::show;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Row, Shown};
use crate::request::RequestArgs;

/// Where a payment is.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The payment's reference.
    #[arg(value_parser = parse_uetr)]
    uetr: Uetr,
    /// Wait until everything up to this position (from a receipt) can be read.
    #[arg(long, default_value_t = 0)]
    position: u64,
}

impl StatusArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let client = context.session()?.client;
        let response = client.get(self.uetr, self.position).await?;
        Ok(Shown::Many(response.payments.iter().map(payment_row).collect()))
    }
}

pub(crate) fn parse_uetr(text: &str) -> Result<Uetr, String> {
    text.parse().map_err(|_| "must be a version 4 UUID".to_owned())
}

/// A payment as its parties see it.
pub(crate) fn payment_row(payment: &v1::Payment) -> Row {
    let currency = payment.amount.as_ref().map(|amount| amount.currency_code.clone());
    vec![
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
    ]
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

/// A kind of message on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    /// pacs.008
    Pacs008,
    /// pacs.009
    Pacs009,
    /// pacs.009 COV
    Cover,
}

impl CancelArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let kind = match self.kind {
            KindArg::Pacs008 => MessageKind::CustomerTransfer,
            KindArg::Pacs009 => MessageKind::InstitutionTransfer,
            KindArg::Cover => MessageKind::Cover,
        };
        self.request.execute(context, CommandBody::Cancel { uetr: self.uetr, kind }).await
    }
}
