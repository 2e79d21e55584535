//! Money that comes in and goes out: pay-ins, and pay-outs in two phases.
//!
//! Both move money between a bank's account and the mirror of its currency, and both are the
//! settlement agent's word: a pay-in reference counts once, for ever; a pay-out is reserved when
//! the bank asks for it and posted or released when the agent answers. A credit line is there to
//! make payments: what is paid out must be the bank's own.

use std::collections::{BTreeMap, BTreeSet};

use channel::{ParticipantId, RequestId};
use ledger::{AccountId, Amount, Hash, Kind, TransferId};
use sha2::{Digest, Sha256};

use crate::command::Phase;
use crate::intake::ensure;
use crate::outcome::TransferKind;
use crate::pool::Pool;
use crate::record::Place;
use crate::reject::Reject;

/// Pay-in references remembered, at most.
pub const PAY_INS_MAX: usize = 1 << 22;
/// Pay-outs pending at once, at most.
pub const DEFUNDS_MAX: usize = 65_536;

/// The agent's reference of a pay-in.
pub(crate) type PayIn = [u8; 16];

/// A pay-out that waits for the agent's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingDefund {
    /// The bank's command that asked for it.
    pub request: RequestId,
    /// Who is paid out.
    pub participant: ParticipantId,
    /// The account that is debited.
    pub account: AccountId,
    /// How much.
    pub amount: Amount,
    /// The place of the command.
    pub place: Place,
}

/// Pay-ins that were used and pay-outs that are pending.
#[derive(Debug, Default)]
pub(crate) struct Funding {
    /// In the order of use.
    pub(crate) pay_ins: Vec<PayIn>,
    used: BTreeSet<PayIn>,
    /// A chain over the pay-ins.
    tip: Hash,
    pub(crate) defunds: BTreeMap<RequestId, PendingDefund>,
}

impl Funding {
    pub(crate) fn use_pay_in(&mut self, pay_in: PayIn) {
        self.tip = link(&self.tip, &pay_in);
        self.used.insert(pay_in);
        self.pay_ins.push(pay_in);
    }

    pub(crate) fn root(&self) -> Hash {
        self.root_of(&self.tip)
    }

    pub(crate) fn recompute_root(&self) -> Hash {
        self.root_of(&self.pay_ins.iter().fold([0; 32], |tip, pay_in| link(&tip, pay_in)))
    }

    fn root_of(&self, tip: &Hash) -> Hash {
        let mut hasher = Sha256::new_with_prefix(b"causeway/1 funding");
        hasher.update((self.pay_ins.len() as u64).to_be_bytes());
        hasher.update(tip);
        for defund in self.defunds.values() {
            hasher.update(defund.request.0);
            hasher.update(defund.place.0.to_be_bytes());
        }
        hasher.finalize().into()
    }
}

fn link(tip: &Hash, pay_in: &PayIn) -> Hash {
    Sha256::new().chain_update(tip).chain_update(pay_in).finalize().into()
}

impl Pool {
    /// The pay-outs that wait for the agent's answer, by request.
    pub fn defunds(&self) -> impl ExactSizeIterator<Item = &PendingDefund> {
        self.funding.defunds.values()
    }

    pub(crate) fn fund(
        &mut self,
        participant: ParticipantId,
        amount: Amount,
        pay_in: PayIn,
        place: Place,
    ) -> Result<(), Reject> {
        let member = self.directory.index(participant).ok_or(Reject::UnknownParticipant)?;
        let currency = self.directory.currency_index(amount.currency().to_bytes());
        let currency = currency.ok_or(Reject::CurrencyNotInPool)?;
        let account = self.directory.account_at(member, currency).ok_or(Reject::UnknownAccount)?;
        ensure(!self.funding.used.contains(&pay_in), Reject::PayInReused)?;
        ensure(self.funding.pay_ins.len() < PAY_INS_MAX, Reject::CapacityFull)?;
        // After this point it must succeed.
        let mirror = self.directory.currency(currency).mirror;
        self.move_money(place, Kind::Post, (mirror, account), amount.minor());
        self.book_movement(place, TransferKind::Funding, (mirror, account), amount.minor());
        self.funding.use_pay_in(pay_in);
        self.cycle.credited.push(account);
        Ok(())
    }

    pub(crate) fn defund(
        &mut self,
        phase: Phase,
        (request, maker): (RequestId, u32),
        amount: Amount,
        place: Place,
    ) -> Result<(), Reject> {
        let currency = self.directory.currency_index(amount.currency().to_bytes());
        let currency = currency.ok_or(Reject::CurrencyNotInPool)?;
        let account = self.directory.account_at(maker, currency).ok_or(Reject::UnknownAccount)?;
        let wanted = i128::from(amount.minor());
        let Some(books) = self.ledger.account(account) else { return Err(Reject::UnknownAccount) };
        ensure(wanted <= books.available(), Reject::InsufficientFunds)?;
        let own = books.balance() - books.debits_pending().cast_signed();
        ensure(wanted <= own, Reject::LimitExceeded)?;
        // Answers are forgotten sooner than a pay-out may wait.
        ensure(!self.funding.defunds.contains_key(&request), Reject::RequestReused)?;
        ensure(self.funding.defunds.len() < DEFUNDS_MAX, Reject::CapacityFull)?;
        if phase == Phase::Check {
            return Ok(());
        }
        // After this point it must succeed.
        let accounts = (account, self.directory.currency(currency).mirror);
        let reserve = Kind::Pend { expires_at: u64::MAX };
        self.move_money(place, reserve, accounts, amount.minor());
        self.book_movement(place, TransferKind::DefundReserved, accounts, amount.minor());
        let participant = self.directory.at(maker).participant.id;
        let pending = PendingDefund { request, participant, account, amount, place };
        self.funding.defunds.insert(request, pending);
        self.directory.touch();
        Ok(())
    }

    pub(crate) fn confirm_defund(
        &mut self,
        request: RequestId,
        made: bool,
        place: Place,
    ) -> Result<(), Reject> {
        let pending = *self.funding.defunds.get(&request).ok_or(Reject::UnknownDefund)?;
        // After this point it must succeed.
        let currency = self.directory.holder(pending.account).currency;
        let accounts = (pending.account, self.directory.currency(currency).mirror);
        let reserved = TransferId(pending.place.0);
        let (kind, told) = if made {
            (Kind::PostPending { pending: reserved }, TransferKind::DefundMade)
        } else {
            (Kind::VoidPending { pending: reserved }, TransferKind::DefundReleased)
        };
        self.move_money(place, kind, accounts, pending.amount.minor());
        self.book_movement(place, told, accounts, pending.amount.minor());
        self.funding.defunds.remove(&request);
        self.directory.touch();
        self.cycle.credited.push(pending.account);
        Ok(())
    }

    /// Moves money that is no payment; whoever calls has checked that it can.
    fn move_money(
        &mut self,
        place: Place,
        kind: Kind,
        (debit, credit): (AccountId, AccountId),
        amount: u64,
    ) {
        let id = TransferId(place.0);
        let transfer = ledger::Transfer { id, debit, credit, amount, kind };
        if let Err(refused) = self.ledger.apply_batch(&[transfer]) {
            unreachable!("the books refuse what was checked: {refused:?}");
        }
    }
}
