//! How the domain's values are shown.

use jiff::Timestamp;
use ledger::{Amount, Currency};
use sdk::v1;

use crate::output::{Cell, printable};

/// An instant in RFC 3339, UTC.
pub(crate) fn instant(at_ms: u64) -> String {
    let instant = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    instant.map_or_else(|| at_ms.to_string(), |instant| instant.to_string())
}

/// An instant, or nothing for 0.
pub(crate) fn instant_or_none(at_ms: u64) -> Cell {
    if at_ms == 0 { Cell::None } else { instant(at_ms).into() }
}

/// A day of a number `yyyymmdd`, or nothing for 0.
pub(crate) fn day(number: u32) -> Cell {
    match number {
        0 => Cell::None,
        _ => format!("{:04}-{:02}-{:02}", number / 10_000, number / 100 % 100, number % 100).into(),
    }
}

/// Minor units (in decimal, possibly negative) as the decimal number of their currency.
pub(crate) fn decimal(minor: i128, currency: &str) -> String {
    let digits = Currency::parse(currency).map_or(0, |currency| usize::from(currency.digits()));
    let sign = if minor < 0 { "-" } else { "" };
    let plain = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = plain.split_at(plain.len() - digits);
    let point = if digits == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// Minor units (in decimal) as people read them: `1,250.00 USD`.
pub(crate) fn spoken(minor: i128, currency: &str) -> String {
    let number = decimal(minor, currency);
    let (sign, number) = number.strip_prefix('-').map_or(("", number.as_str()), |rest| ("-", rest));
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let groups = whole.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    format!("{sign}{}{fraction} {}", groups.collect::<Vec<_>>().join(","), printable(currency))
}

/// Minor units as the node writes them, as people read them.
pub(crate) fn spoken_text(minor: &str, currency: &str) -> String {
    let spoken = minor.parse().map(|minor| spoken(minor, currency));
    spoken.unwrap_or_else(|_| format!("{} {}", printable(minor), printable(currency)))
}

/// `1 payment`, `2 payments`.
pub(crate) fn payments(count: u64) -> String {
    format!("{count} payment{}", if count == 1 { "" } else { "s" })
}

/// An amount's number without its currency.
pub(crate) fn money(money: Option<&v1::Money>) -> Cell {
    money.map_or(Cell::None, |money| {
        Cell::Digits(decimal(money.minor_units.into(), &money.currency_code))
    })
}

/// A net position's number without its currency.
pub(crate) fn net(net: Option<&v1::NetMoney>) -> Cell {
    net.map_or(Cell::None, |net| minor(&net.minor_units, &net.currency_code))
}

/// Minor units as the node writes them.
pub(crate) fn minor(text: &str, currency: &str) -> Cell {
    Cell::Digits(text.parse().map_or_else(|_| text.to_owned(), |n| decimal(n, currency)))
}

/// An enum's value as JSON and people see it: `queued`, not `PAYMENT_STATE_QUEUED`.
pub(crate) fn word(name: &str, prefix: &str) -> Cell {
    match name.trim_start_matches(prefix) {
        "UNSPECIFIED" => Cell::None,
        word => word.to_lowercase().into(),
    }
}

/// Where a payment is on its way.
pub(crate) fn state(payment: &v1::Payment) -> Cell {
    word(payment.state().as_str_name(), "PAYMENT_STATE_")
}

/// Why the core said no, as documentation spells it.
pub(crate) fn reason(reason: v1::RejectReason) -> Cell {
    match reason {
        v1::RejectReason::Unspecified => Cell::None,
        reason => sdk::reason_name(reason).into(),
    }
}

/// A rate of exchange as a decimal number, all its digits.
pub(crate) fn rate(rate: Option<&v1::Rate>) -> Cell {
    let exact = |rate: &v1::Rate| sdk::Rate::new(rate.mantissa, u8::try_from(rate.scale).ok()?);
    rate.and_then(exact).map_or(Cell::None, |rate| Cell::Digits(rate.to_string()))
}

/// On which side of the market a quote stands.
pub(crate) fn side(side: v1::QuoteSide) -> Cell {
    word(side.as_str_name(), "QUOTE_SIDE_")
}

/// The currency of an amount.
pub(crate) fn currency(money: Option<&v1::Money>) -> Cell {
    money.map(|money| money.currency_code.clone()).into()
}

/// A message kind's name.
pub(crate) fn kind(number: u32) -> Cell {
    match number {
        1 => "pacs.008".into(),
        2 => "pacs.009".into(),
        3 => "pacs.009 COV".into(),
        4 => "fx instruction".into(),
        5 => "fx payment".into(),
        other => other.into(),
    }
}

/// An amount of a text such as `1250.00 USD`.
pub(crate) fn parse_amount(text: &str) -> Result<Amount, String> {
    Amount::parse_text(text).map_err(|error| format!("{error} (as in \"1250.00 USD\")"))
}

/// An instant of a text: RFC 3339, or milliseconds since 1970.
pub(crate) fn parse_instant(text: &str) -> Result<u64, String> {
    if let Ok(at_ms) = text.parse() {
        return Ok(at_ms);
    }
    let instant: Timestamp =
        text.parse().map_err(|_| "must be an instant such as 2026-03-02T16:00:00Z".to_owned())?;
    u64::try_from(instant.as_millisecond()).map_err(|_| "must not be before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_get_their_point() {
        assert_eq!(decimal(5, "USD"), "0.05");
        assert_eq!(decimal(-123_456, "USD"), "-1234.56");
        assert_eq!(decimal(123, "JPY"), "123");
        assert_eq!(decimal(0, "KWD"), "0.000");
        assert_eq!(decimal(i128::MAX, "JPY"), i128::MAX.to_string());
    }

    #[test]
    fn people_read_thousands() {
        assert_eq!(spoken(5, "USD"), "0.05 USD");
        assert_eq!(spoken(-123_456_789, "USD"), "-1,234,567.89 USD");
        assert_eq!(spoken(100_000, "JPY"), "100,000 JPY");
        assert_eq!(spoken_text("100000", "USD"), "1,000.00 USD");
        assert_eq!((payments(1), payments(2)), ("1 payment".into(), "2 payments".into()));
    }

    #[test]
    fn instants_are_read_both_ways() {
        assert_eq!(parse_instant("2026-03-02T06:00:00Z"), Ok(1_772_431_200_000));
        assert_eq!(parse_instant("1772431200000"), Ok(1_772_431_200_000));
        assert_eq!(instant(1_772_431_200_000), "2026-03-02T06:00:00Z");
        assert!(parse_instant("noon").is_err());
    }
}
