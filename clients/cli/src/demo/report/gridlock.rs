//! The gridlock: what was stuck, what each way of settling would have moved, and what netting did.

use std::collections::BTreeMap;

use sdk::v1;
use serde_json::{Value, json};

use super::super::day::gridlock::CURRENCY;
use super::super::tally::Tally;
use super::{amount, posted};
use crate::commands::batches::gap;
use crate::commands::show::{decimal, instant, spoken};
use crate::failure::Failure;

/// How many payments, and their value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) payments: u64,
    pub(super) minor: i128,
}

impl Sum {
    fn add(&mut self, minor: i128) {
        self.payments += 1;
        self.minor += minor;
    }
}

/// A payment of the ring.
#[derive(Debug, Clone)]
struct Part<'a> {
    payer: &'a str,
    payee: &'a str,
    minor: i128,
}

/// What is told of the gridlock.
#[derive(Debug)]
pub(super) struct Gridlock {
    banks: usize,
    stuck: Sum,
    /// The money on all the banks' accounts.
    money: i128,
    /// Settled one by one, in any order, whenever one is covered.
    alone: Sum,
    /// Settled together, but in order: the fronts of all queues.
    in_order: Sum,
    netted: Sum,
    batch: u64,
    at_ms: u64,
    /// Of the cycle, all currencies: what it settled and what the most is, and how far apart.
    value: String,
    bound: String,
    gap: String,
    /// The payment at the head of a queue, which netting went past: payer, reference, amount.
    pub(super) blocking: Option<(String, String, i128)>,
}

impl Gridlock {
    /// Nothing, if no batch settled any of it.
    pub(super) fn of(tally: &Tally) -> Result<Option<Self>, Failure> {
        let all: Vec<&v1::Payment> =
            tally.payments.values().filter(|payment| amount(payment).0 == CURRENCY).collect();
        let settled = |payment: &&&v1::Payment| payment.state() == v1::PaymentState::Settled;
        let Some(number) = all.iter().find(settled).map(|payment| payment.batch) else {
            return Ok(None);
        };
        let Some(batch) = tally.batches.iter().find(|batch| batch.number == number) else {
            return Ok(None);
        };
        let mut money = BTreeMap::new();
        for account in tally.balances.iter().filter(|it| it.currency_code == CURRENCY) {
            if !account.participant.is_empty() {
                money.insert(account.participant.as_str(), posted(account)?);
            }
        }
        let moved = tally.movements.iter().filter(|it| it.currency == CURRENCY);
        for movement in moved {
            *money.entry(&movement.from).or_default() += movement.minor;
            *money.entry(&movement.to).or_default() -= movement.minor;
        }
        let part = |payment: &&'_ v1::Payment| (payment.sender.clone(), payment.receiver.clone());
        let names: Vec<_> = all.iter().map(part).collect();
        let parts: Vec<Part<'_>> = all
            .iter()
            .zip(&names)
            .map(|(payment, (payer, payee))| Part { payer, payee, minor: amount(payment).1 })
            .collect();
        let (mut stuck, mut netted) = (Sum::default(), Sum::default());
        all.iter().for_each(|payment| stuck.add(amount(payment).1));
        all.iter().filter(settled).for_each(|payment| netted.add(amount(payment).1));
        let certificate = batch.certificates.first().cloned().unwrap_or_default();
        let blocking = all.iter().find(|payment| payment.state() == v1::PaymentState::Queued);
        Ok(Some(Self {
            banks: money.len(),
            stuck,
            money: money.values().sum(),
            alone: alone(&parts, money.clone()),
            in_order: in_order(&parts, &money),
            netted,
            batch: number,
            at_ms: batch.sealed_at_ms,
            value: certificate.value,
            bound: certificate.bound,
            gap: gap(batch),
            blocking: blocking.map(|it| (it.sender.clone(), it.uetr.clone(), amount(it).1)),
        }))
    }

    pub(super) fn to_json(&self) -> Value {
        let sum =
            |sum: Sum| json!({ "payments": sum.payments, "amount": decimal(sum.minor, CURRENCY) });
        json!({
            "currency": CURRENCY,
            "banks": self.banks,
            "money": decimal(self.money, CURRENCY),
            "stuck": sum(self.stuck),
            "one_by_one": sum(self.alone),
            "in_order": sum(self.in_order),
            "netted": sum(self.netted),
            "batch": self.batch,
            "certificate": { "value": self.value, "bound": self.bound, "gap": self.gap },
            "blocking": self.blocking.as_ref().map(|(payer, uetr, minor)| {
                json!({ "payer": payer, "uetr": uetr, "amount": decimal(*minor, CURRENCY) })
            }),
        })
    }

    pub(super) fn to_text(&self) -> String {
        let line = |name: &str, sum: Sum| {
            let amount = spoken(sum.minor, CURRENCY);
            format!("  {name:<34}{:>4} payments  {amount:>20}\n", sum.payments)
        };
        let mut text = format!(
            "\nA gridlock, {} banks in a ring with {} between them\n",
            self.banks,
            spoken(self.money, CURRENCY)
        );
        text += &line("stuck", self.stuck);
        text += &line("one by one would have settled", self.alone);
        text += &line("in order (FIFO) would have settled", self.in_order);
        text += &line("netting settled", self.netted);
        let at: String = instant(self.at_ms).chars().skip(11).take(5).collect();
        text += &format!(
            "  at {at} in batch {}; of the whole cycle the certificate says: value {}, no set more \
             than {}, gap {}\n",
            self.batch, self.value, self.bound, self.gap
        );
        if let Some((payer, _, minor)) = &self.blocking {
            let amount = spoken(*minor, CURRENCY);
            text +=
                &format!("  {payer}'s {amount} at the head of its queue was passed, and waits\n");
        }
        text
    }
}

/// What settles if every payment is tried by itself, again and again until none is covered.
fn alone<'a>(parts: &[Part<'a>], mut money: BTreeMap<&'a str, i128>) -> Sum {
    let mut sum = Sum::default();
    let mut waiting: Vec<&Part<'a>> = parts.iter().collect();
    loop {
        let before = waiting.len();
        waiting.retain(|part| {
            let held = money.get(part.payer).copied().unwrap_or_default();
            if held < part.minor {
                return true;
            }
            *money.entry(part.payer).or_default() -= part.minor;
            *money.entry(part.payee).or_default() += part.minor;
            sum.add(part.minor);
            false
        });
        if waiting.len() == before {
            return sum;
        }
    }
}

/// The most that settles together as a front of every queue: of all, the last of a payer who is
/// short is taken away until nobody is.
fn in_order<'a>(parts: &[Part<'a>], money: &BTreeMap<&'a str, i128>) -> Sum {
    let mut kept: Vec<&Part<'a>> = parts.iter().collect();
    loop {
        let mut left = money.clone();
        for part in &kept {
            *left.entry(part.payer).or_default() -= part.minor;
            *left.entry(part.payee).or_default() += part.minor;
        }
        let short = |part: &&Part<'_>| left.get(part.payer).is_some_and(|left| *left < 0);
        let Some(last) = kept.iter().rposition(short) else { break };
        kept.remove(last);
    }
    let mut sum = Sum::default();
    kept.iter().for_each(|part| sum.add(part.minor));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(payer: &'static str, payee: &'static str, minor: i128) -> Part<'static> {
        Part { payer, payee, minor }
    }

    #[test]
    fn a_ring_settles_in_order_but_not_alone_until_a_head_blocks_it() {
        let money = BTreeMap::from([("A", 1), ("B", 1), ("C", 1)]);
        let ring = vec![part("A", "B", 50), part("B", "C", 50), part("C", "A", 51)];
        assert_eq!(alone(&ring, money.clone()), Sum::default());
        assert_eq!(in_order(&ring, &money), Sum { payments: 3, minor: 151 });
        let blocked = [vec![part("A", "B", 90)], ring.clone()].concat();
        assert_eq!(in_order(&blocked, &money), Sum::default());
        let rich = BTreeMap::from([("A", 50), ("B", 0), ("C", 1)]);
        assert_eq!(alone(&ring, rich), Sum { payments: 3, minor: 151 });
    }
}
