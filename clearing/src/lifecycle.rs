//! The way of an accepted payment up to its queue, and out of the pool if it does not settle.

use channel::{LinkTerms, MessageKind, ParticipantId, link_group};

use crate::group::GroupId;
use crate::outcome::{Change, Outcome, PaymentState};
use crate::payment::{NO_GROUP, Payment, Slot, Stage};
use crate::pool::Pool;
use crate::record::Place;
use crate::reject::Reject;
use crate::seen::Identity;

impl Pool {
    /// For what a payment waits now.
    pub(crate) fn stage_of(&self, payment: &Payment, linked: bool) -> Stage {
        if payment.not_before_ms > self.now_ms {
            return Stage::Time;
        }
        match self.directory.day(payment.currency).open {
            Some(open) if payment.value_date <= open.date.get() => {}
            _ => return Stage::Date,
        }
        if linked {
            return Stage::Group;
        }
        if payment.kind == MessageKind::FxPayment as u16 { Stage::Match } else { Stage::Queue }
    }

    /// Puts a payment where it waits.
    pub(crate) fn enter(&mut self, slot: Slot, stage: Stage) {
        let payment = self.payments.get_mut(slot);
        payment.stage = stage;
        match stage {
            Stage::Queue => self.queues.join(slot, payment),
            Stage::Time | Stage::Date | Stage::Group | Stage::Matched | Stage::Held => {
                self.waiting.insert(payment);
            }
            Stage::Match => {
                self.waiting.insert(payment);
                self.fx.orders.wait(payment);
                if payment.kind == MessageKind::FxPayment as u16 {
                    self.fx.orders.untried.insert(payment.place);
                }
            }
        }
    }

    /// The last member of a group to come must make its manifest whole. If it does not, the group
    /// ends also for those that came before.
    pub(crate) fn judge_manifest(
        &mut self,
        group: &[u8; 16],
        last: &Payment,
        outcome: &mut Outcome,
    ) -> Result<(), Reject> {
        let Some(handle) = self.groups.one_short(&GroupId::Link(*group)) else { return Ok(()) };
        let members = self.groups.get(handle).members.iter();
        let payments = members.map(|member| self.payments.get(*member)).chain([last]);
        let terms: Vec<LinkTerms> = payments.map(|payment| self.link_terms(payment)).collect();
        if link_group(&terms) == *group {
            return Ok(());
        }
        for member in self.groups.remove(handle).into_iter().flat_map(|group| group.members) {
            self.depart(member, PaymentState::Rejected, Reject::LinkGroupMismatch, outcome);
        }
        Err(Reject::LinkGroupMismatch)
    }

    fn link_terms(&self, payment: &Payment) -> LinkTerms {
        let (sender, receiver) = self.parties(payment);
        let currency = self.directory.currencies()[usize::from(payment.currency)].currency;
        LinkTerms {
            sender,
            receiver,
            kind: payment.kind,
            uetr: payment.uetr,
            currency: currency.to_bytes(),
            minor: payment.minor,
            value_date: payment.value_date,
        }
    }

    /// Notes that a member of a group only waits for the others. Once all do, they join their
    /// queues together; whether this happened.
    pub(crate) fn complete_group(&mut self, slot: Slot, outcome: &mut Outcome) -> bool {
        let group = self.groups.get_mut(self.payments.get(slot).group);
        group.ready += 1;
        if !group.complete() {
            return false;
        }
        for member in group.members.clone() {
            self.waiting.remove(self.payments.get(member));
            self.enter(member, Stage::Queue);
            if member != slot {
                self.tell(member, PaymentState::Queued, outcome);
            }
        }
        true
    }

    fn tell(&self, slot: Slot, state: PaymentState, outcome: &mut Outcome) {
        let payment = self.payments.get(slot);
        // Two instructions that match are told of as matched until they settle or end.
        if payment.kind != MessageKind::FxInstruction as u16 {
            outcome.changes.push(self.change(payment, state, None));
        }
    }

    /// Moves on the payments whose `not_before` has come.
    pub(crate) fn release_due(&mut self, outcome: &mut Outcome) {
        while let Some(place) = self.waiting.first_due(self.now_ms) {
            self.release(place, outcome);
        }
        self.retry_credited(outcome);
    }

    /// Moves a payment that was warehoused or held on to where it waits next.
    pub(crate) fn release(&mut self, place: Place, outcome: &mut Outcome) {
        let Some(slot) = self.payments.find(place) else { return };
        let payment = self.payments.get(slot);
        self.waiting.remove(payment);
        let held = payment.stage == Stage::Held;
        let stage = self.stage_of(payment, payment.group != NO_GROUP);
        let debit = payment.debit;
        self.enter(slot, stage);
        match stage {
            Stage::Queue => {
                self.tell(slot, PaymentState::Queued, outcome);
                self.cycle.credited.push(debit);
            }
            Stage::Group if self.complete_group(slot, outcome) => {
                self.tell(slot, PaymentState::Queued, outcome);
            }
            Stage::Group => self.tell(slot, PaymentState::AwaitingGroup, outcome),
            Stage::Match => self.tell(slot, PaymentState::AwaitingMatch, outcome),
            Stage::Time | Stage::Date if held => {
                self.tell(slot, PaymentState::Warehoused, outcome);
            }
            Stage::Time | Stage::Date | Stage::Matched | Stage::Held => {}
        }
    }

    /// Ends the payments whose validity is over.
    pub(crate) fn expire_due(&mut self, outcome: &mut Outcome) {
        while let Some(place) = self.expiry.pop(self.now_ms) {
            self.leave(place, PaymentState::Expired, Reject::Expired, outcome);
        }
    }

    /// Ends a payment that waits, and with it the group that needs it. Nothing if it waits no more.
    pub(crate) fn leave(
        &mut self,
        place: Place,
        state: PaymentState,
        reason: Reject,
        outcome: &mut Outcome,
    ) {
        let Some(slot) = self.payments.find(place) else { return };
        let group = self.payments.get(slot).group;
        if place.leg() {
            if let GroupId::Match(order) = self.groups.get(group).id {
                self.lapse(order, outcome);
            }
            return;
        }
        for other in self.dissolve(place).into_iter().filter(|other| *other != place) {
            self.wait_again(other, outcome);
        }
        self.depart(slot, state, reason, outcome);
        let Some(group) = (group != NO_GROUP).then(|| self.groups.remove(group)).flatten() else {
            return;
        };
        let state = match state {
            PaymentState::Expired => PaymentState::Expired,
            _ => PaymentState::Rejected,
        };
        for member in group.members.into_iter().filter(|member| *member != slot) {
            self.depart(member, state, Reject::LinkGroupBroken, outcome);
        }
    }

    fn depart(&mut self, slot: Slot, state: PaymentState, reason: Reject, outcome: &mut Outcome) {
        let payment = self.payments.remove(slot);
        self.release_identity(&payment);
        match payment.stage {
            Stage::Queue => {
                self.queues.remove(&payment);
                // What stood behind it may be urgent.
                self.cycle.credited.push(payment.debit);
            }
            Stage::Match => {
                self.waiting.remove(&payment);
                self.fx.orders.stop_waiting(&payment);
            }
            Stage::Held => {
                self.waiting.remove(&payment);
                self.disclosure.holds.remove(payment.place);
            }
            Stage::Time | Stage::Date | Stage::Group | Stage::Matched => {
                self.waiting.remove(&payment);
            }
        }
        self.fx.orders.remove(payment.place);
        self.payments.tidy();
        outcome.changes.push(self.change(&payment, state, Some(reason)));
    }

    /// A payment settled or ended: its identity need not be kept beyond the index any more.
    pub(crate) fn release_identity(&mut self, payment: &Payment) {
        if !self.outlived.is_empty() {
            self.outlived.remove(&self.identity_of(payment), payment.place);
        }
    }

    pub(crate) fn identity_of(&self, payment: &Payment) -> Identity {
        Identity { uetr: payment.uetr, sender: self.parties(payment).0, kind: payment.kind }
    }

    pub(crate) fn change(
        &self,
        payment: &Payment,
        state: PaymentState,
        reason: Option<Reject>,
    ) -> Change {
        let (sender, receiver) = self.parties(payment);
        Change { place: payment.place, sender, receiver, state, reason }
    }

    /// Debtor and creditor agent.
    pub(crate) fn parties(&self, payment: &Payment) -> (ParticipantId, ParticipantId) {
        match (self.directory.owner(payment.debit), self.directory.owner(payment.credit)) {
            (Some(sender), Some(receiver)) => (sender, receiver),
            _ => unreachable!("payments are between the accounts of participants"),
        }
    }
}
