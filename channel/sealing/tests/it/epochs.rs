//! Epochs: for whom they are, and which are refused.

use channel::{
    EpochId, EpochOpen, KemKey, OrderHeader, Recipient, Signed, Signer as _, Statement as _,
};
use sealing::{Epoch, EpochError, EpochTerms, Reader, Refused};

use crate::world::{
    CONTENTS, HOUR, Known, NOW, POOL, RECEIVER, SCREENER, SENDER, header, kem_key, kem_secret,
    key_of, reader_of, reader_without_epoch, sealed, signer_of, terms,
};

/// The points of order 1, 2, 4 and 8 on Curve25519 and its twist, with their encodings that are not
/// reduced (RFC 7748 section 6.1 has implementations check for what they give).
fn low_order_points() -> Vec<[u8; 32]> {
    let order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let mut points = vec![[0; 32]];
    points.push(std::array::from_fn(|at| u8::from(at == 0)));
    for text in order_8 {
        let nibble = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        points.push(std::array::from_fn(|at| nibble(at * 2)));
    }
    points
}

#[test]
fn points_of_small_order_are_refused_on_both_sides() {
    let world = sealed();
    for point in low_order_points() {
        let recipients = [Recipient { public: point, ..world.recipients[0] }];
        let opened = Epoch::open(terms(), &recipients, &signer_of(SENDER), &mut Known::new(1));
        assert_eq!(opened.err(), Some(EpochError::PublicKey));
        let mut open = world.open.statement.clone();
        for reader in &mut open.readers {
            reader.encapsulated = point;
        }
        let signed = Signed::sign(open, &signer_of(SENDER)).unwrap();
        let mut reader = reader_without_epoch(RECEIVER);
        assert_eq!(reader.accept_epoch(&signed, &key_of(SENDER)), Err(Refused));
    }
}

#[test]
fn an_epoch_counts_only_with_its_senders_signature() {
    let world = sealed();
    let bytes = world.open.encode();
    assert_eq!(Signed::<EpochOpen>::decode(&bytes).unwrap(), world.open);
    let mut reader = reader_without_epoch(RECEIVER);
    for bit in 0..bytes.len() * 8 {
        let mut other = bytes.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        if let Ok(open) = Signed::decode(&other) {
            assert_eq!(reader.accept_epoch(&open, &key_of(SENDER)), Err(Refused), "bit {bit}");
        }
    }
    let forged = Signed::sign(world.open.statement.clone(), &signer_of(SCREENER)).unwrap();
    assert_eq!(reader.accept_epoch(&forged, &key_of(SENDER)), Err(Refused));
    assert_eq!(reader.accept_epoch(&world.open, &key_of(SENDER)), Ok(true));
}

/// Adding the group order to `s` gives a second signature that a lax check would take.
#[test]
fn a_signature_that_is_not_canonical_is_refused() {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut open = sealed().open;
    let mut carry = 0;
    for (byte, add) in open.signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    let mut reader = reader_without_epoch(RECEIVER);
    assert_eq!(reader.accept_epoch(&open, &key_of(SENDER)), Err(Refused));
}

#[test]
fn an_epoch_is_opened_once() {
    let world = sealed();
    let mut reader = reader_of(RECEIVER, &world.open);
    reader.open(&world.order.header, &world.order.payload).unwrap();
    // The same statement again does not make the order new again.
    assert_eq!(reader.accept_epoch(&world.open, &key_of(SENDER)), Ok(true));
    assert_eq!(reader.open(&world.order.header, &world.order.payload).err(), Some(Refused));
    // Another one under the same number is refused.
    let mut other = world.open.statement.clone();
    other.not_after_ms -= 1;
    let other = Signed::sign(other, &signer_of(SENDER)).unwrap();
    assert_eq!(reader.accept_epoch(&other, &key_of(SENDER)), Err(Refused));
}

#[test]
fn an_epoch_for_others_is_none_of_ours() {
    let world = sealed();
    let others: Vec<_> =
        world.recipients.iter().filter(|it| it.participant != RECEIVER).copied().collect();
    let (mut epoch, open) =
        Epoch::open(terms(), &others, &signer_of(SENDER), &mut Known::new(4)).unwrap();
    let order = epoch.seal(&header(), &CONTENTS, &others, &mut Known::new(4)).unwrap();
    let mut reader = reader_without_epoch(RECEIVER);
    assert_eq!(reader.accept_epoch(&open, &key_of(SENDER)), Ok(false));
    assert_eq!(reader.open(&order.header, &order.payload).err(), Some(Refused));
    // Nor does somebody else's key open an epoch for oneself.
    let mut screener = reader_without_epoch(SCREENER);
    assert_eq!(screener.accept_epoch(&open, &key_of(SENDER)), Ok(true));
    let other = channel::HeaderView::trusted(&world.order.header);
    assert!(!screener.knows_epoch(channel::HeaderView::trusted(&header().encode())));
    assert!(!screener.knows_epoch(other) || epoch.id() == world.epoch.id());
}

#[test]
fn what_is_forgotten_does_not_open() {
    let world = sealed();
    let mut reader = reader_of(RECEIVER, &world.open);
    reader.forget_epochs(NOW + HOUR);
    assert!(reader.reopen(&world.order.header, &world.order.payload).is_ok());
    reader.forget_epochs(NOW + HOUR + 1);
    assert_eq!(reader.reopen(&world.order.header, &world.order.payload).err(), Some(Refused));
    reader.forget_key(kem_key(RECEIVER).id());
    assert_eq!(reader.accept_epoch(&world.open, &key_of(SENDER)), Ok(false));
}

#[test]
fn epochs_are_bounded() {
    let world = sealed();
    let open = |terms: EpochTerms, recipients: &[Recipient]| {
        Epoch::open(terms, recipients, &signer_of(SENDER), &mut Known::new(1)).err()
    };
    let late = EpochTerms { not_after_ms: NOW + HOUR + 1, ..terms() };
    assert_eq!(open(late, &world.recipients), Some(EpochError::NotAfter));
    let over = EpochTerms { not_after_ms: NOW, ..terms() };
    assert_eq!(open(over, &world.recipients), Some(EpochError::NotAfter));
    assert_eq!(open(terms(), &[]), Some(EpochError::Recipients));
    let twice = [world.recipients[0], world.recipients[0]];
    assert_eq!(open(terms(), &twice), Some(EpochError::Recipients));
    let mut statement = world.open.statement;
    statement.not_after_ms = statement.opened_at_ms + HOUR + 1;
    let mut writer = channel::Writer::new();
    statement.write(&mut writer);
    let bytes = writer.into_bytes();
    assert!(EpochOpen::read(&mut channel::Reader::new(&bytes)).is_err());
}

#[test]
fn keys_are_taken_only_with_their_secret() {
    let mut reader = Reader::new(POOL, RECEIVER);
    assert_eq!(reader.add_key(&kem_key(RECEIVER), kem_secret(SENDER)), Err(Refused));
    assert_eq!(reader.add_key(&kem_key(SENDER), kem_secret(SENDER)), Err(Refused));
    let other = KemKey { pool: POOL + 1, ..kem_key(RECEIVER) };
    assert_eq!(reader.add_key(&other, kem_secret(RECEIVER)), Err(Refused));
    assert_eq!(reader.add_key(&kem_key(RECEIVER), kem_secret(RECEIVER)), Ok(()));
}

/// An order under another policy, or made after the end of its epoch, is not the epoch's.
#[test]
fn orders_keep_to_the_terms_of_their_epoch() {
    let world = sealed();
    let reader = reader_of(RECEIVER, &world.open);
    let read = channel::HeaderView::decode(&world.order.header).unwrap();
    let others = [
        OrderHeader { policy_version: 2, ..read },
        OrderHeader { created_at_ms: NOW + HOUR + 1, ..read },
        OrderHeader { pool: POOL + 1, ..read },
        OrderHeader {
            sealing: read.sealing.map(|it| channel::Sealing { epoch: EpochId([1; 16]), ..it }),
            ..read
        },
    ];
    for other in others {
        assert_eq!(reader.reopen(&other.encode(), &world.order.payload).err(), Some(Refused));
    }
    assert_eq!(signer_of(SENDER).public_key(), key_of(SENDER).to_bytes());
}
