//! Statements and disclosures that must not count.

use channel::{
    EpochOpen, HEADER_LEN, KemKey, KemPublic, Recipient, Rewrap, Signed, Signer as _, SlotRole,
    Statement, Suite, View, ViewMask,
};
use sealing::OpenedOrder;
use serde_json::{Value, json};

use super::{change, flipped};
use crate::epochs::{low_order_points, with_point};
use crate::vectors::hex;
use crate::world::{
    HOUR, Known, NOW, RECEIVER, SCREENER, SENDER, SENDER_REGULATOR, Sealed, kem_key, signer_of,
};

/// What is changed in something that is signed.
fn statement(what: &str, stage: &str, base: &[u8], bytes: &[u8]) -> Value {
    json!({ "what": what, "stage": stage, "change": change(base, bytes) })
}

/// One bit of every field, the fields being given by offsets, and of what is behind the body; and
/// the second signature that a lax check would take: with the group order added to `s`.
fn unsigned(base: &[u8], fields: &[(&str, usize)]) -> Vec<Value> {
    let end = base.len();
    let signature = [("signer", end - 65), ("signature: R", end - 33), ("signature: S", end - 32)];
    let all = fields.iter().chain(&signature);
    let flip =
        |(field, at): &(&str, usize)| statement(field, "signature", base, &flipped(base, *at));
    let mut cases: Vec<Value> = all.map(flip).collect();
    cases.push(statement("S and the group order", "signature", base, &with_order_added(base)));
    cases
}

/// The group order of Ed25519 added to the scalar at the end.
fn with_order_added(signed: &[u8]) -> Vec<u8> {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut signed = signed.to_vec();
    let mut carry = 0;
    for (byte, add) in signed.last_chunk_mut::<32>().unwrap().iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    signed
}

type Change<'a, S> = &'a dyn Fn(&mut S);

/// What the sender has signed with something changed, encoded.
fn resigned<S: Statement + Clone>(base: &Signed<S>, change: impl Fn(&mut S)) -> Vec<u8> {
    let mut statement = base.statement.clone();
    change(&mut statement);
    Signed::sign(statement, &signer_of(SENDER)).unwrap().encode()
}

/// The opening of the epoch, changed; the reader is the sender itself, the last one in it.
pub(super) fn epochs(world: &Sealed) -> Vec<Value> {
    let (open, base) = (&world.open, world.open.encode());
    let fields = [
        ("pool", 3),
        ("sender", 7),
        ("suite", 9),
        ("epoch", 25),
        ("policy version", 29),
        ("opened at", 37),
        ("not after", 45),
        ("number of readers", 46),
        ("reader: role", 47),
        ("reader: key id", 55),
        ("reader: participant", 59),
        ("reader: encapsulated key", 60),
    ];
    let mut cases = unsigned(&base, &fields);
    let screener = Signed::sign(open.statement.clone(), &signer_of(SCREENER)).unwrap().encode();
    cases.push(statement("signed by another", "signature", &base, &screener));
    let mut label = base.clone();
    let body = base.len() - 96;
    let other = signer_of(SENDER).sign(&[b"ppc/1 rewrap", &base[..body]].concat()).unwrap();
    label[body + 32..].copy_from_slice(&other);
    cases.push(statement("signed under another label", "signature", &base, &label));
    // R the base point and S one: a signature over anything by the neutral point, for who takes that
    // for a key.
    let one: [u8; 32] = core::array::from_fn(|at| u8::from(at == 0));
    let neutral = one;
    let mut base_point = [0x66; 32];
    base_point[0] = 0x58;
    let mut not_reduced = [0xff; 32];
    (not_reduced[0], not_reduced[31]) = (0xee, 0x7f);
    for (what, key) in
        [("a key of small order", neutral), ("a key of small order, not reduced", not_reduced)]
    {
        let signed = [&base[..body], &key, &base_point, &one].concat();
        let mut case = statement(what, "signature", &base, &signed);
        case["signer"] = hex(&key).into();
        cases.push(case);
    }
    // What is wrong with these has nothing to do with the suite, whose keys would make them long.
    if open.statement.suite == Suite::X25519Aes256Gcm {
        cases.extend(misshapen(open, &base));
    }
    for point in low_order_points() {
        let bytes = resigned(open, |it| last_point(it, &point));
        cases.push(statement("a point of small order", "agreement", &base, &bytes));
    }
    let any = *kem_key(Suite::X25519Aes256Gcm, RECEIVER).public.as_bytes().first_chunk().unwrap();
    let again = resigned(open, |it| last_point(it, &any));
    cases.push(statement("another epoch under the same id", "known", &base, &again));
    cases
}

fn last_point(open: &mut EpochOpen, point: &[u8; 32]) {
    let last = open.readers.last_mut().unwrap();
    last.encapsulated = with_point(&last.encapsulated, point);
}

/// Signed, and of a shape that no epoch has.
fn misshapen(open: &Signed<EpochOpen>, base: &[u8]) -> Vec<Value> {
    let changes: [(&str, Change<'_, EpochOpen>); 6] = [
        ("an epoch id of zeros", &|it| it.epoch.0 = [0; 16]),
        ("longer than an hour", &|it| it.not_after_ms += 1),
        ("over before it begins", &|it| it.not_after_ms = it.opened_at_ms),
        ("no reader", &|it| it.readers.clear()),
        ("a reader twice", &|it| it.readers[4] = it.readers[3].clone()),
        ("readers not ascending", &|it| it.readers[4].role = SlotRole::Receiver),
    ];
    let case = |(what, change): &(&str, Change<'_, EpochOpen>)| {
        statement(what, "shape", base, &resigned(open, change))
    };
    changes.iter().map(case).collect()
}

/// The re-wrap for the sender's regulator, changed.
pub(super) fn rewraps(world: &Sealed, opened: &OpenedOrder, made: &Signed<Rewrap>) -> Vec<Value> {
    let base = made.encode();
    let wrap = base.len() - 96 - 8 - made.statement.wrap.len();
    let fields = [
        ("pool", 3),
        ("order: sender", 7),
        ("order: kind", 9),
        ("order: UETR", 25),
        ("order: digest", 57),
        ("role", 58),
        ("reader", 62),
        ("key id", 70),
        ("suite", 72),
        ("encapsulated key", 73),
        ("views", wrap - 1),
        ("wrap", wrap),
        ("made at", wrap + made.statement.wrap.len() + 7),
    ];
    let mut cases = unsigned(&base, &fields);
    let changes: [(&str, &str, Change<'_, Rewrap>); 4] = [
        ("for another order", "order", &|it| it.order.digest[0] ^= 1),
        ("for a slot of another role", "slot", &|it| it.role = SlotRole::CurrencyIssuer),
        ("with a point of small order", "agreement", &|it| {
            it.encapsulated = with_point(&it.encapsulated, &[0; 32]);
        }),
        ("with another wrap", "wrap", &|it| it.wrap[0] ^= 1),
    ];
    for (what, stage, change) in changes {
        cases.push(statement(what, stage, &base, &resigned(made, change)));
    }
    let recipient = world.recipients.iter().find(|it| it.participant == SENDER_REGULATOR).unwrap();
    let less = Recipient { views: ViewMask::of(&[View::Parties]), ..recipient.clone() };
    let (payload, random) = (&world.order.payload, &mut Known::new(3));
    let less = opened.rewrap(payload, &less, NOW + HOUR, &signer_of(SENDER), random).unwrap();
    cases.push(statement("of fewer views than the slot's", "slot", &base, &less.encode()));
    cases
}

/// The KEM key of the sender's regulator, signed again with one to which nobody seals.
pub(super) fn kem_keys(suite: Suite) -> Vec<Value> {
    let key = kem_key(suite, SENDER_REGULATOR);
    let signed = |public| {
        let key = KemKey { public, ..key.clone() };
        Signed::sign(key, &signer_of(SENDER_REGULATOR)).unwrap().encode()
    };
    let base = signed(key.public.clone());
    let case = |what, public| statement(what, "agreement", &base, &signed(public));
    let of_small_order = |point| case("a point of small order", with_point(&key.public, &point));
    let mut cases: Vec<Value> = low_order_points().into_iter().map(of_small_order).collect();
    if suite == Suite::XWingAes256Gcm {
        let mut bytes = key.public.as_bytes().to_vec();
        bytes[..2].fill(0xff);
        let public = KemPublic::from_slice(suite, &bytes).unwrap();
        cases.push(case("a coefficient of ML-KEM that is not reduced", public));
    }
    cases
}

/// A view shown to a third party, changed.
pub(super) fn disclosures(world: &Sealed, base: &[u8]) -> Vec<Value> {
    let dek = 1 + HEADER_LEN + world.order.payload.len() + 1;
    let proof = dek + 32;
    let fields = [
        ("version", 0),
        ("header: amount", 48),
        ("header: payload length", 168),
        ("payload", 1 + HEADER_LEN + 2),
        ("view", dek - 1),
        ("key", dek),
        ("batch: count", proof + 3),
        ("batch: index", proof + 7),
        ("batch: root", proof + 8),
        ("batch: length of the path", proof + 40),
        ("batch: path", proof + 41),
        ("signature: R", base.len() - 64),
        ("signature: S", base.len() - 32),
    ];
    let case = |what: &str, bytes: &[u8]| json!({ "what": what, "change": change(base, bytes) });
    let flip = |(field, at): &(&str, usize)| case(field, &flipped(base, *at));
    let mut cases: Vec<Value> = fields.iter().map(flip).collect();
    cases.push(case("S and the group order", &with_order_added(base)));
    cases.push(case("cut short", &base[..base.len() - 1]));
    cases.push(case("one byte long", &[base, &[0]].concat()));
    cases
}
