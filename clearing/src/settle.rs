//! Settlement: payments become transfers, in the books, the limits and the open batch at once.

use channel::MessageKind;
use ledger::{AccountId, Kind, TransferId};
use risk::CurrencyIndex;

use crate::group::GroupId;
use crate::outcome::{Outcome, Transfer, TransferKind};
use crate::payment::{NO_GROUP, Payment, Slot, Stage};
use crate::pool::{Pool, risk_id};
use crate::record::Place;

/// Settlements that one record sets off by its credits, at most; what is left waits for the cycle.
const RETRIES_MAX: usize = 65_536;

impl Pool {
    /// What an account may pay beyond what it is paid, at least 0: its available liquidity, less if
    /// a limit on its net position is tighter.
    pub(crate) fn liquidity(&self, account: AccountId) -> i128 {
        let available = self.ledger.available(account).unwrap_or(0);
        let holder = self.directory.holder(account);
        let headroom = holder.member.and_then(|member| {
            self.limits.headroom_node(risk_id(member), CurrencyIndex(holder.currency.into()))
        });
        available.min(headroom.unwrap_or(i128::MAX)).max(0)
    }

    /// Whether a payment that stands first in its queue can settle alone.
    fn affordable(&self, debit: AccountId, credit: AccountId, minor: u64) -> bool {
        if i128::from(minor) > self.liquidity(debit) {
            return false;
        }
        let (from, to) = (self.directory.holder(debit), self.directory.holder(credit));
        let currency = CurrencyIndex(from.currency.into());
        match (from.member, to.member) {
            (Some(from), Some(to)) => {
                let headroom = self.limits.headroom_pair(risk_id(from), risk_id(to), currency);
                headroom.is_none_or(|headroom| i128::from(minor) <= headroom)
            }
            _ => false,
        }
    }

    /// Whether a new payment settles without ever being queued.
    pub(crate) fn settles_at_once(&self, payment: &Payment) -> bool {
        payment.urgent
            && payment.stage == Stage::Queue
            && self.cycle.cut.is_none()
            && !self.queues.waits_before(payment.debit, payment.class)
            && self.affordable(payment.debit, payment.credit, payment.minor)
    }

    /// Settles a payment that was never queued.
    pub(crate) fn settle_new(&mut self, payment: &Payment) {
        self.post(&[posting(payment)]);
        self.batch.add_payment(transfer(payment), &payment.digest);
        self.cycle.credited.push(payment.credit);
    }

    /// Tries the urgent payments of the accounts that were credited, and of those that these
    /// credit, and so on.
    pub(crate) fn retry_credited(&mut self, outcome: &mut Outcome) {
        let mut settled = 0;
        while let Some(account) = self.cycle.credited.pop() {
            while self.cycle.cut.is_none() && settled < RETRIES_MAX && self.settle_head(account) {
                settled += 1;
            }
        }
        if settled > 0 {
            self.batch.open(outcome.time_ms);
        }
    }

    /// Settles the first payment of a queue if it is urgent and can settle alone.
    fn settle_head(&mut self, account: AccountId) -> bool {
        let Some(head) = self.queues.head(account) else { return false };
        let currency = self.directory.holder(account).currency;
        let open = self.directory.day(currency).open.is_some();
        if !head.urgent || head.group != NO_GROUP || !open {
            return false;
        }
        if !self.affordable(account, head.credit, head.minor) {
            return false;
        }
        self.queues.remove(self.payments.get(head.slot));
        self.settle_slots(&[head.slot]);
        self.cycle.credited.push(head.credit);
        true
    }

    /// Settles payments that were found to be feasible together, in the order of their places; they
    /// have left their queues.
    pub(crate) fn settle_slots(&mut self, slots: &[Slot]) {
        let mut postings = std::mem::take(&mut self.postings);
        postings.clear();
        postings.extend(slots.iter().map(|slot| posting(self.payments.get(*slot))));
        self.post(&postings);
        self.postings = postings;
        for slot in slots {
            let payment = self.payments.remove(*slot);
            self.release_identity(&payment);
            if payment.place.leg() {
                self.settle_leg(&payment);
                continue;
            }
            if payment.group != NO_GROUP {
                self.groups.remove(payment.group);
            }
            if payment.kind == MessageKind::FxInstruction as u16 {
                self.fx.orders.remove(payment.place);
            }
            self.batch.add_payment(transfer(&payment), &payment.digest);
        }
        self.payments.tidy();
    }

    /// Books a leg. An FX payment settles with the first leg that its sender pays; the last leg ends
    /// the group.
    fn settle_leg(&mut self, leg: &Payment) {
        let group = self.groups.get_mut(leg.group);
        let GroupId::Match(lead) = group.id else {
            unreachable!("legs are made by matches");
        };
        group.ready -= 1;
        let last = group.ready == 0;
        let (origin, kind) = self.order_of_leg(lead, leg.place);
        let transfer = Transfer { origin, kind, ..transfer(leg) };
        match self.settle_matched(origin) {
            Some(digest) => self.batch.add_payment(transfer, &digest),
            None => self.batch.add(transfer),
        }
        if last {
            self.groups.remove(leg.group);
            self.fx.forget_match(lead);
        }
    }

    /// Posts payments and counts them in the limits. The books check everything again; that they
    /// agree is this crate's promise.
    fn post(&mut self, postings: &[ledger::Transfer]) {
        if let Err(refused) = self.ledger.apply_batch(postings) {
            unreachable!("the books refuse a feasible set: {refused:?}");
        }
        // A loop of its own: the look-ups of a short loop overlap.
        for ledger::Transfer { debit, credit, amount, .. } in postings {
            let (from, to) = (self.directory.holder(*debit), self.directory.holder(*credit));
            if let (Some(payer), Some(payee)) = (from.member, to.member) {
                let currency = CurrencyIndex(from.currency.into());
                self.limits.record(risk_id(payer), risk_id(payee), currency, *amount);
            }
        }
    }

    /// Adds a movement that is no payment to the open batch.
    pub(crate) fn book_movement(
        &mut self,
        place: Place,
        kind: TransferKind,
        (debit, credit): (AccountId, AccountId),
        minor: u64,
    ) {
        self.batch.open(self.now_ms);
        self.batch.add(Transfer { place, origin: place, kind, debit, credit, minor });
    }
}

fn posting(payment: &Payment) -> ledger::Transfer {
    ledger::Transfer {
        id: TransferId(payment.place.0),
        debit: payment.debit,
        credit: payment.credit,
        amount: payment.minor,
        kind: Kind::Post,
    }
}

fn transfer(payment: &Payment) -> Transfer {
    Transfer {
        place: payment.place,
        origin: payment.place,
        kind: TransferKind::Payment,
        debit: payment.debit,
        credit: payment.credit,
        minor: payment.minor,
    }
}
