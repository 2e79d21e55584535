//! Which quotes cover an order.

use super::book::Book;
use super::ladder::LadderId;
use super::price::Price;
use super::{FILLS_MAX, Pair};

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

/// A part of an order and the quote that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    pub(crate) ladder: LadderId,
    pub(crate) index: u8,
    /// Minor units sold to the provider, and bought from it.
    pub(crate) sold: u64,
    pub(crate) bought: u64,
}

/// The quotes that cover the whole of an order, the best first, at most [`FILLS_MAX`] of them; each
/// is used up before the next is touched, and the last takes what remains. None of them is worse
/// than the limit, and together they give at least amount × limit, rounded down. A quote that would
/// give nothing for its part is passed over.
pub(crate) fn cover(book: &Book, demand: &Demand, now_ms: u64) -> Option<Vec<Draw>> {
    let mut draws = Vec::new();
    let (mut left, mut bought) = (demand.minor, 0_u128);
    for (rung, standing) in book.best(demand.pair) {
        if standing.price() < demand.limit || draws.len() == FILLS_MAX {
            return None;
        }
        let sold = left.min(standing.left());
        let gives = standing.gives_for(sold);
        if gives == 0 || standing.quote.not_after_ms < now_ms {
            continue;
        }
        draws.push(Draw { ladder: rung.ladder, index: rung.index, sold, bought: gives });
        left -= sold;
        bought += u128::from(gives);
        if left == 0 {
            let least = demand.limit.buys(demand.minor, demand.digits);
            return (bought >= least).then_some(draws);
        }
    }
    None
}
