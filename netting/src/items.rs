//! Which payments make one item, and in what order the items stand.
//!
//! Items that move the same rows in the same direction, at the same rates and for the same value
//! per unit, differ in size only: to the relaxation they are one column. They are put side by
//! side, the largest first, so that what walks over such a bundle walks over memory in order.

use std::cmp::Reverse;

use crate::model::Instance;
use crate::problem::{Entry, Rows};

/// The open payments in order of arrival, each linked to the next of its group.
pub(crate) struct Items {
    order: Vec<u32>,
    next: Vec<u32>,
    /// Starts an item: a single payment, or the first of a group.
    first: Vec<bool>,
}

/// An item, and what it is ordered by.
#[derive(Clone, Copy, Default)]
pub(crate) struct Key {
    row: u32,
    /// Of its first payment, in order of arrival.
    pub(crate) place: u32,
    /// The same for items that are alike (and by chance for others).
    pub(crate) likeness: u64,
    amount: u64,
}

impl Items {
    pub(crate) fn new(instance: &Instance, frozen: &[bool]) -> Self {
        let payments = &instance.payments;
        let count = u32::try_from(payments.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count).filter(|&row| !frozen[row as usize]).collect();
        order.sort_by_key(|&row| payments[row as usize].seq);
        let mut grouped: Vec<(u32, u32)> = Vec::new();
        for (place, &row) in (0_u32..).zip(&order) {
            if let Some(group) = payments[row as usize].group {
                grouped.push((group, place));
            }
        }
        grouped.sort_unstable();
        let mut next = vec![u32::MAX; order.len()];
        let mut first = vec![true; order.len()];
        for pair in grouped.windows(2) {
            if pair[0].0 == pair[1].0 {
                next[pair[0].1 as usize] = pair[1].1;
                first[pair[1].1 as usize] = false;
            }
        }
        Self { order, next, first }
    }

    /// The rows of the payments of the item whose first is at `place`.
    pub(crate) fn payments(&self, place: u32) -> impl Iterator<Item = u32> + '_ {
        let places = std::iter::successors(Some(place), |&place| {
            Some(self.next[place as usize]).filter(|&next| next != u32::MAX)
        });
        places.map(|place| self.order[place as usize])
    }

    /// All items, those that are alike as neighbours with the largest first.
    pub(crate) fn alike_together(&self, instance: &Instance, rows: &Rows) -> Vec<Key> {
        let mut keys = Vec::with_capacity(self.order.len());
        let mut moved = Vec::new();
        for (place, _) in (0..).zip(&self.first).filter(|place| *place.1) {
            moved.clear();
            let mut value = 0;
            for row in self.payments(place) {
                let payment = &instance.payments[row as usize];
                rows.push(instance, payment, &mut moved);
                value += instance.value(payment);
            }
            merge(&mut moved);
            keys.push(key(place, value, &moved));
        }
        by_row(&keys, rows.count())
    }
}

fn key(place: u32, value: u128, entries: &[Entry]) -> Key {
    let Some(lead) = entries.first() else {
        return Key { place, ..Key::default() };
    };
    let amount = lead.delta.unsigned_abs();
    let per_unit = |quantity: f64| (quantity / amount as f64).to_bits();
    // The rates of groups vary a little: 5 bits of mantissa (about 3 %) count as the same.
    let exact = entries.len() == 2 && entries[0].delta == -entries[1].delta;
    let blur = if exact { 0 } else { 47 };
    let mut likeness = per_unit(value as f64) >> blur;
    for entry in entries {
        let rate = per_unit(entry.delta as f64) >> blur;
        likeness = (likeness.rotate_left(7) ^ u64::from(entry.row) ^ rate.rotate_left(32))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    // First those with the fewest rows: what walks over items meets the same count again and again.
    let count = entries.len().min(15) as u64;
    Key { row: lead.row, place, likeness: likeness >> 4 | count << 60, amount }
}

/// Sorts by row (by counting), then likeness, then size.
fn by_row(keys: &[Key], rows: usize) -> Vec<Key> {
    let mut start = vec![0_usize; rows + 1];
    for key in keys {
        start[key.row as usize + 1] += 1;
    }
    for row in 0..rows {
        start[row + 1] += start[row];
    }
    let mut fill = start.clone();
    let mut sorted = vec![Key::default(); keys.len()];
    for key in keys {
        let slot = &mut fill[key.row as usize];
        sorted[*slot] = *key;
        *slot += 1;
    }
    for span in start.windows(2) {
        sorted[span[0]..span[1]]
            .sort_unstable_by_key(|key| (key.likeness, Reverse(key.amount), key.place));
    }
    sorted
}

/// One entry per row; those that cancel out go.
#[inline]
pub(crate) fn merge(entries: &mut Vec<Entry>) {
    if entries.len() == 2 && entries[0].row != entries[1].row {
        return;
    }
    entries.sort_unstable_by_key(|entry| entry.row);
    entries.dedup_by(|next, kept| {
        let same = next.row == kept.row;
        if same {
            kept.delta += next.delta;
        }
        same
    });
    entries.retain(|entry| entry.delta != 0);
}
