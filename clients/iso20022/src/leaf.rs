//! The types of texts: what a value may look like.

use std::fmt;

use ledger::{Amount, Currency, MoneyError};

use crate::ErrorKind;
use crate::value::{Date, Uetr};

/// The type of a text, as the ISO 20022 schemas name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// At least one and at most this many characters (`MaxNText`, and codes of external lists).
    Text(u16),
    /// One to this many digits (`MaxNNumericText`).
    Digits(u16),
    /// Exactly this many letters or digits.
    Alphanumeric(u16),
    /// One of the codes.
    Code(&'static [&'static str]),
    /// A BIC of 8 or 11 characters.
    Bic,
    /// An IBAN with correct check digits.
    Iban,
    /// An LEI with correct check digits.
    Lei,
    /// Two capital letters.
    Country,
    /// Three capital letters.
    CurrencyCode,
    /// A date of the calendar without time zone, as `2026-11-23`.
    Date,
    /// A date and a time of day, with or without fraction and offset.
    DateTime,
    /// A time of day, with or without fraction and offset.
    Time,
    /// `true` or `false`, `1` or `0`.
    Boolean,
    /// A lower-case version 4 UUID.
    Uuid4,
    /// A plain decimal number: digits in all, digits after the point.
    Decimal(u8, u8),
    /// A phone number as `+44-2079460000`.
    Phone,
    /// An amount that settles: a known currency with its number of digits.
    Amount,
    /// An amount for information: a currency that is not known may have up to five digits.
    AnyAmount,
}

impl Leaf {
    /// Whether the element carries its currency as the attribute `Ccy`.
    pub(crate) fn has_currency(self) -> bool {
        matches!(self, Self::Amount | Self::AnyAmount)
    }

    /// Checks a text, and the currency of an amount.
    pub(crate) fn check(self, text: &str, currency: Option<&str>) -> Result<(), ErrorKind> {
        let fine = match self {
            Self::Text(max) => !text.is_empty() && text.chars().count() <= usize::from(max),
            Self::Digits(max) => (1..=usize::from(max)).contains(&text.len()) && digits(text),
            Self::Alphanumeric(length) => {
                text.len() == usize::from(length) && text.bytes().all(|b| b.is_ascii_alphanumeric())
            }
            Self::Code(codes) => codes.contains(&text),
            Self::Bic => is_bic(text),
            Self::Iban => is_iban(text),
            Self::Lei => is_lei(text),
            Self::Country => text.len() == 2 && capitals(text),
            Self::CurrencyCode => text.len() == 3 && capitals(text),
            Self::Date => Date::parse(text).is_some(),
            Self::DateTime => is_date_time(text),
            Self::Time => is_time(text),
            Self::Boolean => matches!(text, "true" | "false" | "1" | "0"),
            Self::Uuid4 => Uetr::parse(text).is_some(),
            Self::Decimal(total, fraction) => is_decimal(text, total.into(), fraction.into()),
            Self::Phone => is_phone(text),
            Self::Amount | Self::AnyAmount => {
                return self.check_amount(text, currency.ok_or(ErrorKind::MissingCurrency)?);
            }
        };
        if fine { Ok(()) } else { Err(ErrorKind::Invalid(self)) }
    }

    fn check_amount(self, text: &str, currency: &str) -> Result<(), ErrorKind> {
        match Currency::parse(currency).and_then(|currency| Amount::parse(text, currency)) {
            Ok(_) => Ok(()),
            Err(MoneyError::UnknownCurrency) if self == Self::AnyAmount => {
                if currency.len() == 3 && capitals(currency) && is_decimal(text, 18, 5) {
                    Ok(())
                } else {
                    Err(ErrorKind::Invalid(self))
                }
            }
            Err(error) => Err(ErrorKind::Amount(error)),
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(max) => write!(f, "a text of 1 to {max} characters"),
            Self::Digits(max) => write!(f, "a number of 1 to {max} digits"),
            Self::Alphanumeric(length) => write!(f, "{length} letters or digits"),
            Self::Code(codes) => write!(f, "one of {}", codes.join(", ")),
            Self::Bic => f.write_str("a BIC"),
            Self::Iban => f.write_str("an IBAN with correct check digits"),
            Self::Lei => f.write_str("an LEI with correct check digits"),
            Self::Country => f.write_str("a country code"),
            Self::CurrencyCode => f.write_str("a currency code"),
            Self::Date => f.write_str("a date as YYYY-MM-DD"),
            Self::DateTime => f.write_str("a date and time as YYYY-MM-DDThh:mm:ss+hh:mm"),
            Self::Time => f.write_str("a time as hh:mm:ss"),
            Self::Boolean => f.write_str("true or false"),
            Self::Uuid4 => f.write_str("a lower-case version 4 UUID"),
            Self::Decimal(total, fraction) => {
                write!(f, "a decimal number of {total} digits, {fraction} of them after the point")
            }
            Self::Phone => f.write_str("a phone number as +44-2079460000"),
            Self::Amount | Self::AnyAmount => f.write_str("an amount with its currency"),
        }
    }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn capitals(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase())
}

fn capitals_or_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Four letters or digits, a country, two letters or digits, and perhaps a branch of three.
pub(crate) fn is_bic(text: &str) -> bool {
    matches!(text.len(), 8 | 11) && capitals_or_digits(text) && text.get(4..6).is_some_and(capitals)
}

fn is_iban(text: &str) -> bool {
    let (Some(country), Some(check), Some(account)) =
        (text.get(..2), text.get(2..4), text.get(4..))
    else {
        return false;
    };
    (1..=30).contains(&account.len())
        && capitals(country)
        && digits(check)
        && account.bytes().all(|b| b.is_ascii_alphanumeric())
        && remainder_97(account.bytes().chain(text.bytes().take(4))) == 1
}

fn is_lei(text: &str) -> bool {
    text.len() == 20
        && capitals_or_digits(text)
        && text.get(18..).is_some_and(digits)
        && remainder_97(text.bytes()) == 1
}

/// ISO 7064 MOD 97-10 over letters (A = 10 to Z = 35) and digits.
fn remainder_97(characters: impl Iterator<Item = u8>) -> u32 {
    let values = characters.filter_map(|character| char::from(character).to_digit(36));
    values.fold(0, |remainder, value| {
        let shift = if value > 9 { 100 } else { 10 };
        (remainder * shift + value) % 97
    })
}

fn is_date_time(text: &str) -> bool {
    text.split_once('T').is_some_and(|(date, time)| Date::parse(date).is_some() && is_time(time))
}

fn is_time(text: &str) -> bool {
    let (time, zone) = match text.find(['Z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let fields = clock.split(':').map(two_digits).collect::<Option<Vec<u32>>>();
    let clock_fine = matches!(fields.as_deref(), Some([0..=23, 0..=59, 0..=59]));
    clock_fine && (1..=9).contains(&fraction.len()) && digits(fraction) && is_zone(zone)
}

/// Nothing, `Z`, or an offset of at most 14 hours.
fn is_zone(zone: &str) -> bool {
    if matches!(zone, "" | "Z") {
        return true;
    }
    let offset = zone.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
    let offset =
        offset.and_then(|(hours, minutes)| Some((two_digits(hours)?, two_digits(minutes)?)));
    matches!(offset, Some((0..=13, 0..=59) | (14, 0)))
}

fn two_digits(text: &str) -> Option<u32> {
    if text.len() == 2 && digits(text) { text.parse().ok() } else { None }
}

fn is_decimal(text: &str, total: usize, fraction: usize) -> bool {
    let (whole, part) = match text.split_once('.') {
        Some((_, "")) => return false,
        Some(parts) => parts,
        None => (text, ""),
    };
    !whole.is_empty()
        && digits(whole)
        && digits(part)
        && part.len() <= fraction
        && whole.len() + part.len() <= total
}

fn is_phone(text: &str) -> bool {
    text.strip_prefix('+').and_then(|rest| rest.split_once('-')).is_some_and(|(country, number)| {
        (1..=3).contains(&country.len())
            && digits(country)
            && (1..=30).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit() || b"()+-".contains(&b))
    })
}

#[cfg(test)]
mod tests;
