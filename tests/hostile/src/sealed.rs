//! Sealed bytes of who has the keys: what an opener does behind the first check.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Nonce};
use channel::{
    EpochOpen, KemKey, ParticipantId, Rewrap, Signed, Signer as _, Statement, binding,
    ciphertext_len,
};
use channel::{SizeBucket, View};
use sealing::{KemSecret, Reader, Refused};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;
use zeroize::Zeroizing;

use crate::vectors::{bytes, epoch, sender, sender_key, suites};

const PLAINTEXT: usize = 258;
const DEK: [u8; 32] = [1; 32];

/// One reader of the vectors' epoch, of each suite.
struct World {
    reader: Reader,
    kek: [u8; 32],
    key: Vec<u8>,
    header: Vec<u8>,
    payload: Vec<u8>,
    open: Vec<u8>,
    rewrap: Vec<u8>,
}

/// The sender's regulator, participant 20, in the second slot.
static WORLDS: LazyLock<[World; 2]> = LazyLock::new(|| suites().map(|it| world(&it)));

fn world(vectors: &Value) -> World {
    let entry = &vectors["readers"][1];
    let open = epoch(vectors);
    let mut reader = without_epoch(vectors);
    assert_eq!(reader.accept_epoch(&open, &sender_key()), Ok(true));
    World {
        reader,
        kek: bytes(&entry["kek"]).try_into().unwrap(),
        key: bytes(&entry["key_id"]),
        header: bytes(&vectors["order"]["header"]),
        payload: bytes(&vectors["order"]["payload"]),
        open: open.encode(),
        rewrap: bytes(&vectors["rewrap_for_participant_20"]),
    }
}

fn without_epoch(vectors: &Value) -> Reader {
    let entry = &vectors["readers"][1];
    let secret = Zeroizing::new(bytes(&entry["kem_secret"]).try_into().unwrap());
    let of_kem = |it: &Value| {
        let key = Signed::<KemKey>::decode(&bytes(&it["signed"])).ok()?.statement;
        (key.participant == ParticipantId(20)).then_some(key)
    };
    let key = vectors["statements"].as_array().unwrap().iter().find_map(of_kem).unwrap();
    let secret = KemSecret::from_bytes(key.public.suite(), &secret).unwrap();
    let mut reader = Reader::new(1, ParticipantId(20));
    reader.add_key(&key, secret).unwrap();
    reader
}

fn encrypt(key: &[u8; 32], nonce: [u8; 12], binding: &[u8; 32], plaintext: &[u8]) -> Vec<u8> {
    let mut bytes = plaintext.to_vec();
    let buffer = InOutBuf::from(bytes.as_mut_slice());
    let cipher = Aes256Gcm::new(key.into());
    let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), binding, buffer).unwrap();
    bytes.extend(tag);
    bytes
}

/// Half of the keys of the view: 1 encrypts, 2 commits.
fn derived(half: u32, dek: &[u8; 32]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(half.to_be_bytes()).chain_update(dek);
    hash.chain_update(b"ppc/1 view").chain_update([0]).finalize().into()
}

/// A choice, then what the wrap holds and what the view's plaintext is, each filled up with zeros:
/// sealed as it should be, for the one reader. It opens if, and only if, both are as they must be.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some((choice, bytes)) = bytes.split_first() else { return false };
    let world = &WORLDS[usize::from(choice & 1)];
    let mut input = [0; 32 + PLAINTEXT];
    let length = bytes.len().min(input.len());
    input[..length].copy_from_slice(&bytes[..length]);
    let (dek, plaintext) = input.split_first_chunk::<32>().unwrap();
    let mut tables = vec![View::Parties as u8, SizeBucket::B256 as u8];
    tables.extend(derived(2, &DEK));
    tables.push(2);
    tables.extend(&world.key);
    tables.extend([0, 1]);
    let length = tables.len() + 48 + ciphertext_len(SizeBucket::B256);
    let mut header = world.header.clone();
    header[39] = SizeBucket::B256 as u8;
    header[164..168].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    header[190..].copy_from_slice(&[1, 1]);
    let binding = binding(&header, &tables);
    let mut payload = tables;
    payload.extend(encrypt(&world.kek, *binding.first_chunk().unwrap(), &binding, dek));
    payload.extend(encrypt(&derived(1, &DEK), [0; 12], &binding, plaintext));
    let content = usize::from(u16::from_be_bytes([plaintext[0], plaintext[1]]));
    let padding = plaintext[2..].get(content..);
    let good = *dek == DEK && padding.is_some_and(|it| it.iter().all(|byte| *byte == 0));
    match world.reader.reopen(&header, &payload) {
        Ok(opened) => {
            assert!(good);
            assert_eq!(opened.views[0].content(), &plaintext[2..2 + content]);
        }
        Err(Refused) => assert!(!good),
    }
    good
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let seed = |length: usize| {
        let mut seed = vec![0];
        seed.extend(DEK);
        seed.extend(u16::try_from(length).unwrap().to_be_bytes());
        seed.extend(vec![b'c'; length]);
        seed.resize(1 + 32 + PLAINTEXT, 0);
        seed
    };
    vec![seed(0), seed(40), seed(256)]
}

/// A choice, then the body of an epoch or of a rewrap, which its sender signs.
pub(crate) fn agree(bytes: &[u8]) -> bool {
    let Some((choice, body)) = bytes.split_first() else { return false };
    let at = usize::from(choice & 1);
    let world = &WORLDS[at];
    if choice & 2 == 0 {
        let Some(open) = signed::<EpochOpen>(body) else { return false };
        let known = world.open[..world.open.len() - 96] == *body;
        // An epoch that is known is not agreed on again, under an id that is known none other.
        let mut reader = without_epoch(&suites()[at]);
        let accepted = reader.accept_epoch(&open, &sender_key());
        assert!(!known || accepted == Ok(true));
        if accepted == Ok(true) {
            assert_eq!(reader.accept_epoch(&open, &sender_key()), Ok(true));
        }
        accepted == Ok(true)
    } else {
        let Some(rewrap) = signed::<Rewrap>(body) else { return false };
        let (header, payload) = (&world.header, &world.payload);
        let opened = world.reader.open_rewrapped(header, payload, &rewrap, &sender_key());
        if let Ok(opened) = &opened {
            assert!(opened.views.iter().all(|it| rewrap.statement.views.has(it.view())));
            assert_eq!(opened.views.len(), rewrap.statement.views.len());
        }
        opened.is_ok()
    }
}

fn signed<S: Statement>(body: &[u8]) -> Option<Signed<S>> {
    let signature = sender().sign(&[S::LABEL.as_bytes(), body].concat()).unwrap();
    let bytes = [body, &sender().public_key(), &signature].concat();
    let signed = Signed::<S>::decode(&bytes).ok()?;
    assert_eq!(signed.encode(), bytes);
    assert!(signed.verify(&sender_key()).is_ok());
    Some(signed)
}

pub(crate) fn agreements() -> Vec<Vec<u8>> {
    let body = |choice, signed: &[u8]| [&[choice], &signed[..signed.len() - 96]].concat();
    let both = |(at, world): (u8, &World)| [body(at, &world.open), body(at + 2, &world.rewrap)];
    (0..).zip(WORLDS.iter()).flat_map(both).collect()
}
