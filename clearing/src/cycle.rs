//! Cycles: the cut, the proposal, the settlement.
//!
//! A cut takes what waits in the queues of the open currencies and computes the FIFO maximum of it.
//! Where nothing can be gained by waiting (strict FIFO, no time for proposals, or everything
//! settles), that settles at once. Else the cut stays open: its candidates are fixed, and whatever
//! would take one of them away or lower liquidity takes effect once the cut is resolved, by the
//! first valid proposal or, when its time is up, by the floor.

use std::collections::VecDeque;

use channel::NettingMode;
use ledger::AccountId;

use crate::age::Ages;
use crate::certificate::Certificate;
use crate::command::Deferred;
use crate::fifo::{Fifo, Leg, NONE, Row};
use crate::outcome::{Cut, Outcome};
use crate::payment::{NO_GROUP, Slot};
use crate::pool::Pool;
use crate::queue::{CLASSES, Entry};

/// Candidates of one cut, at most. Beyond it, every queue gives an equal part of its front.
pub const CANDIDATES_MAX: usize = ledger::BATCH_MAX;

/// Where the pool stands between two cycles.
#[derive(Debug)]
pub(crate) struct Cycle {
    /// The number of the current cycle, from 1.
    pub(crate) number: u64,
    /// When it should be closed, ms.
    pub(crate) due_at_ms: u64,
    pub(crate) ages: Ages,
    pub(crate) cut: Option<OpenCut>,
    /// Commands that take effect once the open cut is resolved, in order.
    pub(crate) deferred: VecDeque<Deferred>,
    /// Accounts whose urgent payments are to be tried; empty between records.
    pub(crate) credited: Vec<AccountId>,
    /// Whether a cycle settled something within this record.
    pub(crate) settled: bool,
}

impl Default for Cycle {
    fn default() -> Self {
        Self {
            number: 1,
            due_at_ms: 0,
            ages: Ages::default(),
            cut: None,
            deferred: VecDeque::new(),
            credited: Vec::new(),
            settled: false,
        }
    }
}

impl Cycle {
    pub(crate) fn floor_due(&self, now_ms: u64) -> bool {
        self.cut.as_ref().is_some_and(|cut| now_ms >= cut.cut.floor_at_ms)
    }
}

/// A cut that waits for a proposal. Its candidates are marked; this is what marks them again after
/// a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenCut {
    pub(crate) cut: Cut,
    pub(crate) queues: Vec<CutQueue>,
}

/// What a cut took from one queue: the front of each class, and of that the front that the floor
/// settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CutQueue {
    pub(crate) account: AccountId,
    pub(crate) taken: [u32; CLASSES],
    pub(crate) floor: [u32; CLASSES],
}

impl Pool {
    /// A tick that names the current cycle closes it; any other only lets time pass.
    pub(crate) fn take_tick(&mut self, cycle: u64, outcome: &mut Outcome) {
        if cycle == self.cycle.number && self.cycle.cut.is_none() {
            self.cut(outcome);
        }
    }

    /// Closes the current cycle. No cut may be open.
    pub(crate) fn cut(&mut self, outcome: &mut Outcome) {
        let cycle = self.cycle.number;
        self.cycle.number += 1;
        self.cycle.ages.cut(cycle, self.queues.joined(), self.rules.ageing_cycles);
        self.cycle.due_at_ms = self.now_ms + u64::from(self.rules.cycle_ms);
        let mut fifo = std::mem::take(&mut self.fifo);
        let queues = self.candidates_and_floor(&mut fifo);
        self.fifo = fifo;
        let (taken, floor) = totals(&queues);
        let waits = self.rules.netting == NettingMode::FifoFloor
            && self.rules.proposal_timeout_ms > 0
            && floor < taken;
        if waits {
            let floor_at_ms = self.now_ms + u64::from(self.rules.proposal_timeout_ms);
            let cut = Cut { cycle, floor_at_ms };
            outcome.cut = Some(cut.clone());
            self.batch.open(self.now_ms);
            self.open_cut(OpenCut { cut, queues });
        } else {
            self.settle_fronts(cycle, &queues);
            self.retry_credited(outcome);
        }
    }

    /// Marks the candidates of a cut and keeps it.
    pub(crate) fn open_cut(&mut self, cut: OpenCut) {
        for queue in &cut.queues {
            for class in 0..CLASSES {
                let taken = queue.taken[class] as usize;
                let lane = self.queues.lane(queue.account, class);
                for (index, entry) in lane.take(taken).enumerate() {
                    let payment = self.payments.get_mut(entry.slot);
                    payment.in_cut = true;
                    payment.in_floor = index < queue.floor[class] as usize;
                }
            }
        }
        self.cycle.cut = Some(cut);
    }

    /// Settles the floor of the open cut.
    pub(crate) fn settle_floor(&mut self, outcome: &mut Outcome) {
        let Some(cut) = self.cycle.cut.take() else { return };
        self.unmark(&cut);
        self.settle_fronts(cut.cut.cycle, &cut.queues);
        self.resume(outcome);
    }

    pub(crate) fn unmark(&mut self, cut: &OpenCut) {
        for queue in &cut.queues {
            for class in 0..CLASSES {
                let taken = queue.taken[class] as usize;
                for entry in self.queues.lane(queue.account, class).take(taken) {
                    let payment = self.payments.get_mut(entry.slot);
                    payment.in_cut = false;
                    payment.in_floor = false;
                }
            }
        }
    }

    /// After a cut was resolved: what it held up takes effect, then urgent payments are tried.
    pub(crate) fn resume(&mut self, outcome: &mut Outcome) {
        self.run_deferred(outcome);
        if self.cycle.cut.is_none() {
            self.pass_time(outcome);
            self.retry_all(outcome);
        }
    }

    /// Tries the first payment of every queue.
    pub(crate) fn retry_all(&mut self, outcome: &mut Outcome) {
        let accounts = self.directory.holders().len() as u32;
        self.cycle.credited.extend((0..accounts).rev().map(AccountId));
        self.retry_credited(outcome);
    }

    /// Settles the front of every queue, as far as the floor goes.
    fn settle_fronts(&mut self, cycle: u64, queues: &[CutQueue]) {
        let mut slots = Vec::with_capacity(totals(queues).1);
        for queue in queues {
            for class in 0..CLASSES {
                let front = self.queues.lane(queue.account, class);
                slots.extend(front.take(queue.floor[class] as usize).map(|entry| entry.slot));
            }
        }
        if slots.is_empty() {
            return;
        }
        slots.sort_unstable();
        let certificate = self.certify(cycle, queues, &slots, None);
        for queue in queues {
            for class in 0..CLASSES {
                let count = queue.floor[class] as usize;
                self.queues.take_front(queue.account, class, count).for_each(drop);
            }
        }
        self.settle_cycle(&slots, certificate);
    }

    /// Settles payments that have left their queues.
    pub(crate) fn settle_cycle(&mut self, slots: &[Slot], certificate: Certificate) {
        self.settle_slots(slots);
        self.batch.certificates.push(certificate);
        self.batch.open(self.now_ms);
        self.cycle.settled = true;
    }

    /// Lays out the candidates and computes their FIFO maximum.
    fn candidates_and_floor(&self, fifo: &mut Fifo) -> Vec<CutQueue> {
        fifo.clear();
        let accounts = self.directory.holders().len() as u32;
        let (waiting, share) = self.taking_part();
        let mut queues = Vec::new();
        let mut grouped = Vec::new();
        for account in (0..accounts).map(AccountId) {
            fifo.starts.push(fifo.legs.len() as u32);
            fifo.liquidity.push(self.liquidity(account));
            if waiting[account.0 as usize] {
                queues.push(self.lay_out(account, share, fifo, &mut grouped));
            }
        }
        fifo.starts.push(fifo.legs.len() as u32);
        self.lay_out_groups(fifo, grouped);
        self.lay_out_rows(fifo);
        let ends = fifo.solve().to_vec();
        for queue in &mut queues {
            let account = queue.account.0 as usize;
            let mut left = ends[account] - fifo.starts[account];
            for class in 0..CLASSES {
                queue.floor[class] = left.min(queue.taken[class]);
                left -= queue.floor[class];
            }
        }
        queues
    }

    /// By account number, whether a cut takes from its queue; and how much of a queue at most.
    pub(crate) fn taking_part(&self) -> (Vec<bool>, usize) {
        let accounts = self.directory.holders().len() as u32;
        let waiting: Vec<bool> = (0..accounts).map(|account| self.takes_part(account)).collect();
        let count = waiting.iter().filter(|waits| **waits).count();
        let share = if self.queues.len() > CANDIDATES_MAX {
            CANDIDATES_MAX / count.max(1)
        } else {
            usize::MAX
        };
        (waiting, share)
    }

    fn takes_part(&self, account: u32) -> bool {
        let account = AccountId(account);
        self.queues.head(account).is_some()
            && self.directory.day(self.directory.holder(account).currency).open.is_some()
    }

    fn lay_out(
        &self,
        account: AccountId,
        share: usize,
        fifo: &mut Fifo,
        grouped: &mut Vec<(u32, u32)>,
    ) -> CutQueue {
        let mut taken = [0; CLASSES];
        let mut left = share;
        for (class, taken) in taken.iter_mut().enumerate() {
            for entry in self.queues.lane(account, class).take(left) {
                let Entry { credit, minor, group, .. } = *entry;
                if group != NO_GROUP {
                    grouped.push((group, fifo.legs.len() as u32));
                }
                fifo.legs.push(Leg { debit: account.0, credit: credit.0, minor, group: NONE });
                *taken += 1;
            }
            left -= *taken as usize;
        }
        CutQueue { account, taken, floor: [0; CLASSES] }
    }

    /// Numbers the groups among the candidates; those that are not whole cannot settle.
    fn lay_out_groups(&self, fifo: &mut Fifo, mut grouped: Vec<(u32, u32)>) {
        grouped.sort_unstable();
        for members in grouped.chunk_by(|one, next| one.0 == next.0) {
            let group = fifo.group_starts.len() as u32;
            fifo.group_starts.push(fifo.members.len() as u32);
            for (handle, leg) in members {
                fifo.legs[*leg as usize].group = group;
                fifo.members.push(*leg);
                debug_assert!(self.groups.get(*handle).complete());
            }
            if members.len() < usize::from(self.groups.get(members[0].0).size) {
                fifo.broken.push(group);
            }
        }
        fifo.group_starts.push(fifo.members.len() as u32);
    }

    pub(crate) fn lay_out_rows(&self, fifo: &mut Fifo) {
        for (index, _) in (0_u8..).zip(self.directory.currencies()) {
            for limit in self.limits.pairs_with_limits(risk::CurrencyIndex(index.into())) {
                let debit = self.directory.account_at(limit.from.0, index);
                let credit = self.directory.account_at(limit.to.0, index);
                if let (Some(debit), Some(credit)) = (debit, credit) {
                    let room = limit.headroom.max(0);
                    fifo.rows.push(Row { debit: debit.0, credit: credit.0, room });
                }
            }
        }
        fifo.rows.sort_unstable_by_key(|row| (row.debit, row.credit));
    }
}

/// How many payments a cut took, and how many of them the floor settles.
pub(crate) fn totals(queues: &[CutQueue]) -> (usize, usize) {
    let sum = |counts: &[u32; CLASSES]| counts.iter().map(|count| *count as usize).sum::<usize>();
    queues.iter().fold((0, 0), |(taken, floor), queue| {
        (taken + sum(&queue.taken), floor + sum(&queue.floor))
    })
}
