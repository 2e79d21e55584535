//! The canonical bytes of the books.
//!
//! ```text
//! magic "CWLG" · version u16 · accounts u32 · account × n · reservations u32 · reservation × m
//! account:     currency 3 · flags 1 · line u64 · debits pending, debits posted,
//!              credits pending, credits posted: u128 each
//! reservation: number u64 · debit u32 · credit u32 · amount u64 · expiry u64, by ascending number
//! flags:       1 no limit (line 0) · 2 closed · 4 limit lowered below its use
//! ```
//! All integers are big-endian. Equal books have equal bytes, and nothing else is accepted.

use crate::account::{Account, AccountId, Counters, DebitLimit};
use crate::cursor::{Cursor, Truncated};
use crate::invariants::Violation;
use crate::ledger::{ACCOUNTS_MAX, Ledger, PENDING_MAX, check_line};
use crate::money::Currency;
use crate::pending::{self, PENDING_BYTES};
use crate::transfer::{Pending, TransferId};

const MAGIC: [u8; 4] = *b"CWLG";
const VERSION: u16 = 1;

/// Why bytes are no books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They do not start with the magic bytes.
    #[error("not the books of a ledger")]
    BadMagic,
    /// Another version of the format.
    #[error("version {0} of the format is not known")]
    UnsupportedVersion(u16),
    /// They end too early.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// Something follows the last field.
    #[error("{0} bytes too many")]
    TrailingBytes(usize),
    /// More accounts or reservations than there can be.
    #[error("too many accounts or reservations")]
    TooMany,
    /// An account whose currency, flags, line or counters are out of range.
    #[error("account {} is malformed", .0.0)]
    BadAccount(AccountId),
    /// Reservations out of order.
    #[error("reservation {} is out of order", .0.0)]
    OutOfOrder(TransferId),
    /// Well-formed, but no possible state.
    #[error("the books are corrupt")]
    Violation(#[from] Violation),
}

impl Ledger {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let pending = self.pending.sorted();
        let size = 14 + self.accounts.len() * Account::BYTES + pending.len() * PENDING_BYTES;
        let mut bytes = Vec::with_capacity(size);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend((self.accounts.len() as u32).to_be_bytes());
        for account in &self.accounts {
            bytes.extend(account.to_bytes());
        }
        bytes.extend((pending.len() as u32).to_be_bytes());
        for (id, reservation) in &pending {
            bytes.extend(pending::to_bytes(*id, reservation));
        }
        bytes
    }

    /// Reads canonical bytes and checks all invariants.
    ///
    /// # Errors
    /// [`DecodeError`]; never a panic, and never more memory than the bytes warrant.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        if cursor.array() != Ok(MAGIC) {
            return Err(DecodeError::BadMagic);
        }
        match cursor.u16()? {
            VERSION => {}
            other => return Err(DecodeError::UnsupportedVersion(other)),
        }
        let mut ledger = Self::new();
        for index in 0..count(&mut cursor, ACCOUNTS_MAX)? {
            let account = read_account(cursor.array()?);
            ledger.insert_account(account.ok_or(DecodeError::BadAccount(AccountId(index)))?);
        }
        let mut last = None;
        for _ in 0..count(&mut cursor, PENDING_MAX)? {
            let (id, pending) = read_pending(&mut cursor)?;
            if last >= Some(id) {
                return Err(DecodeError::OutOfOrder(id));
            }
            last = Some(id);
            ledger.pending.insert(id, pending);
        }
        if !cursor.rest().is_empty() {
            return Err(DecodeError::TrailingBytes(cursor.rest().len()));
        }
        ledger.check()?;
        Ok(ledger)
    }
}

fn count(cursor: &mut Cursor<'_>, max: usize) -> Result<u32, DecodeError> {
    let count = cursor.u32()?;
    if count as usize > max { Err(DecodeError::TooMany) } else { Ok(count) }
}

fn read_account(bytes: [u8; Account::BYTES]) -> Option<Account> {
    const FLAGS: u8 = Account::FLAG_UNLIMITED | Account::FLAG_CLOSED | Account::FLAG_LIMIT_LOWERED;
    let mut cursor = Cursor::new(&bytes);
    let currency = Currency::from_bytes(cursor.array().ok()?).ok()?;
    let flags = cursor.u8().ok()?;
    let limit = match (flags & Account::FLAG_UNLIMITED != 0, cursor.u64().ok()?) {
        (true, 0) => DebitLimit::Unlimited,
        (true, _) => return None,
        (false, line) => DebitLimit::AtMost(line),
    };
    let mut counter = || cursor.u128().ok().filter(|value| *value <= Counters::MAX);
    let counters = Counters {
        debits_pending: counter()?,
        debits_posted: counter()?,
        credits_pending: counter()?,
        credits_posted: counter()?,
    };
    let valid = flags & !FLAGS == 0 && check_line(limit).is_ok();
    valid.then_some(Account {
        counters,
        limit,
        currency,
        closed: flags & Account::FLAG_CLOSED != 0,
        limit_lowered: flags & Account::FLAG_LIMIT_LOWERED != 0,
    })
}

fn read_pending(cursor: &mut Cursor<'_>) -> Result<(TransferId, Pending), Truncated> {
    let id = TransferId(cursor.u64()?);
    let pending = Pending {
        debit: AccountId(cursor.u32()?),
        credit: AccountId(cursor.u32()?),
        amount: cursor.u64()?,
        expires_at: cursor.u64()?,
    };
    Ok((id, pending))
}
