//! Proposals: what a solver wants to settle of an open cut, checked in integers.
//!
//! The solver is trusted with nothing. A proposal holds candidates of the cut only, each once; all
//! of the floor; groups whole; and as a whole it leaves nobody beyond liquidity or limits. The
//! first that does settles; any other changes nothing.

use ledger::AccountId;

use crate::cycle::totals;
use crate::fifo::{Fifo, Row};
use crate::outcome::Outcome;
use crate::payment::{NO_GROUP, Payment, Slot};
use crate::pool::Pool;
use crate::record::SettleRecord;
use crate::reject::Reject;

impl Pool {
    /// Takes a proposal for the open cut.
    pub(crate) fn take_proposal(&mut self, proposal: &SettleRecord<'_>, outcome: &mut Outcome) {
        let open = self.cycle.cut.as_ref();
        if open.is_none_or(|open| open.cut.cycle != proposal.cycle) {
            outcome.reject = Some(Reject::UnknownCut);
            return;
        }
        let Some(slots) = self.check_proposal(proposal) else {
            outcome.reject = Some(Reject::ProposalInfeasible);
            return;
        };
        // After this point, the proposal settles.
        let Some(open) = self.cycle.cut.take() else { return };
        let certificate = (!slots.is_empty())
            .then(|| self.certify(proposal.cycle, &open.queues, &slots, Some(proposal)));
        self.unmark(&open);
        slots.iter().for_each(|slot| self.queues.remove(self.payments.get(*slot)));
        if let Some(certificate) = certificate {
            self.settle_cycle(&slots, certificate);
        }
        self.resume(outcome);
    }

    /// A proposal's slots, if it can settle as a whole: candidates only, each once, all of the
    /// floor, groups whole, and nobody beyond liquidity or limits.
    fn check_proposal(&self, proposal: &SettleRecord<'_>) -> Option<Vec<Slot>> {
        let cut = self.cycle.cut.as_ref()?;
        let places = proposal.places();
        let mut slots = Vec::with_capacity(places.len());
        let mut sums = Sums::new(self);
        // Places ascend, and so do the payments: one walk through both.
        let mut walk = self.payments.walk();
        let mut last = None;
        for place in places {
            let (slot, payment) = walk.find(place)?;
            if !payment.in_cut || last >= Some(place) {
                return None;
            }
            last = Some(place);
            sums.add(payment);
            slots.push(slot);
        }
        let holds = sums.floor == totals(&cut.queues).1
            && self.groups_whole(&mut sums.groups)
            && self.within_liquidity(&sums.nets)
            && sums.rows.iter().zip(&sums.flows).all(|(row, flow)| *flow <= row.room);
        holds.then_some(slots)
    }

    fn groups_whole(&self, groups: &mut [u32]) -> bool {
        groups.sort_unstable();
        let mut members = groups.chunk_by(|one, next| one == next);
        members.all(|members| members.len() == usize::from(self.groups.get(members[0]).size))
    }

    fn within_liquidity(&self, nets: &[i128]) -> bool {
        let within = |(account, net): (u32, &i128)| {
            *net >= 0 || self.liquidity(AccountId(account)) + *net >= 0
        };
        (0..).zip(nets).all(within)
    }
}

/// What a proposal's payments come to.
struct Sums {
    /// How many of them are in the floor.
    floor: usize,
    /// By account.
    nets: Vec<i128>,
    /// The bilateral limits, and what flows over each.
    rows: Vec<Row>,
    flows: Vec<i128>,
    /// The group of each member, in any order.
    groups: Vec<u32>,
}

impl Sums {
    fn new(pool: &Pool) -> Self {
        let mut limits = Fifo::default();
        pool.lay_out_rows(&mut limits);
        Self {
            floor: 0,
            nets: vec![0; pool.directory.holders().len()],
            flows: vec![0; limits.rows.len()],
            rows: limits.rows,
            groups: Vec::new(),
        }
    }

    fn add(&mut self, payment: &Payment) {
        let minor = i128::from(payment.minor);
        self.floor += usize::from(payment.in_floor);
        self.nets[payment.debit.0 as usize] -= minor;
        self.nets[payment.credit.0 as usize] += minor;
        if payment.group != NO_GROUP {
            self.groups.push(payment.group);
        }
        if !self.rows.is_empty() {
            self.flow(payment.debit, payment.credit, minor);
            self.flow(payment.credit, payment.debit, -minor);
        }
    }

    fn flow(&mut self, debit: AccountId, credit: AccountId, minor: i128) {
        let key = (debit.0, credit.0);
        if let Ok(row) = self.rows.binary_search_by_key(&key, |row| (row.debit, row.credit)) {
            self.flows[row] += minor;
        }
    }
}
