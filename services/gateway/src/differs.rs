//! In which fields two orders of one identity differ.

use channel::HEADER_LEN;

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

/// The names of the fields in which two orders (header, payload) differ; `payload` is one of them.
pub(crate) fn differing_fields(first: (&[u8], &[u8]), other: (&[u8], &[u8])) -> Vec<String> {
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
}
