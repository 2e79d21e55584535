//! The strict FIFO maximum, exactly and in linear time after a sort (Bech and Soramäki 2001,
//! with groups and bilateral limits).
//!
//! Each node has one queue, ordered by class and arrival; a prefix of each settles. Feasible
//! families of prefixes are closed under union, so there is one greatest, and it is the greatest
//! in count and in value alike. While a row is short the last payment of the queue behind it
//! cannot settle in any family that is left, so it goes, and its group with it; the order of
//! removal does not matter.

use crate::model::Instance;
use crate::problem::{Entry, Rows};

/// Which payments (by row) settle under strict FIFO. The instance must be valid.
#[must_use]
pub fn fifo(instance: &Instance) -> Vec<bool> {
    Queues::new(instance).cut()
}

struct Queues<'a> {
    instance: &'a Instance,
    rows: Rows,
    /// Payments by node, class and arrival.
    order: Vec<u32>,
    /// Per node: one past the last payment still in, in `order`; never below its start.
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
        let count = u32::try_from(payments.len()).unwrap_or(u32::MAX);
        let node_of = |row: u32| {
            let payment = &payments[row as usize];
            instance.node(payment.debtor, payment.currency)
        };
        let mut end = vec![0_u32; nodes + 1];
        for row in 0..count {
            end[node_of(row)] += 1;
        }
        let mut sum = 0;
        for slot in &mut end {
            let held = *slot;
            *slot = sum;
            sum += held;
        }
        let starts = end.clone();
        let mut order = vec![0; payments.len()];
        for row in 0..count {
            let slot = &mut end[node_of(row)];
            order[*slot as usize] = row;
            *slot += 1;
        }
        for node in 0..nodes {
            let queue = &mut order[starts[node] as usize..starts[node + 1] as usize];
            queue.sort_unstable_by_key(|&row| {
                let payment = &payments[row as usize];
                (payment.class, payment.seq)
            });
        }
        end.truncate(nodes);
        let after = rows.free(instance).into_iter().map(i128::from).collect();
        let ring = rings(instance);
        let settles = vec![true; payments.len()];
        let (short, scratch) = (Vec::new(), Vec::new());
        Self { instance, rows, order, end, after, settles, ring, short, scratch }
    }

    fn cut(mut self) -> Vec<bool> {
        for row in 0..self.instance.payments.len() {
            self.apply(row, 1);
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
        let payment = self.order[*end as usize];
        self.settles[payment as usize] = false;
        self.apply(payment as usize, -1);
        let mut leg = self.ring[payment as usize];
        while leg != payment {
            if self.settles[leg as usize] {
                must_go.push(leg);
            }
            leg = self.ring[leg as usize];
        }
    }

    fn apply(&mut self, payment: usize, sign: i128) {
        let mut moved = std::mem::take(&mut self.scratch);
        moved.clear();
        self.rows.push(self.instance, &self.instance.payments[payment], &mut moved);
        for entry in &moved {
            let after = &mut self.after[entry.row as usize];
            let before = *after;
            *after += sign * i128::from(entry.delta);
            if sign < 0 && *after < 0 && before >= 0 {
                self.short.push(entry.row);
            }
        }
        self.scratch = moved;
    }
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
