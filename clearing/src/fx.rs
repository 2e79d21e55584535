//! Foreign exchange: two-sided instructions, quotes, and payments across currencies.
//!
//! | what | where |
//! |---|---|
//! | prices as exact fractions, conversions with a named rounding | `price` |
//! | the quotes that stand, best first | `book`, `ladder` |
//! | which quotes cover an order | `cover` |
//! | the orders that wait for a match, and their matches | `orders` |
//! | an exchange of two instructions | `instruct` |
//! | an FX payment and its legs: matched, lapsed, settled | `matching` |
//! | opposite FX payments that exchange with each other | `crossing` |
//! | the command that sets quotes | `quote` |
//! | canonical bytes, roots, invariants | `state`, `check` |
//!
//! What a match moves is a link group: it settles as a whole or not at all, in a cycle like any
//! other. Nothing is reserved. An exchange of two instructions binds both; the match of a payment
//! lapses after a while, and then the payment looks for another.

mod book;
mod check;
mod cover;
mod crossing;
mod instruct;
mod ladder;
mod matching;
mod orders;
mod price;
mod quote;
mod state;

use ledger::Hash;
use sha2::{Digest, Sha256};

pub(crate) use self::book::Book;
pub use self::ladder::StandingQuote;
pub(crate) use self::orders::{Orders, Terms};
pub use self::quote::{LADDERS_MAX, PROVIDER_QUOTES_MAX, STANDING_QUOTES_MAX};
use crate::outcome::Change;
use crate::record::Place;

/// Quotes and opposite payments that one FX payment may be matched with, at most: it then has twice
/// as many legs.
pub const FILLS_MAX: usize = 8;

/// The currencies of an order, by index: what is sold and what is bought for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) sold: u8,
    pub(crate) bought: u8,
}

impl Pair {
    /// What the other side sells and buys.
    pub(crate) fn opposite(self) -> Self {
        Self { sold: self.bought, bought: self.sold }
    }
}

/// The state of foreign exchange in a pool.
#[derive(Debug, Default)]
pub(crate) struct Fx {
    pub(crate) book: Book,
    pub(crate) orders: Orders,
    /// Legs made within this record.
    pub(crate) legs: usize,
    /// FX payments that settled within this record: they are told of at its end.
    pub(crate) settled: Vec<Change>,
}

impl Fx {
    /// The place of the next leg made within the record at this position.
    fn next_leg(&mut self, position: u64) -> Place {
        self.legs += 1;
        Place::new(position, channel::BATCH_ORDERS_MAX + self.legs - 1)
    }

    /// All legs of a match settled: forgets the payments it was of.
    pub(crate) fn forget_match(&mut self, lead: Place) {
        let matched = self.orders.remove(lead).and_then(|order| order.matched);
        for follower in matched.iter().flat_map(|matched| matched.crossed()) {
            self.orders.remove(follower);
        }
    }

    pub(crate) fn root(&mut self) -> Hash {
        join(self.book.root(), self.orders.root())
    }

    pub(crate) fn recompute_root(&self) -> Hash {
        join(self.book.recompute_root(), self.orders.recompute_root())
    }
}

fn join(book: Hash, orders: Hash) -> Hash {
    Sha256::new_with_prefix(b"causeway/1 fx")
        .chain_update(book)
        .chain_update(orders)
        .finalize()
        .into()
}
