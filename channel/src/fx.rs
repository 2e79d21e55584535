//! Foreign exchange in words: a rate, and what an order of two currencies says beyond its amount.

use ledger::{Amount, Currency};

use crate::bytes::{DecodeError, Reader, Writer};

/// Digits behind the decimal point of a rate, at most.
pub const RATE_SCALE_MAX: u8 = 10;
/// The greatest mantissa of a rate.
pub const RATE_MANTISSA_MAX: u64 = 1_000_000_000_000;

/// A rate of exchange, `mantissa / 10^scale`: major units of one currency per major unit of another.
///
/// `1.08250` is `(108250, 5)`. Rates of different scales may be equal in value; the bytes that were
/// signed stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    mantissa: u64,
    scale: u8,
}

impl Rate {
    /// A rate; nothing unless the mantissa is 1 to [`RATE_MANTISSA_MAX`] and the scale at most
    /// [`RATE_SCALE_MAX`].
    #[must_use]
    pub fn new(mantissa: u64, scale: u8) -> Option<Self> {
        let holds = (1..=RATE_MANTISSA_MAX).contains(&mantissa) && scale <= RATE_SCALE_MAX;
        holds.then_some(Self { mantissa, scale })
    }

    /// Reads a plain decimal number such as `1.0825`, with at most [`RATE_SCALE_MAX`] digits behind
    /// the point; they are kept, so that `1.0` has scale 1.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let dangling = whole.is_empty() || text.ends_with('.');
        if dangling || !digits(whole) || !digits(fraction) {
            return None;
        }
        let mantissa = [whole, fraction].concat().parse().ok()?;
        Self::new(mantissa, u8::try_from(fraction.len()).ok()?)
    }

    /// The digits, as an integer.
    #[must_use]
    pub fn mantissa(self) -> u64 {
        self.mantissa
    }

    /// How many of the digits stand behind the decimal point.
    #[must_use]
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// `scale u8 ‖ mantissa u64`.
    pub fn write(self, writer: &mut Writer) {
        writer.u8(self.scale).u64(self.mantissa);
    }

    /// The inverse of [`Rate::write`].
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are missing or out of range.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let scale = reader.u8("rate_scale")?;
        let mantissa = reader.u64("rate_mantissa")?;
        Self::new(mantissa, scale).ok_or(DecodeError::Range { field: "rate_mantissa" })
    }
}

impl core::fmt::Display for Rate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let unit = 10_u64.pow(self.scale.into());
        let (whole, fraction) = (self.mantissa / unit, self.mantissa % unit);
        match self.scale {
            0 => write!(f, "{whole}"),
            scale => write!(f, "{whole}.{fraction:0width$}", width = usize::from(scale)),
        }
    }
}

/// What an order of two currencies says of the other one, the counter currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FxTerms {
    /// A two-sided instruction (fxtr.014): the sender sells its amount to the receiver and buys
    /// this from it. The receiver hands in the mirror image.
    Instruction {
        /// What the sender buys.
        counter: Amount,
    },
    /// A payment across currencies: the sender pays its amount, the receiver gets at least
    /// amount × limit of the counter currency, rounded down to its minor unit.
    Payment {
        /// What the receiver gets.
        currency: Currency,
        /// The least rate: major units of `currency` per major unit of the amount's currency.
        limit: Rate,
    },
}

impl FxTerms {
    /// The counter currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        match self {
            Self::Instruction { counter } => counter.currency(),
            Self::Payment { currency, .. } => *currency,
        }
    }
}

/// On which side of the market a quote stands, as its provider sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    /// The provider buys the base currency and pays the quote currency.
    Bid = 1,
    /// The provider sells the base currency and is paid the quote currency.
    Ask = 2,
}

/// Quotes in one `SetQuotes`, at most.
pub const QUOTES_PER_COMMAND_MAX: usize = 64;

/// A firm offer of a liquidity provider: up to `size` at `rate`, in parts if need be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Whether the provider buys or sells the base currency.
    pub side: Side,
    /// Minor units of the base currency, 1 to 10^18 − 1.
    pub size: u64,
    /// Major units of the quote currency per major unit of the base currency.
    pub rate: Rate,
    /// It lapses after this instant, ms since the Unix epoch; never 0.
    pub not_after_ms: u64,
}

impl Quote {
    /// `side u8 ‖ size u64 ‖ rate ‖ not after u64`.
    pub fn write(&self, writer: &mut Writer) {
        writer.u8(self.side as u8).u64(self.size);
        self.rate.write(writer);
        writer.u64(self.not_after_ms);
    }

    /// The inverse of [`Quote::write`].
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are missing or out of range.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let side = match reader.u8("side")? {
            1 => Side::Bid,
            2 => Side::Ask,
            value => return Err(DecodeError::Unknown { field: "side", value: value.into() }),
        };
        let size = reader.u64("size")?;
        if !(1..=ledger::MINOR_MAX).contains(&size) {
            return Err(DecodeError::Range { field: "size" });
        }
        let rate = Rate::read(reader)?;
        match reader.u64("not_after")? {
            0 => Err(DecodeError::Range { field: "not_after" }),
            not_after_ms => Ok(Self { side, size, rate, not_after_ms }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shown_as_decimals() {
        for text in ["1.0825", "0.0001", "151", "1.0", "1000000000000", "0.0000000001"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        for wrong in
            ["", ".5", "1.", "0", "0.0", "-1", "+1", "1e5", "1,5", "1.00000000000", "1000000000001"]
        {
            assert_eq!(Rate::parse(wrong), None, "{wrong:?}");
        }
    }
}
