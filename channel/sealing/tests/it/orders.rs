//! Who can read what, and what can be shown of it later.

use channel::{
    Envelope, HeaderView, KemKey, ParticipantId, Recipient, Signed, Suite, View, ViewMask,
    order_digest,
};
use proptest::prelude::*;
use sealing::{Content, Disclosure, Epoch, Refused, SealError, SealedOrder};

use crate::world::{
    CONTENTS, HOUR, Known, NOW, POOL, RECEIVER, RECEIVER_REGULATOR, SCREENER, SENDER,
    SENDER_REGULATOR, SUITES, Sealed, facts, header, kem_key, kem_secret, key_of, policy, proof,
    reader_of, reader_without_epoch, sealed, signer_of, terms, trust,
};

#[test]
fn everybody_reads_what_the_policy_says() {
    use View::{Beneficiary, Originator, Parties, Purpose, Remittance};
    let cases: [(ParticipantId, &[View]); 5] = [
        (RECEIVER, &[Parties, Beneficiary, Purpose, Remittance]),
        (SENDER_REGULATOR, &[Parties, Originator, Purpose]),
        (RECEIVER_REGULATOR, &[Parties, Beneficiary, Purpose]),
        (SCREENER, &[Parties, Originator, Beneficiary]),
        (SENDER, &View::ALL),
    ];
    let worlds = SUITES.map(sealed);
    for (world, (id, views)) in worlds.iter().flat_map(|world| cases.map(|case| (world, case))) {
        let mut reader = reader_of(id, &world.open);
        let opened = reader.open(&world.order.header, &world.order.payload).unwrap();
        let seen: Vec<View> = opened.views.iter().map(|opened| opened.view()).collect();
        assert_eq!(seen, views, "{id:?}");
        for opened in &opened.views {
            let sealed = CONTENTS.iter().find(|content| content.view == opened.view()).unwrap();
            assert_eq!(opened.content(), sealed.bytes);
        }
    }
}

#[test]
fn the_order_meets_the_policy_for_who_has_no_key() {
    SUITES.into_iter().for_each(meets_the_policy);
}

fn meets_the_policy(suite: Suite) {
    let world = sealed(suite);
    let header = HeaderView::check(&world.order.header).unwrap();
    let envelope = Envelope::parse(header, &world.order.payload).unwrap();
    let owner = |_, key| {
        [RECEIVER, SENDER_REGULATOR, RECEIVER_REGULATOR, SCREENER, SENDER]
            .into_iter()
            .find(|id| kem_key(suite, *id).id() == key)
    };
    let required = trust(suite).require(&facts(), NOW).unwrap();
    assert_eq!(required.check(&envelope, owner), Ok(()));
    // A policy of the other suite does not take it, whichever is the stronger one.
    for other in SUITES.into_iter().filter(|other| *other != suite) {
        let required = policy(other).require(&facts()).unwrap();
        assert_eq!(required.check(&envelope, owner), Err(channel::DisclosureError::Suite));
    }
    assert!(required.screening && required.confirmation);
}

#[test]
fn an_order_that_does_not_meet_the_policy_is_told_why() {
    use channel::DisclosureError::{ExtraSlot, MissingSlot, SlotViews, StaleKey, Views};
    let suite = Suite::X25519Aes256Gcm;
    let world = sealed(suite);
    let required = trust(suite).require(&facts(), NOW).unwrap();
    // The receiver has a second key.
    let public = kem_secret(suite, ParticipantId(99)).public();
    let second = KemKey { public, ..kem_key(suite, RECEIVER) };
    let owner = |_, key| {
        let ids = [RECEIVER, SENDER_REGULATOR, RECEIVER_REGULATOR, SCREENER, SENDER];
        let by_id = ids.into_iter().find(|id| kem_key(suite, *id).id() == key);
        by_id.or_else(|| (key == second.id()).then_some(RECEIVER))
    };
    let check = |mut recipients: Vec<Recipient>, contents: &[Content<'_>], known: bool| {
        recipients.sort_unstable_by_key(|it| (it.role, it.key));
        let random = &mut Known::new(4);
        let mut epoch =
            Epoch::open(terms(suite), &recipients, &signer_of(SENDER), random).unwrap().0;
        let order = epoch.seal(&header(), contents, &recipients, random).unwrap();
        let view = HeaderView::check(&order.header).unwrap();
        let envelope = Envelope::parse(view, &order.payload).unwrap();
        required.check(&envelope, |role, key| if known { owner(role, key) } else { None }).err()
    };
    let all = || world.recipients.clone();
    let without = |id| all().into_iter().filter(|it| it.participant != id).collect::<Vec<_>>();
    assert_eq!(check(all(), &CONTENTS, true), None);
    assert_eq!(check(without(SENDER), &CONTENTS, true), None);
    assert_eq!(check(without(SENDER_REGULATOR), &CONTENTS, true), Some(MissingSlot));
    assert_eq!(check(all(), &CONTENTS, false), Some(StaleKey));
    // Twice the receiver is not a regulator.
    let receiver = all().into_iter().find(|it| it.participant == RECEIVER).unwrap();
    let mut twice = without(SENDER_REGULATOR);
    twice.push(Recipient { key: second.id(), public: second.public.clone(), ..receiver });
    assert_eq!(check(twice, &CONTENTS, true), Some(ExtraSlot));
    let mut extra = without(RECEIVER);
    extra.push(Recipient { role: channel::SlotRole::CurrencyIssuer, ..receiver.clone() });
    assert_eq!(check(extra, &CONTENTS, true), Some(ExtraSlot));
    let mut more = without(RECEIVER);
    more.push(Recipient { views: ViewMask::ALL, ..receiver });
    assert_eq!(check(more, &CONTENTS, true), Some(SlotViews));
    let mut narrow = policy(suite);
    narrow.rules.truncate(1);
    let narrow = narrow.require(&facts()).unwrap();
    let view = HeaderView::check(&world.order.header).unwrap();
    let envelope = Envelope::parse(view, &world.order.payload).unwrap();
    assert_eq!(narrow.check(&envelope, owner), Err(ExtraSlot));
    // A view that nobody must read.
    let own: Vec<_> =
        all().into_iter().filter(|it| matches!(it.participant, RECEIVER | SENDER)).collect();
    let random = &mut Known::new(4);
    let mut epoch = Epoch::open(terms(suite), &own, &signer_of(SENDER), random).unwrap().0;
    let order = epoch.seal(&header(), &CONTENTS, &own, random).unwrap();
    let view = HeaderView::check(&order.header).unwrap();
    let envelope = Envelope::parse(view, &order.payload).unwrap();
    assert_eq!(narrow.check(&envelope, owner), Err(Views));
}

#[test]
fn nothing_of_the_content_is_outside_the_ciphertexts() {
    let world = sealed(SUITES[0]);
    for content in CONTENTS.iter().filter(|content| !content.bytes.is_empty()) {
        let found = world.order.payload.windows(8).any(|bytes| bytes == &content.bytes[..8]);
        assert!(!found);
    }
}

#[test]
fn a_sequence_opens_once_but_the_same_order_can_be_read_again() {
    let mut world = sealed(SUITES[0]);
    let second =
        world.epoch.seal(&header(), &CONTENTS, &world.recipients, &mut Known::new(9)).unwrap();
    let mut reader = reader_of(RECEIVER, &world.open);
    // In another order than sealed: what settles first is opened first.
    assert!(reader.open(&second.header, &second.payload).is_ok());
    assert!(reader.open(&world.order.header, &world.order.payload).is_ok());
    let again = reader.open(&world.order.header, &world.order.payload);
    assert_eq!(again.err(), Some(Refused));
    assert!(reader.reopen(&world.order.header, &world.order.payload).is_ok());
}

/// A machine restored from a snapshot draws the same randomness again.
#[test]
fn the_same_randomness_twice_gives_other_keys_for_another_order() {
    let (mut one, mut two) = (sealed(SUITES[0]), sealed(SUITES[0]));
    assert_eq!(one.order, two.order);
    let other = [Content { view: View::Parties, bytes: b"somebody else" }];
    let recipients =
        [Recipient { views: ViewMask::of(&[View::Parties]), ..one.recipients[0].clone() }];
    let second_header = channel::OrderHeader {
        uetr: "5f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5".parse().unwrap(),
        ..header()
    };
    let first = one.epoch.seal(&header(), &CONTENTS[..1], &recipients, &mut Known::new(5)).unwrap();
    let second = two.epoch.seal(&second_header, &other, &recipients, &mut Known::new(5)).unwrap();
    let entry = |order: &sealing::SealedOrder| {
        let header = HeaderView::check(&order.header).unwrap();
        let envelope = Envelope::parse(header, &order.payload).unwrap();
        let view = envelope.views().next().unwrap();
        (*view.commitment, envelope.slots().next().unwrap().wrap.to_vec())
    };
    assert_ne!(entry(&first).0, entry(&second).0);
    assert_ne!(entry(&first).1, entry(&second).1);
}

#[test]
fn one_view_can_be_shown_to_a_third_party_and_no_other() {
    SUITES.map(sealed).iter().for_each(shows_one_view);
}

fn shows_one_view(world: &Sealed) {
    let mut reader = reader_of(RECEIVER, &world.open);
    let opened = reader.open(&world.order.header, &world.order.payload).unwrap();
    let purpose = opened.view(View::Remittance).unwrap();
    let shown =
        Disclosure::new(&world.order.header, &world.order.payload, purpose, proof(&world.order));
    let bytes = shown.encode();
    let read = Disclosure::decode(&bytes).unwrap().verify(&key_of(SENDER)).unwrap();
    assert_eq!((read.view, read.content.as_slice()), (View::Remittance, CONTENTS[4].bytes));
    assert_eq!(read.digest, world.order.digest());
    // The same key opens no other view.
    let at = 1 + 192 + world.order.payload.len();
    for view in [0, 1, 2, 3] {
        let mut other = bytes.to_vec();
        other[at] = view;
        let refused = Disclosure::decode(&other).unwrap().verify(&key_of(SENDER));
        assert_eq!(refused, Err(Refused));
    }
    // Another than the sender has not signed it.
    assert_eq!(shown.verify(&key_of(RECEIVER)), Err(Refused));
}

#[test]
fn the_sender_wraps_again_for_who_could_not_open() {
    SUITES.map(sealed).iter().for_each(wraps_again);
}

fn wraps_again(world: &Sealed) {
    let opened =
        reader_of(SENDER, &world.open).open(&world.order.header, &world.order.payload).unwrap();
    let regulator = world.recipients.iter().find(|it| it.participant == SENDER_REGULATOR).unwrap();
    let rewrap = opened
        .rewrap(&world.order.payload, regulator, NOW + HOUR, &signer_of(SENDER), &mut Known::new(3))
        .unwrap();
    let reader = reader_without_epoch(SENDER_REGULATOR);
    let (header, payload) = (&world.order.header, &world.order.payload);
    let sent = Signed::decode(&rewrap.encode()).unwrap();
    let read = reader.open_rewrapped(header, payload, &sent, &key_of(SENDER)).unwrap();
    let views = read.views.iter().fold(ViewMask::NONE, |mask, it| mask.with(it.view()));
    assert_eq!(views, regulator.views);
    let others = [
        (reader_without_epoch(RECEIVER), key_of(SENDER)),
        (reader_without_epoch(SENDER_REGULATOR), key_of(RECEIVER)),
    ];
    for (reader, key) in others {
        let refused = reader.open_rewrapped(header, payload, &rewrap, &key);
        assert_eq!(refused.err(), Some(Refused));
    }
    let bytes = rewrap.encode();
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        if let Ok(rewrap) = Signed::decode(&other) {
            let refused = reader.open_rewrapped(header, payload, &rewrap, &key_of(SENDER));
            assert_eq!(refused.err(), Some(Refused), "byte {at}");
        }
    }
}

/// What was sealed against quantum computers is not wrapped again for others to break.
#[test]
fn an_order_is_not_wrapped_again_under_a_weaker_suite() {
    let [weak, strong] = SUITES.map(sealed);
    let wrap = |of: &Sealed, with: &Sealed| {
        let SealedOrder { header, payload } = &of.order;
        let opened = reader_of(SENDER, &of.open).open(header, payload).unwrap();
        let random = &mut Known::new(3);
        opened.rewrap(payload, &with.recipients[0], NOW, &signer_of(SENDER), random)
    };
    assert_eq!(wrap(&strong, &weak).err(), Some(Refused.into()));
    let stronger = wrap(&weak, &strong).unwrap();
    let SealedOrder { header, payload } = &weak.order;
    let reader = reader_without_epoch(RECEIVER);
    assert!(reader.open_rewrapped(header, payload, &stronger, &key_of(SENDER)).is_ok());
}

#[test]
fn what_cannot_be_sealed_is_refused_by_name() {
    let mut world = sealed(SUITES[0]);
    let recipients = world.recipients.clone();
    let mut seal = |header: &channel::OrderHeader, contents: &[Content<'_>], recipients: &[_]| {
        world.epoch.seal(header, contents, recipients, &mut Known::new(2)).err()
    };
    let late = channel::OrderHeader { created_at_ms: NOW + HOUR + 1, ..header() };
    let other = channel::OrderHeader { pool: POOL + 1, ..header() };
    assert_eq!(seal(&late, &CONTENTS, &recipients), Some(SealError::EpochOver));
    assert_eq!(seal(&other, &CONTENTS, &recipients), Some(SealError::OtherEpoch));
    assert_eq!(seal(&header(), &[], &recipients), Some(SealError::Views));
    let twice = [CONTENTS[0], CONTENTS[0]];
    assert_eq!(seal(&header(), &twice, &recipients), Some(SealError::Views));
    let backwards = [CONTENTS[1], CONTENTS[0]];
    assert_eq!(seal(&header(), &backwards, &recipients), Some(SealError::Views));
    assert_eq!(seal(&header(), &CONTENTS[..4], &recipients), Some(SealError::Recipients));
    assert_eq!(seal(&header(), &CONTENTS, &[]), Some(SealError::Recipients));
    let reversed: Vec<_> = recipients.iter().rev().cloned().collect();
    assert_eq!(seal(&header(), &CONTENTS, &reversed), Some(SealError::Recipients));
    let long = [Content { view: View::Parties, bytes: &[0; 8_193] }];
    assert_eq!(seal(&header(), &long, &recipients), Some(SealError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is sealed opens again to the same, whatever its sizes.
    #[test]
    fn sealed_and_opened_is_the_same(
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2_100), 1..=5),
        seed: u8,
        suite in prop::sample::select(SUITES.as_slice()),
    ) {
        let mut world = sealed(suite);
        let contents: Vec<Content<'_>> = View::ALL
            .into_iter()
            .zip(&contents)
            .map(|(view, bytes)| Content { view, bytes })
            .collect();
        let views = contents.iter().fold(ViewMask::NONE, |mask, content| mask.with(content.view));
        let recipients: Vec<_> = world
            .recipients
            .iter()
            .filter(|it| matches!(it.participant, RECEIVER | SENDER))
            .map(|it| Recipient { views, ..it.clone() })
            .collect();
        let order = world
            .epoch
            .seal(&header(), &contents, &recipients, &mut Known::new(seed))
            .unwrap();
        prop_assert_eq!(order.digest(), order_digest(&order.header, &order.payload));
        let opened = reader_of(RECEIVER, &world.open).open(&order.header, &order.payload).unwrap();
        prop_assert_eq!(opened.views.len(), contents.len());
        for (opened, content) in opened.views.iter().zip(&contents) {
            prop_assert_eq!((opened.view(), opened.content()), (content.view, content.bytes));
        }
    }
}
