//! In which fields two orders of one identity differ.

use std::collections::BTreeMap;

use bus::Log;
use channel::HEADER_LEN;
use clearing::Place;

use crate::orders::{OrderFault, Orders};

/// The names of the fields, by the place of the attempt.
pub(crate) type Differing = BTreeMap<Place, Vec<String>>;

/// The fields of a header by the names that its errors use, with their places
/// (`channel::OrderHeader`). Pool, sender, UETR and message kind are the identity itself.
const FIELDS: [(&str, std::ops::Range<usize>); 20] = [
    ("version", 0..1),
    ("flags", 1..2),
    ("suite", 2..4),
    ("receiver", 12..16),
    ("class", 34..35),
    ("link_members", 35..36),
    ("currency", 36..39),
    ("size_bucket", 39..40),
    ("amount", 40..48),
    ("value_date", 48..52),
    ("policy_version", 52..56),
    ("created_at", 56..64),
    ("not_before", 64..72),
    ("not_after", 72..80),
    ("link_group", 80..96),
    ("epoch", 96..120),
    ("return", 120..152),
    ("limit_rate", 152..164),
    ("payload_length", 164..168),
    ("reserved", 168..HEADER_LEN),
];

/// In which fields each attempt differs from the first order under its identity. `reused` are pairs
/// (first, attempt), all attempts of one record. Blocks.
///
/// No attempt is compared any more once over `bytes_max` bytes of the log were read: with each
/// first order in a record of its own, a batch could ask for gigabytes.
pub(crate) fn compare(
    log: &dyn Log,
    mut reused: Vec<(Place, Place)>,
    bytes_max: usize,
) -> Result<Differing, OrderFault> {
    // Ascending: so no record of a first order is read twice.
    reused.sort_unstable();
    let (mut firsts, mut attempts) = (Orders::new(log), Orders::new(log));
    let mut differing = Differing::new();
    for (first, attempt) in reused {
        if firsts.bytes_read() + attempts.bytes_read() > bytes_max {
            break;
        }
        let (first, other) = (firsts.at(first)?, attempts.at(attempt)?);
        let fields =
            differing_fields((&first.header, &first.payload), (&other.header, &other.payload));
        differing.insert(attempt, fields);
    }
    Ok(differing)
}

/// The names of the fields in which two orders (header, payload) differ; `payload` is one of them.
fn differing_fields(first: (&[u8], &[u8]), other: (&[u8], &[u8])) -> Vec<String> {
    let fields = FIELDS
        .iter()
        .filter(|(_, range)| first.0.get(range.clone()) != other.0.get(range.clone()))
        .map(|(name, _)| *name);
    let payload = (first.1 != other.1).then_some("payload");
    fields.chain(payload).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::tests::log_of;

    #[test]
    fn every_byte_outside_the_identity_belongs_to_exactly_one_field() {
        let first = [0; HEADER_LEN];
        for at in 0..HEADER_LEN {
            let mut other = first;
            other[at] = 1;
            let differing = differing_fields((&first, b""), (&other, b""));
            let identity = (4..12).contains(&at) || (16..34).contains(&at);
            assert_eq!(differing.len(), usize::from(!identity), "byte {at}: {differing:?}");
        }
    }

    #[test]
    fn the_payload_counts_too() {
        let header = [0; HEADER_LEN];
        let mut other = header;
        other[47] = 1;
        assert_eq!(differing_fields((&header, b"a"), (&header, b"b")), ["payload"]);
        assert_eq!(differing_fields((&header, b"a"), (&other, b"b")), ["amount", "payload"]);
    }

    #[test]
    fn the_attempts_of_a_record_are_compared_until_enough_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let firsts: [&[_]; 2] = [&[(1, b"a".as_slice()), (1, b"b")], &[(1, b"c")]];
        let attempt: &[_] = &[(1, b"x".as_slice()), (2, b"b"), (1, b"a"), (9, b"a")];
        let log = log_of(dir.path(), &[firsts[0], firsts[1], attempt]);
        let place = Place::new;
        let reused = vec![
            (place(1, 0), place(2, 0)),
            (place(0, 1), place(2, 1)),
            // Twice in the same batch.
            (place(2, 2), place(2, 3)),
        ];
        let all = compare(&log, reused.clone(), usize::MAX).unwrap();
        let named = |name: &str| vec![name.to_owned()];
        let expected = [
            (place(2, 0), named("payload")),
            (place(2, 1), named("version")),
            (place(2, 3), named("version")),
        ];
        assert_eq!(all, BTreeMap::from(expected));
        let some = compare(&log, reused, 1).unwrap();
        assert_eq!(some, BTreeMap::from([(place(2, 1), named("version"))]));
    }
}
