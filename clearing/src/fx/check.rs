//! What must hold of foreign exchange at every position.

use channel::MessageKind;

use super::orders::{FxOrder, Match, Terms};
use crate::group::GroupId;
use crate::outcome::{Fill, Source};
use crate::payment::{Payment, Stage};
use crate::pool::Pool;
use crate::record::Place;
use crate::status::Violation;

impl Pool {
    /// Every FX payment in the pool has its terms and is found where it waits; every match has its
    /// legs, which move what its fills say; every leg is of a match; every quote is found.
    pub(crate) fn check_fx(&self) -> Result<(), Violation> {
        let fx = |payment: &&Payment| {
            MessageKind::from_number(payment.kind).is_some_and(MessageKind::fx)
        };
        let payments = || self.payments.iter().map(|(_, payment)| payment).filter(fx);
        let orders = payments().filter(|payment| !payment.place.leg()).count();
        let legs = payments().filter(|payment| payment.place.leg()).count();
        let waiting = payments().filter(|payment| payment.stage == Stage::Match).count();
        let matched = self.fx.orders.iter().filter_map(|(place, order)| {
            let matched = order.matched.as_ref()?;
            (self.lead_of(place) == Some(place)).then_some(matched)
        });
        let holds = orders == self.fx.orders.len()
            && waiting == self.fx.orders.waiting()
            && legs == matched.map(|matched| 2 * matched.fills.len()).sum::<usize>()
            && self.fx.orders.iter().all(|(place, order)| self.order_holds(place, order))
            && self.fx.book.holds();
        if holds { Ok(()) } else { Err(Violation::Fx) }
    }

    fn order_holds(&self, place: Place, order: &FxOrder) -> bool {
        let Some(slot) = self.payments.find(place) else { return false };
        let payment = self.payments.get(slot);
        let kind = match order.terms {
            Terms::Instruction { .. } => MessageKind::FxInstruction,
            Terms::Payment { .. } => MessageKind::FxPayment,
        };
        if payment.kind != kind as u16
            || (payment.stage == Stage::Matched) != order.matched.is_some()
        {
            return false;
        }
        let Some(matched) = &order.matched else { return true };
        let sold: u128 = matched.fills.iter().map(|fill| u128::from(fill.sold)).sum();
        let moves = match self.lead_of(place) {
            Some(lead) if lead == place => self.legs_hold(place, (payment, order.counter), matched),
            Some(lead) => self.follows(place, lead, matched),
            None => false,
        };
        moves && sold == u128::from(payment.minor)
    }

    /// The legs of the payment that leads a match move what its fills say, and are one group.
    fn legs_hold(&self, lead: Place, (payment, counter): (&Payment, u8), matched: &Match) -> bool {
        let legs: Option<Vec<&Payment>> = matched
            .legs()
            .map(|leg| self.payments.find(leg).map(|slot| self.payments.get(slot)))
            .collect();
        let Some(legs) = legs else { return false };
        let (pairs, _) = legs.as_chunks::<2>();
        let moves = pairs.iter().zip(&matched.fills).all(|([sold, bought], fill)| {
            (sold.minor, bought.minor) == (fill.sold, fill.bought)
                && (sold.debit, sold.currency) == (payment.debit, payment.currency)
                && (bought.credit, bought.currency) == (payment.credit, counter)
                && self.source_holds(lead, fill, (sold, bought))
        });
        let group = self.groups.get(legs[0].group);
        moves
            && group.id == GroupId::Match(lead)
            && legs.iter().all(|leg| leg.stage == Stage::Queue && leg.group == legs[0].group)
    }

    /// The other side of a fill is paid and pays as it should.
    fn source_holds(&self, lead: Place, fill: &Fill, (sold, bought): (&Payment, &Payment)) -> bool {
        match fill.source {
            Source::Quote { provider, .. } => {
                self.directory.owner(sold.credit) == Some(provider)
                    && self.directory.owner(bought.debit) == Some(provider)
            }
            Source::Order(follower) => {
                let Some(slot) = self.payments.find(follower) else { return false };
                let other = self.payments.get(slot);
                self.lead_of(follower) == Some(lead)
                    && (sold.credit, bought.debit) == (other.credit, other.debit)
            }
        }
    }

    /// A payment that follows another has exactly what that took of it.
    fn follows(&self, place: Place, lead: Place, matched: &Match) -> bool {
        let led = self.fx.orders.get(lead).and_then(|order| order.matched.as_ref());
        let [own] = &matched.fills[..] else { return false };
        own.source == Source::Order(lead)
            && led.is_some_and(|led| {
                led.fills.iter().any(|fill| {
                    fill.source == Source::Order(place)
                        && (fill.sold, fill.bought, fill.rate) == (own.bought, own.sold, own.rate)
                        && fill.side != own.side
                })
            })
    }
}
