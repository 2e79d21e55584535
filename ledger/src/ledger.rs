//! The books: accounts, reservations, and what may be asked of them.

use sha2::{Digest, Sha256};

use crate::account::{Account, AccountId, Counters, DebitLimit};
use crate::draft::Draft;
use crate::merkle::{Hash, root_of_hashes};
use crate::money::{Currency, MINOR_MAX};
use crate::pending::PendingTable;
use crate::reject::Reject;
use crate::transfer::{Pending, TransferId};
use crate::tree::Tree;

/// The most accounts that can be opened.
pub const ACCOUNTS_MAX: usize = 1 << 20;

/// The most reservations that can be open at once.
pub const PENDING_MAX: usize = 1 << 18;

/// Double-entry books in any number of currencies.
///
/// Its content is a pure function of the calls that succeeded; a call that is refused changes
/// nothing. Money moves in [`Ledger::apply_batch`] and nowhere else.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) accounts: Vec<Account>,
    pub(crate) pending: PendingTable,
    pub(crate) tree: Tree,
    pub(crate) draft: Draft,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Empty books.
    pub fn new() -> Self {
        Self {
            accounts: Vec::new(),
            pending: PendingTable::new(),
            tree: Tree::new(),
            draft: Draft::default(),
        }
    }

    /// Opens an account with all counters at zero.
    ///
    /// # Errors
    /// [`Reject::AmountTooLarge`] for the credit line, [`Reject::TooManyAccounts`].
    pub fn open_account(
        &mut self,
        currency: Currency,
        limit: DebitLimit,
    ) -> Result<AccountId, Reject> {
        check_line(limit)?;
        if self.accounts.len() == ACCOUNTS_MAX {
            return Err(Reject::TooManyAccounts);
        }
        Ok(self.insert_account(Account::new(currency, limit)))
    }

    /// Appends an account. Its number fits, since there are at most [`ACCOUNTS_MAX`].
    pub(crate) fn insert_account(&mut self, account: Account) -> AccountId {
        let id = AccountId(self.accounts.len() as u32);
        self.draft.open_account(account.currency);
        if account.closed {
            self.draft.close_account(id);
        }
        self.accounts.push(account);
        self.tree.grow(self.accounts.len());
        id
    }

    /// Replaces the debit limit. It may be set below its present use; the account may then only
    /// move towards it.
    ///
    /// # Errors
    /// [`Reject::AmountTooLarge`], [`Reject::AccountNotFound`], [`Reject::AccountClosed`].
    pub fn set_limit(&mut self, id: AccountId, limit: DebitLimit) -> Result<(), Reject> {
        check_line(limit)?;
        let account = self.accounts.get_mut(id.index()).ok_or(Reject::AccountNotFound)?;
        if account.closed {
            return Err(Reject::AccountClosed);
        }
        account.limit = limit;
        account.limit_lowered = account.available() < 0;
        self.tree.mark(id.index());
        Ok(())
    }

    /// Closes an account for good.
    ///
    /// # Errors
    /// [`Reject::AccountNotFound`], [`Reject::AccountClosed`], and [`Reject::AccountInUse`] unless
    /// its balance is zero and nothing is reserved.
    pub fn close_account(&mut self, id: AccountId) -> Result<(), Reject> {
        let account = self.accounts.get_mut(id.index()).ok_or(Reject::AccountNotFound)?;
        if account.closed {
            return Err(Reject::AccountClosed);
        }
        let Counters { debits_pending, credits_pending, .. } = account.counters;
        if account.balance() != 0 || debits_pending != 0 || credits_pending != 0 {
            return Err(Reject::AccountInUse);
        }
        account.closed = true;
        self.draft.close_account(id);
        self.tree.mark(id.index());
        Ok(())
    }

    /// An account.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.index())
    }

    /// All accounts, in the order of their numbers.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (AccountId, &Account)> {
        self.accounts.iter().enumerate().map(|(index, account)| (AccountId(index as u32), account))
    }

    /// What can still be debited from an account, as [`Account::available`].
    pub fn available(&self, id: AccountId) -> Option<i128> {
        self.account(id).map(Account::available)
    }

    /// A reservation that is open.
    pub fn pending(&self, id: TransferId) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// All open reservations, in the order of their numbers.
    pub fn all_pending(&self) -> Vec<(TransferId, Pending)> {
        self.pending.sorted()
    }

    /// The sums over all accounts of a currency. Debits and credits are equal.
    pub fn total(&self, currency: Currency) -> Counters {
        let mut total = Counters::default();
        let of_currency = self.accounts.iter().filter(|account| account.currency == currency);
        of_currency.for_each(|account| total.add(&account.counters));
        total
    }

    /// The digest of the whole state. Rehashes only what changed since the last call.
    pub fn state_root(&mut self) -> Hash {
        let accounts = self.tree.root(|index| self.accounts[index].hash());
        join_roots(self.accounts.len(), &accounts, &self.pending.root())
    }

    /// The same digest, from nothing.
    pub fn recompute_root(&self) -> Hash {
        let leaves: Vec<Hash> = self.accounts.iter().map(Account::hash).collect();
        join_roots(leaves.len(), &root_of_hashes(&leaves), &self.pending.recompute_root())
    }
}

/// A limit's credit line is an amount.
pub(crate) fn check_line(limit: DebitLimit) -> Result<(), Reject> {
    match limit {
        DebitLimit::AtMost(line) if line > MINOR_MAX => Err(Reject::AmountTooLarge),
        _ => Ok(()),
    }
}

fn join_roots(account_count: usize, accounts: &Hash, pending: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(b"causeway ledger state 1");
    hasher.update((account_count as u64).to_be_bytes());
    hasher.update(accounts);
    hasher.update(pending);
    hasher.finalize().into()
}
