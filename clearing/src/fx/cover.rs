//! Which quotes cover an order, or what crossings leave of it.

use super::book::Book;
use super::ladder::LadderId;
use super::price::Price;
use super::{FILLS_MAX, Pair};
use crate::record::Place;

/// What an order asks of the quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    pub(crate) pair: Pair,
    /// Digits of the currencies sold and bought.
    pub(crate) digits: (u8, u8),
    /// Minor units sold.
    pub(crate) minor: u64,
    pub(crate) limit: Price,
}

/// A part of an order and what takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    pub(crate) from: From,
    /// Minor units sold to it, and bought from it.
    pub(crate) sold: u64,
    pub(crate) bought: u64,
}

/// What takes a part of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// A quote: by its ladder, and its index in that.
    Quote(LadderId, u8),
    /// An opposite order.
    Order(Place),
}

/// The quotes that cover an order, or what is left of it behind what it draws already; with those at
/// most [`FILLS_MAX`]. The best comes first; each is used up before the next is touched, and the last
/// takes what remains. None of them is worse than the limit, and all together give at least amount ×
/// limit, rounded down. A quote that would give nothing for its part is passed over.
pub(crate) fn cover(
    book: &Book,
    demand: &Demand,
    mut draws: Vec<Draw>,
    now_ms: u64,
) -> Option<Vec<Draw>> {
    let mut left = demand.minor - draws.iter().map(|draw| draw.sold).sum::<u64>();
    for (rung, standing) in book.best(demand.pair) {
        if left == 0 || standing.price() < demand.limit || draws.len() == FILLS_MAX {
            break;
        }
        let sold = left.min(standing.left());
        let gives = standing.gives_for(sold);
        if gives == 0 || standing.quote.not_after_ms < now_ms {
            continue;
        }
        let from = From::Quote(rung.ladder, rung.index);
        draws.push(Draw { from, sold, bought: gives });
        left -= sold;
    }
    let bought: u128 = draws.iter().map(|draw| u128::from(draw.bought)).sum();
    let enough = bought >= demand.limit.buys(demand.minor, demand.digits);
    (left == 0 && enough).then_some(draws)
}
