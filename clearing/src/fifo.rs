//! The FIFO maximum: the largest set that is a prefix of every queue and settles at once.
//!
//! Sets that are prefixes of every queue and feasible are closed under union (of two
//! feasible prefixes of a queue the longer pays the same as alone and is paid no less), so there is
//! one largest of them, and it is the largest in number, in value and in everything monotone. It is
//! found by removal: where a node is short under the present set, any feasible subset lacks the
//! last payment of that node's queue; where a bilateral limit is broken, it lacks the last payment
//! to that counterparty; and a group lacks all its members if it lacks one. Each payment is removed
//! at most once, and the result does not depend on the order of the removals.
//!
//! Plain arrays, integers only. Nodes, payments, groups and rows are indices.

/// No group, no row.
pub(crate) const NONE: u32 = u32::MAX;

/// A payment as the search sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leg {
    pub(crate) debit: u32,
    pub(crate) credit: u32,
    pub(crate) minor: u64,
    /// Or [`NONE`].
    pub(crate) group: u32,
}

/// A bilateral limit: `debit` may pay `credit` at most `room` more than it is paid by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) debit: u32,
    pub(crate) credit: u32,
    /// At least 0.
    pub(crate) room: i128,
}

/// The problem, and the memory to solve it; reused from cut to cut.
#[derive(Debug, Default)]
pub(crate) struct Fifo {
    /// Per node: what it may pay beyond what it is paid, at least 0.
    pub(crate) liquidity: Vec<i128>,
    /// Queue by queue, each in its order.
    pub(crate) legs: Vec<Leg>,
    /// Per node, and one more: where its queue begins in `legs`.
    pub(crate) starts: Vec<u32>,
    /// Ascending by (debit, credit).
    pub(crate) rows: Vec<Row>,
    /// The members of group `g` are `members[group_starts[g]..group_starts[g + 1]]`, as legs.
    pub(crate) members: Vec<u32>,
    pub(crate) group_starts: Vec<u32>,
    /// Groups that cannot settle because a member is not among the legs.
    pub(crate) broken: Vec<u32>,

    ends: Vec<u32>,
    balance: Vec<i128>,
    flows: Vec<i128>,
    short_nodes: Vec<u32>,
    broken_rows: Vec<u32>,
    truncated: Vec<u32>,
}

impl Fifo {
    /// Forgets the problem, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.liquidity.clear();
        self.legs.clear();
        self.starts.clear();
        self.rows.clear();
        self.members.clear();
        self.group_starts.clear();
        self.broken.clear();
    }

    /// Per node, where the part of its queue that settles ends in `legs`.
    pub(crate) fn solve(&mut self) -> &[u32] {
        self.begin();
        loop {
            if let Some(leg) = self.truncated.pop() {
                self.truncate(leg);
            } else if let Some(row) = self.broken_rows.pop() {
                self.mend_row(row);
            } else if let Some(node) = self.short_nodes.pop() {
                self.mend_node(node);
            } else {
                return &self.ends;
            }
        }
    }

    fn begin(&mut self) {
        self.ends.clear();
        self.ends.extend(self.starts.iter().skip(1));
        self.balance.clone_from(&self.liquidity);
        self.flows.clear();
        self.flows.resize(self.rows.len(), 0);
        for leg in &self.legs {
            self.balance[leg.debit as usize] -= i128::from(leg.minor);
            self.balance[leg.credit as usize] += i128::from(leg.minor);
        }
        if !self.rows.is_empty() {
            for index in 0..self.legs.len() {
                let leg = self.legs[index];
                self.flow(&leg, i128::from(leg.minor));
            }
        }
        let short = |(node, balance): (u32, &i128)| (*balance < 0).then_some(node);
        self.short_nodes.clear();
        self.short_nodes.extend((0..).zip(&self.balance).filter_map(short));
        self.broken_rows.clear();
        let broken = (0..).zip(self.rows.iter().zip(&self.flows));
        self.broken_rows
            .extend(broken.filter(|(_, (row, flow))| **flow > row.room).map(|(index, _)| index));
        self.truncated.clear();
        for at in 0..self.broken.len() {
            self.drop_group(self.broken[at]);
        }
    }

    fn row(&self, debit: u32, credit: u32) -> Option<usize> {
        self.rows.binary_search_by_key(&(debit, credit), |row| (row.debit, row.credit)).ok()
    }

    /// Adds a payment's amount to the rows between its two nodes.
    fn flow(&mut self, leg: &Leg, minor: i128) {
        if let Some(row) = self.row(leg.debit, leg.credit) {
            self.flows[row] += minor;
        }
        if let Some(row) = self.row(leg.credit, leg.debit) {
            self.flows[row] -= minor;
            if self.flows[row] > self.rows[row].room {
                self.broken_rows.push(row as u32);
            }
        }
    }

    fn mend_node(&mut self, node: u32) {
        while self.balance[node as usize] < 0 {
            self.pop(node);
        }
    }

    fn mend_row(&mut self, row: u32) {
        while self.flows[row as usize] > self.rows[row as usize].room {
            self.pop(self.rows[row as usize].debit);
        }
    }

    /// Removes a leg and everything behind it in its queue.
    fn truncate(&mut self, leg: u32) {
        let node = self.legs[leg as usize].debit;
        while self.ends[node as usize] > leg {
            self.pop(node);
        }
    }

    /// Removes the last payment of a node's queue.
    fn pop(&mut self, node: u32) {
        let end = &mut self.ends[node as usize];
        debug_assert!(*end > self.starts[node as usize], "what is short has something to remove");
        *end -= 1;
        let leg = self.legs[*end as usize];
        self.balance[node as usize] += i128::from(leg.minor);
        let payee = &mut self.balance[leg.credit as usize];
        let was_short = *payee < 0;
        *payee -= i128::from(leg.minor);
        if *payee < 0 && !was_short {
            self.short_nodes.push(leg.credit);
        }
        if !self.rows.is_empty() {
            self.flow(&leg, -i128::from(leg.minor));
        }
        if leg.group != NONE {
            self.drop_group(leg.group);
        }
    }

    fn drop_group(&mut self, group: u32) {
        let group = group as usize;
        let members = self.group_starts[group] as usize..self.group_starts[group + 1] as usize;
        let Self { members: all, truncated, legs, ends, .. } = self;
        let present =
            all[members].iter().filter(|leg| **leg < ends[legs[**leg as usize].debit as usize]);
        truncated.extend(present);
    }
}

#[cfg(test)]
mod tests;
