//! Money: amounts in minor units with their currency inside, checked arithmetic only.
//!
//! `rust_decimal` appears here for output only; no sum is ever made with it.

use std::fmt;

use rust_decimal::Decimal;

pub use crate::currency::Currency;

/// The largest amount in minor units, 10^18 - 1: ISO 20022 amounts have at most 18 digits.
pub const MINOR_MAX: u64 = 999_999_999_999_999_999;

/// Why something is no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an ISO 4217 code with minor units.
    #[error("currency is unknown or has no minor units")]
    UnknownCurrency,
    /// Not digits with at most one decimal point between them.
    #[error("amount is not a plain decimal number")]
    Malformed,
    /// More digits after the point than the currency has.
    #[error("amount has more fraction digits than its currency")]
    TooManyFractionDigits,
    /// Above [`MINOR_MAX`].
    #[error("amount exceeds 18 digits")]
    TooLarge,
    /// A difference below zero.
    #[error("difference is below zero")]
    BelowZero,
    /// Two amounts of different currencies.
    #[error("currencies differ")]
    CurrencyMismatch,
}

/// An amount of money: 0 to [`MINOR_MAX`] minor units of one currency.
///
/// ```
/// use ledger::{Amount, Currency};
/// let usd = Currency::parse("USD")?;
/// let amount = Amount::parse("1250.5", usd)?;
/// assert_eq!(amount.minor(), 125_050);
/// assert_eq!(amount.to_string(), "1250.50 USD");
/// # Ok::<(), ledger::MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: u64,
    currency: Currency,
}

impl Amount {
    /// An amount of `minor` minor units.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`] above [`MINOR_MAX`].
    pub const fn new(minor: u64, currency: Currency) -> Result<Self, MoneyError> {
        if minor > MINOR_MAX {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self { minor, currency })
    }

    /// Minor units, 0 to [`MINOR_MAX`].
    pub const fn minor(self) -> u64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::TooLarge`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        // Two values below 10^18 cannot overflow a u64.
        Self::new(self.minor + other.minor, self.currency)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::BelowZero`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::BelowZero)?;
        Self::new(minor, self.currency)
    }

    /// Reads a plain decimal number such as `1250`, `1250.5` or `1250.00`.
    ///
    /// Fewer fraction digits than the currency has are fine, more are not, even if they are zeros.
    ///
    /// # Errors
    /// [`MoneyError::Malformed`] (signs, exponents, spaces, nothing before or after the point),
    /// [`MoneyError::TooManyFractionDigits`], [`MoneyError::TooLarge`].
    pub fn parse(number: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, fraction) = match number.split_once('.') {
            Some((_, "")) => return Err(MoneyError::Malformed),
            Some(parts) => parts,
            None => (number, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(MoneyError::Malformed);
        }
        let digits = usize::from(currency.digits());
        let missing =
            digits.checked_sub(fraction.len()).ok_or(MoneyError::TooManyFractionDigits)?;
        let zeros = std::iter::repeat_n(b'0', missing);
        let minor = whole
            .bytes()
            .chain(fraction.bytes())
            .chain(zeros)
            .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            .ok_or(MoneyError::TooLarge)?;
        Self::new(minor, currency)
    }

    /// Reads a number and a currency code with one space between them: `1250.00 USD`.
    ///
    /// # Errors
    /// As [`Amount::parse`] and [`Currency::parse`].
    pub fn parse_text(text: &str) -> Result<Self, MoneyError> {
        let (number, code) = text.split_once(' ').ok_or(MoneyError::Malformed)?;
        Self::parse(number, Currency::parse(code)?)
    }

    /// The amount in major units, exact, with the currency's number of fraction digits.
    ///
    /// For printing and for rates; never for sums.
    pub fn to_decimal(self) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(self.minor), u32::from(self.currency.digits()))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }
}

/// Exactly the currency's digits: `0.05 USD`, `123 JPY`, `123.450 KWD`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn text_has_exactly_the_digits_of_the_currency() {
        for text in ["0.05 USD", "123 JPY", "123.450 KWD", "0 JPY", "0.00 EUR", "1.0000 CLF"] {
            assert_eq!(Amount::parse_text(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn fewer_fraction_digits_are_accepted() {
        for (text, minor) in [("100 EUR", 10_000), ("100.0 EUR", 10_000), ("007.5 KWD", 7_500)] {
            assert_eq!(Amount::parse_text(text).unwrap().minor(), minor, "{text}");
        }
    }

    #[test]
    fn refusals_are_named() {
        use MoneyError::{Malformed, TooLarge, TooManyFractionDigits, UnknownCurrency};
        for (text, error) in [
            ("1.000 EUR", TooManyFractionDigits),
            ("1.0 JPY", TooManyFractionDigits),
            ("+1 EUR", Malformed),
            ("-1 EUR", Malformed),
            ("1e3 EUR", Malformed),
            ("1,00 EUR", Malformed),
            ("1. EUR", Malformed),
            (".5 EUR", Malformed),
            (". EUR", Malformed),
            ("1.0.0 EUR", Malformed),
            (" EUR", Malformed),
            ("1  EUR", UnknownCurrency),
            ("1 EUR ", UnknownCurrency),
            ("1EUR", Malformed),
            ("\u{0661} EUR", Malformed),
            ("1 XAU", UnknownCurrency),
            ("10000000000000000.00 EUR", TooLarge),
            ("99999999999999999999999999 JPY", TooLarge),
        ] {
            assert_eq!(Amount::parse_text(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_range_ends_at_18_digits() {
        let most = Amount::parse_text("9999999999999999.99 EUR").unwrap();
        assert_eq!(most.minor(), MINOR_MAX);
        assert_eq!(most.to_string(), "9999999999999999.99 EUR");
        assert_eq!(Amount::new(MINOR_MAX + 1, currency("EUR")), Err(MoneyError::TooLarge));
        let cent = Amount::new(1, currency("EUR")).unwrap();
        assert_eq!(most.checked_add(cent), Err(MoneyError::TooLarge));
        assert_eq!(most.checked_add(most), Err(MoneyError::TooLarge));
    }

    #[test]
    fn currencies_never_mix() {
        let (eur, usd) = (currency("EUR"), currency("USD"));
        let (a, b) = (Amount::new(2, eur).unwrap(), Amount::new(1, usd).unwrap());
        assert_eq!(a.checked_add(b), Err(MoneyError::CurrencyMismatch));
        assert_eq!(a.checked_sub(b), Err(MoneyError::CurrencyMismatch));
        let b = Amount::new(1, eur).unwrap();
        assert_eq!(b.checked_sub(a), Err(MoneyError::BelowZero));
        assert_eq!(a.checked_sub(b), Amount::new(1, eur));
    }

    proptest! {
        #[test]
        fn parse_inverts_display(minor in 0..=MINOR_MAX, pick in any::<prop::sample::Index>()) {
            let all: Vec<Currency> = Currency::all().collect();
            let amount = Amount::new(minor, *pick.get(&all)).unwrap();
            prop_assert_eq!(Amount::parse_text(&amount.to_string()), Ok(amount));
        }
    }
}
