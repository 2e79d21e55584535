//! The posting of batches: guards first, then everything at once.

use crate::account::{Account, AccountId};
use crate::draft::Draft;
use crate::ledger::{Ledger, PENDING_MAX};
use crate::money::MINOR_MAX;
use crate::pending::PendingTable;
use crate::reject::{BatchReject, Reject};
use crate::transfer::{Kind, Pending, Transfer, TransferId};

/// The most transfers in one batch.
pub const BATCH_MAX: usize = 1 << 20;

/// What a batch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The accounts it debited or credited, in the order of their numbers, each once.
    pub touched: Vec<AccountId>,
}

impl Ledger {
    /// Applies all transfers, or none.
    ///
    /// Each is posted gross. The debit limits hold for the net of the whole batch: an account may
    /// be beyond its limit between two transfers, not after the last. An account that was beyond a
    /// lowered limit before the batch must not be worse off after it. Reservations may be made and
    /// resolved in the same batch; one that is past its expiry counts until [`Ledger::expire`].
    ///
    /// # Errors
    /// The first transfer that breaks a rule of its own, or else the first account beyond its
    /// limit. The books are then as they were.
    pub fn apply_batch(&mut self, transfers: &[Transfer]) -> Result<Applied, BatchReject> {
        let admitted = self.admit(transfers);
        // After this point, an admitted batch must succeed.
        if let Ok(touched) = &admitted {
            self.commit(touched);
        }
        self.draft.clear();
        admitted.map(|touched| Applied { touched })
    }

    /// Voids all reservations that expire by `now_ms` (milliseconds of logged time).
    ///
    /// Returns them in the order in which they expired, those of one instant by number.
    pub fn expire(&mut self, now_ms: u64) -> Vec<TransferId> {
        let mut voided = Vec::new();
        while let Some(id) = self.pending.first_expired(now_ms) {
            if let Some(pending) = self.pending.remove(id) {
                release(&mut self.draft, &pending);
            }
            voided.push(id);
        }
        let touched = self.draft.take_touched();
        self.commit(&touched);
        self.draft.clear();
        voided
    }

    /// The guards. Only the draft changes.
    fn admit(&mut self, transfers: &[Transfer]) -> Result<Vec<AccountId>, BatchReject> {
        if transfers.len() > BATCH_MAX {
            return Err(BatchReject { index: BATCH_MAX as u32, reject: Reject::BatchTooLarge });
        }
        for (index, transfer) in transfers.iter().enumerate() {
            admit_transfer(&mut self.draft, &self.pending, transfer)
                .map_err(|reject| BatchReject { index: index as u32, reject })?;
        }
        let touched = self.draft.take_touched();
        let exceeded =
            touched.iter().find(|id| self.draft.delta(**id).exceeds(&self.accounts[id.index()]));
        match exceeded {
            None => Ok(touched),
            Some(id) => Err(exceeds_credits(transfers, *id)),
        }
    }

    /// Carries the draft out. `touched` are its accounts.
    fn commit(&mut self, touched: &[AccountId]) {
        for &id in touched {
            let account = &mut self.accounts[id.index()];
            self.draft.delta(id).apply_to(&mut account.counters);
            clear_lowered(account);
            self.tree.mark(id.index());
        }
        for (&id, change) in &self.draft.reservations {
            match change {
                Some(pending) => self.pending.insert(id, *pending),
                None => _ = self.pending.remove(id),
            }
        }
    }
}

/// A lowered limit is an ordinary one again once the account is back within it.
fn clear_lowered(account: &mut Account) {
    if account.limit_lowered && account.available() >= 0 {
        account.limit_lowered = false;
    }
}

#[cold]
fn exceeds_credits(transfers: &[Transfer], account: AccountId) -> BatchReject {
    let last = transfers.iter().rposition(|transfer| transfer.debit == account);
    let index = last.unwrap_or_else(|| unreachable!("only debits use up a limit"));
    BatchReject { index: index as u32, reject: Reject::ExceedsCredits }
}

/// Checks one transfer against the books and the draft, and adds it to the draft.
fn admit_transfer(draft: &mut Draft, table: &PendingTable, t: &Transfer) -> Result<(), Reject> {
    if t.amount == 0 {
        return Err(Reject::AmountZero);
    }
    if t.amount > MINOR_MAX {
        return Err(Reject::AmountTooLarge);
    }
    let debit = draft.gate(t.debit).ok_or(Reject::DebitAccountNotFound)?;
    let credit = draft.gate(t.credit).ok_or(Reject::CreditAccountNotFound)?;
    if t.debit == t.credit {
        return Err(Reject::AccountsSame);
    }
    if debit.currency != credit.currency {
        return Err(Reject::CurrencyMismatch);
    }
    if debit.closed {
        return Err(Reject::DebitAccountClosed);
    }
    if credit.closed {
        return Err(Reject::CreditAccountClosed);
    }
    match t.kind {
        Kind::Post => post(draft, t),
        Kind::Pend { expires_at } => reserve(draft, table, t, expires_at)?,
        Kind::PostPending { pending } => {
            resolve(draft, table, t, pending)?;
            post(draft, t);
        }
        Kind::VoidPending { pending } => resolve(draft, table, t, pending)?,
    }
    Ok(())
}

#[inline]
fn post(draft: &mut Draft, t: &Transfer) {
    draft.delta_mut(t.debit).debits_posted += u128::from(t.amount);
    draft.delta_mut(t.credit).credits_posted += u128::from(t.amount);
}

/// The reservation as it stands after the transfers drafted so far.
fn find(draft: &Draft, table: &PendingTable, id: TransferId) -> Option<Pending> {
    match draft.reservations.get(&id) {
        Some(change) => *change,
        None => table.get(id).copied(),
    }
}

fn reserve(
    draft: &mut Draft,
    table: &PendingTable,
    t: &Transfer,
    expires_at: u64,
) -> Result<(), Reject> {
    if find(draft, table, t.id).is_some() {
        return Err(Reject::PendingExists);
    }
    if table.len() as i64 + draft.reservations_gained >= PENDING_MAX as i64 {
        return Err(Reject::TooManyPending);
    }
    let pending = Pending { debit: t.debit, credit: t.credit, amount: t.amount, expires_at };
    draft.reservations.insert(t.id, Some(pending));
    draft.reservations_gained += 1;
    draft.delta_mut(t.debit).debits_pending += i128::from(t.amount);
    draft.delta_mut(t.credit).credits_pending += i128::from(t.amount);
    Ok(())
}

fn resolve(
    draft: &mut Draft,
    table: &PendingTable,
    t: &Transfer,
    id: TransferId,
) -> Result<(), Reject> {
    let pending = find(draft, table, id).ok_or(Reject::PendingNotFound)?;
    if (pending.debit, pending.credit) != (t.debit, t.credit) {
        return Err(Reject::PendingAccountsDiffer);
    }
    if t.amount > pending.amount {
        return Err(Reject::ExceedsPending);
    }
    if t.amount < pending.amount && matches!(t.kind, Kind::VoidPending { .. }) {
        return Err(Reject::PendingAmountDiffers);
    }
    draft.reservations.insert(id, None);
    draft.reservations_gained -= 1;
    release(draft, &pending);
    Ok(())
}

fn release(draft: &mut Draft, pending: &Pending) {
    draft.delta_mut(pending.debit).debits_pending -= i128::from(pending.amount);
    draft.delta_mut(pending.credit).credits_pending -= i128::from(pending.amount);
}
