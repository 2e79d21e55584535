//! Epochs: for whom they are, and which are refused.

use channel::{
    Encapsulated, EpochId, EpochOpen, KemKey, KemPublic, OrderHeader, Recipient, Signed,
    Signer as _, SlotRole, Statement as _, Suite,
};
use sealing::{Epoch, EpochError, EpochTerms, KemSecret, Reader, Refused};

use crate::world::{
    CONTENTS, HOUR, Known, NOW, POOL, RECEIVER, SCREENER, SENDER, SUITES, Sealed, header, kem_key,
    kem_secret, key_of, reader_of, reader_without_epoch, sealed, signer_of, terms,
};

/// The points of order 1, 2, 4 and 8 on Curve25519 and its twist, with their encodings that are not
/// reduced (RFC 7748 section 6.1 has implementations check for what they give).
pub(crate) fn low_order_points() -> Vec<[u8; 32]> {
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

/// A key with an X25519 point in place of its own: all of it in suite 1, its end in suite 2.
pub(crate) fn with_point<const X_WING: usize>(
    key: &channel::KemBytes<X_WING>,
    point: &[u8; 32],
) -> channel::KemBytes<X_WING> {
    let mut bytes = key.as_bytes().to_vec();
    *bytes.last_chunk_mut().unwrap() = *point;
    channel::KemBytes::from_slice(key.suite(), &bytes).unwrap()
}

#[test]
fn points_of_small_order_are_refused_on_both_sides() {
    let worlds = SUITES.map(|suite| (suite, sealed(suite)));
    let all =
        worlds.iter().flat_map(|world| low_order_points().into_iter().map(move |it| (world, it)));
    for ((suite, world), point) in all {
        let public: KemPublic = with_point(&world.recipients[0].public, &point);
        let recipients = [Recipient { public, ..world.recipients[0].clone() }];
        let opened =
            Epoch::open(terms(*suite), &recipients, &signer_of(SENDER), &mut Known::new(1));
        assert_eq!(opened.err(), Some(EpochError::PublicKey));
        let mut open = world.open.statement.clone();
        for reader in &mut open.readers {
            reader.encapsulated = with_point(&reader.encapsulated, &point);
        }
        let signed = Signed::sign(open, &signer_of(SENDER)).unwrap();
        let mut reader = reader_without_epoch(RECEIVER);
        assert_eq!(reader.accept_epoch(&signed, &key_of(SENDER)), Err(Refused));
    }
}

#[test]
fn an_epoch_counts_only_with_its_senders_signature() {
    SUITES.map(sealed).iter().for_each(counts_only_with_its_senders_signature);
}

fn counts_only_with_its_senders_signature(world: &Sealed) {
    let bytes = world.open.encode();
    assert_eq!(Signed::<EpochOpen>::decode(&bytes).unwrap(), world.open);
    let mut reader = reader_without_epoch(RECEIVER);
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (at % 8);
        if let Ok(open) = Signed::decode(&other) {
            assert_eq!(reader.accept_epoch(&open, &key_of(SENDER)), Err(Refused), "byte {at}");
        }
    }
    let forged = Signed::sign(world.open.statement.clone(), &signer_of(SCREENER)).unwrap();
    assert_eq!(reader.accept_epoch(&forged, &key_of(SENDER)), Err(Refused));
    assert_eq!(reader.accept_epoch(&world.open, &key_of(SENDER)), Ok(true));
}

#[test]
fn an_epoch_is_opened_once() {
    let world = sealed(SUITES[0]);
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
    let (suite, world) = (SUITES[0], sealed(SUITES[0]));
    let others: Vec<_> =
        world.recipients.iter().filter(|it| it.participant != RECEIVER).cloned().collect();
    let (mut epoch, open) =
        Epoch::open(terms(suite), &others, &signer_of(SENDER), &mut Known::new(4)).unwrap();
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
    let (suite, world) = (SUITES[0], sealed(SUITES[0]));
    let mut reader = reader_of(RECEIVER, &world.open);
    reader.forget_epochs(NOW + HOUR);
    assert!(reader.reopen(&world.order.header, &world.order.payload).is_ok());
    reader.forget_epochs(NOW + HOUR + 1);
    assert_eq!(reader.reopen(&world.order.header, &world.order.payload).err(), Some(Refused));
    reader.forget_key(kem_key(suite, RECEIVER).id());
    assert_eq!(reader.accept_epoch(&world.open, &key_of(SENDER)), Ok(false));
}

#[test]
fn epochs_are_bounded() {
    let (suite, world) = (SUITES[0], sealed(SUITES[0]));
    let open = |terms: EpochTerms, recipients: &[Recipient]| {
        Epoch::open(terms, recipients, &signer_of(SENDER), &mut Known::new(1)).err()
    };
    let late = EpochTerms { not_after_ms: NOW + HOUR + 1, ..terms(suite) };
    assert_eq!(open(late, &world.recipients), Some(EpochError::NotAfter));
    let over = EpochTerms { not_after_ms: NOW, ..terms(suite) };
    assert_eq!(open(over, &world.recipients), Some(EpochError::NotAfter));
    assert_eq!(open(terms(suite), &[]), Some(EpochError::Recipients));
    let twice = [world.recipients[0].clone(), world.recipients[0].clone()];
    assert_eq!(open(terms(suite), &twice), Some(EpochError::Recipients));
    // Every reader has a key of the epoch's suite.
    let strong = sealed(Suite::XWingAes256Gcm).recipients;
    let mixed = [world.recipients[0].clone(), strong[1].clone()];
    assert_eq!(open(terms(suite), &mixed), Some(EpochError::Suite));
    assert_eq!(open(terms(Suite::XWingAes256Gcm), &mixed), Some(EpochError::Suite));
    let mut statement = world.open.statement;
    statement.not_after_ms = statement.opened_at_ms + HOUR + 1;
    let mut writer = channel::Writer::new();
    statement.write(&mut writer);
    let bytes = writer.into_bytes();
    assert!(EpochOpen::read(&mut channel::Reader::new(&bytes)).is_err());
}

#[test]
fn keys_are_taken_only_with_their_secret() {
    let [weak, strong] = SUITES;
    for suite in SUITES {
        let mut reader = Reader::new(POOL, RECEIVER);
        let (ours, theirs) = (kem_key(suite, RECEIVER), kem_key(suite, SENDER));
        let secret = |id| kem_secret(suite, id);
        assert_eq!(reader.add_key(&ours, secret(SENDER)), Err(Refused));
        assert_eq!(reader.add_key(&theirs, secret(SENDER)), Err(Refused));
        let other = KemKey { pool: POOL + 1, ..ours.clone() };
        assert_eq!(reader.add_key(&other, secret(RECEIVER)), Err(Refused));
        // A secret is its bytes, in its suite.
        let again = KemSecret::from_bytes(suite, &secret(RECEIVER).to_bytes()).unwrap();
        assert_eq!(reader.add_key(&ours, again), Ok(()));
    }
    let mut reader = Reader::new(POOL, RECEIVER);
    let wrong = KemSecret::from_bytes(strong, &kem_secret(weak, RECEIVER).to_bytes()).unwrap();
    assert_eq!(reader.add_key(&kem_key(weak, RECEIVER), wrong), Err(Refused));
}

/// Suite 2 agrees on another key than the sender when a bit of what was sent is another, in either
/// half (ML-KEM does not refuse, FIPS 203 section 6.3); and on none with a key that is no key.
#[test]
fn a_changed_agreement_of_suite_2_opens_nothing() {
    let world = sealed(Suite::XWingAes256Gcm);
    for at in [0, 500, 1_087, 1_088, 1_119] {
        let mut open = world.open.statement.clone();
        for reader in &mut open.readers {
            let mut bytes = reader.encapsulated.as_bytes().to_vec();
            bytes[at] ^= 1;
            reader.encapsulated = Encapsulated::from_slice(open.suite, &bytes).unwrap();
        }
        let mut reader = reader_without_epoch(RECEIVER);
        let signed = Signed::sign(open, &signer_of(SENDER)).unwrap();
        assert_eq!(reader.accept_epoch(&signed, &key_of(SENDER)), Ok(true));
        let opened = reader.open(&world.order.header, &world.order.payload);
        assert_eq!(opened.err(), Some(Refused), "byte {at}");
    }
    // A coefficient that is not below the modulus (FIPS 203 section 7.2).
    let mut bytes = world.recipients[0].public.as_bytes().to_vec();
    bytes[..2].copy_from_slice(&[0xff; 2]);
    let public = KemPublic::from_slice(Suite::XWingAes256Gcm, &bytes).unwrap();
    let recipients = [Recipient { public, ..world.recipients[0].clone() }];
    let terms = terms(Suite::XWingAes256Gcm);
    let opened = Epoch::open(terms, &recipients, &signer_of(SENDER), &mut Known::new(1));
    assert_eq!(opened.err(), Some(EpochError::PublicKey));
}

/// The statement of the largest epoch of each suite is one that is taken.
#[test]
fn the_largest_epoch_is_a_statement() {
    for suite in SUITES {
        let largest = suite.epoch_readers_max();
        let recipient = sealed(suite).recipients.remove(0);
        let reader = |at: usize| Recipient {
            role: SlotRole::CurrencyIssuer,
            key: channel::KeyId((at as u64).to_be_bytes()),
            ..recipient.clone()
        };
        let readers: Vec<_> = (0..=largest).map(reader).collect();
        let open = |readers: &[Recipient]| {
            Epoch::open(terms(suite), readers, &signer_of(SENDER), &mut Known::new(1))
        };
        assert_eq!(open(&readers).err(), Some(EpochError::Recipients));
        let bytes = open(&readers[..largest]).unwrap().1.encode();
        assert!(channel::AnyStatement::decode(5, &bytes).is_ok());
        let per_reader = 13 + Encapsulated::len_of(suite);
        assert_eq!(bytes.len(), 47 + largest * per_reader + 96);
        let mut more = bytes.clone();
        more[46] += 1;
        more.splice(47..47, bytes[47..47 + per_reader].to_vec());
        let error = Signed::<EpochOpen>::decode(&more).unwrap_err();
        assert_eq!(error.to_string(), "readers: value out of range");
    }
}

/// An order under another policy, or made after the end of its epoch, is not the epoch's.
#[test]
fn orders_keep_to_the_terms_of_their_epoch() {
    let world = sealed(SUITES[0]);
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
        OrderHeader {
            sealing: read.sealing.map(|it| channel::Sealing { suite: SUITES[1], ..it }),
            ..read
        },
    ];
    for other in others {
        assert_eq!(reader.reopen(&other.encode(), &world.order.payload).err(), Some(Refused));
    }
    assert_eq!(signer_of(SENDER).public_key(), key_of(SENDER).to_bytes());
}
