//! How much money the day takes, with netting and without.

use std::collections::BTreeMap;

use super::super::tally::{Movement, Tally};
use super::minor;
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
    let mut ordered: Vec<&Movement> = tally.movements.iter().collect();
    ordered.sort_by_key(|movement| movement.origin);
    for Movement { currency, from, to, minor, .. } in ordered {
        add(&mut alone, currency, from, -minor);
        add(&mut alone, currency, to, *minor);
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
    use sdk::v1;

    use super::*;

    fn payment(origin: u64, from: &str, to: &str, minor: i128) -> Movement {
        let (from, to, currency) = (from.into(), to.into(), "EUR".into());
        Movement { origin, from, to, currency, minor }
    }

    fn net(participant: &str, minor: i128) -> v1::Net {
        let net = v1::NetMoney { currency_code: "EUR".into(), minor_units: minor.to_string() };
        v1::Net { participant: participant.into(), net: Some(net) }
    }

    #[test]
    fn a_ring_takes_nothing_but_the_difference() {
        let ring = [payment(1, "A", "B", 100), payment(2, "B", "C", 100), payment(3, "C", "A", 90)];
        let tally = Tally {
            pool: v1::GetPoolResponse::default(),
            batches: vec![v1::Batch {
                nets: vec![net("A", -10), net("C", 10)],
                ..Default::default()
            }],
            payments: BTreeMap::new(),
            movements: ring.into(),
            balances: Vec::new(),
            handed_in: 3,
        };
        let needed = needed(&tally).unwrap();
        // Alone, A pays 100 before anything comes in; B and C pass on what they got.
        let expected = Liquidity { without_netting: 100, with_netting: 10 };
        assert_eq!(needed["EUR"], expected);
    }
}
