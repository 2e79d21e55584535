//! The same in the solver's terms: rows that must not end below zero, items that move them.
//!
//! A row is a node or a bilateral limit (multilateral limits cap the node's liquidity). An item
//! is a group or a single payment, in order of its first arrival.

use std::collections::BTreeMap;

use crate::model::Instance;

/// One item's effect on one row (minor units, never zero).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) row: u32,
    pub(crate) delta: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) nodes: usize,
    pub(crate) currencies: usize,
    /// Per row, at least zero.
    pub(crate) free: Vec<i64>,
    /// Per row: the least that a minor unit of its currency counts.
    pub(crate) weight: Vec<u64>,
    /// Payments of item `j`: `legs[leg_start[j]..leg_start[j + 1]]`.
    pub(crate) leg_start: Vec<u32>,
    pub(crate) legs: Vec<u32>,
    /// Entries of item `j`, likewise.
    pub(crate) entry_start: Vec<u32>,
    pub(crate) entries: Vec<Entry>,
    /// Per item; exact.
    pub(crate) value: Vec<u128>,
}

impl Problem {
    pub(crate) const fn items(&self) -> usize {
        self.value.len()
    }

    pub(crate) fn legs(&self, item: usize) -> &[u32] {
        &self.legs[self.leg_start[item] as usize..self.leg_start[item + 1] as usize]
    }

    pub(crate) fn entries(&self, item: usize) -> &[Entry] {
        &self.entries[self.entry_start[item] as usize..self.entry_start[item + 1] as usize]
    }

    /// The rows of the settled payments of the chosen items, ascending.
    pub(crate) fn rows(&self, chosen: &[bool]) -> Vec<usize> {
        let items = (0..self.items()).filter(|&item| chosen[item]);
        let mut rows: Vec<usize> =
            items.flat_map(|item| self.legs(item)).map(|&row| row as usize).collect();
        rows.sort_unstable();
        rows
    }

    /// Builds the problem of a valid instance without `frozen` payments, which settle anyway.
    /// `None` where sums could pass 64 bits.
    pub(crate) fn new(instance: &Instance, frozen: &[bool]) -> Option<Self> {
        let rows = Rows::new(instance);
        let mut free = rows.free(instance);
        let mut gross: Vec<u128> = free.iter().map(|&held| held.unsigned_abs().into()).collect();
        let (leg_start, legs) = itemize(instance, frozen);
        let mut moved: Vec<Entry> = Vec::new();
        for (payment, &frozen) in instance.payments.iter().zip(frozen) {
            moved.clear();
            rows.push(instance, payment, &mut moved);
            for entry in &moved {
                let row = entry.row as usize;
                gross[row] += u128::from(entry.delta.unsigned_abs());
                if gross[row] > (1 << 61) {
                    return None;
                }
                if frozen {
                    free[row] += entry.delta;
                }
            }
        }
        let mut problem = Self {
            nodes: instance.liquidity.len(),
            currencies: instance.currencies(),
            free,
            weight: rows.weights(instance),
            entry_start: Vec::with_capacity(leg_start.len()),
            entries: Vec::with_capacity(2 * legs.len()),
            value: Vec::with_capacity(leg_start.len()),
            leg_start,
            legs,
        };
        problem.entry_start.push(0);
        for item in 0..problem.leg_start.len() - 1 {
            moved.clear();
            let mut value = 0;
            for &leg in problem.legs(item) {
                let payment = &instance.payments[leg as usize];
                rows.push(instance, payment, &mut moved);
                value += instance.value(payment);
            }
            merge(&mut moved);
            problem.entries.extend_from_slice(&moved);
            problem.entry_start.push(u32::try_from(problem.entries.len()).ok()?);
            problem.value.push(value);
        }
        Some(problem)
    }
}

/// One entry per row; those that cancel out go.
fn merge(entries: &mut Vec<Entry>) {
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

/// Payments by item: (start of each item, payments), items in order of their first arrival.
fn itemize(instance: &Instance, frozen: &[bool]) -> (Vec<u32>, Vec<u32>) {
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
    // Each grouped payment hangs on the next of its group; only the first starts an item.
    let mut next = vec![u32::MAX; order.len()];
    let mut first = vec![true; order.len()];
    for pair in grouped.windows(2) {
        if pair[0].0 == pair[1].0 {
            next[pair[0].1 as usize] = pair[1].1;
            first[pair[1].1 as usize] = false;
        }
    }
    let mut start = vec![0];
    let mut legs = Vec::with_capacity(order.len());
    for (place, &first) in first.iter().enumerate() {
        if first {
            let mut leg = place;
            legs.push(order[leg]);
            while next[leg] != u32::MAX {
                leg = next[leg] as usize;
                legs.push(order[leg]);
            }
            start.push(u32::try_from(legs.len()).unwrap_or(u32::MAX));
        }
    }
    (start, legs)
}

/// Which rows a payment moves.
pub(crate) struct Rows {
    /// Bilateral limits: (debtor's node, creditor's node) to (row, minor units free).
    pairs: BTreeMap<(u32, u32), (u32, u64)>,
}

impl Rows {
    pub(crate) fn new(instance: &Instance) -> Self {
        let mut pairs = BTreeMap::new();
        for limit in &instance.limits {
            if let Some(creditor) = limit.creditor {
                let key = (
                    node(instance, limit.debtor, limit.currency),
                    node(instance, creditor, limit.currency),
                );
                let kept = pairs.entry(key).or_insert((0, limit.minor));
                kept.1 = kept.1.min(limit.minor);
            }
        }
        let first = u32::try_from(instance.liquidity.len()).unwrap_or(u32::MAX);
        for (row, pair) in (first..).zip(pairs.values_mut()) {
            pair.0 = row;
        }
        Self { pairs }
    }

    /// What each row may lose.
    pub(crate) fn free(&self, instance: &Instance) -> Vec<i64> {
        let mut free: Vec<i64> = instance.liquidity.iter().map(|&held| held.max(0)).collect();
        for limit in instance.limits.iter().filter(|limit| limit.creditor.is_none()) {
            let held = &mut free[instance.node(limit.debtor, limit.currency)];
            *held = (*held).min(limit.minor.cast_signed());
        }
        free.extend(self.pairs.values().map(|pair| pair.1.cast_signed()));
        free
    }

    /// Per row: the node whose queue is cut when the row is short.
    pub(crate) fn queues(&self, nodes: usize) -> Vec<u32> {
        let own = 0..u32::try_from(nodes).unwrap_or(u32::MAX);
        own.chain(self.pairs.keys().map(|key| key.0)).collect()
    }

    fn weights(&self, instance: &Instance) -> Vec<u64> {
        let class = instance.class_weights.iter().copied().min().unwrap_or(1);
        let nodes = self.queues(instance.liquidity.len());
        let currency = |node: u32| node as usize % instance.currencies();
        nodes.into_iter().map(|node| class * instance.currency_weights[currency(node)]).collect()
    }

    pub(crate) fn push(
        &self,
        instance: &Instance,
        payment: &crate::model::Payment,
        out: &mut Vec<Entry>,
    ) {
        let from = node(instance, payment.debtor, payment.currency);
        let to = node(instance, payment.creditor, payment.currency);
        let amount = payment.amount.cast_signed();
        if from == to {
            return;
        }
        out.push(Entry { row: from, delta: -amount });
        out.push(Entry { row: to, delta: amount });
        if !self.pairs.is_empty() {
            if let Some(pair) = self.pairs.get(&(from, to)) {
                out.push(Entry { row: pair.0, delta: -amount });
            }
            if let Some(pair) = self.pairs.get(&(to, from)) {
                out.push(Entry { row: pair.0, delta: amount });
            }
        }
    }
}

fn node(instance: &Instance, participant: u32, currency: u16) -> u32 {
    u32::try_from(instance.node(participant, currency)).unwrap_or(u32::MAX)
}
