//! Proposals: what a solver wants to settle of an open cut, checked in integers.
//!
//! The solver is trusted with nothing. A proposal holds candidates of the cut only, each once; all
//! of the floor; groups whole; and as a whole it leaves nobody beyond liquidity or limits. The
//! first that does settles; any other changes nothing.

use ledger::AccountId;

use crate::cycle::totals;
use crate::fifo::Fifo;
use crate::outcome::Outcome;
use crate::payment::{NO_GROUP, Slot};
use crate::pool::Pool;
use crate::record::{Place, SettleRecord};
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
        if let Some(cut) = self.cycle.cut.take() {
            self.unmark(&cut);
        }
        slots.iter().for_each(|slot| self.queues.remove(self.payments.get(*slot)));
        self.settle_cycle(&slots);
        self.resume(outcome);
    }

    /// A proposal's slots, if it can settle as a whole: candidates only, each once, all of the
    /// floor, groups whole, and nobody beyond liquidity or limits.
    fn check_proposal(&self, proposal: &SettleRecord<'_>) -> Option<Vec<Slot>> {
        let cut = self.cycle.cut.as_ref()?;
        let mut slots = Vec::with_capacity(proposal.count());
        let mut last = None;
        let mut floor = 0;
        for place in proposal.places() {
            let slot = self.payments.find(place)?;
            let payment = self.payments.get(slot);
            if !payment.in_cut || last >= Some(place) {
                return None;
            }
            last = Some::<Place>(place);
            floor += usize::from(payment.in_floor);
            slots.push(slot);
        }
        let holds = floor == totals(&cut.queues).1
            && self.groups_whole(&slots)
            && self.within_liquidity(&slots)
            && self.within_pair_limits(&slots);
        holds.then_some(slots)
    }

    fn groups_whole(&self, slots: &[Slot]) -> bool {
        let groups = slots.iter().map(|slot| self.payments.get(*slot).group);
        let mut groups: Vec<u32> = groups.filter(|group| *group != NO_GROUP).collect();
        groups.sort_unstable();
        let mut members = groups.chunk_by(|one, next| one == next);
        members.all(|members| members.len() == usize::from(self.groups.get(members[0]).size))
    }

    fn within_liquidity(&self, slots: &[Slot]) -> bool {
        let mut nets = vec![0_i128; self.directory.holders().len()];
        for payment in slots.iter().map(|slot| self.payments.get(*slot)) {
            nets[payment.debit.0 as usize] -= i128::from(payment.minor);
            nets[payment.credit.0 as usize] += i128::from(payment.minor);
        }
        let within = |(account, net): (u32, &i128)| {
            *net >= 0 || self.liquidity(AccountId(account)) + *net >= 0
        };
        (0..).zip(&nets).all(within)
    }

    fn within_pair_limits(&self, slots: &[Slot]) -> bool {
        let mut rows = Fifo::default();
        self.lay_out_rows(&mut rows);
        if rows.rows.is_empty() {
            return true;
        }
        let rows = rows.rows;
        let find = |debit: AccountId, credit: AccountId| {
            rows.binary_search_by_key(&(debit.0, credit.0), |row| (row.debit, row.credit)).ok()
        };
        let mut flows = vec![0_i128; rows.len()];
        for payment in slots.iter().map(|slot| self.payments.get(*slot)) {
            if let Some(row) = find(payment.debit, payment.credit) {
                flows[row] += i128::from(payment.minor);
            }
            if let Some(row) = find(payment.credit, payment.debit) {
                flows[row] -= i128::from(payment.minor);
            }
        }
        rows.iter().zip(&flows).all(|(row, flow)| *flow <= row.room)
    }
}
