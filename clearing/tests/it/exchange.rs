//! Random days of foreign exchange: quotes, payments, instructions, cycles, lapses, suspensions,
//! closes. What the pool matches is what a naive model matches; nothing is half settled; no money is
//! made or lost.
//!
//! `CAUSEWAY_FX_DAYS=10000 cargo test --release -p clearing --test it exchange` runs so many days.

mod model;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use channel::{
    CommandBody, FxTerms, MessageKind, OrderHeader, ParticipantId, Quote, Rate, RuleBook, Side,
    Status, ValueDate,
};
use clearing::{
    Change, FxEvent, Outcome, PaymentState, Place, Pool, Ruling, SealedBatch, Source, TransferKind,
};
use ledger::Amount;
use proptest::prelude::*;

use self::model::{Model, Waiting};
use self::steps::{BANKS, CODES, Draw, Step, rules, step};
use crate::desk::{AGENT, Desk, LP1, LP2, OPERATOR, bank, currency, order, restore};

fn who(index: usize) -> ParticipantId {
    match index {
        0 => LP1,
        1 => LP2,
        other => bank(other as u32 - 2),
    }
}

/// A desk and an observer who knows only orders, quotes and outcomes.
struct Day {
    desk: Desk,
    model: Model,
    headers: BTreeMap<Place, OrderHeader>,
    /// Of each FX payment: the legs of its latest match.
    legs: BTreeMap<Place, Vec<Place>>,
    /// Of those that lead a crossing: until when it stands, ms, and all payments of it.
    crossed: BTreeMap<Place, (u64, Vec<Place>)>,
    /// Payments of which a crossing has not settled in its time.
    quotes_only: BTreeSet<Place>,
    ended: BTreeSet<Place>,
    mirrors: Vec<OrderHeader>,
    dates: [u32; 3],
    number: u64,
    matches: usize,
    crossings: usize,
}

impl Day {
    fn new(rules: RuleBook, shadow: bool) -> Self {
        let model = Model::new(rules.cross_at_midpoint);
        let mut day = Self {
            desk: Desk::new(rules, BANKS),
            model,
            headers: BTreeMap::new(),
            legs: BTreeMap::new(),
            crossed: BTreeMap::new(),
            quotes_only: BTreeSet::new(),
            ended: BTreeSet::new(),
            mirrors: Vec::new(),
            dates: [20_260_105; 3],
            number: 0,
            matches: 0,
            crossings: 0,
        };
        day.desk.shadow = shadow;
        for index in 0..5 {
            for code in CODES {
                let (participant, currency) = (who(index), currency(code));
                let body = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
                day.command(OPERATOR, body);
            }
        }
        (0..CODES.len()).for_each(|code| day.take(&Step::Open(code)));
        day
    }

    fn command(&mut self, maker: ParticipantId, body: CommandBody) -> Outcome {
        let outcome = self.desk.command(maker, body);
        self.watch(&outcome, &[]);
        outcome
    }

    fn submit(&mut self, header: OrderHeader) {
        let outcome = self.desk.submit(&[header]);
        self.watch(&outcome, &[header]);
    }

    fn fx_order(&mut self, (from, to): (u32, u32), sold: usize, minor: u64) -> OrderHeader {
        self.number += 1;
        let mut header = order(self.number, from, to, minor, CODES[sold]);
        header.created_at_ms = self.desk.time_ms;
        header.value_date = ValueDate::new(self.dates[sold]).unwrap();
        header
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Pass(ms) => self.desk.time_ms += ms,
            Step::Quotes(lp, base, quote, ref draws) if base != quote => {
                self.set_quotes(who(lp), (base, quote), draws);
            }
            Step::Pay(from, to, sold, bought, minor, (mantissa, scale), until_ms)
                if from != to && sold != bought =>
            {
                let limit = Rate::new(mantissa, scale).unwrap();
                let fx = Some(FxTerms::Payment { currency: currency(CODES[bought]), limit });
                let header = self.fx_order((from, to), sold, minor);
                let not_after_ms = if until_ms == 0 { 0 } else { self.desk.time_ms + until_ms };
                let kind = MessageKind::FxPayment;
                self.submit(OrderHeader { kind, fx, not_after_ms, ..header });
            }
            Step::Exchange(from, to, sold, bought, minor, counter)
                if from != to && sold != bought =>
            {
                self.exchange((from, to), (sold, minor), (bought, counter));
            }
            Step::Mirror(pick) if !self.mirrors.is_empty() => {
                let mirror = self.mirrors.swap_remove(pick % self.mirrors.len());
                self.submit(OrderHeader { created_at_ms: self.desk.time_ms, ..mirror });
            }
            Step::Ordinary(from, to, code, minor) if from != to => {
                let header = self.fx_order((from, to), code, minor);
                self.submit(header);
            }
            Step::Cycle => {
                let outcome = self.desk.cycle();
                self.watch(&outcome, &[]);
            }
            Step::Tick => {
                let outcome = self.desk.tick(0);
                self.watch(&outcome, &[]);
            }
            Step::Settle => self.settle_floor(),
            Step::Fund(index, code, minor) => {
                self.number += 1;
                let amount = Amount::new(minor, currency(CODES[code])).unwrap();
                let pay_in = u128::from(self.number).to_be_bytes();
                self.command(AGENT, CommandBody::Fund { participant: who(index), amount, pay_in });
            }
            Step::Cancel(back) => self.cancel(back),
            // Who is suspended while a cut is open is so once it is resolved: see `keep_up`.
            Step::Status(_, true) if self.desk.pool.cut_waiting().is_some() => {}
            Step::Status(index, active) => {
                let status = if active { Status::Active } else { Status::Suspended };
                self.command(OPERATOR, CommandBody::SetStatus { participant: who(index), status });
            }
            Step::Close(code) => {
                let currency = currency(CODES[code]);
                self.command(OPERATOR, CommandBody::CloseDay { currency });
            }
            Step::Open(code) => self.open(code),
            _ => {}
        }
    }

    /// What commands changed of days and providers, some of them later than they were given.
    fn keep_up(&mut self) {
        for known in self.desk.pool.directory().currencies() {
            self.model.day(known.currency, known.day.open.map(|open| open.date.get()));
        }
        for lp in [LP1, LP2] {
            if self.desk.pool.directory().member(lp).unwrap().status == Status::Suspended {
                self.model.withdraw(lp);
            }
        }
    }

    fn set_quotes(&mut self, maker: ParticipantId, (base, quote): (usize, usize), draws: &[Draw]) {
        self.desk.time_ms += 1;
        if self.desk.pool.cut_waiting().is_some() {
            // The cut's time may be up, and with it a suspension take effect.
            self.take(&Step::Tick);
        }
        let now_ms = self.desk.time_ms;
        let quotes: Vec<Quote> = draws
            .iter()
            .map(|draw| Quote {
                side: if draw.side { Side::Bid } else { Side::Ask },
                size: draw.size,
                rate: Rate::new(draw.rate.0, draw.rate.1).unwrap(),
                not_after_ms: now_ms + draw.until_ms,
            })
            .collect();
        let position = self.desk.pool.next_position();
        let (base, quote) = (currency(CODES[base]), currency(CODES[quote]));
        let body = CommandBody::SetQuotes { base, quote, quotes: quotes.clone() };
        let active = self.desk.pool.directory().member(maker).unwrap().status == Status::Active;
        let worth = self.model.worth((base, quote), &quotes);
        if active && worth {
            self.model.set(maker, (base, quote), Place::new(position, 0), &quotes);
        }
        let outcome = self.command(maker, body);
        assert_eq!(outcome.reject.is_none(), active && worth, "{:?}", outcome.reject);
    }

    fn exchange(&mut self, parties: (u32, u32), sold: (usize, u64), bought: (usize, u64)) {
        let one = self.fx_order(parties, sold.0, sold.1);
        let other = self.fx_order((parties.1, parties.0), bought.0, bought.1);
        let kind = MessageKind::FxInstruction;
        let fx = |counter| Some(FxTerms::Instruction { counter });
        self.mirrors.push(OrderHeader {
            kind,
            fx: fx(one.amount),
            value_date: one.value_date,
            ..other
        });
        self.submit(OrderHeader { kind, fx: fx(other.amount), ..one });
    }

    fn cancel(&mut self, back: u64) {
        let Some((place, header)) = self.headers.iter().rev().nth(back as usize) else { return };
        let (place, maker, kind) = (*place, header.sender, header.kind);
        let bound = self.desk.pool.fills(place).is_some();
        let body = CommandBody::Cancel { uetr: header.uetr, kind };
        let outcome = self.command(maker, body);
        if bound && outcome.changes.is_empty() {
            assert!(outcome.reject.is_some(), "a match binds");
        }
    }

    fn open(&mut self, code: usize) {
        let day = self.desk.pool.directory().currencies()[code].day;
        if let Some(closed) = day.closed {
            self.dates[code] = closed.get() + 1;
        }
        let date = ValueDate::new(self.dates[code]).unwrap();
        let ends_at_ms = self.desk.time_ms + 10_000_000;
        let currency = currency(CODES[code]);
        let (cut_off_at_ms, closes_at_ms) = (ends_at_ms, ends_at_ms);
        let body = CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms };
        self.command(OPERATOR, body);
    }

    fn settle_floor(&mut self) {
        let Some(candidates) = self.desk.pool.candidates() else { return };
        let floor = candidates.payments.iter().filter(|it| it.floor);
        let mut places: Vec<Place> = floor.map(|it| it.place).collect();
        places.sort_unstable();
        let outcome = self.desk.settle(candidates.cut.cycle, &places);
        self.watch(&outcome, &[]);
    }

    /// Keeps up with an outcome, and checks what can be checked from outside.
    fn watch(&mut self, outcome: &Outcome, headers: &[OrderHeader]) {
        self.sums_are_zero();
        for (header, ruled) in headers.iter().zip(&outcome.rulings) {
            if matches!(ruled.ruling, Ruling::Rejected | Ruling::Refused) || ruled.replayed {
                continue;
            }
            self.headers.insert(ruled.place, *header);
            if header.kind == MessageKind::FxPayment && ruled.ruling == Ruling::AwaitingMatch {
                self.model.wait(Waiting::new(ruled.place, header, true));
            }
        }
        self.keep_up();
        self.follow(outcome.time_ms, &outcome.changes);
        let expected = self.model.matches(outcome.time_ms);
        let found: Vec<_> = outcome.fx.iter().filter_map(matched).collect();
        assert_eq!(found, expected, "price, then time");
        self.matches += found.len();
        self.model.now_matched(&found);
        for event in &outcome.fx {
            if let FxEvent::Matched { order, first_leg, fills, until_ms } = event {
                self.never_below_the_limit(*order, fills);
                let legs = (first_leg.0..).take(2 * fills.len()).map(Place).collect();
                self.legs.insert(*order, legs);
                self.note_crossing(*order, *until_ms, fills);
            }
        }
        let settled = outcome.changes.iter().filter(|it| it.state == PaymentState::Settled);
        let settled: BTreeSet<Place> = settled.map(|it| it.place).collect();
        if let Some(batch) = &outcome.sealed_before {
            self.whole(batch);
        }
        if let Some(batch) = &outcome.sealed {
            let origins = self.whole(batch);
            assert!(settled.is_subset(&origins), "who is told of as settled is");
        }
    }

    /// A payment is matched. Its lead has been told of before those that follow it.
    fn note_crossing(&mut self, order: Place, until_ms: u64, fills: &[clearing::Fill]) {
        let crossed = fills.iter().filter_map(|fill| match fill.source {
            Source::Order(place) => Some(place),
            Source::Quote { .. } => None,
        });
        let others: Vec<Place> = crossed.collect();
        let follows = others.iter().any(|other| {
            self.crossed.get(other).is_some_and(|(_, members)| members.contains(&order))
        });
        if !others.is_empty() && !follows {
            self.crossings += 1;
            self.crossed.insert(order, (until_ms, [vec![order], others].concat()));
        }
    }

    /// What leaves waits no more; what lapsed waits again. If all payments of a crossing wait again
    /// behind its time, they cross no more.
    fn follow(&mut self, now_ms: u64, changes: &[Change]) {
        let awaiting = changes.iter().filter(|it| it.state == PaymentState::AwaitingMatch);
        let awaiting: BTreeSet<Place> = awaiting.map(|it| it.place).collect();
        let concerned = self.crossed.extract_if(.., |_, (_, members)| {
            members.iter().any(|member| awaiting.contains(member))
        });
        for (_, (until_ms, members)) in concerned {
            if until_ms < now_ms && members.iter().all(|member| awaiting.contains(member)) {
                self.quotes_only.extend(members);
            }
        }
        for change in changes {
            match change.state {
                PaymentState::AwaitingMatch => {
                    let header = self.headers[&change.place];
                    self.legs.remove(&change.place);
                    let crosses = !self.quotes_only.contains(&change.place);
                    self.model.wait(Waiting::new(change.place, &header, crosses));
                }
                PaymentState::Matched | PaymentState::Queued | PaymentState::Warehoused => {}
                PaymentState::AwaitingGroup => {}
                _ => {
                    assert!(self.ended.insert(change.place), "{:?} ended twice", change.place);
                    self.model.leave(change.place);
                }
            }
        }
    }

    fn sums_are_zero(&self) {
        let pool = &self.desk.pool;
        let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
        let accounts: Vec<_> = pool.directory().accounts().collect();
        for info in &accounts {
            let books = pool.balance(info.account).unwrap();
            let balance = books.credits_posted.cast_signed() - books.debits_posted.cast_signed();
            assert!(balance >= 0 || info.participant.is_none(), "nobody is overdrawn");
            *sums.entry(info.currency.as_str()).or_default() += balance;
        }
        assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    }

    fn never_below_the_limit(&self, order: Place, fills: &[clearing::Fill]) {
        let header = self.headers[&order];
        let Some(FxTerms::Payment { currency, limit }) = header.fx else { panic!("a payment") };
        let scale = |digits: u8| 10_u128.pow(digits.into());
        let exact = u128::from(header.amount.minor())
            * u128::from(limit.mantissa())
            * scale(currency.digits());
        let least = exact / scale(limit.scale() + header.amount.currency().digits());
        let sum = |of: fn(&clearing::Fill) -> u64| fills.iter().map(|it| u128::from(of(it))).sum();
        let (sold, bought): (u128, u128) = (sum(|it| it.sold), sum(|it| it.bought));
        assert_eq!(sold, u128::from(header.amount.minor()));
        assert!(bought >= least && bought > 0, "{bought} below {least}");
    }

    /// No half groups: of an FX payment all legs settle in a batch or none, and so do those of the
    /// payments that it crosses with, and both sides of an exchange. Returns what settled, FX
    /// payments by their own places.
    fn whole(&mut self, batch: &SealedBatch) -> BTreeSet<Place> {
        let mut settled = BTreeSet::new();
        let (mut origins, mut legs) = (BTreeSet::new(), BTreeSet::new());
        for (index, transfer) in batch.transfers.iter().enumerate() {
            match transfer.kind {
                TransferKind::FxLeg | TransferKind::Crossing => {
                    origins.insert(transfer.origin);
                    assert!(legs.insert(transfer.place), "a leg moves once");
                    self.pays_whom_it_should(batch, index);
                }
                TransferKind::Payment => _ = settled.insert(transfer.place),
                _ => {}
            }
        }
        for place in
            settled.iter().filter(|place| self.headers[place].kind == MessageKind::FxInstruction)
        {
            let one = self.headers[place];
            let partner = settled.iter().map(|place| &self.headers[place]).any(|other| {
                (other.sender, other.receiver) == (one.receiver, one.sender)
                    && other.fx == Some(FxTerms::Instruction { counter: one.amount })
            });
            assert!(partner, "both sides of an exchange");
        }
        let owed: BTreeSet<Place> =
            origins.iter().flat_map(|origin| self.legs.remove(origin).unwrap()).collect();
        assert_eq!(owed, legs, "all legs of what settles, and no others");
        for (_, (_, members)) in self.crossed.extract_if(.., |lead, _| origins.contains(lead)) {
            assert!(members.iter().all(|member| origins.contains(member)), "all that cross");
        }
        settled.extend(origins);
        assert_eq!(batch.payments as usize, settled.len());
        settled
    }

    /// A leg of a crossing leads from the sender of its order to the receiver of the other's.
    fn pays_whom_it_should(&self, batch: &SealedBatch, index: usize) {
        let transfer = &batch.transfers[index];
        let credited = batch.credited_order(index).unwrap();
        if transfer.kind == TransferKind::FxLeg {
            assert_eq!(credited, transfer.origin);
            return;
        }
        let owner = |account| {
            let mut accounts = self.desk.pool.directory().accounts();
            accounts.find(|info| info.account == account).and_then(|info| info.participant)
        };
        assert_eq!(owner(transfer.debit), Some(self.headers[&transfer.origin].sender));
        assert_eq!(owner(transfer.credit), Some(self.headers[&credited].receiver));
    }
}

/// What was matched with what, as the model says it.
fn matched(event: &FxEvent) -> Option<(Place, Vec<model::Fill>)> {
    let FxEvent::Matched { order, fills, .. } = event else { return None };
    let fills = fills.iter().map(|it| {
        let (from, place, index) = match it.source {
            Source::Quote { provider, place, index } => (Some(provider), place, index),
            Source::Order(place) => (None, place, 0),
        };
        model::Fill { from, place, index, rate: it.rate, sold: it.sold, bought: it.bought }
    });
    let fills = fills.collect();
    Some((*order, fills))
}

fn days() -> u32 {
    let days = std::env::var_os("CAUSEWAY_FX_DAYS");
    days.and_then(|days| days.to_str()?.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(days()))]

    #[test]
    fn any_day_matches_by_price_and_time_and_settles_whole(
        rules in rules(),
        steps in prop::collection::vec(step(), 1..140),
        cut in any::<prop::sample::Index>(),
        shadow in prop::bool::weighted(0.05),
    ) {
        let mut day = Day::new(rules, shadow);
        steps.iter().for_each(|step| day.take(step));
        let Desk { mut pool, log, .. } = day.desk;
        // The same log gives the same root, from zero and from a snapshot anywhere.
        let cut = 1 + cut.index(log.len());
        let mut again = Pool::new(4_711);
        for (position, record) in (0..).zip(&log[..cut]) {
            again.apply(position, record).unwrap();
        }
        let mut restored = restore(&mut again);
        for (position, record) in (0..).zip(&log).skip(cut) {
            let outcome = again.apply(position, record).unwrap();
            prop_assert_eq!(&restored.apply(position, record).unwrap(), &outcome);
        }
        prop_assert_eq!(again.state_root(), pool.state_root());
        prop_assert_eq!(restored.state_root(), pool.state_root());
        prop_assert_eq!(restored.snapshot().state, pool.snapshot().state);
    }
}

/// The days above do match and settle: not that nothing ever happens in them.
#[test]
fn a_busy_day_matches_often() {
    let rules = crate::desk::strict_rules(CODES.iter().map(|code| currency(code)).collect());
    let mut day = Day::new(rules, true);
    for index in 0..5 {
        (0..3).for_each(|code| day.take(&Step::Fund(index, code, 100_000_000)));
    }
    for round in 0..20 {
        let bid = |rate| Draw { side: true, size: 10_000, rate: (rate, 3), until_ms: 1_000 };
        day.take(&Step::Quotes(round % 2, 0, 1, vec![bid(1_000), bid(990 + round as u64)]));
        day.take(&Step::Pay(0, 1, 0, 1, 15_000, (980, 3), 0));
        day.take(&Step::Cycle);
    }
    assert_eq!((day.matches, day.ended.len()), (20, 20));
}

/// Opposite payments that no quote serves cross each other at the midpoint: 1.000 between 0.990 and
/// 1.010. The larger one leads; quotes take what remains of it.
#[test]
fn a_busy_day_crosses_often() {
    let rules = crate::desk::strict_rules(CODES.iter().map(|code| currency(code)).collect());
    let mut day = Day::new(RuleBook { cross_at_midpoint: true, match_ms: 400, ..rules }, true);
    for index in 0..5 {
        (0..3).for_each(|code| day.take(&Step::Fund(index, code, 100_000_000)));
    }
    for round in 0..20 {
        let draw = |side, rate| Draw { side, size: 100_000, rate: (rate, 3), until_ms: 1_000 };
        day.take(&Step::Quotes(0, 0, 2, vec![draw(true, 990), draw(false, 1_010)]));
        day.take(&Step::Pay(0, 1, 0, 2, 15_000 + round, (995, 3), 0));
        day.take(&Step::Pay(1, 2, 0, 2, 5_000, (999, 3), 0));
        day.take(&Step::Pay(2, 1, 2, 0, 200_000 + 7 * round, (900, 3), 0));
        if round % 3 > 0 {
            day.take(&Step::Cycle);
        }
        day.take(&Step::Pass(if round % 4 > 0 { 100 } else { 600 }));
    }
    assert!(day.crossings >= 20 && day.ended.len() >= 30, "{} {}", day.crossings, day.ended.len());
}
