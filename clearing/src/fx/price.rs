//! Prices as exact fractions, and amounts at a price.

use std::cmp::Ordering;

use channel::{RATE_SCALE_MAX, Rate};

/// Major units bought for one major unit sold. Compared by value, exactly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Price {
    bought: u64,
    sold: u64,
}

impl Price {
    /// A rate that is in units bought per unit sold.
    pub(crate) fn direct(rate: Rate) -> Self {
        Self { bought: rate.mantissa(), sold: unit(rate) }
    }

    /// A rate that is in units sold per unit bought.
    pub(crate) fn inverse(rate: Rate) -> Self {
        Self { bought: unit(rate), sold: rate.mantissa() }
    }

    /// What so many minor units sold buy, rounded down to the minor unit. `digits` are those of the
    /// currencies sold and bought. At most 10^18 · 10^12 · 10^4: no overflow.
    pub(crate) fn buys(self, minor: u64, digits: (u8, u8)) -> u128 {
        let (numerator, denominator) = self.in_minor_units(digits);
        u128::from(minor) * numerator / denominator
    }

    /// What buying so many minor units costs, rounded up to the minor unit.
    pub(crate) fn costs(self, minor: u64, digits: (u8, u8)) -> u128 {
        let (numerator, denominator) = self.in_minor_units(digits);
        (u128::from(minor) * denominator).div_ceil(numerator)
    }

    /// The midpoint of a bid and an ask, in units of the quote currency per unit of the base: what a
    /// unit of the base currency sells for at `bid`, and what `ask` gives for a unit of the quote
    /// currency. Rounded half to even at the last digit that a rate has room for. Nothing if the bid
    /// is above the ask. At most 2 · 10^12 · 10^12 · 10^10: no overflow.
    pub(crate) fn midpoint(bid: Self, ask: Self) -> Option<Rate> {
        let (bid_quote, bid_base) = (u128::from(bid.bought), u128::from(bid.sold));
        let (ask_base, ask_quote) = (u128::from(ask.bought), u128::from(ask.sold));
        let (low, high) = (bid_quote * ask_base, ask_quote * bid_base);
        if low > high {
            return None;
        }
        let denominator = 2 * bid_base * ask_base;
        let rounded = |scale: u8| {
            let numerator = (low + high) * 10_u128.pow(scale.into());
            let (whole, rest) = (numerator / denominator, numerator % denominator);
            let up = rest > denominator - rest || rest == denominator - rest && whole % 2 == 1;
            Rate::new(u64::try_from(whole + u128::from(up)).ok()?, scale)
        };
        let finest = (0..=RATE_SCALE_MAX).rev().find_map(rounded)?;
        let (mut mantissa, mut scale) = (finest.mantissa(), finest.scale());
        while scale > 0 && mantissa.is_multiple_of(10) {
            (mantissa, scale) = (mantissa / 10, scale - 1);
        }
        Rate::new(mantissa, scale)
    }

    fn in_minor_units(self, (sold, bought): (u8, u8)) -> (u128, u128) {
        let scale = |digits: u8| 10_u128.pow(digits.into());
        (u128::from(self.bought) * scale(bought), u128::from(self.sold) * scale(sold))
    }

    /// Units bought and units sold, as they were given.
    pub(crate) fn parts(self) -> (u64, u64) {
        (self.bought, self.sold)
    }
}

fn unit(rate: Rate) -> u64 {
    10_u64.pow(rate.scale().into())
}

impl PartialEq for Price {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Price {}

impl PartialOrd for Price {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Price {
    fn cmp(&self, other: &Self) -> Ordering {
        let ours = u128::from(self.bought) * u128::from(other.sold);
        let theirs = u128::from(other.bought) * u128::from(self.sold);
        ours.cmp(&theirs)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap()
    }

    #[test]
    fn prices_compare_by_value() {
        let price = |text| Price::direct(rate(text));
        assert_eq!(price("1.0"), price("1.00"));
        assert!(price("1.0825") > price("1.08249"));
        assert_eq!(Price::inverse(rate("0.5")), price("2"));
        assert!(Price::inverse(rate("1.0827")) < price("0.92362"));
        assert!(Price::inverse(rate("1.0827")) > price("0.92361"));
    }

    #[test]
    fn amounts_are_rounded_as_named() {
        // 100.00 EUR at 1.08255 are 108.255 USD.
        let price = Price::direct(rate("1.08255"));
        assert_eq!((price.buys(10_000, (2, 2)), price.costs(10_825, (2, 2))), (10_825, 10_000));
        // 1 USD is 151.239 JPY; a yen has no minor unit.
        let yen = Price::direct(rate("151.239"));
        assert_eq!((yen.buys(100, (2, 0)), yen.costs(151, (2, 0))), (151, 100));
        // The largest amounts at the extreme rates.
        let most = ledger::MINOR_MAX;
        assert_eq!(
            Price::direct(rate("1000000000000")).buys(most, (0, 4)),
            u128::from(most) * 10_u128.pow(16)
        );
        assert_eq!(Price::direct(rate("0.0000000001")).buys(1, (4, 0)), 0);
    }

    #[test]
    fn midpoints_are_rounded_half_to_even() {
        let midpoint = |bid, ask| {
            let rate = Price::midpoint(Price::direct(rate(bid)), Price::inverse(rate(ask)));
            rate.map(|rate| rate.to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(midpoint("1.0825", "1.0829"), is("1.0827"));
        assert_eq!(midpoint("1.0825", "1.0826"), is("1.08255"));
        assert_eq!(midpoint("1.10", "1.1"), is("1.1"), "locked");
        assert_eq!(midpoint("1.0826", "1.0825"), None, "crossed");
        assert_eq!(midpoint("0.0000000001", "0.0000000002"), is("0.0000000002"));
        assert_eq!(midpoint("0.0000000002", "0.0000000003"), is("0.0000000002"));
        assert_eq!(midpoint("99.5", "999999999999"), is("500000000049"));
        assert_eq!(midpoint("1000000000000", "1000000000000"), is("1000000000000"));
        // Asks that are bids of the inverse pair: 1 / 3 and a bid of 0.3.
        let third = Price::midpoint(Price::direct(rate("0.3")), Price::direct(rate("3")));
        assert_eq!(third.map(|rate| rate.to_string()), is("0.3166666667"));
    }

    proptest! {
        /// The midpoint lies between the two, but for its own rounding.
        #[test]
        fn midpoints_lie_between(
            bid in (1_u64..=1_000_000_000_000, 0_u8..=10),
            ask in (1_u64..=1_000_000_000_000, 0_u8..=10),
        ) {
            let [bid, ask] = [bid, ask].map(|(mantissa, scale)| Rate::new(mantissa, scale).unwrap());
            let (low, high) = (Price::direct(bid), Price::direct(ask));
            let midpoint = Price::midpoint(low, Price::inverse(ask));
            prop_assert_eq!(midpoint.is_none(), low > high);
            if let Some(midpoint) = midpoint.map(Price::direct) {
                prop_assert!((low..=high).contains(&midpoint));
            }
        }

        /// What one buys costs no more than one had, and one unit more would.
        #[test]
        fn buying_and_costing_fit(
            minor in 1_u64..1_000_000_000,
            mantissa in 1_u64..1_000_000,
            scale in 0_u8..7,
            digits in (0_u8..4, 0_u8..4),
        ) {
            let price = Price::direct(Rate::new(mantissa, scale).unwrap());
            if let Ok(bought) = u64::try_from(price.buys(minor, digits)) {
                prop_assert!(price.costs(bought, digits) <= u128::from(minor));
                prop_assert!(price.costs(bought + 1, digits) > u128::from(minor));
            }
        }
    }
}
