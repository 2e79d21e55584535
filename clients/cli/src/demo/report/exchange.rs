//! Foreign exchange of the day: what was matched, with how many quotes, what found no other side.

use sdk::v1;
use serde_json::{Value, json};

use super::super::tally::Tally;
use super::amount;
use crate::commands::show::spoken;

/// Kinds of message, as [`v1::Payment`] numbers them.
const INSTRUCTION: u32 = 4;
const PAYMENT: u32 = 5;

/// What is told of foreign exchange.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Pairs of instructions that were matched with each other and settled.
    matched: u64,
    /// Instructions that expired unmatched: who, and what it would have sold.
    unmatched: Vec<(String, String)>,
    /// Payments that arrived in another currency.
    across: Vec<Across>,
    /// FX orders that still wait, for a match or for money.
    waiting: u64,
    /// Settled legs of groups that banks linked themselves.
    linked_legs: u64,
}

#[derive(Debug)]
struct Across {
    from: String,
    to: String,
    sold: (String, i128),
    bought: (String, i128),
    fills: usize,
}

impl Exchange {
    pub(super) fn of(tally: &Tally) -> Self {
        let (mut found, mut instructions) = (Self::default(), 0);
        for payment in tally.payments.values() {
            let fx = matches!(payment.message_kind, INSTRUCTION | PAYMENT);
            match (payment.message_kind, payment.state()) {
                (INSTRUCTION, v1::PaymentState::Settled) => instructions += 1,
                (PAYMENT, v1::PaymentState::Settled) => found.across.extend(across(payment)),
                (INSTRUCTION, v1::PaymentState::Expired) if unmatched(payment) => {
                    let (currency, minor) = amount(payment);
                    found.unmatched.push((payment.sender.clone(), spoken(minor, currency)));
                }
                (_, v1::PaymentState::Settled) if linked(payment) => found.linked_legs += 1,
                (_, state) if fx && open(state) => found.waiting += 1,
                _ => {}
            }
        }
        found.matched = instructions / 2;
        found
    }

    pub(super) fn to_json(&self) -> Value {
        let across = |it: &Across| {
            json!({
                "from": it.from, "to": it.to, "fills": it.fills,
                "sold": spoken(it.sold.1, &it.sold.0), "bought": spoken(it.bought.1, &it.bought.0),
            })
        };
        let unmatched = |(bank, sells): &(String, String)| json!({ "bank": bank, "sells": sells });
        json!({
            "matched_pairs": self.matched,
            "unmatched": self.unmatched.iter().map(unmatched).collect::<Vec<_>>(),
            "payments": self.across.iter().map(across).collect::<Vec<_>>(),
            "fills": self.across.iter().map(|it| it.fills).sum::<usize>(),
            "linked_legs": self.linked_legs,
            "waiting": self.waiting,
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!(
            "\nForeign exchange, payment versus payment\n  {} pairs of instructions matched and \
             settled, {} legs of linked groups, {} FX orders wait\n",
            self.matched, self.linked_legs, self.waiting
        );
        for (bank, sells) in &self.unmatched {
            text += &format!("  {bank} sells {sells}: no other side came, lapsed\n");
        }
        for it in &self.across {
            let quotes = if it.fills == 1 { "quote" } else { "quotes" };
            text += &format!(
                "  {} paid {:>17}, {} got {:>17} by {} {quotes}\n",
                it.from,
                spoken(it.sold.1, &it.sold.0),
                it.to,
                spoken(it.bought.1, &it.bought.0),
                it.fills
            );
        }
        text
    }
}

/// Whether it waited for its other side to the end: that of the pool's patience, or its own.
fn unmatched(payment: &v1::Payment) -> bool {
    matches!(payment.reason(), v1::RejectReason::Unmatched | v1::RejectReason::Expired)
}

/// What a payment and its match come to.
fn across(payment: &v1::Payment) -> Option<Across> {
    let exchange = payment.exchange.as_ref()?;
    let bought = exchange.counter_amount.as_ref()?;
    let (currency, minor) = amount(payment);
    Some(Across {
        from: payment.sender.clone(),
        to: payment.receiver.clone(),
        sold: (currency.to_owned(), minor),
        bought: (bought.currency_code.clone(), bought.minor_units.into()),
        fills: exchange.fills.len(),
    })
}

fn linked(payment: &v1::Payment) -> bool {
    let header = channel::HeaderView::decode(&payment.header);
    header.is_ok_and(|header| header.link.is_some())
}

fn open(state: v1::PaymentState) -> bool {
    matches!(
        state,
        v1::PaymentState::Queued
            | v1::PaymentState::AwaitingMatch
            | v1::PaymentState::Matched
            | v1::PaymentState::Held
    )
}
