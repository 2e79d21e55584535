//! Price-time priority as its definition says it: lists that are sorted and walked, nothing else.

use channel::{FxTerms, OrderHeader, ParticipantId, Quote, Rate, Side};
use clearing::Place;
use ledger::Currency;

/// A provider, the place of its command, the index in it, what is sold to it, what it gives.
pub(super) type Fill = (ParticipantId, Place, u8, u64, u64);

/// An FX payment that waits for quotes.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    place: Place,
    sold: Currency,
    bought: Currency,
    minor: u64,
    limit: Rate,
    value_date: u32,
    not_after_ms: u64,
}

impl Waiting {
    pub(super) fn new(place: Place, header: &OrderHeader) -> Self {
        let Some(FxTerms::Payment { currency, limit }) = header.fx else { panic!("a payment") };
        Self {
            place,
            sold: header.amount.currency(),
            bought: currency,
            minor: header.amount.minor(),
            limit,
            value_date: header.value_date.get(),
            not_after_ms: header.not_after_ms,
        }
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
    offers: Vec<Offer>,
    waiting: Vec<Waiting>,
    untried: Vec<Place>,
    scans: Vec<(Currency, Currency)>,
    open: Vec<(Currency, u32)>,
}

impl Model {
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
            concerned.sort_by(|one, other| {
                let (a, b) = (fraction(Side::Bid, one.limit), fraction(Side::Bid, other.limit));
                (a.0 * b.1).cmp(&(b.0 * a.1)).then(one.place.cmp(&other.place))
            });
            tries.extend(concerned.iter().map(|order| order.place));
        }
        let mut untried = std::mem::take(&mut self.untried);
        untried.retain(|place| !tries.contains(place));
        untried.sort_unstable();
        tries.extend(untried);
        let mut matched: Vec<(Place, Vec<Fill>)> = Vec::new();
        for place in tries {
            let done = matched.iter().any(|(other, _)| *other == place);
            let order = self.waiting.iter().find(|order| order.place == place);
            let Some(order) = order.filter(|_| !done).cloned() else { continue };
            if let Some(fills) = self.try_one(&order, now_ms) {
                matched.push((place, fills));
            }
        }
        matched
    }

    fn try_one(&mut self, order: &Waiting, now_ms: u64) -> Option<Vec<Fill>> {
        let open = |currency| {
            self.open.iter().any(|(open, date)| *open == currency && order.value_date <= *date)
        };
        let valid = order.not_after_ms == 0 || now_ms <= order.not_after_ms;
        if !(open(order.sold) && open(order.bought) && valid) {
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
        let (mut left, mut fills, mut taken) = (order.minor, Vec::new(), Vec::new());
        for at in offers {
            let offer = &self.offers[at];
            let sold = left.min(offer.left);
            let gives = offer.given(offer.taken + sold) - offer.given(offer.taken);
            if left > 0 && gives > 0 {
                fills.push((offer.provider, offer.place, offer.index, sold, gives));
                taken.push((at, sold));
                left -= sold;
            }
        }
        let least =
            u128::from(order.minor) * limit.0 * scale(order.bought) / (limit.1 * scale(order.sold));
        let bought: u128 = fills.iter().map(|fill| u128::from(fill.4)).sum();
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
