//! What a payment that does not settle lacks.

use std::collections::BTreeSet;

use clearing::{Lever, Means, Preview, Tightest};
use ledger::{AccountId, MINOR_MAX};

use crate::aftermath::Aftermath;

/// Something that keeps a payment from settling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// An account cannot pay what it would have to.
    Short {
        /// Which.
        account: AccountId,
        /// By how much, minor units.
        by: u128,
        /// What bounds it first: its money, or a limit on all its payments.
        bound: Tightest,
    },
    /// A bilateral limit.
    Pair {
        /// The account that pays.
        debit: AccountId,
        /// The account that is paid.
        credit: AccountId,
        /// By how much it is too low, minor units.
        by: u128,
    },
    /// A member of its link group cannot settle at present, whatever there is of money: its day is
    /// not open.
    Member,
}

impl Obstacle {
    /// What removes it, and may be more than is needed: [`remedy`](crate::remedy).
    #[must_use]
    pub fn levers(&self, preview: &Preview) -> Vec<Lever> {
        match *self {
            Self::Short { account, by, .. } => {
                preview.means(account).map_or_else(Vec::new, |means| raise(means, by))
            }
            Self::Pair { debit, credit, by } => {
                let pair = preview.pair(debit, credit);
                let limit = pair.and_then(|pair| {
                    let room = pair.room()?.checked_add(by)?.cast_signed();
                    amount(pair.position + room)
                });
                limit.map_or_else(Vec::new, |limit| {
                    vec![Lever::Bilateral { debit, credit, limit: Some(limit) }]
                })
            }
            Self::Member => Vec::new(),
        }
    }
}

/// What lets an account pay so much more, minor units.
pub(crate) fn raise(means: &Means, by: u128) -> Vec<Lever> {
    let account = means.account;
    let wanted = (means.liquidity().0 + by).cast_signed();
    let mut levers = Vec::new();
    if let Some(minor) = amount(wanted - means.available()).filter(|minor| *minor > 0) {
        levers.push(Lever::Fund { account, minor });
    }
    let too_low = |limit: Option<u64>| {
        let limit = limit.filter(|limit| i128::from(*limit) - means.position < wanted);
        limit.and_then(|_| amount(means.position + wanted))
    };
    if let Some(limit) = too_low(means.multilateral) {
        levers.push(Lever::Multilateral { account, limit: Some(limit) });
    }
    if let Some(cap) = too_low(means.cap) {
        levers.push(Lever::Cap { account, cap: Some(cap) });
    }
    levers
}

/// An amount of money, if it is one.
fn amount(minor: i128) -> Option<u64> {
    u64::try_from(minor).ok().filter(|minor| *minor <= MINOR_MAX)
}

/// Why a payment does not settle: nothing if it does, or if there is no such payment.
///
/// It needs everything that stands before it in its queue, its group, and what stands before the
/// members of that. Whatever of this does not settle is added to what does; who is then short is
/// in its way.
#[must_use]
pub fn obstacles(after: &Aftermath<'_>, index: usize) -> Vec<Obstacle> {
    found(after, needed(after, index))
}

/// Why a payment that stands alone, or its group, does not settle beside what does: it needs
/// nothing that stands before it, as where a solver proposes.
pub(crate) fn own_obstacles(after: &Aftermath<'_>, index: usize) -> Vec<Obstacle> {
    let payments = after.preview.payments();
    let group = payments.get(index).and_then(|payment| payment.group);
    let members =
        payments.iter().enumerate().filter(|(_, it)| group.is_some() && it.group == group);
    let needed = members.map(|(at, _)| at).chain(Some(index));
    found(after, needed.filter(|at| !after.settles(*at)).collect())
}

/// Who is short, and of what, once these settle too.
fn found(after: &Aftermath<'_>, needed: BTreeSet<usize>) -> Vec<Obstacle> {
    let mut with = Aftermath::new(after.preview, after.settles.clone());
    let mut torn = false;
    for at in needed {
        let Some(payment) = after.preview.payments().get(at) else { continue };
        torn |= payment.group.is_some_and(|group| after.preview.torn(group));
        with.add(payment);
    }
    let mut found = shortages(&with);
    if torn {
        found.push(Obstacle::Member);
    }
    found
}

/// The obstacles of an aftermath that is not feasible.
pub(crate) fn shortages(with: &Aftermath<'_>) -> Vec<Obstacle> {
    let short = with.short().filter_map(|(account, by)| {
        let bound = with.preview.means(account)?.liquidity().1;
        Some(Obstacle::Short { account, by, bound })
    });
    let pairs = with.beyond().map(|(debit, credit, by)| Obstacle::Pair { debit, credit, by });
    short.chain(pairs).collect()
}

/// What would have to settle beside what does, for a payment to settle. Indices, ascending.
fn needed(after: &Aftermath<'_>, index: usize) -> BTreeSet<usize> {
    let payments = after.preview.payments();
    let mut needed = BTreeSet::new();
    let mut open = vec![index];
    let mut groups = None;
    while let Some(at) = open.pop() {
        let Some(payment) = payments.get(at) else { continue };
        if after.settles(at) || !needed.insert(at) {
            continue;
        }
        // The one before it in its queue, which needs the one before that.
        open.extend((after.queue(payment.debit).start < at).then(|| at - 1));
        if let Some(group) = payment.group {
            let grouped = groups.get_or_insert_with(|| grouped(after.preview));
            let from = grouped.partition_point(|(other, _)| *other < group);
            let members = grouped[from..].iter().take_while(|(other, _)| *other == group);
            open.extend(members.map(|(_, member)| *member));
        }
    }
    needed
}

/// Groups with the indices of their members, ascending.
fn grouped(preview: &Preview) -> Vec<(u32, usize)> {
    let payments = preview.payments().iter().enumerate();
    let mut grouped: Vec<(u32, usize)> =
        payments.filter_map(|(index, payment)| Some((payment.group?, index))).collect();
    grouped.sort_unstable();
    grouped
}

/// Payments to an account that do not settle, by who owes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inflow {
    /// The account that would pay.
    pub debit: AccountId,
    /// How many payments.
    pub count: u64,
    /// Their sum, minor units.
    pub minor: u128,
}

/// Who would pay an account if it could: the largest sums first, at most `max`.
#[must_use]
pub fn inflows(after: &Aftermath<'_>, account: AccountId, max: usize) -> Vec<Inflow> {
    let mut found: Vec<Inflow> = Vec::new();
    for (index, payment) in after.preview.payments().iter().enumerate() {
        if payment.credit != account || after.settles(index) {
            continue;
        }
        // The payments come queue by queue.
        if found.last().is_none_or(|inflow| inflow.debit != payment.debit) {
            found.push(Inflow { debit: payment.debit, count: 0, minor: 0 });
        }
        if let Some(inflow) = found.last_mut() {
            inflow.count += 1;
            inflow.minor += u128::from(payment.minor);
        }
    }
    found.sort_by_key(|inflow| (std::cmp::Reverse(inflow.minor), inflow.debit));
    found.truncate(max);
    found
}
