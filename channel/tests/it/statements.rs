//! Statements: one encoding each, and not a bit of it outside the signature.

use channel::{
    AnyStatement, BatchProof, DisclosureFault, DisclosurePolicy, Encapsulated, EpochId, EpochOpen,
    EpochReader, Identity, KemKey, KemPublic, KemRevocation, KeyId, LocalSigner, MessageKind,
    OpeningRecord, OrderRef, Participant, ParticipantId, PolicyRule, PublicKey,
    ReceiverConfirmation, Rewrap, Role, RuleReader, ScreeningVerdict, Signed, Signer as _,
    SlotRole, Statement, Suite, View, ViewMask, Writer, batch_statement, merkle_root,
};
use ledger::Currency;
use proptest::prelude::*;
use zeroize::Zeroizing;

const ID: ParticipantId = ParticipantId(7);
const KEY: KeyId = KeyId([4; 8]);
const SUITES: [Suite; 2] = [Suite::X25519Aes256Gcm, Suite::XWingAes256Gcm];

fn signer() -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([1; 32]))
}

fn encapsulated(suite: Suite, byte: u8) -> Encapsulated {
    Encapsulated::from_slice(suite, &vec![byte; Encapsulated::len_of(suite)]).unwrap()
}

/// Encodes, decodes, and tries every single bit.
fn holds<S: Statement + Clone + PartialEq + core::fmt::Debug>(statement: &S)
where
    Signed<S>: Into<AnyStatement>,
{
    let key = PublicKey::new(&signer().public_key()).unwrap();
    let signed = Signed::sign(statement.clone(), &signer()).unwrap();
    let bytes = signed.encode();
    assert_eq!(Signed::<S>::decode(&bytes).as_ref(), Ok(&signed));
    assert_eq!(signed.verify(&key), Ok(()));
    let any: AnyStatement = signed.into();
    assert_eq!(AnyStatement::decode(any.kind(), &bytes).as_ref(), Ok(&any));
    assert_eq!((any.encode(), any.label(), any.pool()), (bytes.clone(), S::LABEL, 1));
    assert_eq!((any.signer(), any.verify()), (&signer().public_key(), Ok(())));
    for bit in 0..bytes.len() * 8 {
        let mut other = bytes.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        if let Ok(decoded) = Signed::<S>::decode(&other) {
            assert_eq!(decoded.encode(), other, "one encoding, bit {bit}");
            assert!(decoded.verify(&key).is_err(), "{} bit {bit}", S::LABEL);
        }
    }
    for length in 0..bytes.len() {
        assert!(Signed::<S>::decode(&bytes[..length]).is_err());
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(Signed::<S>::decode(&longer).is_err());
}

#[test]
fn keys() {
    let participant = Participant {
        id: ID,
        role: Role::Bank,
        name: "NORTGB2LXXX".to_owned(),
        country: *b"GB",
        key: [9; 32],
    };
    let (valid_from_ms, valid_to_ms) = (1, 2);
    holds(&Identity {
        pool: 1,
        serial: 3,
        participant,
        valid_from_ms,
        valid_to_ms,
        revoked: false,
    });
    for suite in SUITES {
        let public = KemPublic::from_slice(suite, &vec![8; KemPublic::len_of(suite)]).unwrap();
        let key = KemKey { pool: 1, participant: ID, public, valid_from_ms, valid_to_ms };
        holds(&key);
        holds(&KemRevocation { pool: 1, participant: ID, key: key.id(), revoked_at_ms: 5 });
        let long = KemKey { valid_to_ms: 2 + 7 * 86_400_000, ..key };
        let mut writer = Writer::new();
        long.write(&mut writer);
        assert!(KemKey::read(&mut channel::Reader::new(&writer.into_bytes())).is_err());
    }
}

/// As many bytes as the suite says, and no others.
#[test]
fn the_suite_fixes_the_length_of_a_key() {
    let lengths = SUITES.map(|suite| (KemPublic::len_of(suite), Encapsulated::len_of(suite)));
    assert_eq!(lengths, [(32, 32), (1_216, 1_120)]);
    for (suite, (public, encapsulated)) in SUITES.into_iter().zip(lengths) {
        for length in [0, 31, 32, 33, 1_119, 1_120, 1_121, 1_216] {
            let bytes = vec![1; length];
            assert_eq!(KemPublic::from_slice(suite, &bytes).is_some(), length == public);
            assert_eq!(Encapsulated::from_slice(suite, &bytes).is_some(), length == encapsulated);
        }
    }
}

#[test]
fn epochs_and_policies() {
    for suite in SUITES {
        let encapsulated = || encapsulated(suite, 6);
        let reader = |role| {
            let encapsulated = encapsulated();
            EpochReader { role, key: KEY, participant: ID, encapsulated }
        };
        holds(&EpochOpen {
            pool: 1,
            sender: ID,
            suite,
            epoch: EpochId([5; 16]),
            policy_version: 3,
            opened_at_ms: 10,
            not_after_ms: 20,
            readers: vec![reader(SlotRole::Receiver), reader(SlotRole::Screener)],
        });
    }
    let views = ViewMask::ALL;
    let receiver = RuleReader { role: SlotRole::Receiver, participant: None, views };
    let screener = RuleReader { role: SlotRole::Screener, participant: Some(ID), views };
    let rule = PolicyRule {
        currency: Some(Currency::parse("USD").unwrap()),
        sender_country: Some(*b"GB"),
        receiver_country: None,
        minor_min: 1,
        minor_max: 1_000,
        screening: true,
        confirmation: false,
        readers: vec![receiver, screener],
    };
    for suite in SUITES {
        let rules = vec![rule.clone()];
        holds(&DisclosurePolicy { pool: 1, version: 2, effective_at_ms: 3, suite, rules });
    }
}

#[test]
fn findings() {
    let pool = 1;
    let order = OrderRef {
        sender: ParticipantId(9),
        kind: MessageKind::Cover,
        uetr: "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11".parse().unwrap(),
        digest: [2; 32],
    };
    let (screener, lists, engine, screened_at_ms) = (ID, [3; 32], 4, 5);
    holds(&ScreeningVerdict { pool, screener, order, lists, engine, pass: true, screened_at_ms });
    let (role, key) = (SlotRole::Screener, KEY);
    holds(&DisclosureFault { pool, reporter: ID, order, role, key, found_at_ms: 6 });
    holds(&ReceiverConfirmation { pool, receiver: ID, order, able: false, confirmed_at_ms: 7 });
    let views = ViewMask::of(&[View::Parties, View::Purpose]);
    holds(&OpeningRecord {
        pool,
        reader: ID,
        order,
        views,
        person: "A. Person".to_owned(),
        reason: "case 17".to_owned(),
        opened_at_ms: 8,
    });
    for suite in SUITES {
        let (encapsulated, wrap) = (encapsulated(suite, 9), vec![1; 80]);
        let (reader, made_at_ms) = (ID, 10);
        holds(&Rewrap { pool, order, role, reader, key, encapsulated, views, wrap, made_at_ms });
    }
}

#[test]
fn kinds_and_lengths_that_nobody_knows_are_refused() {
    for kind in [0, 11, 255] {
        assert!(AnyStatement::decode(kind, &[0; 300]).is_err());
    }
    let kinds = (1..=10).map(|kind| {
        AnyStatement::decode(kind, &[7; channel::STATEMENT_BYTES_MAX + 1]).unwrap_err()
    });
    assert!(kinds.into_iter().all(|error| error.to_string() == "statement: value out of range"));
}

#[test]
fn a_statement_is_none_of_another_kind() {
    let revocation = KemRevocation { pool: 1, participant: ID, key: KEY, revoked_at_ms: 5 };
    let signed = Signed::sign(revocation, &signer()).unwrap();
    let bytes = signed.statement.signed_bytes();
    assert!(bytes.starts_with(b"ppc/1 kem revocation"));
    let labels = [
        Identity::LABEL,
        KemKey::LABEL,
        KemRevocation::LABEL,
        EpochOpen::LABEL,
        DisclosurePolicy::LABEL,
        ScreeningVerdict::LABEL,
        DisclosureFault::LABEL,
        Rewrap::LABEL,
        OpeningRecord::LABEL,
        ReceiverConfirmation::LABEL,
        "ppc/1 batch",
        "causeway/1 command",
    ];
    for (at, label) in labels.iter().enumerate() {
        let others = labels.iter().enumerate().filter(|(other, _)| *other != at);
        assert!(others.into_iter().all(|(_, other)| !other.starts_with(label)), "{label}");
    }
}

#[test]
fn a_batch_signature_holds_for_its_orders_only() {
    let key = PublicKey::new(&signer().public_key()).unwrap();
    for count in [1_usize, 2, 3, 256, 257] {
        let digests: Vec<[u8; 32]> =
            (0..count).map(|at| channel::sha256(&at.to_be_bytes())).collect();
        let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
        let statement = batch_statement(1, ID, u32::try_from(count).unwrap(), &root);
        let signature = signer().sign(&statement).unwrap();
        for at in [0, count / 2, count - 1] {
            let proof = BatchProof::new(&digests, at, signature).unwrap();
            assert_eq!(proof.verify(1, ID, &digests[at], &key), Ok(()));
            assert!(proof.verify(1, ID, &[7; 32], &key).is_err());
            assert!(proof.verify(2, ID, &digests[at], &key).is_err());
            assert!(proof.verify(1, ParticipantId(8), &digests[at], &key).is_err());
            let other = BatchProof { index: proof.index ^ 1, ..proof };
            assert!(other.verify(1, ID, &digests[at], &key).is_err());
        }
        assert_eq!(BatchProof::new(&digests, count, signature), None);
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Signed::<Identity>::decode(&bytes);
        let _ = Signed::<KemKey>::decode(&bytes);
        let _ = Signed::<KemRevocation>::decode(&bytes);
        let _ = Signed::<EpochOpen>::decode(&bytes);
        let _ = Signed::<DisclosurePolicy>::decode(&bytes);
        let _ = Signed::<ScreeningVerdict>::decode(&bytes);
        let _ = Signed::<DisclosureFault>::decode(&bytes);
        let _ = Signed::<Rewrap>::decode(&bytes);
        let _ = Signed::<OpeningRecord>::decode(&bytes);
        let _ = Signed::<ReceiverConfirmation>::decode(&bytes);
        let _ = BatchProof::read(&mut channel::Reader::new(&bytes));
    }
}
