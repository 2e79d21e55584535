//! The ISO 4217 currencies that can be settled, with their number of minor-unit digits.

use std::fmt;

use crate::money::MoneyError;

/// Codes by number of digits, as in ISO 4217 list one.
///
/// Codes without minor units (metals, XDR, test codes) never settle and are left out. A code that
/// ISO withdraws stays: old logs must replay the same.
const CODES_BY_DIGITS: [(u8, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP \
         BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR \
         FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW \
         KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN \
         NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD \
         SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS \
         VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// Marks the codes that are no currency in [`DIGITS`].
const NONE: u8 = u8::MAX;

/// Digits by [`slot`] of the code: one load, since currencies are checked for every order.
static DIGITS: [u8; 26 * 26 * 26] = digits_table();

/// The place of a code of three capital letters in [`DIGITS`].
const fn slot(code: [u8; 3]) -> Option<usize> {
    let mut slot = 0;
    let mut i = 0;
    while i < 3 {
        if !code[i].is_ascii_uppercase() {
            return None;
        }
        slot = slot * 26 + (code[i] - b'A') as usize;
        i += 1;
    }
    Some(slot)
}

const fn digits_table() -> [u8; 26 * 26 * 26] {
    let mut table = [NONE; 26 * 26 * 26];
    let mut row = 0;
    while row < CODES_BY_DIGITS.len() {
        let (digits, codes) = CODES_BY_DIGITS[row];
        let codes = codes.as_bytes();
        let mut at = 0;
        while at < codes.len() {
            if let Some(slot) = slot([codes[at], codes[at + 1], codes[at + 2]]) {
                table[slot] = digits;
            }
            at += 4;
        }
        row += 1;
    }
    table
}

/// An ISO 4217 currency that has minor units, such as `USD`.
///
/// A value of this type is always one of the known codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of a three-letter code in capitals.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] for everything else, also for codes without minor units.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        let bytes = code.as_bytes().try_into().map_err(|_| MoneyError::UnknownCurrency)?;
        Self::from_bytes(bytes)
    }

    /// The currency of the three ASCII letters of its code.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] as [`Currency::parse`].
    pub fn from_bytes(code: [u8; 3]) -> Result<Self, MoneyError> {
        match slot(code) {
            Some(slot) if DIGITS[slot] != NONE => Ok(Self(code)),
            _ => Err(MoneyError::UnknownCurrency),
        }
    }

    /// The three ASCII letters of the code.
    pub const fn to_bytes(self) -> [u8; 3] {
        self.0
    }

    /// The code, as in `USD`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_else(|_| unreachable!("codes are ASCII"))
    }

    /// Digits after the decimal point: 0 for JPY, 2 for USD, 3 for KWD, 4 for CLF.
    pub fn digits(self) -> u8 {
        slot(self.0).map_or_else(|| unreachable!("codes are capitals"), |slot| DIGITS[slot])
    }

    /// All currencies, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        let letters = || b'A'..=b'Z';
        letters()
            .flat_map(move |a| letters().map(move |b| (a, b)))
            .flat_map(move |(a, b)| letters().map(move |c| [a, b, c]))
            .filter_map(|code| Self::from_bytes(code).ok())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_iso_4217() {
        for (code, digits) in [("JPY", 0), ("USD", 2), ("EUR", 2), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(Currency::parse(code).unwrap().digits(), digits, "{code}");
        }
    }

    #[test]
    fn codes_without_minor_units_and_garbage_are_refused() {
        for code in ["XAU", "XDR", "XXX", "XTS", "AAA", "usd", "US", "USDX", "", "U$D", "ÄÖ"] {
            assert_eq!(Currency::parse(code), Err(MoneyError::UnknownCurrency), "{code}");
        }
    }

    #[test]
    fn all_lists_every_code_once_in_order() {
        let all: Vec<Currency> = Currency::all().collect();
        let codes: usize =
            CODES_BY_DIGITS.iter().map(|(_, codes)| codes.split_whitespace().count()).sum();
        assert_eq!(all.len(), codes);
        assert!(all.is_sorted());
        assert!(all.iter().all(|c| Currency::parse(c.as_str()) == Ok(*c)));
    }
}
