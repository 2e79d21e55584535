//! What a cycle would settle if something were different.

use std::collections::BTreeSet;

use clearing::{Candidate, Lever, Place, Preview};
use ledger::Currency;

use crate::Choose;

/// Payments of one currency. What an order pays in it counts once, however many legs that takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The currency.
    pub currency: Currency,
    /// How many.
    pub count: u64,
    /// Their sum, minor units.
    pub minor: u128,
}

/// What difference something makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// All that settles then, by index in [`Preview::payments`].
    pub settles: Vec<usize>,
    /// Of those, what would not have settled otherwise.
    pub freed: Vec<usize>,
    /// What would have settled otherwise, and does not.
    pub held: Vec<usize>,
}

impl Effect {
    /// The difference between two choices of payments.
    #[must_use]
    pub fn between(before: &[bool], after: &[bool]) -> Self {
        let picked = |wanted: &dyn Fn(bool, bool) -> bool| {
            let pairs = before.iter().zip(after).enumerate();
            pairs.filter(|(_, (b, a))| wanted(**b, **a)).map(|(index, _)| index).collect()
        };
        Self {
            settles: picked(&|_, after| after),
            freed: picked(&|before, after| after && !before),
            held: picked(&|before, after| before && !after),
        }
    }

    /// The places of these payments, ascending.
    #[must_use]
    pub fn places(preview: &Preview, indices: &[usize]) -> Vec<Place> {
        let payments = indices.iter().filter_map(|index| preview.payments().get(*index));
        let mut places: Vec<Place> = payments.map(|payment| payment.place).collect();
        places.sort_unstable();
        places
    }
}

/// What a cycle would settle after these levers were pulled, against what it would settle now.
#[must_use]
pub fn what_if(preview: &Preview, levers: &[Lever], choose: Choose<'_>) -> Effect {
    Effect::between(&choose(preview), &choose(&preview.with(levers)))
}

/// Payments by currency, in the order of its code. The legs of a match that are paid under the same
/// order count as one payment.
#[must_use]
pub fn totals<'a>(
    preview: &Preview,
    payments: impl IntoIterator<Item = &'a Candidate>,
) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    let mut counted = BTreeSet::new();
    for payment in payments {
        let Some(means) = preview.means(payment.debit) else { continue };
        let found = totals.iter().position(|total| total.currency == means.currency);
        let at = found.unwrap_or_else(|| {
            totals.push(Total { currency: means.currency, count: 0, minor: 0 });
            totals.len() - 1
        });
        let leg = payment.place.leg();
        let once = !leg || counted.insert((means.currency, preview.order(payment.place)));
        totals[at].count += u64::from(once);
        totals[at].minor += u128::from(payment.minor);
    }
    totals.sort_unstable_by_key(|total| total.currency);
    totals
}
