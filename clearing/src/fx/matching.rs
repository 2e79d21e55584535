//! FX payments: matched at the end of a record, lapsed, settled.
//!
//! A payment is tried when it comes to wait, and all of a pair whenever quotes of it come or a day
//! opens: first those with the lowest limit, of equal ones the earliest. Each is matched as a whole
//! or goes on waiting. What one record may try is bounded; the rest is tried with the next. In a
//! full pool nothing is tried, as legs wait as well: all of it is once there is room again.
//!
//! Where payments cross, those that wait on the opposite side are tried again when one comes that
//! is not matched itself, and when quotes of either side come.

use channel::{MessageKind, ParticipantId};
use ledger::AccountId;

use super::cover::{Demand, Draw, From, cover};
use super::crossing::{Midpoint, OPPOSITE_MAX};
use super::orders::{FxOrder, Match, Terms, Turn, pair};
use super::price::Price;
use super::{FILLS_MAX, Pair};
use crate::group::GroupId;
use crate::outcome::{Fill, FxEvent, Outcome, PaymentState, Source, TransferKind};
use crate::payment::{NO_GROUP, Payment, Slot, Stage};
use crate::pool::Pool;
use crate::record::Place;
use crate::reject::Reject;

/// FX payments that one record tries to match, at most.
const TRIES_MAX: usize = 4_096;

impl Pool {
    /// Tries what is to be tried.
    pub(crate) fn match_payments(&mut self, outcome: &mut Outcome) {
        self.fx.legs = 0;
        let mut tries = TRIES_MAX;
        while let Some((pair, behind)) = self.fx.orders.scans.first_key_value() {
            let (pair, behind) = (*pair, *behind);
            if !self.scan(pair, behind, &mut tries, outcome) {
                return;
            }
            self.fx.orders.scans.remove(&pair);
        }
        while let Some(place) = self.fx.orders.untried.first().copied() {
            if !self.room_for_legs() {
                return;
            }
            let needed = if self.rules.cross_at_midpoint { 1 + OPPOSITE_MAX } else { 1 };
            let Some(rest) = tries.checked_sub(needed) else { return };
            tries = rest;
            self.fx.orders.untried.remove(&place);
            let opposite = self.try_match(place, outcome);
            // With the newcomer one of them may be covered: until the newcomer is matched.
            for other in opposite {
                if self.fx.orders.get(place).is_none_or(|order| order.matched.is_some()) {
                    break;
                }
                if !self.room_for_legs() {
                    self.fx.orders.untried.insert(place);
                    return;
                }
                self.try_match(other.place, outcome);
            }
        }
    }

    /// Whether the legs of one more match find room. While they do not, what is to be tried waits.
    pub(crate) fn room_for_legs(&self) -> bool {
        self.payments.len() + 2 * FILLS_MAX <= self.rules.queue_max as usize
    }

    /// Tries the payments of a pair in their turn. False if there were too few tries or there is no
    /// room: it is noted where to go on.
    fn scan(
        &mut self,
        pair: Pair,
        mut behind: Option<Turn>,
        tries: &mut usize,
        outcome: &mut Outcome,
    ) -> bool {
        while let Some(turn) = self.fx.orders.next_turn(pair, behind) {
            let quoted = self.fx.book.best(pair).next().map(|(_, standing)| standing.price());
            let best = quoted.max(self.midpoint_asked(pair).map(Midpoint::price));
            if best.is_none_or(|best| best < turn.0) {
                // Nobody behind asks for less.
                return true;
            }
            if *tries == 0 || !self.room_for_legs() {
                self.fx.orders.scans.insert(pair, behind);
                return false;
            }
            *tries -= 1;
            behind = Some(turn);
            self.fx.orders.untried.remove(&turn.1);
            self.try_match(turn.1, outcome);
        }
        true
    }

    /// Matches a payment if opposite payments and quotes cover it, or quotes alone. Returns the
    /// opposite payments that it may cross with, if it is not matched.
    fn try_match(&mut self, place: Place, outcome: &mut Outcome) -> Vec<Payment> {
        let Some(slot) = self.payments.find(place) else { return Vec::new() };
        let Some(order) = self.fx.orders.get(place) else { return Vec::new() };
        let payment = *self.payments.get(slot);
        let Some(demand) = self.demand(&payment, order) else { return Vec::new() };
        if order.matched.is_some() {
            return Vec::new();
        }
        let quotes = |draws| cover(&self.fx.book, &demand, draws, self.now_ms);
        let midpoint = self.midpoint(demand.pair);
        let opposite = midpoint
            .map_or_else(Vec::new, |midpoint| self.opposite(&payment, order, (&demand, midpoint)));
        let crossed = midpoint.and_then(|midpoint| {
            let draws = self.crossings(&opposite, (&demand, midpoint));
            (!draws.is_empty()).then(|| quotes(draws)).flatten()
        });
        match crossed.or_else(|| quotes(Vec::new())) {
            None => opposite,
            Some(draws) => {
                self.make_match(slot, (demand.pair, midpoint), &draws, outcome);
                Vec::new()
            }
        }
    }

    /// What a payment asks of the quotes; nothing if it cannot be matched now.
    pub(super) fn demand(&self, payment: &Payment, order: &FxOrder) -> Option<Demand> {
        let Terms::Payment { limit } = order.terms else { return None };
        let pair = pair(payment, order);
        let open = |currency| {
            let day = self.directory.day(currency).open;
            day.is_some_and(|day| payment.value_date <= day.date.get())
        };
        let valid = payment.not_after_ms == 0 || self.now_ms <= payment.not_after_ms;
        let digits = |index| self.directory.currency(index).currency.digits();
        (valid && open(pair.sold) && open(pair.bought)).then(|| Demand {
            pair,
            digits: (digits(pair.sold), digits(pair.bought)),
            minor: payment.minor,
            limit: Price::direct(limit),
        })
    }

    fn make_match(
        &mut self,
        slot: Slot,
        (pair, midpoint): (Pair, Option<Midpoint>),
        draws: &[Draw],
        outcome: &mut Outcome,
    ) {
        let payment = *self.payments.get(slot);
        let place = payment.place;
        let fills: Vec<Fill> = draws.iter().map(|draw| self.fill(draw, midpoint)).collect();
        let mut first_leg = None;
        for draw in draws {
            for leg in self.legs(&payment, pair, draw) {
                let made = self.add_leg(leg, 2 * draws.len() as u8, place, outcome.position);
                first_leg.get_or_insert(made);
            }
            if let From::Quote(ladder, index) = draw.from {
                self.fx.book.take(ladder, index, draw.sold);
            }
        }
        let Some(first_leg) = first_leg else { return };
        let until_ms = self.now_ms + u64::from(self.rules.match_ms);
        self.bind(place, Match { first_leg, fills }, until_ms, outcome);
        self.fx.orders.set_until(place, until_ms);
        for (fill, draw) in (0..).zip(draws) {
            if let (From::Order(follower), Some(midpoint)) = (draw.from, midpoint) {
                let first_leg = Place(first_leg.0 + 2 * fill);
                let fills = vec![midpoint.mirror(place, draw)];
                self.bind(follower, Match { first_leg, fills }, until_ms, outcome);
            }
        }
    }

    /// A payment is matched: it waits for the legs.
    fn bind(&mut self, place: Place, matched: Match, until_ms: u64, outcome: &mut Outcome) {
        let Some(slot) = self.payments.find(place) else {
            unreachable!("only payments that wait are matched");
        };
        let payment = *self.payments.get(slot);
        let Match { first_leg, fills } = matched.clone();
        self.waiting.remove(&payment);
        self.fx.orders.stop_waiting(&payment);
        self.fx.orders.set_match(place, Some(matched));
        self.enter(slot, Stage::Matched);
        outcome.changes.push(self.change(&payment, PaymentState::Matched, None));
        outcome.fx.push(FxEvent::Matched { order: place, first_leg, until_ms, fills });
    }

    /// What a draw moves: what the sender pays, what the receiver gets.
    fn legs(&self, payment: &Payment, pair: Pair, draw: &Draw) -> [Payment; 2] {
        let (payee, payer, order) = match draw.from {
            From::Quote(ladder, _) => {
                let account = |currency| self.directory.account_at(ladder.provider, currency);
                let (Some(payee), Some(payer)) = (account(pair.sold), account(pair.bought)) else {
                    unreachable!("a provider has accounts in what it quotes");
                };
                (payee, payer, payment)
            }
            From::Order(place) => {
                let Some(slot) = self.payments.find(place) else {
                    unreachable!("only payments that wait are crossed");
                };
                let other = self.payments.get(slot);
                (other.credit, other.debit, other)
            }
        };
        let sold = leg(payment, pair.sold, (payment.debit, payee), draw.sold);
        [sold, leg(order, pair.bought, (payer, payment.credit), draw.bought)]
    }

    fn fill(&self, draw: &Draw, midpoint: Option<Midpoint>) -> Fill {
        let Draw { from, sold, bought } = *draw;
        let quoted = |id, index| {
            let ladder = self.fx.book.ladder(id)?;
            let standing = ladder.quotes.iter().find(|it| it.index == index)?;
            let source = Source::Quote { provider: self.provider(id), place: ladder.place, index };
            Some((source, standing.quote.side, standing.quote.rate))
        };
        let source = match from {
            From::Quote(id, index) => quoted(id, index),
            From::Order(place) => midpoint.map(|it| (Source::Order(place), it.side, it.rate)),
        };
        let Some((source, side, rate)) = source else {
            unreachable!("a draw is on a quote that stands, or at the midpoint");
        };
        Fill { source, side, rate, sold, bought }
    }

    /// Puts a leg into its queue and into the group of its match.
    fn add_leg(&mut self, leg: Payment, size: u8, order: Place, position: u64) -> Place {
        let place = self.fx.next_leg(position);
        let slot = self.payments.insert(Payment { place, ..leg });
        let handle = self.groups.add(GroupId::Match(order), size, slot);
        self.groups.get_mut(handle).ready += 1;
        self.payments.get_mut(slot).group = handle;
        self.enter(slot, Stage::Queue);
        place
    }

    /// Takes the legs of a payment's match out, if it has one: of the payments it was of, the lead
    /// first. What was taken of the quotes is not given back.
    pub(crate) fn dissolve(&mut self, place: Place) -> Vec<Place> {
        let Some(lead) = self.lead_of(place) else { return Vec::new() };
        let Some(matched) = self.fx.orders.set_match(lead, None) else { return Vec::new() };
        self.fx.orders.set_until(lead, 0);
        for leg in matched.legs() {
            let Some(slot) = self.payments.find(leg) else {
                unreachable!("a match stands while its legs do");
            };
            let leg = self.payments.remove(slot);
            self.queues.remove(&leg);
            self.groups.remove(leg.group);
            // What stood behind it may be urgent.
            self.cycle.credited.push(leg.debit);
        }
        self.payments.tidy();
        let mut orders = vec![lead];
        for follower in matched.crossed() {
            self.fx.orders.set_match(follower, None);
            orders.push(follower);
        }
        orders
    }

    /// A match ends without settling: its payments wait for others. If they crossed until their
    /// time was up, they do so no more: the money of one of them may be what was lacking.
    pub(crate) fn lapse(&mut self, place: Place, outcome: &mut Outcome) {
        let lead = self.lead_of(place).and_then(|lead| self.fx.orders.get(lead));
        let over = lead.is_none_or(|lead| lead.until_ms < self.now_ms);
        let orders = self.dissolve(place);
        for order in &orders {
            if over && orders.len() > 1 {
                self.fx.orders.set_quotes_only(*order);
            }
            self.wait_again(*order, outcome);
        }
    }

    /// A payment has lost its match and waits for another.
    pub(crate) fn wait_again(&mut self, place: Place, outcome: &mut Outcome) {
        let Some(slot) = self.payments.find(place) else { return };
        let payment = *self.payments.get(slot);
        self.waiting.remove(&payment);
        self.enter(slot, Stage::Match);
        let reason = Some(Reject::MatchLapsed);
        outcome.changes.push(self.change(&payment, PaymentState::AwaitingMatch, reason));
        outcome.fx.push(FxEvent::Lapsed { order: place });
    }

    /// Ends the instructions that have waited too long, and lapses the matches whose time is up.
    pub(crate) fn end_due_fx(&mut self, outcome: &mut Outcome) {
        while let Some(place) = self.fx.orders.pop_due(self.now_ms) {
            let Some(order) = self.fx.orders.get(place) else { continue };
            match order.terms {
                Terms::Instruction { .. } => {
                    self.leave(place, PaymentState::Expired, Reject::Unmatched, outcome);
                }
                Terms::Payment { .. } => self.lapse(place, outcome),
            }
        }
    }

    /// Whether an order has found its counterpart, so that it cannot be taken back.
    pub(crate) fn bound_by_match(&self, payment: &Payment) -> bool {
        let instruction = payment.kind == MessageKind::FxInstruction as u16;
        payment.stage == Stage::Matched || instruction && payment.group != NO_GROUP
    }

    /// Under which FX payment the payer of a leg pays, and what its transfer is. The lead of the
    /// match is known until [`super::Fx::forget_match`].
    pub(crate) fn order_of_leg(&self, lead: Place, leg: Place) -> (Place, TransferKind) {
        let matched = self.fx.orders.get(lead).and_then(|order| order.matched.as_ref());
        let fill = matched.and_then(|matched| {
            let index = leg.0.checked_sub(matched.first_leg.0)?;
            Some((matched.fills.get(index as usize / 2)?.source, index % 2 == 1))
        });
        match fill {
            Some((Source::Order(follower), true)) => (follower, TransferKind::Crossing),
            Some((Source::Order(_), false)) => (lead, TransferKind::Crossing),
            Some((Source::Quote { .. }, _)) => (lead, TransferKind::FxLeg),
            None => unreachable!("a match stands while its legs do"),
        }
    }

    /// The FX payment at a place settles, with all its legs; nothing if it has done so before.
    pub(crate) fn settle_matched(&mut self, place: Place) -> Option<ledger::Hash> {
        let payment = self.payments.remove(self.payments.find(place)?);
        self.waiting.remove(&payment);
        self.release_identity(&payment);
        self.fx.settled.push(self.change(&payment, PaymentState::Settled, None));
        Some(payment.digest)
    }

    /// The handle of the group of an FX payment's legs.
    pub(crate) fn matched_group(&self, place: Place) -> Option<u32> {
        let matched = self.fx.orders.get(place)?.matched.as_ref()?;
        Some(self.payments.get(self.payments.find(matched.first_leg)?).group)
    }

    /// What an FX payment is matched with.
    #[must_use]
    pub fn fills(&self, place: Place) -> Option<&[Fill]> {
        let matched = self.fx.orders.get(place)?.matched.as_ref()?;
        Some(&matched.fills)
    }

    /// Takes all quotes of a participant back.
    pub(crate) fn withdraw_quotes(&mut self, participant: ParticipantId) {
        if let Some(provider) = self.directory.index(participant) {
            self.fx.book.clear_where(|id| id.provider == provider);
        }
    }
}

/// A payment that a match makes for an order; it has yet to get its place and its group.
fn leg(
    order: &Payment,
    currency: u8,
    (debit, credit): (AccountId, AccountId),
    minor: u64,
) -> Payment {
    Payment {
        debit,
        credit,
        minor,
        currency,
        not_before_ms: 0,
        not_after_ms: 0,
        group: NO_GROUP,
        stage: Stage::Queue,
        ..*order
    }
}
