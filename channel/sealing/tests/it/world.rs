//! Two banks, their regulators, a screener, the root they all pin, and a policy.

use std::convert::Infallible;

use channel::{
    BatchProof, DisclosurePolicy, EpochOpen, Identity, KemKey, LocalSigner, MessageKind,
    OrderFacts, OrderHeader, Participant, ParticipantId, PolicyRule, PublicKey, Recipient, Role,
    RuleReader, Signed, Signer as _, SlotRole, Suite, Trust, ValueDate, View, ViewMask,
    batch_statement, merkle_root,
};
use ledger::{Amount, Currency};
use sealing::{Content, Epoch, EpochTerms, KemSecret, Reader, SealedOrder};
use sha2::{Digest as _, Sha256};

pub(crate) const POOL: u32 = 1;
pub(crate) const SENDER: ParticipantId = ParticipantId(7);
pub(crate) const RECEIVER: ParticipantId = ParticipantId(8);
pub(crate) const SENDER_REGULATOR: ParticipantId = ParticipantId(20);
pub(crate) const RECEIVER_REGULATOR: ParticipantId = ParticipantId(21);
pub(crate) const SCREENER: ParticipantId = ParticipantId(30);
pub(crate) const NOW: u64 = 1_772_431_200_000;
pub(crate) const HOUR: u64 = 3_600_000;
pub(crate) const SUITES: [Suite; 2] = [Suite::X25519Aes256Gcm, Suite::XWingAes256Gcm];

/// Known bytes in place of randomness: SHA-256 of a seed and a counter.
pub(crate) struct Known {
    seed: u8,
    blocks: u64,
    left: Vec<u8>,
}

impl Known {
    pub(crate) fn new(seed: u8) -> Self {
        Self { seed, blocks: 0, left: Vec::new() }
    }
}

impl rand_core::TryRng for Known {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        while self.left.len() < out.len() {
            let block =
                Sha256::new().chain_update([self.seed]).chain_update(self.blocks.to_be_bytes());
            self.left.extend(block.finalize());
            self.blocks += 1;
        }
        let rest = self.left.split_off(out.len());
        out.copy_from_slice(&self.left);
        self.left = rest;
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Known {}

pub(crate) fn signer(seed: u8) -> LocalSigner {
    LocalSigner::from_seed(&zeroize::Zeroizing::new([seed; 32]))
}

/// The signer of a participant: its number is its seed.
pub(crate) fn signer_of(id: ParticipantId) -> LocalSigner {
    signer(u8::try_from(id.0).unwrap())
}

pub(crate) fn key_of(id: ParticipantId) -> PublicKey {
    PublicKey::new(&signer_of(id).public_key()).unwrap()
}

pub(crate) const ROOT: u8 = 200;

pub(crate) fn identity(id: ParticipantId, role: Role, name: &str, country: [u8; 2]) -> Identity {
    let key = signer_of(id).public_key();
    let participant = Participant { id, role, name: name.to_owned(), country, key };
    let (valid_from_ms, valid_to_ms) = (NOW - HOUR, NOW + 1_000 * HOUR);
    Identity { pool: POOL, serial: 1, participant, valid_from_ms, valid_to_ms, revoked: false }
}

pub(crate) fn identities() -> Vec<Identity> {
    vec![
        identity(SENDER, Role::Bank, "NORTGB2LXXX", *b"GB"),
        identity(RECEIVER, Role::Bank, "SUEDDEFFXXX", *b"DE"),
        identity(SENDER_REGULATOR, Role::Regulator, "boe", *b"GB"),
        identity(RECEIVER_REGULATOR, Role::Regulator, "bundesbank", *b"DE"),
        identity(SCREENER, Role::Screener, "screener", *b"GB"),
    ]
}

pub(crate) fn kem_secret(suite: Suite, id: ParticipantId) -> KemSecret {
    KemSecret::generate(suite, &mut Known::new(u8::try_from(id.0).unwrap()))
}

pub(crate) fn kem_key(suite: Suite, id: ParticipantId) -> KemKey {
    KemKey {
        pool: POOL,
        participant: id,
        public: kem_secret(suite, id).public(),
        valid_from_ms: NOW - HOUR,
        valid_to_ms: NOW + 23 * HOUR,
    }
}

fn reader(role: SlotRole, participant: Option<ParticipantId>, views: &[View]) -> RuleReader {
    RuleReader { role, participant, views: ViewMask::of(views) }
}

pub(crate) fn policy(suite: Suite) -> DisclosurePolicy {
    let all = PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min: 1,
        minor_max: u64::MAX,
        screening: false,
        confirmation: false,
        readers: vec![reader(
            SlotRole::Receiver,
            None,
            &[View::Parties, View::Beneficiary, View::Purpose, View::Remittance],
        )],
    };
    let british = PolicyRule {
        sender_country: Some(*b"GB"),
        readers: vec![reader(
            SlotRole::SenderRegulator,
            Some(SENDER_REGULATOR),
            &[View::Parties, View::Originator, View::Purpose],
        )],
        ..all
    };
    let german = PolicyRule {
        receiver_country: Some(*b"DE"),
        readers: vec![reader(
            SlotRole::ReceiverRegulator,
            Some(RECEIVER_REGULATOR),
            &[View::Parties, View::Beneficiary, View::Purpose],
        )],
        ..all
    };
    let large = PolicyRule {
        currency: Some(Currency::parse("USD").unwrap()),
        minor_min: 100_000,
        screening: true,
        confirmation: true,
        readers: vec![reader(
            SlotRole::Screener,
            Some(SCREENER),
            &[View::Parties, View::Originator, View::Beneficiary],
        )],
        ..all
    };
    DisclosurePolicy {
        pool: POOL,
        version: 3,
        effective_at_ms: NOW,
        suite,
        rules: vec![all, british, german, large],
    }
}

/// Everybody has a key of each suite.
pub(crate) fn trust(suite: Suite) -> Trust {
    let root = signer(ROOT);
    let mut trust = Trust::new(POOL, &[root.public_key()]).unwrap();
    for identity in identities() {
        let id = identity.participant.id;
        trust.accept_identity(&Signed::sign(identity, &root).unwrap()).unwrap();
        for suite in SUITES {
            let key = Signed::sign(kem_key(suite, id), &signer_of(id)).unwrap();
            trust.accept_kem_key(&key, NOW).unwrap();
        }
    }
    trust.accept_policy(&Signed::sign(policy(suite), &root).unwrap()).unwrap();
    trust
}

pub(crate) fn facts() -> OrderFacts {
    OrderFacts {
        currency: Currency::parse("USD").unwrap(),
        minor: 125_000,
        sender: SENDER,
        sender_country: *b"GB",
        receiver: RECEIVER,
        receiver_country: *b"DE",
    }
}

pub(crate) fn header() -> OrderHeader {
    OrderHeader {
        urgent: false,
        pool: POOL,
        sender: SENDER,
        receiver: RECEIVER,
        uetr: "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11".parse().unwrap(),
        kind: MessageKind::CustomerTransfer,
        class: 1,
        amount: Amount::new(125_000, Currency::parse("USD").unwrap()).unwrap(),
        value_date: ValueDate::new(20_260_302).unwrap(),
        policy_version: 0,
        created_at_ms: NOW + 1_000,
        not_before_ms: 0,
        not_after_ms: 0,
        link: None,
        fx: None,
        sealing: None,
        payload_len: 0,
    }
}

pub(crate) const CONTENTS: [Content<'static>; 5] = [
    Content { view: View::Parties, bytes: b"Debtor: Ada; creditor: Emmy; accounts 1, 2" },
    Content { view: View::Originator, bytes: b"Ada, born 1815, London" },
    Content { view: View::Beneficiary, bytes: b"Emmy, born 1882, Erlangen" },
    Content { view: View::Purpose, bytes: b"" },
    Content { view: View::Remittance, bytes: &[b'r'; 300] },
];

/// An epoch for everybody whom the policy names, and one order in it.
pub(crate) struct Sealed {
    pub(crate) epoch: Epoch,
    pub(crate) open: Signed<EpochOpen>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) order: SealedOrder,
}

pub(crate) fn terms(suite: Suite) -> EpochTerms {
    EpochTerms {
        pool: POOL,
        sender: SENDER,
        suite,
        policy_version: 3,
        opened_at_ms: NOW,
        not_after_ms: NOW + HOUR,
    }
}

/// The sender's own slot, by which it can read the order again.
pub(crate) fn own_slot(suite: Suite) -> Recipient {
    let key = kem_key(suite, SENDER);
    Recipient {
        role: SlotRole::Sender,
        key: key.id(),
        participant: SENDER,
        public: key.public,
        views: ViewMask::ALL,
    }
}

pub(crate) fn sealed(suite: Suite) -> Sealed {
    let mut random = Known::new(1);
    let mut recipients = trust(suite).recipients(&facts(), NOW).unwrap();
    recipients.push(own_slot(suite));
    let (mut epoch, open) =
        Epoch::open(terms(suite), &recipients, &signer_of(SENDER), &mut random).unwrap();
    let order = epoch.seal(&header(), &CONTENTS, &recipients, &mut random).unwrap();
    Sealed { epoch, open, recipients, order }
}

/// A reader with its key, who has accepted the epoch.
pub(crate) fn reader_of(id: ParticipantId, open: &Signed<EpochOpen>) -> Reader {
    let mut reader = reader_without_epoch(id);
    assert_eq!(reader.accept_epoch(open, &key_of(SENDER)), Ok(true));
    reader
}

pub(crate) fn reader_without_epoch(id: ParticipantId) -> Reader {
    let mut reader = Reader::new(POOL, id);
    for suite in SUITES {
        reader.add_key(&kem_key(suite, id), kem_secret(suite, id)).unwrap();
    }
    reader
}

/// The sender's signature over a batch of this order and two others.
pub(crate) fn proof(order: &SealedOrder) -> BatchProof {
    let digests = [[2; 32], order.digest(), [3; 32]];
    let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
    let signature = signer_of(SENDER).sign(&batch_statement(POOL, SENDER, 3, &root)).unwrap();
    BatchProof::new(&digests, 1, signature).unwrap()
}
