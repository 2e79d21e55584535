use channel::{
    Envelope, EnvelopeError, HEADER_LEN, HeaderView, SizeBucket, SlotRole, View, ViewMask,
    ciphertext_len, order_digest, tables_len, wrap_len,
};
use proptest::prelude::*;

use crate::headers::{header, sealed};

/// Two views (parties in 256 bytes, remittance in 512) and two slots.
fn payload() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (view, bucket) in [(View::Parties, 1), (View::Remittance, 2)] {
        bytes.extend([view as u8, bucket]);
        bytes.extend([0xc0 + view as u8; 32]);
    }
    let both = ViewMask::of(&[View::Parties, View::Remittance]);
    for (role, mask) in [(1, both), (2, ViewMask::of(&[View::Parties]))] {
        bytes.push(role);
        bytes.extend([0x4b; 8]);
        bytes.extend(mask.bits().to_be_bytes());
    }
    assert_eq!(bytes.len(), tables_len(2, 2));
    bytes.extend([1; 80]);
    bytes.extend([2; 48]);
    bytes.extend(vec![3; ciphertext_len(SizeBucket::B256)]);
    bytes.extend(vec![4; ciphertext_len(SizeBucket::B512)]);
    bytes
}

fn refused(header: &[u8; HEADER_LEN], payload: &[u8]) -> Option<EnvelopeError> {
    Envelope::parse(HeaderView::check(header).unwrap(), payload).err()
}

#[test]
fn the_parts_are_where_the_tables_say() {
    let (header, payload) = (sealed().encode(), payload());
    let envelope = Envelope::parse(HeaderView::check(&header).unwrap(), &payload).unwrap();
    let views: Vec<_> = envelope.views().collect();
    assert_eq!(views.len(), 2);
    assert_eq!((views[0].view, views[0].bucket), (View::Parties, SizeBucket::B256));
    assert_eq!(views[0].ciphertext, [3; 274]);
    assert_eq!((views[1].view, views[1].bucket), (View::Remittance, SizeBucket::B512));
    assert_eq!(views[1].ciphertext, [4; 530]);
    assert_eq!(views[1].commitment, &[0xc4; 32]);
    let slots: Vec<_> = envelope.slots().collect();
    assert_eq!(slots.len(), 2);
    assert_eq!(
        (slots[0].index, slots[0].role, slots[0].wrap),
        (0, SlotRole::Receiver, &[1; 80][..])
    );
    assert_eq!((slots[1].index, slots[1].views), (1, ViewMask::of(&[View::Parties])));
    assert_eq!(slots[1].wrap, [2; 48]);
    assert_eq!(wrap_len(slots[0].views), 80);
    assert_eq!(envelope.view_mask().bits(), 0b1_0001);
}

#[test]
fn every_part_is_refused_by_name() {
    let slots = 2 * 34;
    let cases: &[(usize, &[u8], EnvelopeError)] = &[
        (0, &[5], EnvelopeError::Views),
        (0, &[4], EnvelopeError::Views),
        (34, &[0], EnvelopeError::Views),
        (1, &[0], EnvelopeError::SizeBucket),
        (1, &[3], EnvelopeError::SizeBucket),
        (35, &[1], EnvelopeError::SizeBucket),
        (slots, &[0], EnvelopeError::SlotRole),
        (slots, &[7], EnvelopeError::SlotRole),
        (slots, &[2], EnvelopeError::Slots),
        (slots + 9, &[0, 0], EnvelopeError::SlotViews),
        (slots + 9, &[0, 2], EnvelopeError::SlotViews),
        (slots + 9, &[0x80, 1], EnvelopeError::SlotViews),
        (slots + 9, &[0, 1], EnvelopeError::Length),
    ];
    let header = sealed().encode();
    for (at, field, error) in cases {
        let mut bytes = payload();
        bytes[*at..at + field.len()].copy_from_slice(field);
        assert_eq!(refused(&header, &bytes), Some(*error), "offset {at}");
    }
}

#[test]
fn any_other_length_is_refused() {
    let (header, payload) = (sealed().encode(), payload());
    for length in 0..payload.len() {
        assert_eq!(refused(&header, &payload[..length]), Some(EnvelopeError::Length));
    }
    let longer = [payload.as_slice(), &[0]].concat();
    assert_eq!(refused(&header, &longer), Some(EnvelopeError::Length));
}

#[test]
fn an_opaque_payload_is_no_envelope() {
    assert_eq!(refused(&header().encode(), &payload()), Some(EnvelopeError::Suite));
}

/// The order digest hashes the fixed header, and the payload with its tables, wraps and
/// ciphertexts: nothing of a sealed order is outside the signature.
#[test]
fn digest_and_binding_hold_what_they_should() {
    let (header, payload) = (sealed().encode(), payload());
    let parts = |header: &[u8; HEADER_LEN], payload: &[u8]| {
        let binding =
            Envelope::parse(HeaderView::trusted(header), payload).ok().map(|it| it.binding());
        (order_digest(header, payload), binding)
    };
    let (digest, binding) = parts(&header, &payload);
    for at in 0..payload.len() {
        let mut other = payload.clone();
        other[at] ^= 1;
        let (other_digest, other_binding) = parts(&header, &other);
        assert_ne!(other_digest, digest);
        assert_eq!(other_binding == binding, at >= tables_len(2, 2), "byte {at}");
    }
    for at in 0..HEADER_LEN {
        let mut other = header;
        other[at] ^= 1;
        let (other_digest, other_binding) = parts(&other, &payload);
        assert_ne!(other_digest, digest);
        assert_ne!(other_binding, binding);
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..1_200), views in 1..=5_u8, slots in 1..=16_u8,
    ) {
        let mut header = sealed().encode();
        header[190] = views;
        header[191] = slots;
        let _ = Envelope::parse(HeaderView::check(&header).unwrap(), &bytes);
    }

    /// What stays an envelope after a change has all its parts, and they cover the payload.
    #[test]
    fn accepted_envelopes_are_whole(at in 0..160_usize, value: u8) {
        let (header, mut payload) = (sealed().encode(), payload());
        payload[at.min(tables_len(2, 2) - 1)] = value;
        if let Ok(envelope) = Envelope::parse(HeaderView::check(&header).unwrap(), &payload) {
            let views: usize = envelope.views().map(|view| view.ciphertext.len()).sum();
            let slots: usize = envelope.slots().map(|slot| slot.wrap.len()).sum();
            prop_assert_eq!((envelope.views().count(), envelope.slots().count()), (2, 2));
            prop_assert_eq!(views + slots + tables_len(2, 2), payload.len());
        }
    }
}
