//! The canonical bytes: what is written stays readable, and nothing else is read.

use ledger::{
    AccountId, Currency, DebitLimit, DecodeError, Kind, Ledger, Transfer, TransferId, Truncated,
    Violation,
};

/// Books with everything in them that the format knows.
fn books() -> Ledger {
    let mut ledger = Ledger::new();
    let (usd, kwd) = (Currency::parse("USD").unwrap(), Currency::parse("KWD").unwrap());
    let mirror = ledger.open_account(usd, DebitLimit::Unlimited).unwrap();
    let alpha = ledger.open_account(usd, DebitLimit::AtMost(5_000)).unwrap();
    let beta = ledger.open_account(usd, DebitLimit::AtMost(0)).unwrap();
    let idle = ledger.open_account(kwd, DebitLimit::AtMost(1)).unwrap();
    let transfer = |id, debit, credit, amount, kind| Transfer {
        id: TransferId(id),
        debit,
        credit,
        amount,
        kind,
    };
    let batch = [
        transfer(1, mirror, alpha, 10_000, Kind::Post),
        transfer(2, alpha, beta, 12_000, Kind::Post),
        transfer(4, beta, alpha, 700, Kind::Pend { expires_at: 1_700_000_000_000 }),
        transfer(3, alpha, beta, 800, Kind::Pend { expires_at: 1_700_000_000_001 }),
    ];
    ledger.apply_batch(&batch).unwrap();
    ledger.set_limit(alpha, DebitLimit::AtMost(1_000)).unwrap();
    ledger.close_account(idle).unwrap();
    ledger
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of version 1 with line breaks between fields, and the state root after them.
const GOLDEN: &str = include_str!("golden/books.v1.hex");

#[test]
fn golden_bytes_of_version_1() {
    let (bytes, root) = GOLDEN.split_once("root").unwrap();
    let bytes: String = bytes.split_whitespace().collect();
    let mut ledger = books();
    assert_eq!(hex(&ledger.encode()), bytes);
    assert_eq!(hex(&ledger.state_root()), root.trim());
}

#[test]
fn what_is_decoded_is_what_was_encoded() {
    let bytes = books().encode();
    let mut decoded = Ledger::decode(&bytes).unwrap();
    assert_eq!(decoded.encode(), bytes);
    assert_eq!(decoded.state_root(), books().state_root());
    assert_eq!(decoded.expire(1_700_000_000_001), [TransferId(4), TransferId(3)]);
    let empty = Ledger::new().encode();
    assert_eq!(Ledger::decode(&empty).unwrap().encode(), empty);
}

#[test]
fn every_prefix_is_refused() {
    let bytes = books().encode();
    for len in 0..bytes.len() {
        let expected = if len < 4 { DecodeError::BadMagic } else { Truncated.into() };
        assert_eq!(Ledger::decode(&bytes[..len]).unwrap_err(), expected, "{len} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Ledger::decode(&longer).unwrap_err(), DecodeError::TrailingBytes(1));
}

#[test]
fn whatever_is_accepted_is_canonical() {
    let bytes = books().encode();
    let mut accepted = 0;
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[index] ^= 1 << bit;
            if let Ok(ledger) = Ledger::decode(&changed) {
                assert_eq!(ledger.encode(), changed, "byte {index} bit {bit}");
                accepted += 1;
            }
        }
    }
    // Other lines, expiries and numbers are fine; a counter or a currency never is.
    assert!(accepted > 0 && accepted < bytes.len() * 8 / 4, "{accepted}");
}

/// The books with some bytes replaced.
fn patched(at: usize, patch: &[u8]) -> Result<Ledger, DecodeError> {
    let mut bytes = books().encode();
    bytes[at..at + patch.len()].copy_from_slice(patch);
    Ledger::decode(&bytes)
}

const ACCOUNTS_AT: usize = 10;
const ACCOUNT: usize = 76;
const PENDING_AT: usize = ACCOUNTS_AT + 4 * ACCOUNT + 4;

#[test]
fn refusals_are_named() {
    let bad = |index| DecodeError::BadAccount(AccountId(index));
    for (at, patch, error) in [
        (0, b"CWLX".as_slice(), DecodeError::BadMagic),
        (4, &[0, 2], DecodeError::UnsupportedVersion(2)),
        (4, &[0, 0], DecodeError::UnsupportedVersion(0)),
        (6, &[0xff; 4], DecodeError::TooMany),
        (PENDING_AT - 4, &[0xff; 4], DecodeError::TooMany),
        (ACCOUNTS_AT, b"XAU", bad(0)),
        (ACCOUNTS_AT + 3, &[8], bad(0)),
        (ACCOUNTS_AT + 4 + 7, &[1], bad(0)),
        (ACCOUNTS_AT + ACCOUNT + 4, &[0xff], bad(1)),
        (ACCOUNTS_AT + ACCOUNT + 12, &[0x80], bad(1)),
        (PENDING_AT + 7, &[5], DecodeError::OutOfOrder(TransferId(4))),
        (PENDING_AT + 7, &[4], DecodeError::OutOfOrder(TransferId(4))),
    ] {
        assert_eq!(patched(at, patch).unwrap_err(), error, "{at}");
    }
}

#[test]
fn corrupt_books_are_refused() {
    let usd = Currency::parse("USD").unwrap();
    let reservation = |id| Violation::ReservationImpossible(TransferId(id));
    for (at, patch, violation) in [
        (ACCOUNTS_AT + 43, &[1], Violation::PostedUnbalanced(usd)),
        (ACCOUNTS_AT + 27, &[1], Violation::PendingCountersDiffer(AccountId(0))),
        (ACCOUNTS_AT + 3, &[0], Violation::BeyondLimit(AccountId(0))),
        (ACCOUNTS_AT + ACCOUNT + 3, &[0], Violation::BeyondLimit(AccountId(1))),
        (ACCOUNTS_AT + 2 * ACCOUNT + 3, &[4], Violation::BeyondLimit(AccountId(2))),
        (ACCOUNTS_AT + 2 * ACCOUNT + 3, &[2], Violation::ClosedInUse(AccountId(2))),
        (PENDING_AT + 11, &[9], reservation(3)),
        (PENDING_AT + 11, &[3], reservation(3)),
        (PENDING_AT + 11, &[2], reservation(3)),
        (PENDING_AT + 16, &[0xff], reservation(3)),
        (PENDING_AT + 23, &[1], Violation::PendingCountersDiffer(AccountId(1))),
    ] {
        assert_eq!(patched(at, patch).unwrap_err(), DecodeError::Violation(violation), "{at}");
    }
}
