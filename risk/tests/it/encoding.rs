//! The canonical bytes: what is written stays readable, and nothing else is read.

use ledger::Truncated;
use risk::{
    CurrencyIndex, DecodeError, Limits, Measure, ParticipantId, Velocity, VelocityRule, Violation,
};

const A: ParticipantId = ParticipantId(0);
const B: ParticipantId = ParticipantId(1);
const C: ParticipantId = ParticipantId(2);
const EUR: CurrencyIndex = CurrencyIndex(1);

fn limits() -> Limits {
    let mut limits = Limits::new();
    limits.set_multilateral(A, EUR, Some(1_000)).unwrap();
    limits.set_net_debit_cap(B, EUR, Some(2_000)).unwrap();
    limits.set_bilateral(B, A, EUR, Some(300)).unwrap();
    limits.set_bilateral(A, C, EUR, Some(400)).unwrap();
    limits.record(C, B, EUR, 50);
    limits.record(A, B, EUR, 20);
    limits
}

fn velocity() -> Velocity {
    let mut velocity = Velocity::new();
    for (id, measure, most, used) in [(A, Measure::Orders, 3, 1), (B, Measure::Value(EUR), 100, 60)]
    {
        velocity.set_rule(id, measure, Some(VelocityRule { window_ms: 1_000, most })).unwrap();
        velocity.count(id, measure, used, 1_700_000_000_000);
    }
    velocity
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of version 1 with line breaks between fields, and the digest after them.
fn check_golden(golden: &str, encoded: &[u8], root: &[u8]) {
    let (bytes, golden_root) = golden.split_once("root").unwrap();
    let bytes: String = bytes.split_whitespace().collect();
    assert_eq!(hex(encoded), bytes);
    assert_eq!(hex(root), golden_root.trim());
}

#[test]
fn golden_bytes_of_version_1() {
    let mut limits = limits();
    check_golden(include_str!("golden/limits.v1.hex"), &limits.encode(), &limits.root());
    let mut velocity = velocity();
    check_golden(include_str!("golden/velocity.v1.hex"), &velocity.encode(), &velocity.root());
}

/// Every prefix is refused; a change of any bit is refused, or gives another state with exactly
/// those bytes.
fn check_decoder(bytes: &[u8], recode: impl Fn(&[u8]) -> Result<Vec<u8>, DecodeError>) {
    assert_eq!(recode(bytes), Ok(bytes.to_vec()));
    for len in 0..bytes.len() {
        let expected = if len < 4 { DecodeError::BadMagic } else { Truncated.into() };
        assert_eq!(recode(&bytes[..len]), Err(expected), "{len} bytes");
    }
    let longer = [bytes, &[0]].concat();
    assert_eq!(recode(&longer), Err(DecodeError::TrailingBytes(1)));
    let mut refused = 0;
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.to_vec();
            changed[index] ^= 1 << bit;
            match recode(&changed) {
                Ok(recoded) => assert_eq!(recoded, changed, "byte {index} bit {bit}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused >= 6 * 8, "magic and version at least");
    let mut newer = bytes.to_vec();
    newer[5] = 2;
    assert_eq!(recode(&newer), Err(DecodeError::UnsupportedVersion(2)));
}

#[test]
fn only_canonical_bytes_are_read() {
    check_decoder(&limits().encode(), |bytes| Ok(Limits::decode(bytes)?.encode()));
    check_decoder(&velocity().encode(), |bytes| Ok(Velocity::decode(bytes)?.encode()));
}

fn patched(at: usize, patch: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = limits().encode();
    bytes[at..at + patch.len()].copy_from_slice(patch);
    Limits::decode(&bytes).map(|limits| limits.encode())
}

#[test]
fn refusals_of_limits_are_named() {
    // Header, an empty currency, then the count of the other's nodes.
    let nodes_at = 4 + 2 + 4 + 12 + 4;
    let pairs_at = nodes_at + 3 * 32 + 4;
    let limits_at = pairs_at + 2 * 24 + 4;
    let differ = |id| DecodeError::Violation(Violation::PositionsDiffer(ParticipantId(id)));
    for (at, patch, error) in [
        (6, [0xff; 4].as_slice(), DecodeError::TooMany),
        (nodes_at - 4, &[0xff; 4], DecodeError::TooMany),
        (limits_at - 4, &[0xff; 4], DecodeError::TooMany),
        (nodes_at, &[0x40], DecodeError::OutOfRange),
        (nodes_at + 16, &[0x7f], DecodeError::OutOfRange),
        (limits_at + 8, &[0xff; 8], DecodeError::OutOfRange),
        (limits_at + 7, &[0], DecodeError::OutOfRange),
        (limits_at + 4, &[0xff], DecodeError::OutOfRange),
        (limits_at + 3, &[1], DecodeError::OutOfOrder),
        (pairs_at + 3, &[2], DecodeError::OutOfOrder),
        (pairs_at + 27, &[1, 0, 0, 0, 2], DecodeError::OutOfOrder),
        (nodes_at + 15, &[0x15], differ(0)),
        (pairs_at + 23, &[0], differ(1)),
        (pairs_at + 7, &[9], differ(9)),
    ] {
        assert_eq!(patched(at, patch), Err(error), "{at}");
    }
}
