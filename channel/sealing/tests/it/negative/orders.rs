//! Orders that must not open.

use channel::{
    Envelope, HEADER_LEN, HeaderView, ParticipantId, SLOT_ENTRY_LEN, SlotRole, VIEW_ENTRY_LEN,
    View, ViewMask, tables_len,
};
use sealing::SealedOrder;
use serde_json::{Value, json};

use super::{change, flipped};
use crate::dishonest::{Key, ToldSlot, ToldView, decrypt, derived, seal};
use crate::two_keys;
use crate::vectors::kek;
use crate::world::{RECEIVER, RECEIVER_REGULATOR, SENDER, SENDER_REGULATOR, Sealed, reader_of};

/// The fields of a header, each by its last byte.
const HEADER_FIELDS: [(&str, usize); 31] = [
    ("version", 0),
    ("flags", 1),
    ("suite", 3),
    ("pool", 7),
    ("sender", 11),
    ("receiver", 15),
    ("UETR", 31),
    ("message kind", 33),
    ("class", 34),
    ("link members", 35),
    ("currency", 38),
    ("size bucket", 39),
    ("amount", 47),
    ("value date", 51),
    ("policy version", 55),
    ("created at", 63),
    ("not before", 71),
    ("not after", 79),
    ("link group", 95),
    ("epoch", 111),
    ("sequence", 119),
    ("original UETR", 135),
    ("return id", 151),
    ("counter currency", 154),
    ("limit rate scale", 155),
    ("limit rate mantissa", 163),
    ("payload length", 167),
    ("counter amount", 175),
    ("reserved", 189),
    ("number of views", 190),
    ("number of slots", 191),
];

/// Where an order is refused before any key is used; otherwise its wraps do not open.
fn stage(world: &Sealed, header: &[u8], payload: &[u8]) -> &'static str {
    let Ok(view) = HeaderView::check(header) else { return "header" };
    let length = view.payload_len() == payload.len();
    let Some(envelope) = Envelope::parse(view, payload).ok().filter(|_| length) else {
        return "shape";
    };
    let (open, sealing) = (&world.open.statement, envelope.sealing());
    let named = (view.pool(), view.sender(), sealing.epoch, sealing.suite, view.policy_version());
    let known = (open.pool, open.sender, open.epoch, open.suite, open.policy_version);
    let in_time = view.created_at_ms() <= open.not_after_ms;
    if named == known && in_time { "wrap" } else { "epoch" }
}

/// Collects changed orders.
struct Orders<'a> {
    world: &'a Sealed,
    cases: Vec<Value>,
}

impl Orders<'_> {
    fn add(
        &mut self,
        what: &str,
        stage: &str,
        reader: ParticipantId,
        header: &[u8],
        payload: &[u8],
    ) {
        let base = &self.world.order;
        let mut case = json!({ "what": what, "stage": stage, "reader": reader.0 });
        if header != base.header {
            case["header"] = change(&base.header, header);
        }
        if payload != base.payload {
            case["payload"] = change(&base.payload, payload);
        }
        self.cases.push(case);
    }

    /// Of the sender, who reads every view; refused before a key is used, or by the binding.
    fn bound(&mut self, what: &str, header: &[u8], payload: &[u8]) {
        let stage = stage(self.world, header, payload);
        self.add(what, stage, SENDER, header, payload);
    }

    fn payload(&mut self, what: &str, stage: &str, reader: ParticipantId, payload: &[u8]) {
        let header = self.world.order.header;
        self.add(what, stage, reader, &header, payload);
    }

    fn told(&mut self, what: &str, stage: &str, reader: ParticipantId, order: &SealedOrder) {
        self.add(what, stage, reader, &order.header, &order.payload);
    }
}

/// The world's order with a byte of every field changed, with parts of it gone or exchanged, and
/// orders that a dishonest sender could make in its epoch.
pub(super) fn orders(world: &Sealed) -> Vec<Value> {
    let mut orders = Orders { world, cases: Vec::new() };
    headers(&mut orders);
    tables(&mut orders);
    wraps_and_ciphertexts(&mut orders);
    lengths(&mut orders);
    stripped(&mut orders);
    dishonest(&mut orders);
    two_plaintexts(&mut orders);
    orders.cases
}

fn headers(orders: &mut Orders<'_>) {
    let SealedOrder { header, payload } = orders.world.order.clone();
    for (field, at) in HEADER_FIELDS {
        orders.bound(&format!("header: {field}"), &flipped(&header, at), &payload);
    }
    let mut other = header;
    other[3] ^= 3;
    orders.bound("header: the other suite", &other, &payload);
    orders.add("header: cut short", "header", SENDER, &header[..HEADER_LEN - 1], &payload);
}

fn tables(orders: &mut Orders<'_>) {
    let SealedOrder { header, payload } = orders.world.order.clone();
    let slots = usize::from(header[190]) * VIEW_ENTRY_LEN;
    let put = |at: usize, bytes: &[u8]| {
        let mut payload = payload.clone();
        payload[at..at + bytes.len()].copy_from_slice(bytes);
        payload
    };
    let cases: [(&str, usize, &[u8]); 13] = [
        ("view: one that is unknown", 4 * VIEW_ENTRY_LEN, &[5]),
        ("view: one twice", 0, &[1]),
        ("view: bucket 0", 1, &[0]),
        ("view: bucket 7", 1, &[7]),
        ("view: commitment", 2, &[payload[2] ^ 1]),
        ("slot: role 0", slots, &[0]),
        ("slot: role 7", slots + 4 * SLOT_ENTRY_LEN, &[7]),
        ("slot: another role", slots + 3 * SLOT_ENTRY_LEN, &[4]),
        ("slot: key id", slots + 1, &[payload[slots + 1] ^ 1]),
        ("slot: no view", slots + 9, &[0, 0]),
        ("slot: an unknown view", slots + 9, &[0, 0b10_1101]),
        ("slot: one view less", slots + 9, &[0, 0b0_1101]),
        ("slot: other views", slots + 9, &[0, 0b1_1110]),
    ];
    for (what, at, bytes) in cases {
        orders.bound(what, &header, &put(at, bytes));
    }
    for (what, at, length) in
        [("views not ascending", 0, VIEW_ENTRY_LEN), ("slots not ascending", slots, SLOT_ENTRY_LEN)]
    {
        let mut other = payload.clone();
        other[at..at + 2 * length].rotate_left(length);
        orders.bound(what, &header, &other);
    }
}

/// Where the wraps and the ciphertexts of an order are.
fn parts(order: &SealedOrder) -> [Vec<core::ops::Range<usize>>; 2] {
    let header = HeaderView::trusted(&order.header);
    let envelope = Envelope::parse(header, &order.payload).unwrap();
    let sealing = envelope.sealing();
    let mut at = tables_len(sealing.views, sealing.slots);
    let mut next = |length: usize| {
        at += length;
        at - length..at
    };
    let wraps = envelope.slots().map(|slot| next(slot.wrap.len())).collect();
    [wraps, envelope.views().map(|view| next(view.ciphertext.len())).collect()]
}

fn wraps_and_ciphertexts(orders: &mut Orders<'_>) {
    let payload = orders.world.order.payload.clone();
    let [wraps, texts] = parts(&orders.world.order);
    for (recipient, wrap) in orders.world.recipients.iter().zip(&wraps) {
        let reader = recipient.participant;
        orders.payload("wrap: a key", "wrap", reader, &flipped(&payload, wrap.start));
        orders.payload("wrap: tag", "wrap", reader, &flipped(&payload, wrap.end - 1));
    }
    for text in &texts {
        orders.payload("ciphertext: text", "view", SENDER, &flipped(&payload, text.start));
        orders.payload("ciphertext: tag", "view", SENDER, &flipped(&payload, text.end - 1));
    }
    // Both regulators read three views; parties and originator are of one size.
    let exchanged = |one: &core::ops::Range<usize>, two: &core::ops::Range<usize>| {
        let mut payload = payload.clone();
        one.clone().zip(two.clone()).for_each(|(one, two)| payload.swap(one, two));
        payload
    };
    let wraps = exchanged(&wraps[1], &wraps[2]);
    for reader in [SENDER_REGULATOR, RECEIVER_REGULATOR] {
        orders.payload("the wraps of two readers, exchanged", "wrap", reader, &wraps);
    }
    let mut views = exchanged(&texts[0], &texts[1]);
    orders.payload("the ciphertexts of two views, exchanged", "view", SENDER, &views);
    (2..VIEW_ENTRY_LEN).for_each(|at| views.swap(at, VIEW_ENTRY_LEN + at));
    orders.payload("the commitments of two views with them", "wrap", SENDER, &views);
    let slots = 5 * VIEW_ENTRY_LEN;
    let mut named = payload.clone();
    for at in 1..9 {
        named.swap(slots + SLOT_ENTRY_LEN + at, slots + 2 * SLOT_ENTRY_LEN + at);
    }
    orders.payload("the key ids of two slots, exchanged", "wrap", SENDER, &named);
}

fn lengths(orders: &mut Orders<'_>) {
    let SealedOrder { header, payload } = orders.world.order.clone();
    let longer = [payload.as_slice(), &[0]].concat();
    for (what, other) in [
        ("payload: one byte short", &payload[..payload.len() - 1]),
        ("payload: one byte long", &longer),
        ("payload: the first table only", &payload[..VIEW_ENTRY_LEN]),
        ("payload: none", &[]),
    ] {
        orders.bound(what, &header, other);
        orders.bound(&format!("{what}, as the header says"), &with_length(header, other), other);
    }
}

fn with_length(mut header: [u8; HEADER_LEN], payload: &[u8]) -> [u8; HEADER_LEN] {
    header[164..168].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    header
}

/// A slot taken out of the tables, with its wrap.
fn stripped(orders: &mut Orders<'_>) {
    let SealedOrder { header, payload } = orders.world.order.clone();
    let [wraps, _] = parts(&orders.world.order);
    for (what, reader) in [("the reader's own slot, gone", 4), ("another's slot, gone", 0)] {
        let slot = 5 * VIEW_ENTRY_LEN + 4 * SLOT_ENTRY_LEN;
        let rest = [&payload[slot + SLOT_ENTRY_LEN..wraps[4].start], &payload[wraps[4].end..]];
        let payload = [&payload[..slot], &rest.concat()].concat();
        let mut header = with_length(header, &payload);
        header[191] -= 1;
        let reader = orders.world.recipients[reader].participant;
        orders.add(what, stage(orders.world, &header, &payload), reader, &header, &payload);
    }
}

/// The slot of a recipient of the epoch, with these keys in its wrap.
fn slot(world: &Sealed, role: SlotRole, deks: &[(View, Key)]) -> ToldSlot {
    let index = world.recipients.iter().position(|it| it.role == role).unwrap();
    let views = deks.iter().fold(ViewMask::NONE, |mask, (view, _)| mask.with(*view));
    let (key, kek) = (world.recipients[index].key, kek(world, index));
    ToldSlot { role, key, kek, views, deks: deks.iter().map(|(_, dek)| *dek).collect() }
}

const DEKS: [Key; 2] = [[1; 32], [2; 32]];

/// Sealed by who has the epoch's keys, so that only one check is left to refuse each.
fn dishonest(orders: &mut Orders<'_>) {
    let (world, [dek, other]) = (orders.world, DEKS);
    let header = world.order.header;
    let view = |content: &[u8]| ToldView::of(View::Parties, dek, content);
    let own = |dek| [slot(world, SlotRole::Sender, &[(View::Parties, dek)])];
    let told = |header: &[u8; HEADER_LEN], sequence, view: ToldView| {
        seal(header, sequence, &[view], &own(dek), |binding, it| it.encrypt(binding))
    };
    let opens = told(&header, 9, view(b"Ada"));
    assert!(reader_of(SENDER, &world.open).open(&opens.header, &opens.payload).is_ok());
    for (what, at, bytes) in [
        ("padding: its last byte", 257, &[1][..]),
        ("padding: its first byte", 5, &[1]),
        ("length: more than the bucket", 0, &[1, 1]),
        ("length: the largest", 0, &[0xff, 0xff]),
    ] {
        let mut view = view(b"Ada");
        view.plaintext[at..at + bytes.len()].copy_from_slice(bytes);
        orders.told(what, "view", SENDER, &told(&header, 1, view));
    }
    for (what, at, value) in [
        ("sealed under the other suite than its epoch", 3, header[3] ^ 3),
        ("sealed for another policy than its epoch", 55, 4),
        ("sealed after the end of its epoch", 61, header[61] + 0x40),
    ] {
        let mut header = header;
        header[at] = value;
        orders.told(what, "epoch", SENDER, &told(&header, 1, view(b"Ada")));
    }
    let used = seal(&header, 1, &[view(b"Ada")], &own(other), |binding, it| {
        ToldView { dek: other, ..*it }.encrypt(binding)
    });
    orders.told("a key that is not committed to", "view", SENDER, &used);
    let views = [view(b"Ada"), ToldView::of(View::Originator, other, b"Ada, born 1815")];
    let crossed =
        [slot(world, SlotRole::Sender, &[(View::Parties, other), (View::Originator, dek)])];
    let crossed = seal(&header, 1, &views, &crossed, |binding, it| it.encrypt(binding));
    orders.told("the keys of two views in the wrap, exchanged", "view", SENDER, &crossed);
    orders.told("the order again", "sequence", SENDER, &world.order.clone());
    let reused = told(&header, 0, view(b"Mallory"));
    orders.told("another order under its sequence", "sequence", SENDER, &reused);
}

/// One ciphertext, a commitment to one key; the receiver is given that, the regulator another, and
/// AES-GCM takes the ciphertext under both, with nothing wrong in what comes out: the view is full,
/// so that there is no padding, and its length reads the same.
fn two_plaintexts(orders: &mut Orders<'_>) {
    let (world, view) = (orders.world, View::Parties);
    let dek = DEKS[0];
    let told = ToldView::of(view, dek, &[b'c'; 256]);
    let start = |dek: &Key| two_keys::keystream_start(&derived(1, dek, view));
    let mut tried = (0..u32::MAX).map(|number| {
        let mut dek = DEKS[1];
        dek[..4].copy_from_slice(&number.to_be_bytes());
        dek
    });
    let other = tried.find(|other| start(other) == start(&dek)).unwrap();
    let slots = [
        slot(world, SlotRole::Receiver, &[(view, dek)]),
        slot(world, SlotRole::SenderRegulator, &[(view, other)]),
    ];
    let keys = [dek, other].map(|dek| derived(1, &dek, view));
    let order = seal(&world.order.header, 1, &[told], &slots, |binding, it| {
        let both = two_keys::for_both([&keys[0], &keys[1]], binding, &it.encrypt(binding));
        let opened = [dek, other].map(|dek| decrypt(&dek, view, binding, &both).unwrap());
        assert_ne!(opened[0], opened[1]);
        assert!(opened.iter().all(|it| it[..2] == 256_u16.to_be_bytes()));
        both
    });
    assert!(reader_of(RECEIVER, &world.open).open(&order.header, &order.payload).is_ok());
    let what = "a ciphertext that two keys open, and the key that is not committed to";
    orders.told(what, "view", SENDER_REGULATOR, &order);
}
