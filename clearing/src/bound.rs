//! An upper bound on what a cut can settle beside its floor, from anybody's prices.
//!
//! With `x` in {0, 1} per item (a group or a single payment), `v` what it counts, `d` what it moves
//! at a row (an account or a bilateral limit) and `L` the room that the floor leaves there, every
//! set that can settle has `L + sum d x >= 0` in all rows. So for any prices `p >= 0` it counts at
//! most (weak duality of linear programs)
//!
//! ```text
//! D(p) = sum over rows of L p  +  sum over items of max(0, v + sum over rows of p d)
//! ```
//!
//! Before that, rounds of reductions that no such set contradicts make `D` smaller. With `I` and
//! `O` all that may still flow into and out of a row:
//!
//! * hopeless: an item that takes more than `L + I` from a row cannot settle;
//! * conservation: what a currency's accounts hold together stays the same, so an account ends with
//!   no more than the whole less `max(0, L - O)` of each other; an item that would leave it with
//!   more even if all its `O` flowed cannot settle;
//! * tightening: what comes in counts for no more than `max(0, O - L)`, with which the row cannot
//!   be short any more.
//!
//! Integers only, and nothing in common with the solver.

use std::collections::BTreeMap;

use crate::candidates::Candidate;
use crate::cycle::CutQueue;
use crate::fifo::{Fifo, NONE};
use crate::pool::Pool;
use crate::record::{PRICE_BITS, Prices};

/// Rounds of reductions, at most; they end sooner once one finds nothing.
const ROUNDS: usize = 16;

/// A price above this counts as this: more than any payment's value per minor unit, and no sum over
/// the legs of an item overflows.
const PRICE_MAX: u64 = 1 << 58;

/// A payment that is not in the floor.
#[derive(Debug, Clone, Copy)]
struct Leg {
    /// The rows it takes from: the account that pays, a limit or [`NONE`].
    out: [u32; 2],
    /// The rows it brings to.
    into: [u32; 2],
    minor: u64,
}

/// Payments that settle together or not at all.
#[derive(Debug, Clone, Copy)]
struct Item {
    /// Where its legs begin and end.
    legs: (u32, u32),
    value: u128,
}

/// What of a cut is not in its floor.
#[derive(Debug)]
pub(crate) struct Remainder {
    floor_value: u128,
    legs: Vec<Leg>,
    items: Vec<Item>,
    /// Per row, what the floor leaves, at least 0. Accounts come first, then limits.
    room: Vec<i128>,
    /// Per account.
    currency: Vec<u8>,
    currencies: usize,
}

impl Remainder {
    /// Lays out what the open cut's queues hold beside the floor.
    pub(crate) fn of(pool: &Pool, queues: &[CutQueue]) -> Self {
        let mut limits = Fifo::default();
        pool.lay_out_rows(&mut limits);
        let accounts = pool.cut_accounts();
        let room = |account: &crate::CutAccount| match account.member {
            Some(_) => i128::try_from(account.liquidity).unwrap_or(i128::MAX),
            // The mirror of a currency pays nobody.
            None => 0,
        };
        let mut rest = Self {
            floor_value: 0,
            legs: Vec::new(),
            items: Vec::new(),
            room: accounts.iter().map(room).collect(),
            currency: accounts.iter().map(|account| account.currency).collect(),
            currencies: pool.directory.currencies().len(),
        };
        rest.room.extend(limits.rows.iter().map(|row| row.room));
        let find = |debit: u32, credit: u32| {
            let key = (debit, credit);
            let row = limits.rows.binary_search_by_key(&key, |row| (row.debit, row.credit));
            row.map_or(NONE, |row| (accounts.len() + row) as u32)
        };
        let weights = pool.weights();
        let mut grouped = Vec::new();
        pool.for_each_candidate(queues, &pool.cycle.ages, |candidate| {
            let (debit, credit) = (candidate.debit.0, candidate.credit.0);
            let leg = Leg {
                out: [debit, find(debit, credit)],
                into: [credit, find(credit, debit)],
                minor: candidate.minor,
            };
            let currency = rest.currency[debit as usize];
            let unit = weights.unit(candidate.class, currency, candidate.age);
            let value = u128::from(unit) * u128::from(candidate.minor);
            rest.take(candidate, leg, value, &mut grouped);
        });
        rest.take_groups(pool, grouped);
        rest
    }

    fn take(
        &mut self,
        candidate: &Candidate,
        leg: Leg,
        value: u128,
        grouped: &mut Vec<(u32, Leg, u128)>,
    ) {
        if candidate.floor {
            self.floor_value += value;
            leg.rows(leg.minor.into(), |row, moved| {
                self.room[row] = self.room[row].saturating_add(moved);
            });
        } else if let Some(group) = candidate.group {
            grouped.push((group, leg, value));
        } else {
            let at = self.legs.len() as u32;
            self.legs.push(leg);
            self.items.push(Item { legs: (at, at + 1), value });
        }
    }

    /// Groups of which a member is missing cannot settle: they are left out. The others come in the
    /// order of their first members: their handles are others in a pool that was restored.
    fn take_groups(&mut self, pool: &Pool, mut grouped: Vec<(u32, Leg, u128)>) {
        let mut numbers = BTreeMap::new();
        for (group, ..) in &grouped {
            let next = numbers.len();
            numbers.entry(*group).or_insert(next);
        }
        grouped.sort_by_key(|(group, ..)| numbers.get(group).copied());
        for members in grouped.chunk_by(|one, next| one.0 == next.0) {
            if members.len() == usize::from(pool.groups.get(members[0].0).size) {
                let at = self.legs.len() as u32;
                self.legs.extend(members.iter().map(|(_, leg, _)| *leg));
                let value = members.iter().map(|(.., value)| value).sum();
                self.items.push(Item { legs: (at, self.legs.len() as u32), value });
            }
        }
    }

    /// What the floor counts.
    pub(crate) fn floor_value(&self) -> u128 {
        self.floor_value
    }

    /// D(prices) over what the reductions leave, rounded up; never more than all of that counts.
    pub(crate) fn bound(mut self, prices: &Prices) -> u128 {
        let flows = self.reduce();
        let accounts = self.currency.len();
        let price = |row: usize| {
            let listed = match row.checked_sub(accounts) {
                None => prices.accounts.get(row),
                Some(limit) => prices.limits.get(limit),
            };
            i128::from(listed.copied().unwrap_or(0).min(PRICE_MAX))
        };
        let prices: Vec<i128> = (0..self.room.len()).map(price).collect();
        let mut sum = 0_u128;
        for (room, price) in self.room.iter().zip(&prices) {
            sum = sum.saturating_add(room.unsigned_abs().saturating_mul(price.unsigned_abs()));
        }
        // Beyond this much, what comes in is of no use.
        let useful = |row: usize| (flows[row].out - self.room[row]).max(0);
        let useful: Vec<i128> = (0..self.room.len()).map(useful).collect();
        let mut all = 0_u128;
        for item in &self.items {
            let mut gain = (item.value << PRICE_BITS).cast_signed();
            for leg in self.legs(item) {
                let minor = i128::from(leg.minor);
                leg.out_rows(|row| gain -= minor * prices[row]);
                leg.in_rows(|row| gain += minor.min(useful[row]) * prices[row]);
            }
            sum = sum.saturating_add(gain.max(0).unsigned_abs());
            all += item.value;
        }
        sum.div_ceil(1 << PRICE_BITS).min(all)
    }

    fn legs(&self, item: &Item) -> &[Leg] {
        &self.legs[item.legs.0 as usize..item.legs.1 as usize]
    }

    /// Drops items that cannot settle; what can flow over each row after that.
    fn reduce(&mut self) -> Vec<Flow> {
        let mut flows = vec![Flow::default(); self.room.len()];
        for leg in &self.legs {
            leg.count(&mut flows, 1);
        }
        let mut items = std::mem::take(&mut self.items);
        for _ in 0..ROUNDS {
            let most = self.most(&flows);
            let before = items.len();
            items.retain(|item| {
                let legs = self.legs(item);
                let stays = !legs.iter().any(|leg| self.hopeless(leg, &flows, &most));
                if !stays {
                    legs.iter().for_each(|leg| leg.count(&mut flows, -1));
                }
                stays
            });
            if items.len() == before {
                break;
            }
        }
        self.items = items;
        flows
    }

    /// Per account, the most it can end with.
    fn most(&self, flows: &[Flow]) -> Vec<i128> {
        let stuck = |account: usize| (self.room[account] - flows[account].out).max(0);
        let mut free = vec![0_i128; self.currencies];
        for (account, currency) in self.currency.iter().enumerate() {
            let leaves = self.room[account] - stuck(account);
            free[usize::from(*currency)] = free[usize::from(*currency)].saturating_add(leaves);
        }
        let accounts = self.currency.iter().enumerate();
        accounts
            .map(|(account, currency)| free[usize::from(*currency)].saturating_add(stuck(account)))
            .collect()
    }

    fn hopeless(&self, leg: &Leg, flows: &[Flow], most: &[i128]) -> bool {
        let minor = i128::from(leg.minor);
        let mut short = false;
        leg.out_rows(|row| short |= minor > self.room[row].saturating_add(flows[row].into));
        let payee = leg.into[0] as usize;
        let least = self.room[payee].saturating_add(minor) - flows[payee].out;
        short || least > most[payee]
    }
}

/// What can flow over a row.
#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    out: i128,
    into: i128,
}

impl Leg {
    fn out_rows(&self, mut each: impl FnMut(usize)) {
        self.out.iter().filter(|row| **row != NONE).for_each(|row| each(*row as usize));
    }

    fn in_rows(&self, mut each: impl FnMut(usize)) {
        self.into.iter().filter(|row| **row != NONE).for_each(|row| each(*row as usize));
    }

    /// What it moves at each row, if `minor` is moved.
    fn rows(&self, minor: i128, mut each: impl FnMut(usize, i128)) {
        self.out_rows(|row| each(row, -minor));
        self.in_rows(|row| each(row, minor));
    }

    fn count(&self, flows: &mut [Flow], times: i128) {
        let minor = i128::from(self.minor) * times;
        self.out_rows(|row| flows[row].out += minor);
        self.in_rows(|row| flows[row].into += minor);
    }
}
