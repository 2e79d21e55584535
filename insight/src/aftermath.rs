//! What is left once a set has settled.

use std::collections::BTreeMap;

use clearing::{Candidate, Preview};
use ledger::AccountId;

/// A preview after the payments that settle.
#[derive(Debug)]
pub struct Aftermath<'a> {
    pub(crate) preview: &'a Preview,
    /// By payment.
    pub(crate) settles: Vec<bool>,
    /// By account: what it may still pay beyond what it is paid, minor units.
    left: Vec<i128>,
    /// What was paid, less what was paid back, between pairs with a limit.
    flows: BTreeMap<(AccountId, AccountId), i128>,
}

impl<'a> Aftermath<'a> {
    /// After the payments marked in `settles`, by their index.
    #[must_use]
    pub fn new(preview: &'a Preview, settles: Vec<bool>) -> Self {
        let left = preview.liquidity().map(u128::cast_signed).collect();
        let flows = preview.pairs().map(|pair| ((pair.debit, pair.credit), 0)).collect();
        let mut aftermath = Self { preview, settles, left, flows };
        for index in 0..preview.payments().len() {
            if aftermath.settles(index) {
                let payment = preview.payments()[index];
                aftermath.add(&payment);
            }
        }
        aftermath
    }

    /// Whether a payment settles.
    #[must_use]
    pub fn settles(&self, index: usize) -> bool {
        self.settles.get(index).copied().unwrap_or(false)
    }

    /// What an account may still pay beyond what it is paid, minor units; negative only once more
    /// was added than it can pay.
    #[must_use]
    pub fn left(&self, account: AccountId) -> i128 {
        self.left.get(account.0 as usize).copied().unwrap_or(0)
    }

    /// How much more one account pays another than its bilateral limit lets it, minor units, for
    /// every pair of which that is so.
    pub(crate) fn beyond(&self) -> impl Iterator<Item = (AccountId, AccountId, u128)> {
        self.flows.iter().filter_map(|(&(debit, credit), &flow)| {
            let room = self.preview.pair(debit, credit)?.room()?;
            let beyond = u128::try_from(flow).ok()?.checked_sub(room)?;
            (beyond > 0).then_some((debit, credit, beyond))
        })
    }

    /// The accounts that are short, and by how much, by number.
    pub(crate) fn short(&self) -> impl Iterator<Item = (AccountId, u128)> {
        let accounts = (0..).map(AccountId).zip(&self.left);
        accounts
            .filter(|(_, left)| **left < 0)
            .map(|(account, left)| (account, left.unsigned_abs()))
    }

    /// Counts another payment.
    pub(crate) fn add(&mut self, payment: &Candidate) {
        let minor = i128::from(payment.minor);
        if let Some(left) = self.left.get_mut(payment.debit.0 as usize) {
            *left -= minor;
        }
        if let Some(left) = self.left.get_mut(payment.credit.0 as usize) {
            *left += minor;
        }
        if let Some(flow) = self.flows.get_mut(&(payment.debit, payment.credit)) {
            *flow += minor;
        }
        if let Some(flow) = self.flows.get_mut(&(payment.credit, payment.debit)) {
            *flow -= minor;
        }
    }

    /// The payments of an account's queue, as a range of indices.
    pub(crate) fn queue(&self, account: AccountId) -> std::ops::Range<usize> {
        let payments = self.preview.payments();
        let begin = payments.partition_point(|payment| payment.debit < account);
        let end = payments.partition_point(|payment| payment.debit <= account);
        begin..end
    }
}
