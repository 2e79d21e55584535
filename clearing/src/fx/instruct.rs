//! Two-sided instructions: matched when the second comes, exactly.
//!
//! Two instructions match if each says what the other does, seen from the other side: the parties,
//! both amounts, both currencies, the value date. Of several that do, the oldest is taken. From then
//! on they are a link group of two: they settle in the same cycle or not at all, and neither party
//! can take its side back.

use super::orders::{Exchange, FxOrder, Terms};
use crate::group::GroupId;
use crate::intake::Admitted;
use crate::outcome::{FxEvent, Outcome, PaymentState, Ruling};
use crate::payment::{Payment, Slot, Stage};
use crate::pool::Pool;
use crate::record::Place;
use crate::reject::Reject;

impl Pool {
    /// Takes an FX order in; all guards have passed.
    pub(crate) fn accept_fx(
        &mut self,
        mut payment: Payment,
        (counter, terms): (u8, Terms),
        held: bool,
        outcome: &mut Outcome,
    ) -> Ruling {
        let place = payment.place;
        let until_ms = match terms {
            Terms::Instruction { .. } => self.now_ms + u64::from(self.rules.unmatched_ms),
            Terms::Payment { .. } => 0,
        };
        payment.stage = match terms {
            Terms::Instruction { .. } => Stage::Match,
            Terms::Payment { .. } if held => Stage::Held,
            Terms::Payment { .. } => self.stage_of(&payment, false),
        };
        if payment.not_after_ms != 0 {
            self.expiry.insert(payment.not_after_ms, place);
        }
        let stage = payment.stage;
        let slot = self.payments.insert(payment);
        let order = FxOrder { counter, terms, until_ms, crosses: true, matched: None };
        self.fx.orders.insert(place, order);
        if let Terms::Instruction { minor } = terms
            && let Some(other) = self.counterpart(&payment, (counter, minor), outcome)
        {
            self.pair_up(other, slot, outcome);
            return Ruling::Matched;
        }
        self.enter(slot, stage);
        match stage {
            Stage::Match => Ruling::AwaitingMatch,
            Stage::Held => Ruling::Held,
            _ => Ruling::Warehoused,
        }
    }

    /// The oldest instruction that is the mirror image of this one. Time does not pass while a cut
    /// is open, so one may be found whose time is over: it ends here, and the next one counts. No cut
    /// holds what waits for its counterpart.
    fn counterpart(
        &mut self,
        payment: &Payment,
        (counter, counter_minor): (u8, u64),
        outcome: &mut Outcome,
    ) -> Option<Place> {
        let owner = |account| self.directory.holder(account).member;
        let account = |account| self.directory.account_at(owner(account)?, counter);
        let exchange = Exchange {
            debit: account(payment.credit)?,
            credit: account(payment.debit)?,
            minor: counter_minor,
            counter: payment.currency,
            counter_minor: payment.minor,
            value_date: payment.value_date,
        };
        loop {
            let oldest = self.fx.orders.oldest(&exchange)?;
            let Some(reason) = self.over(oldest) else { return Some(oldest) };
            self.leave(oldest, PaymentState::Expired, reason, outcome);
        }
    }

    /// Why an instruction that waits is over, if it is.
    fn over(&self, place: Place) -> Option<Reject> {
        let past = |at_ms| at_ms != 0 && at_ms < self.now_ms;
        let payment = self.payments.get(self.payments.find(place)?);
        if past(payment.not_after_ms) {
            return Some(Reject::Expired);
        }
        past(self.fx.orders.get(place)?.until_ms).then_some(Reject::Unmatched)
    }

    fn pair_up(&mut self, older: Place, newer: Slot, outcome: &mut Outcome) {
        let Some(older) = self.payments.find(older) else {
            unreachable!("instructions are found only while they wait");
        };
        let first = *self.payments.get(older);
        self.waiting.remove(&first);
        self.fx.orders.stop_waiting(&first);
        let second = self.payments.get(newer).place;
        for slot in [older, newer] {
            let place = self.payments.get(slot).place;
            self.fx.orders.set_until(place, 0);
            let handle = self.groups.add(GroupId::Match(second), 2, slot);
            self.payments.get_mut(slot).group = handle;
        }
        for slot in [older, newer] {
            let stage = self.stage_of(self.payments.get(slot), true);
            self.enter(slot, stage);
            if stage == Stage::Group {
                self.complete_group(slot, outcome);
            }
        }
        outcome.changes.push(self.change(&first, PaymentState::Matched, None));
        outcome.fx.push(FxEvent::Paired { first: first.place, second });
    }

    /// Which accounts an FX order needs besides those of its own payment: both parties of an
    /// exchange are paid and pay in the counter currency.
    pub(crate) fn holds_counter_accounts(&self, admitted: &Admitted, counter: u8) -> bool {
        let holds = |account| {
            let member = self.directory.holder(account).member;
            member.is_some_and(|member| self.directory.account_at(member, counter).is_some())
        };
        holds(admitted.debit) && holds(admitted.credit)
    }
}
