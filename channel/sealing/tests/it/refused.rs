//! Each published case of what must be refused, read from the file and put to what opens. Whatever
//! is wrong, the answer is the same.

use std::fs;

use channel::{
    DecodeError, Envelope, EpochOpen, HeaderView, KemKey, ParticipantId, PublicKey, Recipient,
    Rewrap, Signed, SlotRole, Statement, Suite, ViewMask,
};
use sealing::{Disclosure, Epoch, EpochError, OpenedOrder, Refused, RewrapError, Unread};
use serde_json::Value;

use crate::vectors::PATH;
use crate::world::{
    Known, NOW, SENDER, SENDER_REGULATOR, SUITES, key_of, reader_of, reader_without_epoch,
    signer_of, terms,
};

fn bytes(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// `base` after a change; as it is without one.
fn changed(base: &[u8], change: &Value) -> Vec<u8> {
    if change.is_null() {
        return base.to_vec();
    }
    let number = |name: &str| usize::try_from(change[name].as_u64().unwrap()).unwrap();
    let (at, cut) = (number("at"), number("cut"));
    [&base[..at], &bytes(&change["put"]), &base[at + cut..]].concat()
}

/// The vectors of one suite.
struct Vectors {
    suite: Suite,
    all: Value,
    open: Signed<EpochOpen>,
    header: Vec<u8>,
    payload: Vec<u8>,
}

impl Vectors {
    fn new(suite: Suite) -> Self {
        let mut all: Value = serde_json::from_slice(&fs::read(PATH).unwrap()).unwrap();
        if suite != SUITES[0] {
            all = all["suite_2"].take();
        }
        assert_eq!(all["refused"]["error"], Refused.to_string());
        let open = Signed::decode(&bytes(&all["epoch_open"])).unwrap();
        let [header, payload] = ["header", "payload"].map(|part| bytes(&all["order"][part]));
        Self { suite, all, open, header, payload }
    }

    /// What each case is, its stage, and the case.
    fn cases(&self, kind: &str) -> impl Iterator<Item = (&str, &str, &Value)> {
        let cases = self.all["refused"][kind].as_array().unwrap();
        cases.iter().map(|case| {
            let [what, stage] = ["what", "stage"].map(|it| case[it].as_str().unwrap_or_default());
            (what, stage, case)
        })
    }

    /// The order as its sender reads it.
    fn opened(&self) -> OpenedOrder {
        reader_of(SENDER, &self.open).open(&self.header, &self.payload).unwrap()
    }
}

/// Whether a statement counts by itself: of its kind, and signed by this key.
fn signed<S: Statement>(bytes: &[u8], key: Option<&PublicKey>) -> Option<Signed<S>> {
    let signed = Signed::decode(bytes).ok()?;
    signed.verify(key?).ok().map(|()| signed)
}

#[test]
fn orders() {
    for vectors in SUITES.map(Vectors::new) {
        let mut count = 0;
        for (what, stage, case) in vectors.cases("orders") {
            let header = changed(&vectors.header, &case["header"]);
            let payload = changed(&vectors.payload, &case["payload"]);
            let id = u32::try_from(case["reader"].as_u64().unwrap()).unwrap();
            let mut reader = reader_of(ParticipantId(id), &vectors.open);
            let opens = |reader: &mut sealing::Reader| {
                reader.open(&vectors.header, &vectors.payload).is_ok()
            };
            if stage == "sequence" {
                assert!(reader.reopen(&header, &payload).is_ok(), "{what}");
                assert!(opens(&mut reader));
            } else {
                let error = reader.reopen(&header, &payload).unwrap_err().to_string();
                assert_eq!(vectors.all["refused"]["error"], error, "{what}");
            }
            let parsed = HeaderView::check(&header)
                .is_ok_and(|view| Envelope::parse(view, &payload).is_ok());
            assert!(parsed || matches!(stage, "header" | "shape"), "{what}");
            assert_eq!(reader.open(&header, &payload).err(), Some(Refused), "{what}");
            let slots: Result<_, Unread> = reader.open_with(&header, &payload, &[]);
            assert_eq!(slots.unwrap_err().to_string(), Refused.to_string(), "{what}");
            // What was refused has used up no sequence.
            assert!(opens(&mut reader) || stage == "sequence", "{what}");
            count += 1;
        }
        assert!(count > 80);
    }
}

#[test]
fn epochs() {
    for vectors in SUITES.map(Vectors::new) {
        for (what, stage, case) in vectors.cases("epochs") {
            let encoded = changed(&bytes(&vectors.all["epoch_open"]), &case["change"]);
            let claimed = case.get("signer").map(|key| bytes(key).try_into().unwrap());
            let key = claimed.map_or(Ok(key_of(SENDER)), |key| PublicKey::new(&key)).ok();
            let open = signed::<EpochOpen>(&encoded, key.as_ref());
            assert_eq!(open.is_some(), matches!(stage, "agreement" | "known"), "{what}");
            let mut reader = reader_without_epoch(SENDER);
            if stage == "known" {
                assert_eq!(
                    reader_without_epoch(SENDER)
                        .accept_epoch(open.as_ref().unwrap(), &key_of(SENDER)),
                    Ok(true)
                );
                reader = reader_of(SENDER, &vectors.open);
            }
            let decoded: Result<_, DecodeError> = Signed::decode(&encoded);
            if let (Ok(open), Some(key)) = (decoded, &key) {
                assert_eq!(reader.accept_epoch(&open, key), Err(Refused), "{what}");
            }
        }
    }
}

#[test]
fn kem_keys() {
    for vectors in SUITES.map(Vectors::new) {
        let opened = vectors.opened();
        let owner = key_of(SENDER_REGULATOR);
        let of_owner = |entry: &&Value| {
            let bytes = bytes(&entry["signed"]);
            signed::<KemKey>(&bytes, Some(&owner)).is_some()
        };
        let statements = vectors.all["statements"].as_array().unwrap();
        let base = bytes(&statements.iter().find(of_owner).unwrap()["signed"]);
        for (what, _, case) in vectors.cases("kem_keys_of_participant_20") {
            let key = signed::<KemKey>(&changed(&base, &case["change"]), Some(&owner)).unwrap();
            let (key, participant) = (key.statement, SENDER_REGULATOR);
            let (id, role, views) = (key.id(), SlotRole::SenderRegulator, ViewMask::ALL);
            let recipient = Recipient { role, key: id, participant, public: key.public, views };
            let (signer, random) = (signer_of(SENDER), &mut Known::new(4));
            let recipients = [recipient.clone()];
            let epoch = Epoch::open(terms(vectors.suite), &recipients, &signer, random);
            assert_eq!(epoch.err(), Some(EpochError::PublicKey), "{what}");
            let rewrap = opened.rewrap(&vectors.payload, &recipient, NOW, &signer, random);
            assert_eq!(rewrap.err(), Some(RewrapError::Refused(Refused)), "{what}");
        }
    }
}

#[test]
fn rewraps() {
    for vectors in SUITES.map(Vectors::new) {
        let reader = reader_of(SENDER_REGULATOR, &vectors.open);
        let base = bytes(&vectors.all["rewrap_for_participant_20"]);
        let (header, payload, key) = (&vectors.header, &vectors.payload, key_of(SENDER));
        let open = |rewrap: &Signed<Rewrap>| reader.open_rewrapped(header, payload, rewrap, &key);
        assert!(open(&Signed::decode(&base).unwrap()).is_ok());
        for (what, stage, case) in vectors.cases("rewraps_for_participant_20") {
            let encoded = changed(&base, &case["change"]);
            let counts = signed::<Rewrap>(&encoded, Some(&key)).is_some();
            assert_eq!(counts, stage != "signature", "{what}");
            if let Ok(rewrap) = Signed::decode(&encoded) {
                assert_eq!(open(&rewrap).err(), Some(Refused), "{what}");
            }
        }
    }
}

#[test]
fn disclosures() {
    for vectors in SUITES.map(Vectors::new) {
        let base = bytes(&vectors.all["disclosure_of_view_4"]);
        assert!(Disclosure::decode(&base).unwrap().verify(&key_of(SENDER)).is_ok());
        for (what, _, case) in vectors.cases("disclosures") {
            if let Ok(disclosure) = Disclosure::decode(&changed(&base, &case["change"])) {
                assert_eq!(disclosure.verify(&key_of(SENDER)), Err(Refused), "{what}");
            }
        }
    }
}
