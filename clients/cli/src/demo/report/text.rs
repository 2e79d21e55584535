//! The report for people.

use std::fmt::Write as _;

use super::super::day::START_MS;
use super::Report;
use crate::commands::show::{instant, spoken};
use crate::output::{Cell, Row, table};

/// Batches shown in text; all of them are in JSON.
const BATCHES_MAX: usize = 12;
/// Digits of a batch's root shown in text: enough to compare by eye.
const ROOT_DIGITS: usize = 16;

impl Report {
    pub(in super::super) fn to_text(&self) -> String {
        let counts = &self.counts;
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "The payment day {}: {} banks, seed {}\n\nPayments\n  {} received: {} settled, {} queued, {} for a later day, {} rejected",
            day(),
            self.banks,
            self.seed,
            counts.received,
            counts.settled,
            counts.queued,
            counts.warehoused,
            counts.rejected
        );
        for (reason, count) in &self.rejections {
            let _ = writeln!(text, "  rejected {count:>3}  {reason}");
        }
        section(&mut text, "Waiting at the end of the day, and why", self.waiting());
        section(&mut text, "Gross against net, and the liquidity it takes", self.money());
        text.push_str(&self.exchange.to_text());
        if let Some(gridlock) = &self.gridlock {
            text.push_str(&gridlock.to_text());
        }
        let (sealed, opened) = &self.sealing;
        let _ = writeln!(
            text,
            "\nSealed: the operator has read none of it\n  {} payments sealed, {} opened by their \
             receivers, {} in part by the regulator, {} that did not open\n  {} screened, {} of them \
             held and released, {} confirmed by their receivers before they settled",
            sealed.sealed,
            opened.by_receivers,
            opened.by_regulators,
            opened.faults,
            sealed.screened,
            sealed.held,
            sealed.confirmed
        );
        section(&mut text, "Batches", self.shown_batches());
        if let Some(more) = self.batches.len().checked_sub(BATCHES_MAX).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} before them");
        }
        let invariants = &self.invariants;
        let _ = writeln!(
            text,
            "\nChecked by replaying {} records\n  same state root at every batch: {}\n  \
             every batch nets to zero per currency: {}\n  all accounts sum to zero per currency: {}\n  \
             every payment in exactly one state: {}\n  state root {}",
            invariants.replayed,
            yes(invariants.replay),
            yes(invariants.nets),
            yes(invariants.balances),
            yes(invariants.counts),
            self.state_root
        );
        text
    }

    fn waiting(&self) -> Vec<Row> {
        let row = |waiting: &super::Waiting| -> Row {
            let digits = |minor| grouped(minor, &waiting.currency);
            vec![
                ("bank", waiting.bank.as_str().into()),
                ("currency", waiting.currency.as_str().into()),
                ("payments", waiting.payments.into()),
                ("amount", digits(waiting.minor)),
                ("first needs", digits(waiting.first)),
                ("available", digits(waiting.available)),
                ("waits for", waiting.reason().into()),
            ]
        };
        self.waiting.iter().map(row).collect()
    }

    fn money(&self) -> Vec<Row> {
        let row = |currency: &super::Currency| -> Row {
            let digits = |minor| grouped(minor, &currency.code);
            vec![
                ("currency", currency.code.as_str().into()),
                ("settled", currency.settled.into()),
                ("gross", digits(currency.gross)),
                ("net", digits(currency.net)),
                ("waits", currency.waiting.into()),
                ("value", digits(currency.waiting_minor)),
                ("one by one", digits(currency.liquidity.without_netting)),
                ("netted", digits(currency.liquidity.with_netting)),
                ("saves", currency.liquidity.saving().into()),
            ]
        };
        self.currencies.iter().map(row).collect()
    }

    fn shown_batches(&self) -> Vec<Row> {
        let from = self.batches.len().saturating_sub(BATCHES_MAX);
        let row = |batch: &super::Batch| -> Row {
            vec![
                ("batch", batch.number.into()),
                ("payments", batch.payments.into()),
                ("gap", batch.gap.as_str().into()),
                (
                    "state root",
                    batch.state_root.chars().take(ROOT_DIGITS).collect::<String>().into(),
                ),
            ]
        };
        self.batches.iter().skip(from).map(row).collect()
    }
}

fn section(text: &mut String, title: &str, rows: Vec<Row>) {
    let _ = writeln!(text, "\n{title}");
    if rows.is_empty() {
        text.push_str("  nothing\n");
    }
    for line in table(&rows).lines() {
        let _ = writeln!(text, "  {line}");
    }
}

/// An amount without its currency, in groups of three digits.
fn grouped(minor: i128, currency: &str) -> Cell {
    let text = spoken(minor, currency);
    Cell::Digits(text.rsplit_once(' ').map_or(text.clone(), |(number, _)| number.to_owned()))
}

/// The day that is played.
fn day() -> String {
    instant(START_MS).chars().take(10).collect()
}

fn yes(held: bool) -> &'static str {
    if held { "yes" } else { "NO" }
}
