//! How much money the day takes, with netting and without.

use std::collections::BTreeMap;

use sdk::v1;

use super::super::tally::Tally;
use super::{amount, minor};
use crate::failure::Failure;

/// The money that the banks must bring for one currency, all together, minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Liquidity {
    /// If every settled payment had been settled alone, in the order of the log.
    pub(super) without_netting: i128,
    /// As the batches settled them.
    pub(super) with_netting: i128,
}

impl Liquidity {
    /// How much less netting takes, in whole percent.
    pub(super) fn saving(self) -> String {
        let saved = (self.without_netting - self.with_netting).saturating_mul(100);
        format!("{}%", saved.checked_div(self.without_netting).unwrap_or(0))
    }
}

/// An account's way below zero.
#[derive(Debug, Default)]
struct Way {
    balance: i128,
    lowest: i128,
}

impl Way {
    fn add(&mut self, minor: i128) {
        self.balance += minor;
        self.lowest = self.lowest.min(self.balance);
    }
}

/// By currency and bank.
type Ways = BTreeMap<(String, String), Way>;

fn add(ways: &mut Ways, currency: &str, bank: &str, minor: i128) {
    ways.entry((currency.to_owned(), bank.to_owned())).or_default().add(minor);
}

/// By currency.
pub(super) fn needed(tally: &Tally) -> Result<BTreeMap<String, Liquidity>, Failure> {
    let (mut alone, mut netted) = (Ways::new(), Ways::new());
    for payment in tally.payments.values() {
        if payment.state() == v1::PaymentState::Settled {
            let (currency, minor) = amount(payment);
            add(&mut alone, currency, &payment.sender, -minor);
            add(&mut alone, currency, &payment.receiver, minor);
        }
    }
    for net in tally.batches.iter().flat_map(|batch| &batch.nets) {
        let Some(money) = &net.net else { continue };
        add(&mut netted, &money.currency_code, &net.participant, minor(&money.minor_units)?);
    }
    let mut needed: BTreeMap<String, Liquidity> = BTreeMap::new();
    for ((currency, _), way) in alone {
        needed.entry(currency).or_default().without_netting -= way.lowest;
    }
    for ((currency, _), way) in netted {
        needed.entry(currency).or_default().with_netting -= way.lowest;
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(sender: &str, receiver: &str, minor_units: i64) -> v1::Payment {
        v1::Payment {
            sender: sender.into(),
            receiver: receiver.into(),
            amount: Some(v1::Money { currency_code: "EUR".into(), minor_units }),
            state: v1::PaymentState::Settled.into(),
            ..v1::Payment::default()
        }
    }

    fn net(participant: &str, minor: i128) -> v1::Net {
        let net = v1::NetMoney { currency_code: "EUR".into(), minor_units: minor.to_string() };
        v1::Net { participant: participant.into(), net: Some(net) }
    }

    #[test]
    fn a_ring_takes_nothing_but_the_difference() {
        let ring = [payment("A", "B", 100), payment("B", "C", 100), payment("C", "A", 90)];
        let tally = Tally {
            pool: v1::GetPoolResponse::default(),
            batches: vec![v1::Batch {
                nets: vec![net("A", -10), net("C", 10)],
                ..Default::default()
            }],
            payments: (0..).zip(ring).collect(),
            balances: Vec::new(),
            handed_in: 3,
        };
        let needed = needed(&tally).unwrap();
        // Alone, A pays 100 before anything comes in; B and C pass on what they got.
        let expected = Liquidity { without_netting: 100, with_netting: 10 };
        assert_eq!(needed["EUR"], expected);
    }
}
