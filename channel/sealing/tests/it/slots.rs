//! Orders opened slot by slot, and what was wrapped again for one of them.

use channel::{
    EpochOpen, KemKey, OrderHeader, PublicKey, Recipient, Rewrap, Signed, SlotRole, Suite, View,
    ViewMask,
};
use sealing::{Epoch, KemSecret, OpenedOrder, Reader, Refused, SealedOrder, Unread};

use crate::epochs::{low_order_points, with_point};
use crate::world::{
    CONTENTS, HOUR, Known, NOW, POOL, RECEIVER, SENDER, SENDER_REGULATOR, SUITES, header, kem_key,
    kem_secret, key_of, own_slot, reader_of, reader_without_epoch, sealed, signer_of, terms,
};

const SUITE: Suite = SUITES[0];
const FIRST: SlotRole = SlotRole::SenderRegulator;
const SECOND: SlotRole = SlotRole::CurrencyIssuer;

/// An order that a regulator reads in two capacities.
struct Twice {
    open: Signed<EpochOpen>,
    order: SealedOrder,
    slots: [Recipient; 2],
}

impl Twice {
    fn new() -> Self {
        let slot = |role, views: &[View]| {
            let (key, participant) = (kem_key(SUITE, SENDER_REGULATOR), SENDER_REGULATOR);
            let (id, public, views) = (key.id(), key.public, ViewMask::of(views));
            Recipient { role, key: id, participant, public, views }
        };
        let slots = [
            slot(FIRST, &[View::Parties, View::Originator]),
            slot(SECOND, &[View::Parties, View::Purpose]),
        ];
        let recipients = [slots[0].clone(), slots[1].clone(), own_slot(SUITE)];
        let mut random = Known::new(1);
        let opened = Epoch::open(terms(SUITE), &recipients, &signer_of(SENDER), &mut random);
        let (mut epoch, open) = opened.unwrap();
        let order = epoch.seal(&header(), &CONTENTS, &recipients, &mut random).unwrap();
        Self { open, order, slots }
    }

    /// Its wraps are bound to nothing else: only their readers see what was done to them.
    fn with_a_bad_wrap(mut self, index: u8) -> Self {
        let header = channel::HeaderView::check(&self.order.header).unwrap();
        let envelope = channel::Envelope::parse(header, &self.order.payload).unwrap();
        let wrap = envelope.slots().find(|slot| slot.index == index).unwrap().wrap;
        let at = wrap.as_ptr() as usize - self.order.payload.as_ptr() as usize;
        self.order.payload[at] ^= 1;
        self
    }

    fn rewrap(&self, recipient: &Recipient) -> (Signed<Rewrap>, PublicKey) {
        let reader = reader_of(SENDER, &self.open);
        let opened = reader.reopen(&self.order.header, &self.order.payload).unwrap();
        let random = &mut Known::new(9);
        let signer = signer_of(SENDER);
        let made = opened.rewrap(&self.order.payload, recipient, NOW + HOUR, &signer, random);
        (made.unwrap(), key_of(SENDER))
    }

    fn read(&self, rewraps: &[(Signed<Rewrap>, PublicKey)]) -> Result<OpenedOrder, Unread> {
        let mut reader = reader_of(SENDER_REGULATOR, &self.open);
        reader.open_with(&self.order.header, &self.order.payload, rewraps)
    }
}

fn views(opened: &OpenedOrder) -> Vec<View> {
    opened.views.iter().map(sealing::OpenedView::view).collect()
}

#[test]
fn the_slot_that_does_not_open_is_named() {
    let all = [View::Parties, View::Originator, View::Purpose];
    assert_eq!(views(&Twice::new().read(&[]).unwrap()), all);
    for (index, role) in [(0, FIRST), (1, SECOND)] {
        let bad = Twice::new().with_a_bad_wrap(index);
        let key = kem_key(SUITE, SENDER_REGULATOR).id();
        assert_eq!(bad.read(&[]).err(), Some(Unread::Slot(role, key)));
        // Wrapped again for that slot it opens, and with it the whole order.
        let rewrap = bad.rewrap(&bad.slots[usize::from(index)]);
        assert_eq!(views(&bad.read(&[rewrap]).unwrap()), all);
    }
    // Both need it.
    let bad = Twice::new().with_a_bad_wrap(0).with_a_bad_wrap(1);
    let rewraps = [0, 1].map(|at| bad.rewrap(&bad.slots[at]));
    assert_eq!(bad.read(&rewraps[..1]).err(), Some(Unread::Slot(SECOND, bad.slots[1].key)));
    assert_eq!(views(&bad.read(&rewraps).unwrap()), all);
}

#[test]
fn a_rewrap_of_less_than_was_promised_opens_nothing() {
    let bad = Twice::new().with_a_bad_wrap(1);
    let less = Recipient { views: ViewMask::of(&[View::Parties]), ..bad.slots[1].clone() };
    let more = Recipient { views: ViewMask::ALL, ..bad.slots[1].clone() };
    // As a slot that opens by itself.
    let other = Recipient { role: FIRST, ..bad.slots[1].clone() };
    for recipient in [less, more, other] {
        let rewrap = bad.rewrap(&recipient);
        let (header, payload) = (&bad.order.header, &bad.order.payload);
        let reader = reader_without_epoch(SENDER_REGULATOR);
        let opened = reader.open_rewrapped(header, payload, &rewrap.0, &rewrap.1);
        assert_eq!(opened.err(), Some(Refused));
        assert!(matches!(bad.read(&[rewrap]), Err(Unread::Slot(SECOND, _))));
    }
}

/// A reader that has lost the secret of its key knows from the sender's epoch which slot is its own: it can
/// ask for that slot, and opens it by another key.
#[test]
fn who_lost_a_secret_can_name_its_slot() {
    let world = sealed(SUITE);
    let (header, payload) = (&world.order.header, &world.order.payload);
    let slot = world.recipients.iter().find(|it| it.participant == RECEIVER).unwrap();
    let mut reader = Reader::new(POOL, RECEIVER);
    assert_eq!(reader.accept_epoch(&world.open, &key_of(SENDER)), Ok(false));
    let view = channel::HeaderView::trusted(header);
    assert!(!reader.knows_epoch(view) && !reader.has_secret(slot.key));
    let unread = reader.open_with(header, payload, &[]).err();
    assert_eq!(unread, Some(Unread::Slot(SlotRole::Receiver, slot.key)));
    assert_eq!(reader.open(header, payload).err(), Some(Refused));
    // Another key of the same reader, made since.
    let secret = KemSecret::generate(SUITE, &mut Known::new(5));
    let key = KemKey { public: secret.public(), ..kem_key(SUITE, RECEIVER) };
    let next = Recipient { key: key.id(), public: key.public.clone(), ..slot.clone() };
    reader.add_key(&key, secret).unwrap();
    let opened = reader_of(SENDER, &world.open).reopen(header, payload).unwrap();
    let signer = signer_of(SENDER);
    let rewrap = opened.rewrap(payload, &next, NOW + HOUR, &signer, &mut Known::new(9)).unwrap();
    let all = slot.views.views().collect::<Vec<_>>();
    let rewraps = [(rewrap, key_of(SENDER))];
    assert_eq!(views(&reader.open_with(header, payload, &rewraps).unwrap()), all);
    // The secret is found after all: nothing that was opened is new again.
    reader.add_key(&kem_key(SUITE, RECEIVER), kem_secret(SUITE, RECEIVER)).unwrap();
    assert_eq!(reader.accept_epoch(&world.open, &key_of(SENDER)), Ok(true));
    assert!(reader.knows_epoch(view));
    assert_eq!(reader.open(header, payload).err(), Some(Refused));
    assert_eq!(views(&reader.reopen(header, payload).unwrap()), all);
}

#[test]
fn points_of_small_order_in_a_rewrap_are_refused() {
    let bad = Twice::new().with_a_bad_wrap(1);
    let (honest, key) = bad.rewrap(&bad.slots[1]);
    for point in low_order_points() {
        let encapsulated = with_point(&honest.statement.encapsulated, &point);
        let forged = Rewrap { encapsulated, ..honest.statement.clone() };
        let forged = (Signed::sign(forged, &signer_of(SENDER)).unwrap(), key.clone());
        assert!(matches!(bad.read(&[forged]), Err(Unread::Slot(SECOND, _))));
    }
    assert!(bad.read(&[(honest, key)]).is_ok());
}

/// Two orders of one epoch under one sequence, as a sender makes them that forgot the first.
fn one_sequence() -> (Signed<EpochOpen>, [SealedOrder; 2]) {
    let world = sealed(SUITE);
    let uetr = "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a12".parse().unwrap();
    let other = OrderHeader { uetr, ..header() };
    let mut random = Known::new(1);
    let (mut epoch, open) =
        Epoch::open(terms(SUITE), &world.recipients, &signer_of(SENDER), &mut random).unwrap();
    assert_eq!(open, world.open);
    let second = epoch.seal(&other, &CONTENTS, &world.recipients, &mut Known::new(2)).unwrap();
    (open, [world.order, second])
}

#[test]
fn of_two_orders_under_one_sequence_the_first_opens() {
    let (open, orders) = one_sequence();
    for [first, second] in [[&orders[0], &orders[1]], [&orders[1], &orders[0]]] {
        let mut reader = reader_of(RECEIVER, &open);
        assert!(reader.open_with(&first.header, &first.payload, &[]).is_ok());
        assert_eq!(reader.open(&second.header, &second.payload).err(), Some(Refused));
        let refused = reader.open_with(&second.header, &second.payload, &[]);
        assert_eq!(refused.err(), Some(Unread::Refused(Refused)));
        // The epoch again, as a node serves it again, forgets nothing.
        assert_eq!(reader.accept_epoch(&open, &key_of(SENDER)), Ok(true));
        assert_eq!(reader.open(&second.header, &second.payload).err(), Some(Refused));
        assert!(reader.reopen(&first.header, &first.payload).is_ok());
    }
}

#[test]
fn an_epoch_opened_twice_opens_none_of_the_other_ones_orders_after_a_restart() {
    let world = sealed(SUITE);
    // Another agreement under the same id.
    let mut other = world.open.statement.clone();
    let (_, second) =
        Epoch::open(terms(SUITE), &world.recipients, &signer_of(SENDER), &mut Known::new(77))
            .unwrap();
    other.readers = second.statement.readers;
    let other = Signed::sign(other, &signer_of(SENDER)).unwrap();
    let mut reader = reader_of(RECEIVER, &world.open);
    assert_eq!(reader.accept_epoch(&other, &key_of(SENDER)), Err(Refused));
    // A reader that starts again knows neither. Whichever it is served, only the orders that were
    // sealed in it open.
    let mut reader = reader_of(RECEIVER, &other);
    let (header, payload) = (&world.order.header, &world.order.payload);
    assert!(matches!(reader.open_with(header, payload, &[]), Err(Unread::Slot(..))));
    let mut reader = reader_of(RECEIVER, &world.open);
    assert!(reader.open_with(header, payload, &[]).is_ok());
}
