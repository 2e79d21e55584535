//! Where a little more frees the most.
//!
//! For every account whose queue is stuck, amounts that matter are tried: what its first payment
//! lacks, what parts of its queue lack, what it owes all others beyond what they owe it. Each trial
//! is a whole cycle on the preview. What a trial leaves unused is taken off again, which makes the
//! amount the least that frees the same; and the answer is tried once more as it will be said.
//!
//! Where several accounts must be helped together no single one frees anything: what frees all
//! that waits is said beside the rest, exactly.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use clearing::{Lever, Preview};
use ledger::AccountId;

use crate::Choose;
use crate::aftermath::Aftermath;
use crate::effect::Effect;
use crate::obstacle::{raise, shortages};

/// Amounts tried per account, at most.
const AMOUNTS_MAX: usize = 5;

/// How far to look.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Answers, at most.
    pub max: usize,
    /// Cycles tried, at most; at least one.
    pub trials_max: usize,
}

/// Something to do, and what it frees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlock {
    /// What to do, all of it together.
    pub levers: Vec<Lever>,
    /// What it costs: money to pay in, what minor units of its currency count.
    pub cost: u128,
    /// What is freed less what is held, counted the same way.
    pub gain: u128,
    /// What it changes.
    pub effect: Effect,
}

/// What could be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlocks {
    /// Each by itself, what frees most for its cost first. What costs no money comes before.
    pub alone: Vec<Unlock>,
    /// What frees everything; none if nothing waits, or if money alone does not free it.
    pub everything: Option<Unlock>,
    /// What settles as things stand, by index in [`Preview::payments`].
    pub settles: Vec<bool>,
    /// Cycles tried.
    pub trials: usize,
    /// Whether every account was looked at.
    pub complete: bool,
}

/// What counts how much: the weight of a minor unit, by account.
pub type Weigh<'a> = &'a dyn Fn(&Preview, AccountId) -> u128;

struct Search<'a> {
    preview: &'a Preview,
    choose: Choose<'a>,
    weigh: Weigh<'a>,
    before: Aftermath<'a>,
    trials: usize,
    trials_max: usize,
}

/// Looks for what frees the most for the least, among the accounts for which `among` holds.
#[must_use]
pub fn unlock(
    preview: &Preview,
    options: Options,
    choose: Choose<'_>,
    weigh: Weigh<'_>,
    among: &dyn Fn(AccountId) -> bool,
) -> Unlocks {
    let before = Aftermath::new(preview, choose(preview));
    let trials_max = options.trials_max.max(1);
    let mut search = Search { preview, choose, weigh, before, trials: 1, trials_max };
    let everything = search.everything();
    let (mut alone, complete) = search.alone(among);
    alone.sort_by(|one, other| {
        // gain / cost, without dividing; at no cost first.
        let free = (other.cost == 0).cmp(&(one.cost == 0));
        let rate = (other.gain.saturating_mul(one.cost)).cmp(&one.gain.saturating_mul(other.cost));
        let gain = other.gain.cmp(&one.gain);
        free.then(rate).then(gain).then_with(|| one.levers.cmp(&other.levers))
    });
    alone.truncate(options.max);
    let (settles, trials) = (search.before.settles, search.trials);
    Unlocks { alone, everything, settles, trials, complete }
}

impl Search<'_> {
    fn everything(&mut self) -> Option<Unlock> {
        let mut with = Aftermath::new(self.preview, self.before.settles.clone());
        let payments = self.preview.payments();
        (0..payments.len())
            .filter(|index| !self.before.settles(*index))
            .for_each(|index| with.add(&payments[index]));
        let levers = shortages(&with).iter().flat_map(|it| it.levers(self.preview)).collect();
        let found = self.attempt(levers)?;
        (found.effect.settles.len() == payments.len()).then_some(found)
    }

    fn alone(&mut self, among: &dyn Fn(AccountId) -> bool) -> (Vec<Unlock>, bool) {
        let mut amounts: Vec<(AccountId, Vec<u128>)> = self.stuck(among);
        let mut found: Vec<Unlock> = Vec::new();
        let mut tried = BTreeSet::new();
        // The most that matters of every account first, then lesser amounts.
        for round in 0..AMOUNTS_MAX {
            for (account, amounts) in &mut amounts {
                let Some(amount) = amounts.get(round).copied() else { continue };
                if self.trials + 2 > self.trials_max {
                    return (found, false);
                }
                let Some(unlock) = self.least(*account, amount) else { continue };
                if tried.insert((*account, unlock.effect.freed.clone())) {
                    found.push(unlock);
                }
            }
        }
        (found, true)
    }

    /// Accounts that have something stuck, with the amounts to try, the largest first; those that
    /// owe most beyond what they are owed come first.
    fn stuck(&self, among: &dyn Fn(AccountId) -> bool) -> Vec<(AccountId, Vec<u128>)> {
        let payments = self.preview.payments();
        let mut all = Aftermath::new(self.preview, self.before.settles.clone());
        (0..payments.len())
            .filter(|index| !self.before.settles(*index))
            .for_each(|index| all.add(&payments[index]));
        let accounts = self.preview.all_means().map(|means| means.account);
        let mut stuck: Vec<(u128, u128, AccountId, Vec<u128>)> = Vec::new();
        for account in accounts.filter(|account| among(*account)) {
            let queue = self.before.queue(account).filter(|index| !self.before.settles(*index));
            let amounts = self.amounts(account, queue.map(|index| payments[index].minor));
            if let Some(most) = amounts.first().copied() {
                let owes = u128::try_from(-all.left(account)).unwrap_or(0);
                stuck.push((owes, most, account, amounts));
            }
        }
        stuck.sort_by_key(|(owes, most, account, _)| (Reverse(*owes), Reverse(*most), *account));
        stuck.into_iter().map(|(_, _, account, amounts)| (account, amounts)).collect()
    }

    /// What an account lacks for all of its queue, for the first of it, and for parts in between:
    /// in its order, or the least first where payments may pass each other.
    fn amounts(&self, account: AccountId, queue: impl Iterator<Item = u64>) -> Vec<u128> {
        let left = self.before.left(account);
        let mut queue: Vec<u64> = queue.collect();
        if self.preview.proposals {
            queue.sort_unstable();
        }
        let sums = queue.into_iter().scan(0_i128, |sum, minor| {
            *sum += i128::from(minor);
            Some(*sum)
        });
        let lacks: Vec<u128> =
            sums.filter_map(|sum| u128::try_from(sum - left).ok()).filter(|by| *by > 0).collect();
        let last = lacks.len().saturating_sub(1);
        let at = [last, 0, last / 2, last / 4, last / 8];
        let mut picked = Vec::new();
        for amount in at.into_iter().filter_map(|at| lacks.get(at).copied()) {
            if !picked.contains(&amount) {
                picked.push(amount);
            }
        }
        picked
    }

    /// The least that frees what so much more of an account frees.
    fn least(&mut self, account: AccountId, amount: u128) -> Option<Unlock> {
        let means = self.preview.means(account)?;
        let levers = raise(means, amount);
        let changed = self.preview.with(&levers);
        self.trials += 1;
        let settles = (self.choose)(&changed);
        if settles == self.before.settles {
            return None;
        }
        let unused = Aftermath::new(&changed, settles).left(account);
        let needed = amount.checked_sub(u128::try_from(unused).unwrap_or(0))?;
        (needed > 0).then(|| raise(means, needed)).and_then(|levers| self.attempt(levers))
    }

    /// What these levers do; nothing if they free nothing.
    fn attempt(&mut self, levers: Vec<Lever>) -> Option<Unlock> {
        self.trials += 1;
        let after = (self.choose)(&self.preview.with(&levers));
        let effect = Effect::between(&self.before.settles, &after);
        let value = |indices: &[usize]| -> u128 {
            let payments = indices.iter().map(|index| &self.preview.payments()[*index]);
            let value = payments.map(|payment| {
                (self.weigh)(self.preview, payment.debit).saturating_mul(payment.minor.into())
            });
            value.fold(0, u128::saturating_add)
        };
        let gain = value(&effect.freed).checked_sub(value(&effect.held))?;
        let cost = levers.iter().map(|lever| match *lever {
            Lever::Fund { account, minor } => {
                (self.weigh)(self.preview, account).saturating_mul(minor.into())
            }
            _ => 0,
        });
        let cost = cost.fold(0, u128::saturating_add);
        (gain > 0).then_some(Unlock { levers, cost, gain, effect })
    }
}
