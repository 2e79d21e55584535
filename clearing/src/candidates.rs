//! What a solver gets to see of a cut: payments, liquidity, limits, and what each payment counts.

use std::collections::BTreeMap;

use channel::AGES;
use ledger::AccountId;

use crate::age::Ages;
use crate::cycle::CutQueue;
use crate::fifo::Fifo;
use crate::outcome::Cut;
use crate::payment::NO_GROUP;
use crate::pool::Pool;
use crate::queue::CLASSES;
use crate::record::Place;

/// A candidate of an open cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The payment.
    pub place: Place,
    /// The account that pays.
    pub debit: AccountId,
    /// The account that is paid.
    pub credit: AccountId,
    /// Minor units.
    pub minor: u64,
    /// Priority class.
    pub class: u8,
    /// How many steps it has aged, 0 to [`AGES`] − 1; nobody in its class and queue that stands
    /// before it is younger.
    pub age: u8,
    /// Members of a group have the same number here: that of the first of them, counted in groups.
    /// It has no meaning beyond the cut.
    pub group: Option<u32>,
    /// Whether it is in the FIFO maximum; a proposal must hold it.
    pub floor: bool,
}

/// A bilateral limit as a cut sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitRow {
    /// The account that pays.
    pub debit: AccountId,
    /// The account that is paid.
    pub credit: AccountId,
    /// How much more it may pay than it is paid, minor units.
    pub room: u128,
}

/// An account as a cut sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutAccount {
    /// The owner's index in [`crate::Directory::members`]; none for the mirror of a currency, which
    /// takes no part.
    pub member: Option<u32>,
    /// The currency's index in [`crate::Directory::currencies`].
    pub currency: u8,
    /// What it may pay beyond what it is paid, minor units.
    pub liquidity: u128,
}

/// What a settled payment counts, by the rule book: class weight × currency weight ×
/// (1 + age) × minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// By class.
    pub class: [u32; CLASSES],
    /// By the currency's index in [`crate::Directory::currencies`].
    pub currency: Vec<u32>,
}

impl Weights {
    /// What one minor unit of a payment counts, less than 2^37.
    #[must_use]
    pub fn unit(&self, class: u8, currency: u8, age: u8) -> u64 {
        let class = self.class.get(usize::from(class)).copied().unwrap_or(1);
        let currency = self.currency.get(usize::from(currency)).copied().unwrap_or(1);
        u64::from(class) * u64::from(currency) * u64::from(1 + age.min(AGES - 1))
    }
}

/// What a solver needs to know of an open cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// The cut.
    pub cut: Cut,
    /// The pool's next position when this was taken: liquidity may have grown since the cut.
    pub as_of: u64,
    /// The payments, queue by queue, each in its order.
    pub payments: Vec<Candidate>,
    /// By account number.
    pub accounts: Vec<CutAccount>,
    /// The bilateral limits, by (debit, credit).
    pub limits: Vec<LimitRow>,
    /// Groups of which a member is not among the payments: they cannot settle.
    pub broken_groups: Vec<u32>,
    /// What the payments count.
    pub weights: Weights,
    /// Work to spend, in the solver's steps; 0 = by the cut's size.
    pub solver_steps: u32,
}

impl Candidates {
    /// What a payment counts when it settles.
    #[must_use]
    pub fn value(&self, payment: &Candidate) -> u128 {
        let currency = self.accounts[payment.debit.0 as usize].currency;
        let unit = self.weights.unit(payment.class, currency, payment.age);
        u128::from(unit) * u128::from(payment.minor)
    }
}

impl Pool {
    /// The candidates of the open cut, for a solver.
    #[must_use]
    pub fn candidates(&self) -> Option<Candidates> {
        let open = self.cycle.cut.as_ref()?;
        Some(self.candidates_of(&open.cut, &open.queues, &self.cycle.ages))
    }

    /// What a solver needs to know of a cut that takes this from the queues.
    pub(crate) fn candidates_of(&self, cut: &Cut, queues: &[CutQueue], ages: &Ages) -> Candidates {
        let mut rows = Fifo::default();
        self.lay_out_rows(&mut rows);
        let limits = rows.rows.iter().map(|row| LimitRow {
            debit: AccountId(row.debit),
            credit: AccountId(row.credit),
            room: row.room.unsigned_abs(),
        });
        let mut payments = self.cut_payments(queues, ages);
        let mut broken_groups = self.broken_groups(&payments);
        number_groups(&mut payments, &mut broken_groups);
        Candidates {
            cut: cut.clone(),
            as_of: self.next_position,
            broken_groups,
            payments,
            accounts: self.cut_accounts(),
            limits: limits.collect(),
            weights: self.weights(),
            solver_steps: self.rules.solver_steps,
        }
    }

    fn cut_payments(&self, queues: &[CutQueue], ages: &Ages) -> Vec<Candidate> {
        let mut payments = Vec::with_capacity(crate::cycle::totals(queues).0);
        self.for_each_candidate(queues, ages, |candidate| payments.push(*candidate));
        payments
    }

    /// Goes through what a cut took from the queues, queue by queue, each in its order.
    pub(crate) fn for_each_candidate(
        &self,
        queues: &[CutQueue],
        ages: &Ages,
        mut each: impl FnMut(&Candidate),
    ) {
        for queue in queues {
            for class in 0..CLASSES {
                let taken = queue.taken[class] as usize;
                let lane = self.queues.lane(queue.account, class).take(taken).enumerate();
                lane.for_each(|(index, entry)| {
                    each(&Candidate {
                        place: entry.place,
                        debit: queue.account,
                        credit: entry.credit,
                        minor: entry.minor,
                        class: class as u8,
                        age: ages.of(entry.order),
                        group: (entry.group != NO_GROUP).then_some(entry.group),
                        floor: index < queue.floor[class] as usize,
                    });
                });
            }
        }
    }

    fn broken_groups(&self, payments: &[Candidate]) -> Vec<u32> {
        let mut grouped: Vec<u32> = payments.iter().filter_map(|payment| payment.group).collect();
        grouped.sort_unstable();
        let groups = grouped.chunk_by(|one, next| one == next);
        let torn =
            groups.filter(|members| members.len() < usize::from(self.groups.get(members[0]).size));
        torn.map(|members| members[0]).collect()
    }

    pub(crate) fn cut_accounts(&self) -> Vec<CutAccount> {
        let holders = (0..).map(AccountId).zip(self.directory.holders());
        let accounts = holders.map(|(account, holder)| CutAccount {
            member: holder.member,
            currency: holder.currency,
            liquidity: self.liquidity(account).unsigned_abs(),
        });
        accounts.collect()
    }

    /// The rule book's weights, by the numbers of the directory; a currency that it no longer
    /// lists weighs 1.
    pub(crate) fn weights(&self) -> Weights {
        let currencies = self.directory.currencies().iter().map(|known| {
            let listed = self.rules.currencies.iter().position(|code| *code == known.currency);
            listed.and_then(|index| self.rules.currency_weights.get(index)).copied().unwrap_or(1)
        });
        Weights { class: self.rules.class_weights, currency: currencies.collect() }
    }
}

/// Numbers the groups by their first members. A pool that was restored has other handles for them
/// than one that never ended, and the same cut must give the same proposal.
fn number_groups(payments: &mut [Candidate], broken: &mut [u32]) {
    let mut numbers = BTreeMap::new();
    for group in payments.iter_mut().filter_map(|payment| payment.group.as_mut()) {
        let next = numbers.len() as u32;
        *group = *numbers.entry(*group).or_insert(next);
    }
    for group in broken.iter_mut() {
        *group = numbers.get(group).copied().unwrap_or(*group);
    }
    broken.sort_unstable();
}
