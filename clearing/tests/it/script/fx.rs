//! The words of foreign exchange.

use channel::{CommandBody, FxTerms, MessageKind, OrderHeader, ParticipantId, Quote, Rate, Side};
use ledger::Amount;

use super::{Script, Words, instant, minor, who};
use crate::desk::currency;

/// Makes an FX order of what stands behind its amount: `for 110.00 USD`, or `to USD at 1.0825`.
pub(super) fn exchange(order: &mut OrderHeader, words: &Words<'_>) {
    match words.0.get(4) {
        Some(&"for") => {
            let counter = Amount::parse(words.0[5], currency(words.0[6])).unwrap();
            order.kind = MessageKind::FxInstruction;
            order.fx = Some(FxTerms::Instruction { counter });
        }
        Some(&"to") => {
            let limit = Rate::parse(words.0[7]).unwrap();
            order.kind = MessageKind::FxPayment;
            order.fx = Some(FxTerms::Payment { currency: currency(words.0[5]), limit });
        }
        _ => {}
    }
}

/// `lp1 EUR/USD bid 1000.00 1.0825 ask 500.00 1.0827 until=08:10`
pub(super) fn quotes(words: &Words<'_>, now_ms: u64) -> (ParticipantId, CommandBody) {
    let (base, quote) = words.0[1].split_once('/').unwrap();
    let not_after_ms = words.get("until").map_or(now_ms + 3_600_000, instant);
    let plain: Vec<&str> =
        words.0[2..].iter().filter(|word| !word.contains('=')).copied().collect();
    let quotes = plain.chunks(3).map(|word| Quote {
        side: if word[0] == "bid" { Side::Bid } else { Side::Ask },
        size: minor(word[1], base),
        rate: Rate::parse(word[2]).unwrap(),
        not_after_ms,
    });
    let quotes = quotes.collect();
    let (base, quote) = (currency(base), currency(quote));
    (who(words.0[0]), CommandBody::SetQuotes { base, quote, quotes })
}

impl Script {
    /// `C1 EUR USD lp1 60.00 64.95 lp2 40.00 43.28`: with whom (`midpoint` = it crosses), what is sold, what is bought.
    pub(super) fn compare_fills(&self, at: &str, words: &Words<'_>) {
        let (sold, bought) = (words.0[1], words.0[2]);
        let with = |word| (word != "midpoint").then(|| who(word));
        let expected: Vec<_> = words.0[3..]
            .chunks(3)
            .map(|word| (with(word[0]), minor(word[1], sold), minor(word[2], bought)))
            .collect();
        let fills = self.desk.pool.fills(self.places[words.0[0]]).unwrap_or_default();
        let found: Vec<_> =
            fills.iter().map(|fill| (fill.provider(), fill.sold, fill.bought)).collect();
        assert_eq!(found, expected, "{at}");
    }

    /// `lp1 EUR/USD 60.00 EUR`: what of the first of its quotes that stand is taken.
    pub(super) fn compare_taken(&self, at: &str, words: &Words<'_>) {
        let (base, quote) = words.0[1].split_once('/').unwrap();
        let (base, quote) = (currency(base), currency(quote));
        let mut quotes = self.desk.pool.quotes();
        let found = quotes
            .find(|it| it.provider == who(words.0[0]) && (it.base, it.quote) == (base, quote))
            .map(|it| it.taken);
        let expected = (words.0[2] != "none").then(|| minor(words.0[2], words.0[3]));
        assert_eq!(found, expected, "{at}");
    }
}
