//! A root, two banks, a regulator, an operator who may lie, and a folder for what is kept.

use std::convert::Infallible;

use sdk::sealed::{
    AnyStatement, DisclosurePolicy, Identity, KemKey, KeyStore, PolicyRule, Random, RuleReader,
    Signed, SlotRole, Suite, TrustFile, TrustStore, View, ViewMask,
};
use sdk::{LocalSigner, Participant, ParticipantId, Role, Signer as _};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(crate) const POOL: u32 = 1;
pub(crate) const NOW: u64 = 1_772_431_200_000;
pub(crate) const HOUR: u64 = 3_600_000;
/// How everything here is sealed, where nothing else is said.
pub(crate) const SUITE: Suite = Suite::X25519Aes256Gcm;
pub(crate) const SENDER: ParticipantId = ParticipantId(7);
pub(crate) const RECEIVER: ParticipantId = ParticipantId(8);
pub(crate) const OTHER: ParticipantId = ParticipantId(9);
pub(crate) const REGULATOR: ParticipantId = ParticipantId(20);
/// Seeds of the root's key, and of one that is nobody's root.
pub(crate) const ROOT: u8 = 200;
pub(crate) const IMPOSTOR: u8 = 201;

pub(crate) fn signer(seed: u8) -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([seed; 32]))
}

/// The signer of a participant: its number is its seed.
pub(crate) fn signer_of(id: ParticipantId) -> LocalSigner {
    signer(u8::try_from(id.0).unwrap())
}

/// Known bytes in place of randomness (SplitMix64).
struct Known(u64);

impl rand_core::TryRng for Known {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Ok(z ^ (z >> 27))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Known {}

pub(crate) fn random(seed: u64) -> Random {
    Box::new(Known(seed))
}

pub(crate) fn identity(id: ParticipantId, serial: u32, key: [u8; 32]) -> Identity {
    let (role, name, country) = match id {
        REGULATOR => (Role::Regulator, "regulator".to_owned(), *b"DE"),
        RECEIVER => (Role::Bank, "SUEDDEFFXXX".to_owned(), *b"DE"),
        _ => (Role::Bank, format!("NORTGB{:02}XXX", id.0), *b"GB"),
    };
    let participant = Participant { id, role, name, country, key };
    let (valid_from_ms, valid_to_ms) = (NOW - HOUR, NOW + 10_000 * HOUR);
    Identity { pool: POOL, serial, participant, valid_from_ms, valid_to_ms, revoked: false }
}

fn reader(role: SlotRole, participant: Option<ParticipantId>, views: &[View]) -> RuleReader {
    RuleReader { role, participant, views: ViewMask::of(views) }
}

/// Everything to the receiver, some of it to the regulator.
pub(crate) fn policy(version: u32, effective_at_ms: u64) -> DisclosurePolicy {
    let rule = PolicyRule {
        currency: None,
        sender_country: None,
        receiver_country: None,
        minor_min: 1,
        minor_max: u64::MAX,
        screening: false,
        confirmation: false,
        readers: vec![
            reader(SlotRole::Receiver, None, &[View::Parties, View::Originator, View::Remittance]),
            reader(SlotRole::ReceiverRegulator, Some(REGULATOR), &[View::Parties]),
        ],
    };
    DisclosurePolicy { pool: POOL, version, effective_at_ms, suite: SUITE, rules: vec![rule] }
}

/// What a node serves, and one client that believes some of it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn keys_of(&self, id: ParticipantId) -> KeyStore {
        KeyStore::open(&self.folder.path().join(format!("keys-{}", id.0)), POOL, id).unwrap()
    }

    /// A key of somebody, valid for a day from `now_ms` on.
    pub(crate) fn kem_key(&self, id: ParticipantId, now_ms: u64) -> Signed<KemKey> {
        self.kem_key_of(SUITE, id, now_ms)
    }

    pub(crate) fn kem_key_of(
        &self,
        suite: Suite,
        id: ParticipantId,
        now_ms: u64,
    ) -> Signed<KemKey> {
        let mut random = random(u64::from(id.0) + now_ms);
        let life = (now_ms, 24 * HOUR);
        self.keys_of(id).make(suite, life, &signer_of(id), &mut *random).unwrap()
    }

    /// The directory of an honest node: everybody's identity and key, and a policy.
    pub(crate) fn honest(&self) -> Vec<AnyStatement> {
        let mut statements = Vec::new();
        for id in [SENDER, RECEIVER, OTHER, REGULATOR] {
            let identity = identity(id, 1, signer_of(id).public_key());
            statements.push(Signed::sign(identity, &signer(ROOT)).unwrap().into());
            statements.push(self.kem_key(id, NOW).into());
        }
        statements.push(Signed::sign(policy(3, NOW), &signer(ROOT)).unwrap().into());
        statements
    }

    /// The trust store as it is after a start.
    pub(crate) fn store(&self) -> TrustStore {
        let root = signer(ROOT).public_key().iter().map(|byte| format!("{byte:02x}")).collect();
        let file = TrustFile { pool: POOL, roots: vec![root] };
        TrustStore::open(file, &self.folder.path().join("trust")).unwrap()
    }
}
