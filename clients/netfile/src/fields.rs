//! Fields, each with its rule: the same whatever format they come in.

use ledger::{Amount, Currency, MoneyError};

use crate::case::CLASSES;
use crate::error::{At, InputError};

/// Characters of a name or reference, at most.
const NAME_MAX: usize = 70;

/// A participant's name, a group or a reference. It begins with a letter or digit, so no
/// spreadsheet takes it for a formula, and holds nothing that a terminal would obey.
pub(crate) fn name<'a>(at: At<'_>, field: &str, text: &'a str) -> Result<&'a str, InputError> {
    let fix = format!("write 1 to {NAME_MAX} characters, a letter or digit first");
    if text.is_empty() {
        return Err(at.error(field, "is empty", fix));
    }
    let length = text.chars().count();
    if length > NAME_MAX {
        return Err(at.error(field, format!("has {length} characters"), fix));
    }
    if let Some(first) = text.chars().next().filter(|first| !first.is_alphanumeric()) {
        return Err(at.error(field, format!("begins with {first:?}"), fix));
    }
    if let Some(found) = text.chars().find(|character| obeyed(*character)) {
        let problem = format!("holds the character {}", found.escape_unicode());
        return Err(at.error(field, problem, "remove it"));
    }
    if text.ends_with(' ') {
        return Err(at.error(field, "ends with a space", "remove it"));
    }
    Ok(text)
}

fn obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// An amount of money; `least` is 0 or 1 minor unit.
pub(crate) fn amount(
    at: At<'_>,
    (code, number): (&str, &str),
    (field, least): (&str, u64),
) -> Result<Amount, InputError> {
    let Ok(currency) = Currency::parse(code) else {
        let fix = "write an ISO 4217 code in capitals, such as EUR";
        return Err(at.error("currency", format!("{code:?} is unknown"), fix));
    };
    let digits = currency.digits();
    let amount = Amount::parse(number, currency).map_err(|error| {
        let fix = match error {
            MoneyError::TooManyFractionDigits => {
                format!("{currency} has {digits} digits after the point")
            }
            MoneyError::TooLarge => "split it".to_owned(),
            _ => "write digits with a point, such as 1250.00: no sign, no separators".to_owned(),
        };
        at.error(field, format!("{number:?}: {error}"), fix)
    })?;
    if amount.minor() < least {
        return Err(at.error(field, "is zero", "leave the row out"));
    }
    Ok(amount)
}

/// A priority class; 1 if nothing is said.
pub(crate) fn class(at: At<'_>, text: &str) -> Result<u8, InputError> {
    match text.parse::<u8>() {
        _ if text.is_empty() => Ok(1),
        Ok(class) if class < CLASSES => Ok(class),
        _ => Err(at.error("class", format!("{text:?}"), "write 0 (first), 1, 2 or 3")),
    }
}

/// A date, as a number that orders dates; none if nothing is said.
pub(crate) fn date(at: At<'_>, text: &str) -> Result<Option<u32>, InputError> {
    if text.is_empty() {
        return Ok(None);
    }
    let date = iso20022::Date::parse(text);
    let date = date.ok_or_else(|| {
        at.error("date", format!("{text:?} is no date"), "write it as 2026-03-02")
    })?;
    Ok(Some(date.to_yyyymmdd()))
}
