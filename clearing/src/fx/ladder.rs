//! A ladder: the quotes of one provider for one pair.

use channel::{ParticipantId, Quote, RequestId, Side};
use ledger::{Currency, Hash, MINOR_MAX};

use super::Pair;
use super::price::Price;
use crate::record::Place;

/// Whose quotes of which pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LadderId {
    /// The provider's index.
    pub(crate) provider: u32,
    /// The currencies' indices.
    pub(crate) base: u8,
    pub(crate) quote: u8,
}

impl LadderId {
    /// What an order sells and buys that is matched with a quote of this side.
    pub(crate) fn pair(self, side: Side) -> Pair {
        match side {
            Side::Bid => Pair { sold: self.base, bought: self.quote },
            Side::Ask => Pair { sold: self.quote, bought: self.base },
        }
    }
}

/// A quote that stands, as an order meets it: all in the order's direction.
///
/// The provider takes `size` in parts of any length. What it gives for the first n units taken is
/// a function of n alone, so that all parts add up exactly: to floor(size × rate) of the quote
/// currency for a bid, to the size for an ask, of which the orders pay ceil(size × rate).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its index in its command.
    pub(crate) index: u8,
    pub(crate) quote: Quote,
    /// What orders may sell to it in all, minor units of the currency sold.
    pub(crate) size: u64,
    /// What it gives for all of that, minor units of the currency bought.
    gives: u64,
    /// How much of the size is taken.
    pub(crate) taken: u64,
    /// Digits of the currencies sold and bought.
    digits: (u8, u8),
}

impl Standing {
    /// A quote of which nothing is taken; nothing if it is worth less than a minor unit or more
    /// than an amount can be. `digits` are those of base and quote currency.
    pub(crate) fn new(index: u8, quote: Quote, (base, counter): (u8, u8)) -> Option<Self> {
        let (size, gives, digits) = match quote.side {
            Side::Bid => {
                let digits = (base, counter);
                (quote.size.into(), Price::direct(quote.rate).buys(quote.size, digits), digits)
            }
            Side::Ask => {
                let digits = (counter, base);
                (Price::inverse(quote.rate).costs(quote.size, digits), quote.size.into(), digits)
            }
        };
        let amount =
            |minor: u128| u64::try_from(minor).ok().filter(|minor| (1..=MINOR_MAX).contains(minor));
        Some(Self { index, quote, size: amount(size)?, gives: amount(gives)?, taken: 0, digits })
    }

    pub(crate) fn price(&self) -> Price {
        match self.quote.side {
            Side::Bid => Price::direct(self.quote.rate),
            Side::Ask => Price::inverse(self.quote.rate),
        }
    }

    /// How much more orders may sell to it.
    pub(crate) fn left(&self) -> u64 {
        self.size - self.taken
    }

    /// What it gives for so much more.
    pub(crate) fn gives_for(&self, sold: u64) -> u64 {
        self.given(self.taken + sold) - self.given(self.taken)
    }

    /// What it has given once so much is taken: rounded down, and never more than the whole.
    fn given(&self, taken: u64) -> u64 {
        let exact = self.price().buys(taken, self.digits);
        u64::try_from(exact).unwrap_or(u64::MAX).min(self.gives)
    }
}

/// What stands of the latest quotes of one provider for one pair, and which command set them. That
/// command is remembered here alone: an earlier one is superseded by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ladder {
    pub(crate) request: RequestId,
    /// SHA-256 of the command.
    pub(crate) digest: Hash,
    pub(crate) issued_at_ms: u64,
    /// Where the command stands.
    pub(crate) place: Place,
    /// By index; those that were used up or have lapsed are gone.
    pub(crate) quotes: Vec<Standing>,
}

/// A quote that stands, for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingQuote {
    /// Who gave it.
    pub provider: ParticipantId,
    /// The currency of its size.
    pub base: Currency,
    /// The currency of its price.
    pub quote: Currency,
    /// As it was given.
    pub given: Quote,
    /// The place of the command that set it.
    pub place: Place,
    /// Its index in that command.
    pub index: u8,
    /// What orders may sell to it in all: minor units of the base currency for a bid, of the quote
    /// currency for an ask.
    pub size: u64,
    /// How much of that is taken by matches.
    pub taken: u64,
}

#[cfg(test)]
mod tests {
    use channel::Rate;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However a quote is cut into parts, they add up to the whole, and none is worth more than
        /// its price but for the rounding of the part before.
        #[test]
        fn parts_add_up(
            size in 1_u64..1_000_000,
            mantissa in 1_u64..10_000_000,
            scale in 0_u8..8,
            digits in (0_u8..4, 0_u8..4),
            ask: bool,
            cuts in prop::collection::vec(1_u64..100_000, 0..40),
        ) {
            let side = if ask { Side::Ask } else { Side::Bid };
            let rate = Rate::new(mantissa, scale).unwrap();
            let quote = Quote { side, size, rate, not_after_ms: 1 };
            let Some(mut standing) = Standing::new(0, quote, digits) else { return Ok(()) };
            let (exact_base, exact_quote) = (u128::from(size), {
                let unit = 10_u128.pow(u32::from(scale) + u32::from(digits.0));
                let product = u128::from(size) * u128::from(mantissa) * 10_u128.pow(digits.1.into());
                if ask { product.div_ceil(unit) } else { product / unit }
            });
            let (mut sold, mut bought) = (0_u128, 0_u128);
            for cut in cuts.into_iter().chain([u64::MAX]) {
                let part = cut.min(standing.left());
                sold += u128::from(part);
                bought += u128::from(standing.gives_for(part));
                standing.taken += part;
                prop_assert!(bought <= standing.price().buys(standing.taken, standing.digits));
            }
            let whole = if ask { (exact_quote, exact_base) } else { (exact_base, exact_quote) };
            prop_assert_eq!((sold, bought), whole);
        }
    }
}
