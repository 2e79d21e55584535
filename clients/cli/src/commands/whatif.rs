//! What would settle if something were different.

use clap::Args;
use sdk::v1;
use sdk::v1::LeverKind;
use serde_json::{Value, json};

use super::levers;
use super::show::decimal;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Row, Shown, table};

/// Payments named one by one in text; all of them are in JSON.
const PAYMENTS_MAX: usize = 20;

/// What the next cycle would settle if this were done. Nothing is changed.
#[derive(Debug, Args)]
pub(crate) struct WhatIfArgs {
    /// Pay money in: `ALBKGB2L:USD:1200000.00`. Every option may be given more than once.
    #[arg(long, value_name = "BANK:CCY:AMOUNT", value_parser = |text: &str| levers::parse(LeverKind::Fund, text))]
    fund: Vec<v1::Lever>,
    /// Set a credit line.
    #[arg(long, value_name = "BANK:CCY:AMOUNT", value_parser = |text: &str| levers::parse(LeverKind::CreditLine, text))]
    credit_line: Vec<v1::Lever>,
    /// Set a bilateral limit; `none` for AMOUNT takes it away, here and below.
    #[arg(long, value_name = "FROM:TO:CCY:AMOUNT", value_parser = |text: &str| levers::parse(LeverKind::BilateralLimit, text))]
    limit: Vec<v1::Lever>,
    /// Set a bank's limit towards all others.
    #[arg(long, value_name = "BANK:CCY:AMOUNT", value_parser = |text: &str| levers::parse(LeverKind::MultilateralLimit, text))]
    multilateral: Vec<v1::Lever>,
    /// Set a debit cap.
    #[arg(long, value_name = "BANK:CCY:AMOUNT", value_parser = |text: &str| levers::parse(LeverKind::DebitCap, text))]
    cap: Vec<v1::Lever>,
}

impl WhatIfArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let wanted =
            [self.fund, self.credit_line, self.limit, self.multilateral, self.cap].concat();
        let found = session.client.what_if(wanted.clone()).await?;
        let payments =
            |payments: &[v1::PaymentTerms]| payments.iter().map(object).collect::<Vec<_>>();
        let json = json!({
            "position": found.position,
            "done": wanted.iter().map(levers::object).collect::<Vec<_>>(),
            "settles": levers::total_objects(&found.settles),
            "freed": levers::total_objects(&found.freed),
            "held": levers::total_objects(&found.held),
            "stuck": levers::total_objects(&found.stuck),
            "freed_payments": payments(&found.freed_payments),
            "held_payments": payments(&found.held_payments),
        });
        Ok(Shown::Report { json, text: text(&wanted, &found) })
    }
}

fn text(wanted: &[v1::Lever], found: &v1::SimulateChangesResponse) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    if wanted.is_empty() {
        say("As things stand:");
    } else {
        say("If this were done:");
        wanted.iter().for_each(|lever| say(&format!("  {}", levers::sentence(lever))));
    }
    say(&format!("the next cycle settles  {}", levers::totals(&found.settles)));
    if !wanted.is_empty() {
        say(&format!("  freed by it           {}", levers::totals(&found.freed)));
        if !found.held.is_empty() {
            say(&format!("  held up by it         {}", levers::totals(&found.held)));
        }
    }
    say(&format!("and leaves waiting      {}", levers::totals(&found.stuck)));
    for (heading, payments) in
        [("Freed:", &found.freed_payments), ("Held up:", &found.held_payments)]
    {
        if !payments.is_empty() {
            say("");
            say(heading);
            let rows: Vec<Row> = payments.iter().take(PAYMENTS_MAX).map(row).collect();
            say(table(&rows).trim_end());
            if let Some(more) = payments.len().checked_sub(PAYMENTS_MAX).filter(|more| *more > 0) {
                say(&format!("and {more} more: see --json"));
            }
        }
    }
    say("");
    say("Nothing was changed.");
    text
}

fn row(terms: &v1::PaymentTerms) -> Row {
    let amount = terms.amount.clone().unwrap_or_default();
    let currency = amount.currency_code;
    vec![
        ("uetr", terms.uetr.as_str().into()),
        ("sender", terms.sender.as_str().into()),
        ("receiver", terms.receiver.as_str().into()),
        ("amount", Cell::Digits(decimal(amount.minor_units.into(), &currency))),
        ("currency", currency.into()),
    ]
}

fn object(terms: &v1::PaymentTerms) -> Value {
    let amount = terms.amount.clone().unwrap_or_default();
    json!({
        "uetr": terms.uetr,
        "sender": terms.sender,
        "receiver": terms.receiver,
        "currency": amount.currency_code,
        "amount": decimal(amount.minor_units.into(), &amount.currency_code),
    })
}
