//! Crossing: opposite FX payments exchange with each other, at the midpoint of the quotes.
//!
//! A pool option. The midpoint lies between the best bid and the best ask that stand, so it is no
//! worse for either side than any quote, and price priority has crossings tried before quotes. A
//! pair that is quoted on one side only, or whose bid is above its ask, has no midpoint, and nothing
//! crosses: as on venues that peg orders to a midpoint (Nasdaq rule 4703(d)).
//!
//! Payments are matched as a whole, so one side leads: it takes opposite payments, each of them
//! whole, and quotes for what remains. Those it takes follow it: one match, one link group.

use channel::{Rate, Side};

use super::cover::{Demand, Draw, From};
use super::orders::{FxOrder, Match};
use super::price::Price;
use super::{FILLS_MAX, Pair};
use crate::group::GroupId;
use crate::outcome::{Fill, Source};
use crate::payment::Payment;
use crate::pool::Pool;
use crate::record::Place;

/// Opposite payments that one payment is tried with, at most: the first in their turn.
pub(super) const OPPOSITE_MAX: usize = 32;

/// The midpoint of a pair, for the payments that sell one of its currencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Midpoint {
    /// Units of the currency that the pool has known for less long, per unit of the other one.
    pub(super) rate: Rate,
    /// Bid: the payments sell the currency that the rate is for a unit of.
    pub(super) side: Side,
}

impl Midpoint {
    pub(super) fn price(self) -> Price {
        match self.side {
            Side::Bid => Price::direct(self.rate),
            Side::Ask => Price::inverse(self.rate),
        }
    }

    /// The same for the payments that sell the other currency.
    pub(super) fn opposite(self) -> Self {
        let side = match self.side {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
        };
        Self { side, ..self }
    }

    /// How the payment that follows sees what its lead took of it.
    pub(super) fn mirror(self, lead: Place, draw: &Draw) -> Fill {
        let Self { rate, side } = self.opposite();
        Fill { source: Source::Order(lead), side, rate, sold: draw.bought, bought: draw.sold }
    }
}

impl Pool {
    /// The midpoint, if the rule book has payments cross at it and the quotes have one.
    pub(super) fn midpoint(&self, pair: Pair) -> Option<Midpoint> {
        let best = |pair| self.fx.book.best(pair).next().map(|(_, standing)| standing.price());
        let (base, side) = match pair.sold < pair.bought {
            true => (pair, Side::Bid),
            false => (pair.opposite(), Side::Ask),
        };
        let quoted = self.rules.cross_at_midpoint.then(|| (best(base), best(base.opposite())));
        let (Some(bid), Some(ask)) = quoted? else { return None };
        Some(Midpoint { rate: Price::midpoint(bid, ask)?, side })
    }

    /// The midpoint, if there is a payment that would cross at it with those of this pair.
    pub(super) fn midpoint_asked(&self, pair: Pair) -> Option<Midpoint> {
        let midpoint = self.midpoint(pair)?;
        let (limit, _) = self.fx.orders.next_turn(pair.opposite(), None)?;
        (limit <= midpoint.opposite().price()).then_some(midpoint)
    }

    /// The payments that may cross with this one, in their turn.
    pub(super) fn opposite(
        &self,
        payment: &Payment,
        order: &FxOrder,
        (demand, midpoint): (&Demand, Midpoint),
    ) -> Vec<Payment> {
        if !order.crosses || demand.limit > midpoint.price() {
            return Vec::new();
        }
        let theirs = midpoint.opposite().price();
        let turns = self.fx.orders.turns(demand.pair.opposite());
        let within = turns.take_while(|(limit, _)| *limit <= theirs).take(OPPOSITE_MAX);
        let found = within.filter_map(|(_, place)| {
            let order = self.fx.orders.get(place)?;
            let other = self.payments.get(self.payments.find(place)?);
            // No account can pay itself.
            let moves = payment.debit != other.credit && other.debit != payment.credit;
            let may = order.crosses && moves && self.demand(other, order).is_some();
            may.then_some(*other)
        });
        found.collect()
    }

    /// What a payment takes of those that cross with it: each whole, as long as it is no more than
    /// what is left. Its receiver gets what it buys at the midpoint, rounded down. What is left in
    /// the end and buys nothing goes to the last.
    pub(super) fn crossings(
        &self,
        opposite: &[Payment],
        (demand, midpoint): (&Demand, Midpoint),
    ) -> Vec<Draw> {
        let (ours, theirs) = (midpoint.price(), midpoint.opposite().price());
        let digits = (demand.digits.1, demand.digits.0);
        let (mut draws, mut left) = (Vec::new(), demand.minor);
        for other in opposite {
            let sold = u64::try_from(theirs.buys(other.minor, digits)).unwrap_or(u64::MAX);
            if (1..=left).contains(&sold) && draws.len() < FILLS_MAX {
                let from = From::Order(other.place);
                draws.push(Draw { from, sold, bought: other.minor });
                left -= sold;
            }
        }
        if let Some(last) = draws.last_mut()
            && ours.buys(left, demand.digits) == 0
        {
            last.sold += left;
        }
        draws
    }

    /// The payment that leads the match of an FX payment: itself, or the one it follows.
    pub(super) fn lead_of(&self, place: Place) -> Option<Place> {
        match self.groups.get(self.matched_group(place)?).id {
            GroupId::Match(lead) => Some(lead),
            GroupId::Link(_) => None,
        }
    }
}

impl Match {
    /// The payments that its payment crosses with.
    pub(crate) fn crossed(&self) -> impl Iterator<Item = Place> {
        self.fills.iter().filter_map(|fill| match fill.source {
            Source::Order(place) => Some(place),
            Source::Quote { .. } => None,
        })
    }
}
