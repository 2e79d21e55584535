//! What must never open: every changed byte, and what a dishonest sender could make.

use channel::{
    Envelope, HEADER_LEN, HeaderView, SLOT_ENTRY_LEN, Signer as _, VIEW_ENTRY_LEN, View, ViewMask,
    tables_len,
};
use proptest::prelude::*;
use sealing::{Content, Disclosure, Reader, Refused, SealedOrder};

use crate::world::{
    CONTENTS, Known, RECEIVER, RECEIVER_REGULATOR, SENDER, SENDER_REGULATOR, SUITES, Sealed,
    header, key_of, proof, reader_of, sealed, signer_of,
};

fn refused(reader: &Reader, header: &[u8], payload: &[u8]) -> bool {
    reader.reopen(header, payload).err() == Some(Refused)
}

/// The sender reads every view, so every byte of the payload but the wraps of others is its concern.
#[test]
fn every_bit_counts() {
    SUITES.map(sealed).iter().for_each(counts_every_bit);
}

fn counts_every_bit(world: &Sealed) {
    let readers = [SENDER, RECEIVER, SENDER_REGULATOR].map(|id| reader_of(id, &world.open));
    let SealedOrder { header, payload } = world.order.clone();
    for bit in 0..HEADER_LEN * 8 {
        let mut other = header;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(readers.iter().all(|reader| refused(reader, &other, &payload)), "header bit {bit}");
    }
    let envelope = Envelope::parse(HeaderView::trusted(&header), &payload).unwrap();
    let sealing = envelope.sealing();
    let tables = tables_len(sealing.views, sealing.slots);
    let slots: Vec<_> = envelope.slots().collect();
    let own = slots.iter().position(|slot| slot.role == channel::SlotRole::Sender).unwrap();
    let wraps: Vec<usize> = slots.iter().map(|slot| slot.wrap.len()).collect();
    let own_at = tables + wraps[..own].iter().sum::<usize>();
    let wraps_end = tables + wraps.iter().sum::<usize>();
    for at in 0..payload.len() {
        let mut other = payload.clone();
        other[at] ^= 1 << (at % 8);
        let others_wrap =
            (tables..wraps_end).contains(&at) && !(own_at..own_at + wraps[own]).contains(&at);
        assert_eq!(refused(&readers[0], &header, &other), !others_wrap, "payload byte {at}");
        // A change in another's wrap is seen by that reader; and by everybody in the signature.
        if others_wrap {
            let changed = SealedOrder { header, payload: other };
            assert_ne!(changed.digest(), world.order.digest());
        }
    }
}

#[test]
fn every_bit_of_a_wrap_counts_for_its_reader() {
    SUITES.map(sealed).iter().for_each(counts_every_bit_of_a_wrap);
}

fn counts_every_bit_of_a_wrap(world: &Sealed) {
    let SealedOrder { header, payload } = &world.order;
    let envelope = Envelope::parse(HeaderView::trusted(header), payload).unwrap();
    let mut at = tables_len(envelope.sealing().views, envelope.sealing().slots);
    for (slot, recipient) in envelope.slots().zip(&world.recipients) {
        let reader = reader_of(recipient.participant, &world.open);
        for bit in at * 8..(at + slot.wrap.len()) * 8 {
            let mut other = payload.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&reader, header, &other), "bit {bit}");
        }
        at += slot.wrap.len();
    }
}

#[test]
fn every_bit_of_a_disclosure_counts() {
    let mut world = sealed(SUITES[0]);
    // A small order: fewer bits.
    let recipients = [channel::Recipient {
        views: ViewMask::of(&[View::Purpose]),
        ..world.recipients[0].clone()
    }];
    let order =
        world.epoch.seal(&header(), &CONTENTS[3..4], &recipients, &mut Known::new(6)).unwrap();
    let opened = reader_of(RECEIVER, &world.open).open(&order.header, &order.payload).unwrap();
    let shown = Disclosure::new(&order.header, &order.payload, &opened.views[0], proof(&order));
    let bytes = shown.encode();
    assert!(Disclosure::decode(&bytes).unwrap().verify(&key_of(SENDER)).is_ok());
    for at in 0..bytes.len() {
        let mut other = bytes.to_vec();
        other[at] ^= 1 << (at % 8);
        if let Ok(disclosure) = Disclosure::decode(&other) {
            assert_eq!(disclosure.verify(&key_of(SENDER)), Err(Refused), "byte {at}");
        }
    }
    for length in 0..bytes.len() {
        assert!(Disclosure::decode(&bytes[..length]).is_err());
    }
}

/// Takes a slot out of the tables, with its wrap, as whoever carries the order could.
#[test]
fn stripped_and_swapped_slots_are_refused() {
    let world = sealed(SUITES[0]);
    let SealedOrder { header, payload } = &world.order;
    let envelope = Envelope::parse(HeaderView::trusted(header), payload).unwrap();
    let sealing = envelope.sealing();
    let slots_at = usize::from(sealing.views) * VIEW_ENTRY_LEN;
    let tables = tables_len(sealing.views, sealing.slots);
    let last = envelope.slots().last().unwrap();
    let wraps_end = tables + envelope.slots().map(|slot| slot.wrap.len()).sum::<usize>();
    let mut stripped = payload[..tables - SLOT_ENTRY_LEN].to_vec();
    stripped.extend(&payload[tables..wraps_end - last.wrap.len()]);
    stripped.extend(&payload[wraps_end..]);
    let mut without = *header;
    without[191] -= 1;
    without[164..168].copy_from_slice(&u32::try_from(stripped.len()).unwrap().to_be_bytes());
    assert!(Envelope::parse(HeaderView::check(&without).unwrap(), &stripped).is_ok());
    assert!(refused(&reader_of(RECEIVER, &world.open), &without, &stripped));
    // The regulators of sender and receiver have slots of one size: swap their keys and wraps.
    let mut swapped = payload.clone();
    let (one, two) = (slots_at + SLOT_ENTRY_LEN, slots_at + 2 * SLOT_ENTRY_LEN);
    for at in 1..9 {
        swapped.swap(one + at, two + at);
    }
    let first_wrap = tables + envelope.slots().next().unwrap().wrap.len();
    for at in 0..112 {
        swapped.swap(first_wrap + at, first_wrap + 112 + at);
    }
    assert!(Envelope::parse(HeaderView::check(header).unwrap(), &swapped).is_ok());
    for id in [SENDER_REGULATOR, RECEIVER_REGULATOR, RECEIVER] {
        assert!(refused(&reader_of(id, &world.open), header, &swapped));
    }
}

#[test]
fn another_suite_is_refused() {
    for world in SUITES.map(sealed) {
        let reader = reader_of(RECEIVER, &world.open);
        let own = world.open.statement.suite as u16;
        for suite in [0, 1, 2, 3, 0xffff_u16].into_iter().filter(|suite| *suite != own) {
            let mut other = world.order.header;
            other[2..4].copy_from_slice(&suite.to_be_bytes());
            assert!(refused(&reader, &other, &world.order.payload));
        }
    }
}

/// A sender who gives two readers different keys for one view: one of them has not the key that is
/// committed to.
#[test]
fn a_key_that_is_not_the_committed_one_is_refused() {
    let mut world = sealed(SUITES[0]);
    let recipients: Vec<_> = world.recipients[..1].to_vec();
    let only =
        |view| [channel::Recipient { views: ViewMask::of(&[view]), ..recipients[0].clone() }];
    let seal = |world: &mut Sealed, bytes: &[u8], seed| {
        let contents = [Content { view: View::Parties, bytes }];
        let random = &mut Known::new(seed);
        world.epoch.seal(&header(), &contents, &only(View::Parties), random).unwrap()
    };
    let (one, two) = (seal(&mut world, b"pay Emmy", 7), seal(&mut world, b"pay Mallory", 8));
    let reader = reader_of(RECEIVER, &world.open);
    assert!(!refused(&reader, &one.header, &one.payload));
    // The commitment, or the ciphertext, or the wrap of the other order in its place.
    let wrap_at = tables_len(1, 1);
    for range in [2..34, wrap_at..wrap_at + 48, wrap_at + 48..one.payload.len()] {
        let mut mixed = one.payload.clone();
        mixed[range.clone()].copy_from_slice(&two.payload[range.clone()]);
        assert!(refused(&reader, &one.header, &mixed), "{range:?}");
    }
}

proptest! {
    #[test]
    fn garbage_is_refused(header in proptest::collection::vec(any::<u8>(), 0..400), payload: Vec<u8>) {
        let mut reader = Reader::new(1, RECEIVER);
        prop_assert_eq!(reader.open(&header, &payload).err(), Some(Refused));
        prop_assert!(Disclosure::decode(&payload).is_err() || payload.len() > 200);
    }
}

#[test]
fn the_answer_says_nothing() {
    assert_eq!(Refused.to_string(), "sealed order refused");
    assert_ne!(signer_of(SENDER).public_key(), signer_of(RECEIVER).public_key());
}
