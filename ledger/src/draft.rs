//! What a batch would do, gathered while its guards are checked and the books are untouched.

use std::collections::BTreeMap;

use crate::account::{Account, AccountId, Counters, DebitLimit};
use crate::money::Currency;
use crate::transfer::{Pending, TransferId};

/// What the guards need to know of an account, in eight bytes: so a batch over many accounts reads
/// a small table, not the accounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    /// The account's place in the draft, or [`Gate::UNTOUCHED`].
    slot: u32,
    pub(crate) currency: Currency,
    pub(crate) closed: bool,
}

impl Gate {
    const UNTOUCHED: u32 = u32::MAX;
}

/// The change of one account's counters. Pending counters may go down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delta {
    pub(crate) debits_posted: u128,
    pub(crate) credits_posted: u128,
    pub(crate) debits_pending: i128,
    pub(crate) credits_pending: i128,
}

impl Delta {
    /// Whether `account` is beyond its limit after this change, and not at least as well off as
    /// before it.
    pub(crate) fn exceeds(&self, account: &Account) -> bool {
        if account.limit == DebitLimit::Unlimited {
            return false;
        }
        let gain = self.credits_posted.cast_signed()
            - self.debits_posted.cast_signed()
            - self.debits_pending;
        gain < 0 && account.available() + gain < 0
    }

    pub(crate) fn apply_to(&self, counters: &mut Counters) {
        let pending = |counter: u128, change: i128| {
            counter
                .checked_add_signed(change)
                .unwrap_or_else(|| unreachable!("only what is reserved is released"))
        };
        counters.debits_posted += self.debits_posted;
        counters.credits_posted += self.credits_posted;
        counters.debits_pending = pending(counters.debits_pending, self.debits_pending);
        counters.credits_pending = pending(counters.credits_pending, self.credits_pending);
    }
}

/// The effect of a batch so far. Its memory is reused from batch to batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    gates: Vec<Gate>,
    /// By slot.
    touched: Vec<AccountId>,
    /// By slot.
    deltas: Vec<Delta>,
    /// Reservations made (`Some`) or resolved (`None`) by this batch.
    pub(crate) reservations: BTreeMap<TransferId, Option<Pending>>,
    /// Reservations made less reservations resolved by this batch.
    pub(crate) reservations_gained: i64,
}

impl Draft {
    pub(crate) fn open_account(&mut self, currency: Currency) {
        self.gates.push(Gate { slot: Gate::UNTOUCHED, currency, closed: false });
    }

    pub(crate) fn close_account(&mut self, id: AccountId) {
        self.gates[id.index()].closed = true;
    }

    pub(crate) fn gate(&self, id: AccountId) -> Option<Gate> {
        self.gates.get(id.index()).copied()
    }

    /// The change of an account that exists.
    pub(crate) fn delta_mut(&mut self, id: AccountId) -> &mut Delta {
        let gate = &mut self.gates[id.index()];
        if gate.slot == Gate::UNTOUCHED {
            // Batches are shorter than 2^31, so slots fit.
            gate.slot = self.deltas.len() as u32;
            self.touched.push(id);
            self.deltas.push(Delta::default());
        }
        &mut self.deltas[gate.slot as usize]
    }

    /// The change of an account that was touched.
    pub(crate) fn delta(&self, id: AccountId) -> &Delta {
        &self.deltas[self.gates[id.index()].slot as usize]
    }

    /// The touched accounts in order. After this, the draft may only be read and cleared.
    pub(crate) fn take_touched(&mut self) -> Vec<AccountId> {
        let mut touched = self.touched.clone();
        touched.sort_unstable();
        touched
    }

    /// Forgets everything but the gates.
    pub(crate) fn clear(&mut self) {
        for id in self.touched.drain(..) {
            self.gates[id.index()].slot = Gate::UNTOUCHED;
        }
        self.deltas.clear();
        self.reservations.clear();
        self.reservations_gained = 0;
    }
}
