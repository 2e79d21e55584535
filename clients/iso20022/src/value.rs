//! The small values of a payment: BIC, UETR, date.

use std::fmt;

use crate::leaf::is_bic;

/// A business identifier code, always of 11 characters.
///
/// One of 8 characters stands for the head office: `ABCDXX2A` is `ABCDXX2AXXX`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic([u8; 11]);

impl Bic {
    /// The BIC of a text of 8 or 11 characters, or nothing if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if !is_bic(text) {
            return None;
        }
        let mut code = *b"XXXXXXXXXXX";
        code.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self(code))
    }

    /// The 11 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_else(|_| unreachable!("a BIC is ASCII"))
    }

    /// The 11 ASCII characters as bytes.
    pub const fn to_bytes(self) -> [u8; 11] {
        self.0
    }
}

impl fmt::Display for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bic({})", self.as_str())
    }
}

/// A unique end-to-end transaction reference: a version 4 UUID, in text with small letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uetr([u8; 16]);

impl Uetr {
    /// The reference of a text as `7a562c67-ca16-48ba-b074-65581be6f001`, or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let groups = text.split('-').map(str::len);
        if !groups.eq([8, 4, 4, 4, 12]) {
            return None;
        }
        let mut digits = text.bytes().filter(|b| *b != b'-').map(|b| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        });
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = digits.next()?? << 4 | digits.next()??;
        }
        Self::from_bytes(bytes)
    }

    /// The reference of 16 bytes, or nothing if they are no version 4 UUID.
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let version_4 = bytes[6] >> 4 == 4 && bytes[8] >> 6 == 0b10;
        if version_4 { Some(Self(bytes)) } else { None }
    }

    /// The 16 bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Uetr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uetr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uetr({self})")
    }
}

/// A date of the Gregorian calendar, from year 1900 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(u32);

impl Date {
    /// The date of a text as `2026-11-23`, or nothing if the calendar has no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
        if text.len() != 10 || !shape {
            return None;
        }
        let number =
            text.bytes().filter(|b| *b != b'-').fold(0, |sum, b| sum * 10 + u32::from(b - b'0'));
        Self::from_yyyymmdd(number)
    }

    /// The date of a number as 20261123, or nothing if the calendar has no such day.
    pub const fn from_yyyymmdd(number: u32) -> Option<Self> {
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        let exists = year >= 1900 && year <= 9999 && day >= 1 && day <= days;
        if exists { Some(Self(number)) } else { None }
    }

    /// The date as a number, 20261123.
    pub const fn to_yyyymmdd(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = (self.0 / 10_000, self.0 / 100 % 100, self.0 % 100);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}
