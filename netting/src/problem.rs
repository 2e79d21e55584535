//! The same in the solver's terms: rows that must not end below zero, items that move them.
//!
//! A row is a node or a bilateral limit (multilateral limits cap the node's liquidity). An item
//! is a group or a single payment. Items that are alike are neighbours (see [`crate::items`]).

use std::collections::BTreeMap;
use std::ops::Range;

use crate::items::{Items, merge};
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
    leg_start: Vec<u32>,
    legs: Vec<u32>,
    /// Entries of item `j`, likewise.
    entry_start: Vec<u32>,
    pub(crate) entries: Vec<Entry>,
    /// Per item; exact.
    pub(crate) value: Vec<u128>,
    /// Items of bundle `b`, likewise: they move the same rows at the same rates, the largest first.
    bundle_start: Vec<u32>,
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

    pub(crate) const fn bundles(&self) -> usize {
        self.bundle_start.len() - 1
    }

    pub(crate) fn bundle(&self, bundle: usize) -> Range<usize> {
        self.bundle_start[bundle] as usize..self.bundle_start[bundle + 1] as usize
    }

    /// The rows of the settled payments of the chosen items, ascending.
    pub(crate) fn rows(&self, chosen: &[bool]) -> Vec<usize> {
        let mut settles = Vec::new();
        let items = (0..self.items()).filter(|&item| chosen[item]);
        for &row in items.flat_map(|item| self.legs(item)) {
            if settles.len() <= row as usize {
                settles.resize(row as usize + 1, false);
            }
            settles[row as usize] = true;
        }
        (0..settles.len()).filter(|&row| settles[row]).collect()
    }

    /// Builds the problem of a valid instance without `frozen` payments, which settle anyway.
    /// `None` where sums could pass 64 bits.
    pub(crate) fn new(instance: &Instance, frozen: &[bool]) -> Option<Self> {
        let rows = Rows::new(instance);
        let free = free_after(instance, &rows, frozen)?;
        let items = Items::new(instance, frozen);
        let keys = items.alike_together(instance, &rows);
        let mut problem = Self {
            nodes: instance.liquidity.len(),
            currencies: instance.currencies(),
            free,
            weight: rows.weights(instance),
            leg_start: Vec::with_capacity(keys.len() + 1),
            legs: Vec::with_capacity(instance.payments.len()),
            entry_start: Vec::with_capacity(keys.len() + 1),
            entries: Vec::with_capacity(2 * instance.payments.len()),
            value: Vec::with_capacity(keys.len()),
            bundle_start: Vec::new(),
        };
        let mut moved: Vec<Entry> = Vec::new();
        let mut likeness = None;
        for key in keys {
            moved.clear();
            problem.mark();
            let mut value = 0;
            for row in items.payments(key.place) {
                let payment = &instance.payments[row as usize];
                problem.legs.push(row);
                rows.push(instance, payment, &mut moved);
                value += instance.value(payment);
            }
            merge(&mut moved);
            let item = problem.items();
            if likeness != Some(key.likeness) || !problem.same_rows(item - 1, &moved) {
                problem.bundle_start.push(u32::try_from(item).ok()?);
                likeness = Some(key.likeness);
            }
            problem.entries.extend_from_slice(&moved);
            problem.value.push(value);
        }
        problem.mark();
        problem.bundle_start.push(u32::try_from(problem.items()).ok()?);
        Some(problem)
    }

    /// An item starts here, or the last one ends.
    fn mark(&mut self) {
        self.leg_start.push(u32::try_from(self.legs.len()).unwrap_or(u32::MAX));
        self.entry_start.push(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
    }

    fn same_rows(&self, item: usize, moved: &[Entry]) -> bool {
        let start = self.entry_start[item] as usize;
        let end = self.entry_start[item + 1] as usize;
        let side = |entry: &Entry| (entry.row, entry.delta > 0);
        self.entries[start..end].iter().map(side).eq(moved.iter().map(side))
    }
}

/// Per row: what it may lose once the frozen payments have settled. `None` where sums could pass
/// 64 bits.
fn free_after(instance: &Instance, rows: &Rows, frozen: &[bool]) -> Option<Vec<i64>> {
    let mut free = rows.free(instance);
    let mut gross: Vec<u64> = free.iter().map(|&held| held.unsigned_abs()).collect();
    let mut moved: Vec<Entry> = Vec::new();
    for (payment, &frozen) in instance.payments.iter().zip(frozen) {
        moved.clear();
        rows.push(instance, payment, &mut moved);
        for entry in &moved {
            let row = entry.row as usize;
            gross[row] += entry.delta.unsigned_abs();
            if gross[row] > (1 << 61) {
                return None;
            }
            if frozen {
                free[row] += entry.delta;
            }
        }
    }
    Some(free)
}

/// Which rows a payment moves.
pub(crate) struct Rows {
    /// Bilateral limits: (debtor's node, creditor's node) to (row, minor units free).
    pairs: BTreeMap<(u32, u32), (u32, u64)>,
    nodes: usize,
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
        Self { pairs, nodes: instance.liquidity.len() }
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

    pub(crate) fn count(&self) -> usize {
        self.nodes + self.pairs.len()
    }

    fn weights(&self, instance: &Instance) -> Vec<u64> {
        let class = instance.class_weights.iter().copied().min().unwrap_or(1);
        let nodes = self.queues(instance.liquidity.len());
        let currency = |node: u32| node as usize % instance.currencies();
        nodes.into_iter().map(|node| class * instance.currency_weights[currency(node)]).collect()
    }

    #[inline]
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
        if self.limited() {
            self.push_limits(from, to, amount, out);
        }
    }

    /// Whether there are bilateral limits at all.
    pub(crate) fn limited(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// What a payment between two nodes moves beside their own rows.
    #[cold]
    pub(crate) fn push_limits(&self, from: u32, to: u32, amount: i64, out: &mut Vec<Entry>) {
        if let Some(pair) = self.pairs.get(&(from, to)) {
            out.push(Entry { row: pair.0, delta: -amount });
        }
        if let Some(pair) = self.pairs.get(&(to, from)) {
            out.push(Entry { row: pair.0, delta: amount });
        }
    }
}

fn node(instance: &Instance, participant: u32, currency: u16) -> u32 {
    u32::try_from(instance.node(participant, currency)).unwrap_or(u32::MAX)
}
