//! The FX orders that have not settled: what they ask for beyond their payment, by what they are
//! found, and what they are matched with.

use std::collections::{BTreeMap, BTreeSet};

use channel::Rate;
use ledger::{AccountId, Hash, Tree};
use sha2::{Digest, Sha256};

use super::Pair;
use super::price::Price;
use crate::outcome::Fill;
use crate::payment::Payment;
use crate::record::Place;

/// The orders are hashed in this many portions, so that a change rehashes only one of them.
const PORTIONS: usize = 256;

/// What an FX order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    /// Exactly this much of the counter currency, from its counterpart.
    Instruction {
        /// Minor units.
        minor: u64,
    },
    /// As much of the counter currency as the quotes give, at this rate at least.
    Payment {
        /// Major units of the counter currency per major unit of the amount.
        limit: Rate,
    },
}

/// An FX order beyond its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FxOrder {
    /// The counter currency's index.
    pub(crate) counter: u8,
    pub(crate) terms: Terms,
    /// After this instant an instruction that waits ends, and a match of a payment lapses, ms;
    /// 0 = there is no such instant.
    pub(crate) until_ms: u64,
    /// Whether it crosses with opposite payments, if the rule book has them cross. Not any more once
    /// the time of a crossing was up: whose money was lacking would hold up the other again.
    pub(crate) crosses: bool,
    /// What a payment is matched with.
    pub(crate) matched: Option<Match>,
}

/// What covers an FX payment, and the legs that move the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    /// The place of the first leg. Each fill has two, and all follow each other: what the sender
    /// pays, what the receiver gets. A payment that follows another in a crossing has the two legs of
    /// the other's fill, in the other's order.
    pub(crate) first_leg: Place,
    pub(crate) fills: Vec<Fill>,
}

impl Match {
    /// The places of its legs.
    pub(crate) fn legs(&self) -> impl Iterator<Item = Place> + use<> {
        let first = self.first_leg.0;
        (first..first + 2 * self.fills.len() as u64).map(Place)
    }
}

/// What two instructions must agree on, as one of them says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exchange {
    pub(crate) debit: AccountId,
    pub(crate) credit: AccountId,
    pub(crate) minor: u64,
    pub(crate) counter: u8,
    pub(crate) counter_minor: u64,
    pub(crate) value_date: u32,
}

/// Where a payment that waits for quotes stands among those of its pair: the lowest limit first,
/// then the earliest.
pub(crate) type Turn = (Price, Place);

/// All FX orders.
#[derive(Debug)]
pub(crate) struct Orders {
    all: BTreeMap<(usize, Place), FxOrder>,
    /// Instructions that wait, by their terms.
    instructions: BTreeMap<Exchange, BTreeSet<Place>>,
    /// Payments that wait for quotes.
    turns: BTreeMap<Pair, BTreeSet<Turn>>,
    /// Instants that are not 0.
    instants: BTreeSet<(u64, Place)>,
    /// Payments that came to wait and were not tried yet.
    pub(crate) untried: BTreeSet<Place>,
    /// Pairs whose payments are all to be tried again, and behind which of them to go on.
    pub(crate) scans: BTreeMap<Pair, Option<Turn>>,
    tree: Tree,
}

impl Default for Orders {
    fn default() -> Self {
        let mut tree = Tree::new();
        tree.grow(PORTIONS);
        Self {
            all: BTreeMap::new(),
            instructions: BTreeMap::new(),
            turns: BTreeMap::new(),
            instants: BTreeSet::new(),
            untried: BTreeSet::new(),
            scans: BTreeMap::new(),
            tree,
        }
    }
}

fn portion(place: Place) -> usize {
    (place.0 % PORTIONS as u64) as usize
}

impl Orders {
    pub(crate) fn get(&self, place: Place) -> Option<&FxOrder> {
        self.all.get(&(portion(place), place))
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them, in an order that depends on their places alone.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Place, &FxOrder)> {
        self.all.iter().map(|((_, place), order)| (*place, order))
    }

    pub(crate) fn insert(&mut self, place: Place, order: FxOrder) {
        if order.until_ms != 0 {
            self.instants.insert((order.until_ms, place));
        }
        self.tree.mark(portion(place));
        self.all.insert((portion(place), place), order);
    }

    /// Forgets an order that settled or ended; it waits nowhere any more.
    pub(crate) fn remove(&mut self, place: Place) -> Option<FxOrder> {
        let order = self.all.remove(&(portion(place), place))?;
        self.instants.remove(&(order.until_ms, place));
        self.tree.mark(portion(place));
        Some(order)
    }

    /// Changes what a payment is matched with; returns what it was.
    pub(crate) fn set_match(&mut self, place: Place, matched: Option<Match>) -> Option<Match> {
        let order = self.all.get_mut(&(portion(place), place))?;
        self.tree.mark(portion(place));
        std::mem::replace(&mut order.matched, matched)
    }

    /// Changes the instant at which an order ends or its match lapses, ms; 0 = there is none.
    pub(crate) fn set_until(&mut self, place: Place, until_ms: u64) {
        let Some(order) = self.all.get_mut(&(portion(place), place)) else { return };
        self.instants.remove(&(order.until_ms, place));
        if until_ms != 0 {
            self.instants.insert((until_ms, place));
        }
        order.until_ms = until_ms;
        self.tree.mark(portion(place));
    }

    /// A payment crosses no more.
    pub(crate) fn set_quotes_only(&mut self, place: Place) {
        if let Some(order) = self.all.get_mut(&(portion(place), place)) {
            order.crosses = false;
            self.tree.mark(portion(place));
        }
    }

    /// The order at the earliest instant before `now_ms`; the instant is then forgotten.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<Place> {
        let (at_ms, place) = *self.instants.first()?;
        if at_ms >= now_ms {
            return None;
        }
        self.set_until(place, 0);
        Some(place)
    }

    /// The first of the instants, ms.
    pub(crate) fn first_instant_ms(&self) -> Option<u64> {
        self.instants.first().map(|(at_ms, _)| *at_ms)
    }

    /// An order comes to wait for its match. Its payment is found by its place.
    pub(crate) fn wait(&mut self, payment: &Payment) {
        let place = payment.place;
        let Some(order) = self.all.get(&(portion(place), place)) else { return };
        match order.terms {
            Terms::Instruction { minor } => {
                let exchange = exchange(payment, order.counter, minor);
                self.instructions.entry(exchange).or_default().insert(place);
            }
            Terms::Payment { limit } => {
                let turns = self.turns.entry(pair(payment, order)).or_default();
                turns.insert((Price::direct(limit), place));
            }
        }
    }

    /// An order waits for its match no longer.
    pub(crate) fn stop_waiting(&mut self, payment: &Payment) {
        let place = payment.place;
        let Some(order) = self.all.get(&(portion(place), place)) else { return };
        match order.terms {
            Terms::Instruction { minor } => {
                let exchange = exchange(payment, order.counter, minor);
                if let Some(places) = self.instructions.get_mut(&exchange) {
                    places.remove(&place);
                    if places.is_empty() {
                        self.instructions.remove(&exchange);
                    }
                }
            }
            Terms::Payment { limit } => {
                let pair = pair(payment, order);
                self.untried.remove(&place);
                if let Some(turns) = self.turns.get_mut(&pair) {
                    turns.remove(&(Price::direct(limit), place));
                }
            }
        }
    }

    /// The oldest instruction that waits and says this.
    pub(crate) fn oldest(&self, exchange: &Exchange) -> Option<Place> {
        self.instructions.get(exchange)?.first().copied()
    }

    /// The payments of a pair that wait, in their turn.
    pub(crate) fn turns(&self, pair: Pair) -> impl Iterator<Item = Turn> {
        self.turns.get(&pair).into_iter().flatten().copied()
    }

    /// The payment of a pair whose turn is behind this one.
    pub(crate) fn next_turn(&self, pair: Pair, behind: Option<Turn>) -> Option<Turn> {
        let turns = self.turns.get(&pair)?;
        match behind {
            None => turns.first().copied(),
            Some(turn) => {
                use std::ops::Bound::{Excluded, Unbounded};
                turns.range((Excluded(turn), Unbounded)).next().copied()
            }
        }
    }

    /// All payments of the pairs of this currency are to be tried again.
    pub(crate) fn scan_currency(&mut self, currency: u8) {
        let pairs = self.turns.iter().filter(|(_, turns)| !turns.is_empty());
        let concerned = pairs.filter(|(pair, _)| pair.sold == currency || pair.bought == currency);
        let concerned: Vec<Pair> = concerned.map(|(pair, _)| *pair).collect();
        self.scans.extend(concerned.into_iter().map(|pair| (pair, None)));
    }

    /// Orders that wait for a match, by either way of finding them.
    pub(crate) fn waiting(&self) -> usize {
        let instructions: usize = self.instructions.values().map(BTreeSet::len).sum();
        instructions + self.turns.values().map(BTreeSet::len).sum::<usize>()
    }

    /// Whether something is left to try.
    pub(crate) fn work_left(&self) -> bool {
        !self.untried.is_empty() || !self.scans.is_empty()
    }

    pub(crate) fn root(&mut self) -> Hash {
        let all = &self.all;
        let orders = self.tree.root(|index| portion_digest(all, index));
        self.join(orders)
    }

    pub(crate) fn recompute_root(&self) -> Hash {
        let leaves: Vec<Hash> =
            (0..PORTIONS).map(|index| portion_digest(&self.all, index)).collect();
        self.join(ledger::merkle::root_of_hashes(&leaves))
    }

    fn join(&self, orders: Hash) -> Hash {
        let mut writer = channel::Writer::new();
        self.write_work(&mut writer);
        Sha256::new().chain_update(orders).chain_update(writer.into_bytes()).finalize().into()
    }
}

fn portion_digest(all: &BTreeMap<(usize, Place), FxOrder>, index: usize) -> Hash {
    let mut writer = channel::Writer::new();
    writer.u8(0);
    for ((_, place), order) in all.range((index, Place(0))..=(index, Place(u64::MAX))) {
        order.write(*place, &mut writer);
    }
    Sha256::digest(writer.into_bytes()).into()
}

/// What an instruction says.
pub(crate) fn exchange(payment: &Payment, counter: u8, counter_minor: u64) -> Exchange {
    let Payment { debit, credit, minor, value_date, .. } = *payment;
    Exchange { debit, credit, minor, counter, counter_minor, value_date }
}

/// What a payment sells and buys.
pub(crate) fn pair(payment: &Payment, order: &FxOrder) -> Pair {
    Pair { sold: payment.currency, bought: order.counter }
}
