//! FX payments: matched with quotes at the end of a record, lapsed, settled.
//!
//! A payment is tried when it comes to wait, and all of a pair whenever quotes of it come or a day
//! opens: first those with the lowest limit, of equal ones the earliest. Each is matched as a whole
//! or goes on waiting. What one record may try is bounded; the rest is tried with the next.

use channel::{MessageKind, ParticipantId};
use ledger::AccountId;

use super::cover::{Demand, Draw, cover};
use super::orders::{FxOrder, Match, Terms, Turn, pair};
use super::price::Price;
use super::{FILLS_MAX, Pair};
use crate::group::GroupId;
use crate::outcome::{Fill, FxEvent, Outcome, PaymentState};
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
            if tries == 0 {
                return;
            }
            tries -= 1;
            self.fx.orders.untried.remove(&place);
            self.try_match(place, outcome);
        }
    }

    /// Tries the payments of a pair in their turn. False if there were too few tries: it is noted
    /// where to go on.
    fn scan(
        &mut self,
        pair: Pair,
        mut behind: Option<Turn>,
        tries: &mut usize,
        outcome: &mut Outcome,
    ) -> bool {
        while let Some(turn) = self.fx.orders.next_turn(pair, behind) {
            let best = self.fx.book.best(pair).next().map(|(_, standing)| standing.price());
            if best.is_none_or(|best| best < turn.0) {
                // Nobody behind asks for less.
                return true;
            }
            if *tries == 0 {
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

    /// Matches a payment if quotes cover it.
    fn try_match(&mut self, place: Place, outcome: &mut Outcome) {
        let Some(slot) = self.payments.find(place) else { return };
        let Some(order) = self.fx.orders.get(place) else { return };
        let payment = *self.payments.get(slot);
        let Some(demand) = self.demand(&payment, order) else { return };
        let room = self.payments.len() + 2 * FILLS_MAX <= self.rules.queue_max as usize;
        if let Some(draws) = cover(&self.fx.book, &demand, self.now_ms).filter(|_| room) {
            self.make_match(slot, demand.pair, &draws, outcome);
        }
    }

    /// What a payment asks of the quotes; nothing if it cannot be matched now.
    fn demand(&self, payment: &Payment, order: &FxOrder) -> Option<Demand> {
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

    fn make_match(&mut self, slot: Slot, pair: Pair, draws: &[Draw], outcome: &mut Outcome) {
        let payment = *self.payments.get(slot);
        let place = payment.place;
        let fills: Vec<Fill> = draws.iter().map(|draw| self.fill(draw)).collect();
        let mut first_leg = None;
        for draw in draws {
            self.fx.book.take(draw.ladder, draw.index, draw.sold);
            let account = |currency| self.directory.account_at(draw.ladder.provider, currency);
            let (Some(paid), Some(pays)) = (account(pair.sold), account(pair.bought)) else {
                unreachable!("a provider has accounts in what it quotes");
            };
            let sold = leg(&payment, pair.sold, (payment.debit, paid), draw.sold);
            let bought = leg(&payment, pair.bought, (pays, payment.credit), draw.bought);
            for leg in [sold, bought] {
                let made = self.add_leg(leg, 2 * draws.len() as u8, place, outcome.position);
                first_leg.get_or_insert(made);
            }
        }
        let Some(first_leg) = first_leg else { return };
        let until_ms = self.now_ms + u64::from(self.rules.match_ms);
        let matched = Match { first_leg, fills: fills.clone() };
        self.waiting.remove(&payment);
        self.fx.orders.stop_waiting(&payment);
        self.fx.orders.set_match(place, until_ms, Some(matched));
        self.enter(slot, Stage::Matched);
        outcome.changes.push(self.change(&payment, PaymentState::Matched, None));
        outcome.fx.push(FxEvent::Matched { order: place, first_leg, until_ms, fills });
    }

    fn fill(&self, draw: &Draw) -> Fill {
        let ladder = self.fx.book.ladder(draw.ladder);
        let standing = ladder.and_then(|ladder| {
            Some((ladder.place, ladder.quotes.iter().find(|it| it.index == draw.index)?))
        });
        let Some((quote, standing)) = standing else {
            unreachable!("a draw is on a quote that stands");
        };
        Fill {
            provider: self.provider(draw.ladder),
            quote,
            index: draw.index,
            side: standing.quote.side,
            rate: standing.quote.rate,
            sold: draw.sold,
            bought: draw.bought,
        }
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

    /// Takes the legs of a payment's match out, if it has one. What was taken of the quotes is not
    /// given back.
    pub(crate) fn dissolve(&mut self, place: Place) -> bool {
        let Some(matched) = self.fx.orders.set_match(place, 0, None) else { return false };
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
        true
    }

    /// A match ends without settling: the payment waits for another.
    pub(crate) fn lapse(&mut self, place: Place, outcome: &mut Outcome) {
        if !self.dissolve(place) {
            return;
        }
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

    /// The FX payment at a place settled: all its legs did.
    pub(crate) fn settle_matched(&mut self, place: Place) -> Option<ledger::Hash> {
        let payment = self.payments.remove(self.payments.find(place)?);
        self.waiting.remove(&payment);
        self.fx.orders.remove(place);
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
