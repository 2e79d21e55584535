//! The strict FIFO maximum, exactly and in linear time after a sort (Bech and Soramäki 2001,
//! with groups and bilateral limits).
//!
//! Each node has one queue, ordered by class and arrival; a prefix of each settles. Feasible
//! families of prefixes are closed under union, so there is one greatest, and it is the greatest
//! in count and in value alike. While a row is short the last payment of the queue behind it
//! cannot settle in any family that is left, so it goes, and its group with it; the order of
//! removal does not matter.

use crate::model::{Instance, Payment};
use crate::problem::{Entry, Rows};

/// Which payments (by row) settle under strict FIFO. The instance must be valid.
#[must_use]
pub fn fifo(instance: &Instance) -> Vec<bool> {
    Queues::new(instance).cut()
}

/// A payment as its queue sees it: what is walked through when the queue is cut.
#[derive(Clone, Copy, Default)]
struct Queued {
    amount: i64,
    payment: u32,
    /// The creditor's node.
    to: u32,
    class: u8,
}

struct Queues<'a> {
    instance: &'a Instance,
    rows: Rows,
    /// Payments by node, class and arrival.
    queued: Vec<Queued>,
    /// Per node: one past the last payment still in, in `queued`; never below its start.
    end: Vec<u32>,
    after: Vec<i128>,
    settles: Vec<bool>,
    /// Per payment of a group: the next of the group, in a ring.
    ring: Vec<u32>,
    short: Vec<u32>,
    scratch: Vec<Entry>,
}

impl<'a> Queues<'a> {
    fn new(instance: &'a Instance) -> Self {
        let payments = &instance.payments;
        let nodes = instance.liquidity.len();
        let rows = Rows::new(instance);
        let node = |payment: &Payment| instance.node(payment.debtor, payment.currency);
        let mut end = vec![0_u32; nodes + 1];
        for payment in payments {
            end[node(payment)] += 1;
        }
        let mut sum = 0;
        for slot in &mut end {
            let held = *slot;
            *slot = sum;
            sum += held;
        }
        let starts = end.clone();
        let mut queued = vec![Queued::default(); payments.len()];
        for row in arrivals(payments) {
            let payment = &payments[row as usize];
            let slot = &mut end[node(payment)];
            queued[*slot as usize] = Queued {
                amount: payment.amount.cast_signed(),
                payment: row,
                to: u32::try_from(instance.node(payment.creditor, payment.currency)).unwrap_or(0),
                class: payment.class,
            };
            *slot += 1;
        }
        if instance.class_weights.len() > 1 {
            for node in 0..nodes {
                // Stable: within a class they stay in order of arrival.
                queued[starts[node] as usize..starts[node + 1] as usize]
                    .sort_by_key(|queued| queued.class);
            }
        }
        end.truncate(nodes);
        let after = rows.free(instance).into_iter().map(i128::from).collect();
        let ring = rings(instance);
        let settles = vec![true; payments.len()];
        let (short, scratch) = (Vec::new(), Vec::new());
        Self { instance, rows, queued, end, after, settles, ring, short, scratch }
    }

    fn cut(mut self) -> Vec<bool> {
        let mut from = 0;
        for node in 0..self.end.len() {
            for at in from..self.end[node] as usize {
                self.apply(node, self.queued[at], 1);
            }
            from = self.end[node] as usize;
        }
        let behind = self.rows.queues(self.instance.liquidity.len());
        self.short = (0..).zip(&self.after).filter(|row| *row.1 < 0).map(|row| row.0).collect();
        let mut must_go = Vec::new();
        while let Some(row) = self.short.pop() {
            while self.after[row as usize] < 0 {
                self.drop_last(behind[row as usize], &mut must_go);
                while let Some(payment) = must_go.pop() {
                    self.drop_to(payment, &mut must_go);
                }
            }
        }
        self.settles
    }

    /// Drops `payment` and all behind it in its queue.
    fn drop_to(&mut self, payment: u32, must_go: &mut Vec<u32>) {
        let held = &self.instance.payments[payment as usize];
        let node = u32::try_from(self.instance.node(held.debtor, held.currency));
        while self.settles[payment as usize] {
            self.drop_last(node.unwrap_or(u32::MAX), must_go);
        }
    }

    fn drop_last(&mut self, node: u32, must_go: &mut Vec<u32>) {
        let end = &mut self.end[node as usize];
        *end -= 1;
        let queued = self.queued[*end as usize];
        let payment = queued.payment;
        self.settles[payment as usize] = false;
        self.apply(node as usize, queued, -1);
        let mut leg = self.ring[payment as usize];
        while leg != payment {
            if self.settles[leg as usize] {
                must_go.push(leg);
            }
            leg = self.ring[leg as usize];
        }
    }

    fn apply(&mut self, from: usize, queued: Queued, sign: i64) {
        if from == queued.to as usize {
            return;
        }
        let amount = sign * queued.amount;
        self.add(from, -amount);
        self.add(queued.to as usize, amount);
        if self.rows.limited() {
            let mut moved = std::mem::take(&mut self.scratch);
            moved.clear();
            let from = u32::try_from(from).unwrap_or(u32::MAX);
            self.rows.push_limits(from, queued.to, amount, &mut moved);
            for entry in &moved {
                self.add(entry.row as usize, entry.delta);
            }
            self.scratch = moved;
        }
    }

    fn add(&mut self, row: usize, delta: i64) {
        let after = &mut self.after[row];
        let before = *after;
        *after += i128::from(delta);
        if *after < 0 && before >= 0 {
            self.short.push(u32::try_from(row).unwrap_or(u32::MAX));
        }
    }
}

/// The rows of payments in order of arrival.
fn arrivals(payments: &[Payment]) -> Vec<u32> {
    let count = u32::try_from(payments.len()).unwrap_or(u32::MAX);
    let mut rows: Vec<u32> = (0..count).collect();
    rows.sort_by_key(|&row| payments[row as usize].seq);
    rows
}

/// Each payment's next of its group, in a ring; a single payment is its own.
fn rings(instance: &Instance) -> Vec<u32> {
    let count = u32::try_from(instance.payments.len()).unwrap_or(u32::MAX);
    let mut ring: Vec<u32> = (0..count).collect();
    let numbered = (0..).zip(&instance.payments);
    let mut grouped: Vec<(u32, u32)> =
        numbered.filter_map(|(row, payment)| Some((payment.group?, row))).collect();
    grouped.sort_unstable();
    for members in grouped.chunk_by(|a, b| a.0 == b.0) {
        for (at, member) in members.iter().enumerate() {
            ring[member.1 as usize] = members[(at + 1) % members.len()].1;
        }
    }
    ring
}
