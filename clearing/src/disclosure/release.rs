//! Words about held payments, and the end of participants whose identity was revoked.

use channel::{ParticipantId, ReceiverConfirmation, ScreeningVerdict};

use super::held::Held;
use crate::intake::ensure;
use crate::outcome::{Outcome, PaymentState};
use crate::pool::Pool;
use crate::record::Place;
use crate::reject::Reject;

impl Pool {
    /// A pass takes the screener's hold away; a hold stands until that screener passes it later on:
    /// an earlier pass that comes late does not.
    pub(super) fn take_verdict(
        &mut self,
        verdict: &ScreeningVerdict,
        outcome: &mut Outcome,
    ) -> Result<bool, Reject> {
        let place = self.find_order(&verdict.order)?;
        let mut held = self.disclosure.holds.get(place).ok_or(Reject::NotHeld)?.clone();
        let own = |(screener, _): &(ParticipantId, Option<u64>)| *screener == verdict.screener;
        let at = held.screeners.iter().position(own).ok_or(Reject::NotAReader)?;
        let newer = held.screeners[at].1.is_none_or(|before| verdict.screened_at_ms > before);
        ensure(newer, Reject::StatementSuperseded)?;
        if verdict.pass {
            held.screeners.remove(at);
        } else {
            held.screeners[at].1 = Some(verdict.screened_at_ms);
        }
        self.hold(place, held, outcome);
        Ok(true)
    }

    /// A receiver that is not able ends the payment.
    pub(super) fn take_confirmation(
        &mut self,
        confirmation: &ReceiverConfirmation,
        outcome: &mut Outcome,
    ) -> Result<bool, Reject> {
        let place = self.find_order(&confirmation.order)?;
        let held = self.disclosure.holds.get(place).ok_or(Reject::NotHeld)?;
        let slot = self.payments.find(place).ok_or(Reject::NotHeld)?;
        let (_, receiver) = self.parties(self.payments.get(slot));
        ensure(receiver == confirmation.receiver, Reject::NotAReader)?;
        ensure(held.confirmation, Reject::NotHeld)?;
        // After this point it must succeed.
        if confirmation.able {
            let held = Held { confirmation: false, ..held.clone() };
            self.hold(place, held, outcome);
        } else {
            self.leave(place, PaymentState::Rejected, Reject::ReceiverUnable, outcome);
        }
        Ok(true)
    }

    /// Notes what a payment waits for now; if for nothing more, it goes on its way.
    fn hold(&mut self, place: Place, held: Held, outcome: &mut Outcome) {
        outcome.holds.push(held.told(place));
        if held.over() {
            self.disclosure.holds.remove(place);
            self.release(place, outcome);
        } else {
            self.disclosure.holds.insert(place, held);
        }
    }

    /// Payments of participants whose identity was revoked leave, once no cut fixes them.
    pub(crate) fn end_revoked(&mut self, outcome: &mut Outcome) {
        while self.cycle.cut.is_none() {
            let Some(participant) = self.disclosure.leaving.pop_first() else { return };
            self.disclosure.version += 1;
            self.end_payments_of(participant, outcome);
        }
    }
}
