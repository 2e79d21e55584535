//! Price-time priority as its definition says it: lists that are sorted and walked, nothing else.

use channel::{FxTerms, OrderHeader, ParticipantId, Quote, Rate, Side};
use clearing::Place;
use ledger::Currency;

/// What is sold and what is bought.
type Pair = (Currency, Currency);

/// A part of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fill {
    /// The provider, if it is a quote's.
    pub(super) from: Option<ParticipantId>,
    /// Of its command, or of the opposite payment.
    pub(super) place: Place,
    pub(super) index: u8,
    pub(super) rate: Rate,
    pub(super) sold: u64,
    pub(super) bought: u64,
}

/// An FX payment that waits for a match.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    place: Place,
    sold: Currency,
    bought: Currency,
    minor: u64,
    limit: Rate,
    value_date: u32,
    not_after_ms: u64,
    parties: (ParticipantId, ParticipantId),
    crosses: bool,
}

impl Waiting {
    pub(super) fn new(place: Place, header: &OrderHeader, crosses: bool) -> Self {
        let Some(FxTerms::Payment { currency, limit }) = header.fx else { panic!("a payment") };
        Self {
            place,
            sold: header.amount.currency(),
            bought: currency,
            minor: header.amount.minor(),
            limit,
            value_date: header.value_date.get(),
            not_after_ms: header.not_after_ms,
            parties: (header.sender, header.receiver),
            crosses,
        }
    }

    /// Whether this one's limit is below the other's, and if they are equal, its place.
    fn before(&self, other: &Self) -> std::cmp::Ordering {
        let (a, b) = (fraction(Side::Bid, self.limit), fraction(Side::Bid, other.limit));
        (a.0 * b.1).cmp(&(b.0 * a.1)).then(self.place.cmp(&other.place))
    }
}

/// A quote in the direction of the orders it serves.
#[derive(Debug, Clone)]
struct Offer {
    provider: ParticipantId,
    pair: (Currency, Currency),
    place: Place,
    index: u8,
    quote: Quote,
    /// What orders may still sell to it, what they have, and what it gives in all.
    left: u64,
    taken: u64,
    gives: u64,
}

/// `(units bought, units sold)` of a rate, in the direction of an order.
fn fraction(side: Side, rate: Rate) -> (u128, u128) {
    let (mantissa, unit) = (u128::from(rate.mantissa()), 10_u128.pow(rate.scale().into()));
    match side {
        Side::Bid => (mantissa, unit),
        Side::Ask => (unit, mantissa),
    }
}

fn scale(currency: Currency) -> u128 {
    10_u128.pow(currency.digits().into())
}

impl Offer {
    fn sold(&self) -> Currency {
        if self.quote.side == Side::Bid { self.pair.0 } else { self.pair.1 }
    }

    fn bought(&self) -> Currency {
        if self.quote.side == Side::Bid { self.pair.1 } else { self.pair.0 }
    }

    /// What it gives once so much is sold to it.
    fn given(&self, taken: u64) -> u64 {
        let (bought, sold) = fraction(self.quote.side, self.quote.rate);
        let exact = u128::from(taken) * bought * scale(self.bought()) / (sold * scale(self.sold()));
        u64::try_from(exact.min(self.gives.into())).unwrap()
    }
}

/// All that stands and waits, and what is to be tried at the end of the record.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Whether payments cross at the midpoint.
    crosses: bool,
    offers: Vec<Offer>,
    waiting: Vec<Waiting>,
    untried: Vec<Place>,
    scans: Vec<(Currency, Currency)>,
    open: Vec<(Currency, u32)>,
}

impl Model {
    pub(super) fn new(crosses: bool) -> Self {
        Self { crosses, ..Self::default() }
    }

    fn offer(pair: (Currency, Currency), quote: &Quote) -> Option<(u64, u64)> {
        let (base, counter) = pair;
        let (rate, unit) = fraction(Side::Bid, quote.rate);
        let exact = u128::from(quote.size) * rate * scale(counter);
        let unit = unit * scale(base);
        let (sold, bought) = match quote.side {
            Side::Bid => (u128::from(quote.size), exact / unit),
            Side::Ask => (exact.div_ceil(unit), u128::from(quote.size)),
        };
        (sold > 0 && bought > 0).then_some((sold as u64, bought as u64))
    }

    /// Whether each of these quotes is worth a minor unit.
    pub(super) fn worth(&self, pair: (Currency, Currency), quotes: &[Quote]) -> bool {
        quotes.iter().all(|quote| Self::offer(pair, quote).is_some())
    }

    pub(super) fn set(
        &mut self,
        provider: ParticipantId,
        pair: (Currency, Currency),
        place: Place,
        quotes: &[Quote],
    ) {
        self.offers.retain(|offer| (offer.provider, offer.pair) != (provider, pair));
        for (index, quote) in (0..).zip(quotes) {
            let (left, gives) = Self::offer(pair, quote).unwrap();
            let (quote, taken) = (*quote, 0);
            let offer = Offer { provider, pair, place, index, quote, left, taken, gives };
            self.scans.push((offer.sold(), offer.bought()));
            if self.crosses {
                self.scans.push((offer.bought(), offer.sold()));
            }
            self.offers.push(offer);
        }
    }

    pub(super) fn withdraw(&mut self, provider: ParticipantId) {
        self.offers.retain(|offer| offer.provider != provider);
    }

    /// The day of a currency is this one, or none is open.
    pub(super) fn day(&mut self, currency: Currency, date: Option<u32>) {
        let known = self.open.iter().find(|(open, _)| *open == currency).map(|(_, date)| *date);
        if known == date {
            return;
        }
        self.open.retain(|(open, _)| *open != currency);
        match date {
            None => {
                self.offers.retain(|offer| offer.pair.0 != currency && offer.pair.1 != currency);
            }
            Some(date) => {
                self.open.push((currency, date));
                let pairs = self.waiting.iter().map(|it| (it.sold, it.bought));
                let concerned = pairs.filter(|pair| pair.0 == currency || pair.1 == currency);
                self.scans.extend(concerned);
            }
        }
    }

    pub(super) fn wait(&mut self, order: Waiting) {
        self.untried.push(order.place);
        self.waiting.push(order);
    }

    pub(super) fn leave(&mut self, place: Place) {
        self.waiting.retain(|order| order.place != place);
        self.untried.retain(|other| *other != place);
    }

    pub(super) fn now_matched(&mut self, matched: &[(Place, Vec<Fill>)]) {
        matched.iter().for_each(|(place, _)| self.leave(*place));
    }

    /// What the record that is being watched should have matched.
    pub(super) fn matches(&mut self, now_ms: u64) -> Vec<(Place, Vec<Fill>)> {
        let mut scans = std::mem::take(&mut self.scans);
        // Pairs in the order in which the pool knows the currencies.
        let rank = |currency: Currency| super::CODES.iter().position(|it| *it == currency.as_str());
        scans.sort_by_key(|pair| (rank(pair.0), rank(pair.1)));
        scans.dedup();
        let mut tries: Vec<Place> = Vec::new();
        for pair in scans {
            let concerned = self.waiting.iter().filter(|it| (it.sold, it.bought) == pair);
            let mut concerned: Vec<&Waiting> = concerned.collect();
            concerned.sort_by(|one, other| one.before(other));
            tries.extend(concerned.iter().map(|order| order.place));
        }
        let mut untried = std::mem::take(&mut self.untried);
        untried.retain(|place| !tries.contains(place));
        untried.sort_unstable();
        let mut matched: Vec<(Place, Vec<Fill>)> = Vec::new();
        for place in tries {
            self.try_lead(place, now_ms, &mut matched);
        }
        for place in untried {
            // Those that it could have crossed with, had it led; with it they are tried once more.
            let order = self.waiting.iter().find(|order| order.place == place).cloned();
            let opposite = order.map_or_else(Vec::new, |order| self.opposite(&order, now_ms));
            self.try_lead(place, now_ms, &mut matched);
            for other in opposite {
                if !matched.iter().any(|(done, _)| *done == place) {
                    self.try_lead(other.place, now_ms, &mut matched);
                }
            }
        }
        matched
    }

    /// Tries to match a payment, if it still waits.
    fn try_lead(&mut self, place: Place, now_ms: u64, matched: &mut Vec<(Place, Vec<Fill>)>) {
        let order = self.waiting.iter().find(|order| order.place == place);
        let Some(order) = order.cloned() else { return };
        let crossed = self.crossings(&order, now_ms);
        let fills = if crossed.is_empty() { None } else { self.cover(&order, &crossed, now_ms) };
        let Some(fills) = fills.or_else(|| self.cover(&order, &[], now_ms)) else { return };
        let mirrors = fills.iter().filter(|fill| fill.from.is_none()).map(|fill| {
            let mirror = Fill { place, sold: fill.bought, bought: fill.sold, ..*fill };
            (fill.place, vec![mirror])
        });
        let followers: Vec<_> = mirrors.collect();
        matched.push((place, fills));
        matched.extend(followers);
        let done: Vec<Place> = matched.iter().map(|(place, _)| *place).collect();
        self.waiting.retain(|order| !done.contains(&order.place));
    }

    fn may_match(&self, order: &Waiting, now_ms: u64) -> bool {
        let open = |currency| {
            self.open.iter().any(|(open, date)| *open == currency && order.value_date <= *date)
        };
        let valid = order.not_after_ms == 0 || now_ms <= order.not_after_ms;
        open(order.sold) && open(order.bought) && valid
    }

    /// Half way between the best bid and the best ask: the rate, for the first of the two currencies
    /// in the order of the pool, and what a seller of `sold` gets for a unit, as a fraction.
    fn midpoint(&self, (sold, bought): Pair, now_ms: u64) -> Option<(Rate, (u128, u128))> {
        let rank = |currency: Currency| super::CODES.iter().position(|it| *it == currency.as_str());
        let straight = rank(sold) < rank(bought);
        let (base, counter) = if straight { (sold, bought) } else { (bought, sold) };
        let best = |sold, bought| {
            let offers = self.offers.iter();
            let offers = offers.filter(|it| it.left > 0 && it.quote.not_after_ms >= now_ms);
            let offers = offers.filter(|it| (it.sold(), it.bought()) == (sold, bought));
            let prices = offers.map(|it| fraction(it.quote.side, it.quote.rate));
            prices.reduce(|a, b| if b.0 * a.1 > a.0 * b.1 { b } else { a })
        };
        let (bid, (ask_base, ask_counter)) = (best(base, counter)?, best(counter, base)?);
        if bid.0 * ask_base > ask_counter * bid.1 {
            return None;
        }
        let exact = (bid.0 * ask_base + ask_counter * bid.1, 2 * bid.1 * ask_base);
        // All rates of the tests are so small that ten digits behind the point always fit.
        let scaled = exact.0 * 10_u128.pow(10);
        let (below, over) = (scaled / exact.1, scaled % exact.1 * 2);
        let up = over > exact.1 || over == exact.1 && below % 2 == 1;
        let digits = format!("{:011}", below + u128::from(up));
        let (whole, fraction_digits) = digits.split_at(digits.len() - 10);
        let text = format!("{whole}.{fraction_digits}");
        let rate = Rate::parse(text.trim_end_matches('0').trim_end_matches('.')).unwrap();
        Some((rate, fraction(if straight { Side::Bid } else { Side::Ask }, rate)))
    }

    /// Those that this one may cross with, in their turn.
    fn opposite(&self, order: &Waiting, now_ms: u64) -> Vec<Waiting> {
        let price = self.midpoint((order.sold, order.bought), now_ms).filter(|_| self.crosses);
        let Some((_, price)) = price else { return Vec::new() };
        let within = |order: &Waiting, price: (u128, u128)| {
            let limit = fraction(Side::Bid, order.limit);
            order.crosses && limit.0 * price.1 <= price.0 * limit.1 && self.may_match(order, now_ms)
        };
        if !within(order, price) {
            return Vec::new();
        }
        let others = self.waiting.iter().filter(|other| {
            (other.sold, other.bought) == (order.bought, order.sold)
                && other.parties.1 != order.parties.0
                && order.parties.1 != other.parties.0
                && within(other, (price.1, price.0))
        });
        let mut others: Vec<Waiting> = others.cloned().collect();
        others.sort_by(|one, other| one.before(other));
        others
    }

    /// What a payment takes of those that cross with it, if it leads.
    fn crossings(&self, order: &Waiting, now_ms: u64) -> Vec<Fill> {
        let opposite = self.opposite(order, now_ms);
        let midpoint = self.midpoint((order.sold, order.bought), now_ms);
        let Some((rate, price)) = midpoint else { return Vec::new() };
        let buys = |minor: u64, (got, given), (sold, bought)| {
            u128::from(minor) * got * scale(bought) / (given * scale(sold))
        };
        let (mut left, mut fills) = (order.minor, Vec::new());
        for other in opposite {
            let sold = buys(other.minor, (price.1, price.0), (order.bought, order.sold));
            if sold > 0 && sold <= left.into() && fills.len() < clearing::FILLS_MAX {
                let (sold, bought) = (sold as u64, other.minor);
                fills.push(Fill { from: None, place: other.place, index: 0, rate, sold, bought });
                left -= sold;
            }
        }
        if let Some(last) = fills.last_mut()
            && buys(left, price, (order.sold, order.bought)) == 0
        {
            last.sold += left;
        }
        fills
    }

    /// The whole of a payment: what crosses, and quotes for the rest.
    fn cover(&mut self, order: &Waiting, crossed: &[Fill], now_ms: u64) -> Option<Vec<Fill>> {
        if !self.may_match(order, now_ms) {
            return None;
        }
        let limit = fraction(Side::Bid, order.limit);
        let fits = |offer: &Offer| {
            let price = fraction(offer.quote.side, offer.quote.rate);
            (offer.sold(), offer.bought()) == (order.sold, order.bought)
                && offer.quote.not_after_ms >= now_ms
                && offer.left > 0
                && price.0 * limit.1 >= limit.0 * price.1
        };
        let mut offers: Vec<usize> =
            (0..self.offers.len()).filter(|at| fits(&self.offers[*at])).collect();
        offers.sort_by(|one, other| {
            let (one, other) = (&self.offers[*one], &self.offers[*other]);
            let a = fraction(one.quote.side, one.quote.rate);
            let b = fraction(other.quote.side, other.quote.rate);
            let worse = (b.0 * a.1).cmp(&(a.0 * b.1));
            worse
                .then((one.place, one.index).cmp(&(other.place, other.index)))
                .then(one.provider.cmp(&other.provider))
        });
        let (mut fills, mut taken) = (crossed.to_vec(), Vec::new());
        let mut left = order.minor - fills.iter().map(|fill| fill.sold).sum::<u64>();
        for at in offers {
            let offer = &self.offers[at];
            let sold = left.min(offer.left);
            let gives = offer.given(offer.taken + sold) - offer.given(offer.taken);
            if left > 0 && gives > 0 {
                let (from, rate) = (Some(offer.provider), offer.quote.rate);
                let (place, index, bought) = (offer.place, offer.index, gives);
                fills.push(Fill { from, place, index, rate, sold, bought });
                taken.push((at, sold));
                left -= sold;
            }
        }
        let least =
            u128::from(order.minor) * limit.0 * scale(order.bought) / (limit.1 * scale(order.sold));
        let bought: u128 = fills.iter().map(|fill| u128::from(fill.bought)).sum();
        if left > 0 || fills.len() > clearing::FILLS_MAX || bought < least {
            return None;
        }
        for (at, sold) in taken {
            self.offers[at].left -= sold;
            self.offers[at].taken += sold;
        }
        Some(fills)
    }
}
