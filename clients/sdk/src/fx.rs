//! Quotes of liquidity providers: making and reading them. What is exchanged are orders
//! ([`crate::OrderBuilder::buys`], [`crate::OrderBuilder::converts_to`]).

use channel::{CommandBody, QUOTES_PER_COMMAND_MAX, Quote, Rate, Side};
use ledger::{Amount, Currency};

use crate::Error;

/// Makes the body of a command that sets a provider's quotes of one pair: all of them, in the
/// place of those before. Without any, it takes them back.
///
/// ```
/// use sdk::QuoteBuilder;
///
/// let quotes = QuoteBuilder::new("EUR/USD", 1_772_431_260_000)
///     .bid("1000000.00", "1.0825")
///     .bid("2500000.00", "1.0820")
///     .ask("1000000.00", "1.0829")
///     .build()?;
/// # let _ = quotes;
/// # Ok::<(), sdk::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until build is called"]
pub struct QuoteBuilder {
    pair: String,
    not_after_ms: u64,
    quotes: Vec<(Side, String, String, u64)>,
}

impl QuoteBuilder {
    /// Quotes of a pair, as text: `EUR/USD` is quoted in dollars per euro, and sizes are euros.
    /// They stand until `not_after_ms`, ms since the Unix epoch.
    pub fn new(pair: &str, not_after_ms: u64) -> Self {
        Self { pair: pair.to_owned(), not_after_ms, quotes: Vec::new() }
    }

    /// Another end of validity for the quotes that follow, ms since the Unix epoch.
    pub fn valid_until(mut self, not_after_ms: u64) -> Self {
        self.not_after_ms = not_after_ms;
        self
    }

    /// The provider buys up to `size` (in the base currency, such as `1000000.00`) at this rate.
    pub fn bid(self, size: &str, rate: &str) -> Self {
        self.quote(Side::Bid, size, rate)
    }

    /// The provider sells up to `size` (in the base currency) at this rate.
    pub fn ask(self, size: &str, rate: &str) -> Self {
        self.quote(Side::Ask, size, rate)
    }

    /// One quote.
    pub fn quote(mut self, side: Side, size: &str, rate: &str) -> Self {
        self.quotes.push((side, size.to_owned(), rate.to_owned(), self.not_after_ms));
        self
    }

    /// The command's body, for [`crate::Client::sign_command`] or [`crate::Client::set_quotes`].
    ///
    /// # Errors
    /// [`Error::Config`] naming the field: more digits than a currency or a rate has, no such
    /// currency, more quotes than one command takes.
    pub fn build(self) -> Result<CommandBody, Error> {
        let (base, quote) = parse_pair(&self.pair)?;
        if self.quotes.len() > QUOTES_PER_COMMAND_MAX {
            let problem = format!("must be at most {QUOTES_PER_COMMAND_MAX}");
            return Err(Error::config("quotes", problem));
        }
        let one =
            |(at, (side, size, rate, not_after_ms)): (usize, &(Side, String, String, u64))| {
                let field = |name| format!("quotes[{at}].{name}");
                let size = Amount::parse(size, base)
                    .map_err(|error| Error::config(field("size"), error))?
                    .minor();
                if size == 0 {
                    return Err(Error::config(field("size"), "must be above zero"));
                }
                if *not_after_ms == 0 {
                    return Err(Error::config(field("not_after"), "must be an instant"));
                }
                let rate = parse_rate(&field("rate"), rate)?;
                Ok(Quote { side: *side, size, rate, not_after_ms: *not_after_ms })
            };
        let quotes = self.quotes.iter().enumerate().map(one).collect::<Result<_, _>>()?;
        Ok(CommandBody::SetQuotes { base, quote, quotes })
    }
}

/// A pair of currencies such as `EUR/USD`: base, then quote.
///
/// # Errors
/// [`Error::Config`] for anything else.
pub fn parse_pair(text: &str) -> Result<(Currency, Currency), Error> {
    let (base, quote) = text
        .split_once('/')
        .ok_or_else(|| Error::config("pair", "must be two currencies, such as EUR/USD"))?;
    let currency = |code| Currency::parse(code).map_err(|error| Error::config("pair", error));
    match (currency(base)?, currency(quote)?) {
        (base, quote) if base == quote => Err(Error::config("pair", "must be two currencies")),
        pair => Ok(pair),
    }
}

/// A rate of a plain decimal number, exactly.
pub(crate) fn parse_rate(field: &str, text: &str) -> Result<Rate, Error> {
    Rate::parse(text).ok_or_else(|| {
        let problem = "must be a decimal number above zero with at most ten digits behind the \
                       point, 10^12 in all";
        Error::config(field, problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_read_exactly() {
        let body = QuoteBuilder::new("EUR/JPY", 5).bid("1.50", "160.5").ask("2", "161").build();
        let CommandBody::SetQuotes { base, quote, quotes } = body.unwrap() else {
            panic!("no quotes")
        };
        assert_eq!((base.as_str(), quote.as_str()), ("EUR", "JPY"));
        let rate = |text| Rate::parse(text).unwrap();
        let quote = |side, size, rate| Quote { side, size, rate, not_after_ms: 5 };
        let expected = [quote(Side::Bid, 150, rate("160.5")), quote(Side::Ask, 200, rate("161"))];
        assert_eq!(quotes, expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let field = |builder: QuoteBuilder| {
            let error = builder.build().unwrap_err();
            error.field().unwrap().to_owned()
        };
        let new = || QuoteBuilder::new("EUR/USD", 5);
        for pair in ["EURUSD", "EUR/EUR", "EUR/usd", "EUR/", "EUR/USD/JPY"] {
            assert_eq!(field(QuoteBuilder::new(pair, 5)), "pair", "{pair}");
        }
        assert_eq!(field(new().bid("1", "1").ask("1.005", "1")), "quotes[1].size");
        assert_eq!(field(new().bid("0", "1")), "quotes[0].size");
        assert_eq!(field(new().bid("1", "0")), "quotes[0].rate");
        assert_eq!(field(new().valid_until(0).bid("1", "1")), "quotes[0].not_after");
        let many = (0..65).fold(new(), |builder, _| builder.bid("1", "1"));
        assert_eq!(field(many), "quotes");
    }
}
