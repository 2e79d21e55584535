//! What must hold of foreign exchange at every position.

use channel::MessageKind;

use super::orders::{FxOrder, Terms};
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
        let matched = self.fx.orders.iter().filter_map(|(_, order)| order.matched.as_ref());
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
        let legs: Option<Vec<&Payment>> = matched
            .legs()
            .map(|leg| self.payments.find(leg).map(|slot| self.payments.get(slot)))
            .collect();
        let Some(legs) = legs else { return false };
        let (pairs, _) = legs.as_chunks::<2>();
        let moves = pairs.iter().zip(&matched.fills).all(|([sold, bought], fill)| {
            (sold.minor, bought.minor) == (fill.sold, fill.bought)
                && (sold.debit, sold.currency) == (payment.debit, payment.currency)
                && (bought.credit, bought.currency) == (payment.credit, order.counter)
                && self.directory.owner(sold.credit) == Some(fill.provider)
                && self.directory.owner(bought.debit) == Some(fill.provider)
        });
        let sold: u128 = matched.fills.iter().map(|fill| u128::from(fill.sold)).sum();
        let together =
            legs.iter().all(|leg| leg.stage == Stage::Queue && leg.group == legs[0].group);
        moves && together && sold == u128::from(payment.minor)
    }
}
