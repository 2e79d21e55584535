//! What must hold of the books at all times.

use std::collections::BTreeMap;

use crate::account::{Account, AccountId, Counters};
use crate::ledger::Ledger;
use crate::money::{Currency, MINOR_MAX};
use crate::transfer::{Pending, TransferId};

/// An invariant that does not hold: the books are corrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Posted debits and posted credits of a currency differ.
    #[error("posted debits and credits of {0} differ")]
    PostedUnbalanced(Currency),
    /// An account's pending counters are not the sums of its reservations.
    #[error("pending counters of account {} differ from its reservations", .0.0)]
    PendingCountersDiffer(AccountId),
    /// A reservation is between accounts that cannot have it, or its amount is no amount.
    #[error("reservation {} is impossible", .0.0)]
    ReservationImpossible(TransferId),
    /// An account is beyond its limit without the limit having been lowered, or is marked as such
    /// without being beyond it.
    #[error("account {} is beyond its limit", .0.0)]
    BeyondLimit(AccountId),
    /// A closed account has a balance or reservations.
    #[error("account {} is closed and in use", .0.0)]
    ClosedInUse(AccountId),
}

impl Ledger {
    /// Checks all invariants, in time proportional to the books.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        self.check_accounts()?;
        self.check_posted()?;
        self.check_pending()
    }

    fn check_accounts(&self) -> Result<(), Violation> {
        for (id, account) in self.accounts() {
            if account.limit_lowered != (account.available() < 0) {
                return Err(Violation::BeyondLimit(id));
            }
            let Counters { debits_pending, credits_pending, .. } = account.counters;
            let in_use = account.balance() != 0 || debits_pending != 0 || credits_pending != 0;
            if account.closed && in_use {
                return Err(Violation::ClosedInUse(id));
            }
        }
        Ok(())
    }

    fn check_posted(&self) -> Result<(), Violation> {
        let mut totals: BTreeMap<Currency, i128> = BTreeMap::new();
        for account in &self.accounts {
            *totals.entry(account.currency).or_default() += account.balance();
        }
        match totals.into_iter().find(|(_, total)| *total != 0) {
            Some((currency, _)) => Err(Violation::PostedUnbalanced(currency)),
            None => Ok(()),
        }
    }

    /// Since both sides of each reservation count, this makes pending debits equal pending credits.
    fn check_pending(&self) -> Result<(), Violation> {
        let mut reserved = vec![(0_u128, 0_u128); self.accounts.len()];
        for (id, pending) in self.pending.sorted() {
            if !self.is_possible(&pending) {
                return Err(Violation::ReservationImpossible(id));
            }
            reserved[pending.debit.index()].0 += u128::from(pending.amount);
            reserved[pending.credit.index()].1 += u128::from(pending.amount);
        }
        for ((id, account), reserved) in self.accounts().zip(reserved) {
            if (account.debits_pending(), account.credits_pending()) != reserved {
                return Err(Violation::PendingCountersDiffer(id));
            }
        }
        Ok(())
    }

    fn is_possible(&self, pending: &Pending) -> bool {
        let currency = |id| self.account(id).map(Account::currency);
        let debit = currency(pending.debit);
        debit.is_some()
            && debit == currency(pending.credit)
            && pending.debit != pending.credit
            && (1..=MINOR_MAX).contains(&pending.amount)
    }
}
