//! `docs/reference/ppc1-vectors.json` holds what an opener in another language checks itself
//! against. It is made from the world of these tests, with known bytes in place of randomness; set
//! `CAUSEWAY_WRITE_VECTORS` to write it anew.

use std::fmt::Write as _;
use std::{env, fs};

use channel::{
    DisclosureFault, Envelope, HeaderView, KemRevocation, OpeningRecord, OrderRef,
    ReceiverConfirmation, ScreeningVerdict, Signed, Signer as _, SlotRole, Statement, Suite, View,
    ViewMask, batch_statement, merkle_root,
};
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable as _, Kem, OpModeR};
use sealing::Disclosure;
use serde_json::{Value, json};

use crate::negative::refused;
use crate::world::{
    HOUR, Known, NOW, POOL, RECEIVER, ROOT, SCREENER, SENDER, SENDER_REGULATOR, Sealed, identities,
    kem_key, kem_secret, key_of, policy, proof, reader_of, sealed, signer, signer_of,
};

pub(crate) const PATH: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/ppc1-vectors.json");

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn signed<S: Statement>(statement: S, signer: &channel::LocalSigner) -> Value {
    let signed = Signed::sign(statement, signer).unwrap();
    json!({ "label": S::LABEL, "signed": hex(&signed.encode()) })
}

fn statements(world: &Sealed) -> Vec<Value> {
    let suite = world.open.statement.suite;
    let root = signer(ROOT);
    let order =
        OrderRef::of(HeaderView::trusted(&world.order.header), world.order.digest()).unwrap();
    let regulator = kem_key(suite, SENDER_REGULATOR).id();
    let mut all: Vec<Value> = identities().into_iter().map(|it| signed(it, &root)).collect();
    all.push(signed(policy(suite), &root));
    all.push(json!({ "label": "ppc/1 epoch open", "signed": hex(&world.open.encode()) }));
    for recipient in &world.recipients {
        let id = recipient.participant;
        all.push(signed(kem_key(suite, id), &signer_of(id)));
    }
    let revocation = KemRevocation {
        pool: POOL,
        participant: SENDER_REGULATOR,
        key: regulator,
        revoked_at_ms: NOW,
    };
    all.push(signed(revocation, &signer_of(SENDER_REGULATOR)));
    let verdict = ScreeningVerdict {
        pool: POOL,
        screener: SCREENER,
        order,
        lists: [0x11; 32],
        engine: 1,
        pass: true,
        screened_at_ms: NOW + 2_000,
    };
    all.push(signed(verdict, &signer_of(SCREENER)));
    let fault = DisclosureFault {
        pool: POOL,
        reporter: SENDER_REGULATOR,
        order,
        role: SlotRole::SenderRegulator,
        key: regulator,
        found_at_ms: NOW + 3_000,
    };
    all.push(signed(fault, &signer_of(SENDER_REGULATOR)));
    let opening = OpeningRecord {
        pool: POOL,
        reader: SENDER_REGULATOR,
        order,
        views: ViewMask::of(&[View::Parties]),
        person: "C. Officer".to_owned(),
        reason: "case 17".to_owned(),
        opened_at_ms: NOW + 4_000,
    };
    all.push(signed(opening, &signer_of(SENDER_REGULATOR)));
    let (receiver, able, confirmed_at_ms) = (RECEIVER, true, NOW + 5_000);
    let confirmation = ReceiverConfirmation { pool: POOL, receiver, order, able, confirmed_at_ms };
    all.push(signed(confirmation, &signer_of(RECEIVER)));
    all
}

/// The key that the epoch gives a reader, worked out by HPKE alone.
pub(crate) fn kek(world: &Sealed, index: usize) -> [u8; 32] {
    match world.open.statement.suite {
        Suite::X25519Aes256Gcm => kek_by::<X25519HkdfSha256>(world, index),
        Suite::XWingAes256Gcm => kek_by::<XWing>(world, index),
    }
}

fn kek_by<K: Kem>(world: &Sealed, index: usize) -> [u8; 32] {
    let open = &world.open.statement;
    let reader = &open.readers[index];
    let secret = kem_secret(open.suite, reader.participant).to_bytes();
    let secret = K::PrivateKey::from_bytes(&*secret).unwrap();
    let encapsulated = K::EncappedKey::from_bytes(reader.encapsulated.as_bytes()).unwrap();
    let info = open.info(reader.role, reader.key, reader.participant);
    let context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, K>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        &info,
    );
    let mut kek = [0; 32];
    context.unwrap().export(b"ppc/1 kek", &mut kek).unwrap();
    kek
}

fn readers(world: &Sealed) -> Vec<Value> {
    let reader = |(index, recipient): (usize, &channel::Recipient)| {
        let id = recipient.participant;
        let opened =
            reader_of(id, &world.open).open(&world.order.header, &world.order.payload).unwrap();
        let views: Vec<Value> = opened
            .views
            .iter()
            .map(|view| {
                json!({
                    "view": view.view() as u8,
                    "content": hex(view.content()),
                })
            })
            .collect();
        json!({
            "participant": id.0,
            "role": recipient.role as u8,
            "key_id": hex(&recipient.key.0),
            "kem_secret": hex(&*kem_secret(world.open.statement.suite, id).to_bytes()),
            "kek": hex(&kek(world, index)),
            "views": views,
        })
    };
    world.recipients.iter().enumerate().map(reader).collect()
}

fn vectors(suite: Suite) -> Value {
    let world = sealed(suite);
    let (header, payload) = (&world.order.header, &world.order.payload);
    let envelope = Envelope::parse(HeaderView::trusted(header), payload).unwrap();
    let proof = proof(&world.order);
    let digests = [[2; 32], world.order.digest(), [3; 32]];
    let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
    let opened = reader_of(SENDER, &world.open).open(header, payload).unwrap();
    let remittance = opened.view(View::Remittance).unwrap();
    let disclosure = Disclosure::new(header, payload, remittance, proof.clone());
    assert!(disclosure.verify(&key_of(SENDER)).is_ok());
    let regulator = world.recipients.iter().find(|it| it.participant == SENDER_REGULATOR).unwrap();
    let rewrap = opened
        .rewrap(payload, regulator, NOW + HOUR, &signer_of(SENDER), &mut Known::new(3))
        .unwrap();
    json!({
        "root_public_key": hex(&signer(ROOT).public_key()),
        "sender_public_key": hex(&signer_of(SENDER).public_key()),
        "statements": statements(&world),
        "epoch_open": hex(&world.open.encode()),
        "order": {
            "header": hex(header),
            "payload": hex(payload),
            "binding": hex(&envelope.binding()),
            "digest": hex(&world.order.digest()),
        },
        "readers": readers(&world),
        "refused": refused(&world, &opened, &rewrap, &disclosure.encode()),
        "batch": {
            "digests": digests.iter().map(|digest| hex(digest)).collect::<Vec<_>>(),
            "index": 1,
            "statement": hex(&batch_statement(POOL, SENDER, 3, &root)),
            "signature": hex(&proof.signature),
        },
        "disclosure_of_view_4": hex(&disclosure.encode()),
        "rewrap_for_participant_20": hex(&rewrap.encode()),
    })
}

#[test]
fn the_published_vectors_are_these() {
    let mut vectors = vectors(Suite::X25519Aes256Gcm);
    vectors["suite_2"] = self::vectors(Suite::XWingAes256Gcm);
    if env::var_os("CAUSEWAY_WRITE_VECTORS").is_some() {
        fs::write(PATH, format!("{vectors:#}\n")).unwrap();
    }
    let published: Value = serde_json::from_slice(&fs::read(PATH).unwrap()).unwrap();
    assert_eq!(published, vectors);
}
