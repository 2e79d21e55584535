//! What a client believes: only what the roots of its trust file have signed.
//!
//! The operator serves directory and policy, and could serve its own: another key for a bank, a
//! reader of its own in the policy, an older policy with fewer demands. Nothing here is taken from
//! it but signed statements, and of two for the same thing only the later.
//!
//! A client keeps the signed identities and the policy that it accepted, and hands them in again
//! when it starts; from then on nothing older is accepted.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::directory::{Identity, KemKey, KemRevocation};
use crate::envelope::{KeyId, SlotRole, ViewMask};
use crate::kem::KemPublic;
use crate::participant::ParticipantId;
use crate::policy::{DisclosurePolicy, OrderFacts, RequiredSlot, Requirement, Uncovered};
use crate::sign::{PublicKey, SignatureError};
use crate::statement::{Signed, Statement};
use crate::suite::Suite;

/// Why something is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TrustError {
    /// Signed by a key that the trust file does not pin.
    #[error("signer: must be a root of the trust file")]
    UnknownRoot,
    /// The signature does not hold.
    #[error("signature: does not verify")]
    Signature,
    /// Made for another pool.
    #[error("pool: must be the one of the trust file")]
    OtherPool,
    /// Older than what was accepted before.
    #[error("serial or version: is older than the one accepted before")]
    RolledBack,
    /// Another statement under the same serial or version was accepted before.
    #[error("serial or version: another statement was accepted under this number")]
    Equivocated,
    /// Nobody with this number is known.
    #[error("participant: has no identity signed by a root")]
    NoIdentity,
    /// Signed by another key than the participant's.
    #[error("signer: must be the participant's own key")]
    Substituted,
    /// The participant's identity is revoked, or not valid at this instant.
    #[error("participant: has no valid identity at this instant")]
    IdentityNotValid,
    /// The participant has no key of the policy's suite to which one may seal now.
    #[error("participant: has no valid key of the policy's suite to seal to")]
    NoKey,
    /// There is no policy yet, or it is not in effect.
    #[error("policy: there is none in effect")]
    NoPolicy,
    /// The policy has no rule for the payment.
    #[error(transparent)]
    Uncovered(#[from] Uncovered),
}

impl From<SignatureError> for TrustError {
    fn from(_: SignatureError) -> Self {
        Self::Signature
    }
}

/// For whom to seal, with which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// In what capacity it reads.
    pub role: SlotRole,
    /// The id of its key.
    pub key: KeyId,
    /// Who it is.
    pub participant: ParticipantId,
    /// Its public key.
    pub public: KemPublic,
    /// What it may read.
    pub views: ViewMask,
}

/// The statements that a client believes.
#[derive(Debug)]
pub struct Trust {
    pool: u32,
    roots: BTreeMap<[u8; 32], PublicKey>,
    identities: BTreeMap<ParticipantId, Signed<Identity>>,
    kem_keys: BTreeMap<KeyId, KemKey>,
    revoked: BTreeSet<(ParticipantId, KeyId)>,
    policy: Option<Signed<DisclosurePolicy>>,
}

impl Trust {
    /// Believes nothing yet but that these keys are the roots: of the scheme, of its regulators.
    ///
    /// # Errors
    /// [`TrustError::UnknownRoot`] if one is no Ed25519 public key.
    pub fn new(pool: u32, roots: &[[u8; 32]]) -> Result<Self, TrustError> {
        let decoded = |root: &[u8; 32]| PublicKey::new(root).map(|key| (*root, key));
        let roots = roots.iter().map(decoded).collect::<Result<_, _>>();
        Ok(Self {
            pool,
            roots: roots.map_err(|_| TrustError::UnknownRoot)?,
            identities: BTreeMap::new(),
            kem_keys: BTreeMap::new(),
            revoked: BTreeSet::new(),
            policy: None,
        })
    }

    /// Takes in an identity. The same again changes nothing. With a new key, or revoked, it takes
    /// the participant's KEM keys with it.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn accept_identity(&mut self, signed: &Signed<Identity>) -> Result<(), TrustError> {
        self.check_root(signed, signed.statement.pool)?;
        let new = &signed.statement;
        let id = new.participant.id;
        if let Some(known) = self.identities.get(&id).map(|known| &known.statement) {
            newer((known.serial, known), (new.serial, new))?;
            if new.revoked || known.participant.key != new.participant.key {
                self.kem_keys.retain(|_, key| key.participant != id);
            }
        }
        self.identities.insert(id, signed.clone());
        Ok(())
    }

    /// Takes in a KEM key of a participant whose identity is valid at this instant.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn accept_kem_key(
        &mut self,
        signed: &Signed<KemKey>,
        now_ms: u64,
    ) -> Result<(), TrustError> {
        self.check_owner(signed, signed.statement.pool, signed.statement.participant, now_ms)?;
        self.kem_keys.retain(|_, key| key.valid_to_ms >= now_ms);
        self.kem_keys.insert(signed.statement.id(), signed.statement.clone());
        Ok(())
    }

    /// Takes in a revocation; the key does not come back.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn accept_revocation(
        &mut self,
        signed: &Signed<KemRevocation>,
        now_ms: u64,
    ) -> Result<(), TrustError> {
        let revocation = &signed.statement;
        self.check_owner(signed, revocation.pool, revocation.participant, now_ms)?;
        self.revoked.insert((revocation.participant, revocation.key));
        Ok(())
    }

    /// Takes in a disclosure policy. The same again changes nothing.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn accept_policy(&mut self, signed: &Signed<DisclosurePolicy>) -> Result<(), TrustError> {
        self.check_root(signed, signed.statement.pool)?;
        if let Some(known) = &self.policy {
            let (known, new) = (&known.statement, &signed.statement);
            newer((known.version, known), (new.version, new))?;
        }
        self.policy = Some(signed.clone());
        Ok(())
    }

    /// The identities accepted so far, to be kept.
    pub fn identities(&self) -> impl Iterator<Item = &Signed<Identity>> {
        self.identities.values()
    }

    /// The policy accepted last, to be kept.
    #[must_use]
    pub fn policy(&self) -> Option<&Signed<DisclosurePolicy>> {
        self.policy.as_ref()
    }

    /// The key that checks what a participant signs at this instant.
    ///
    /// # Errors
    /// [`TrustError::NoIdentity`], [`TrustError::IdentityNotValid`].
    pub fn identity_key(
        &self,
        participant: ParticipantId,
        now_ms: u64,
    ) -> Result<PublicKey, TrustError> {
        let identity = self.identity(participant, now_ms)?;
        PublicKey::new(&identity.participant.key).map_err(|_| TrustError::IdentityNotValid)
    }

    /// What the policy in effect asks of a payment between two banks.
    ///
    /// # Errors
    /// [`TrustError::NoPolicy`], [`TrustError::Uncovered`].
    pub fn require(&self, facts: &OrderFacts, now_ms: u64) -> Result<Requirement, TrustError> {
        let policy = self.policy.as_ref().map(|policy| &policy.statement);
        let policy = policy.filter(|policy| policy.effective_at_ms <= now_ms);
        Ok(policy.ok_or(TrustError::NoPolicy)?.require(facts)?)
    }

    /// For whom a payment is to be sealed, with their newest valid keys of the policy's suite;
    /// ascending by role and key, as the slots of an order are.
    ///
    /// # Errors
    /// [`TrustError`] if there is no policy for it, or a reader without a valid key.
    pub fn recipients(
        &self,
        facts: &OrderFacts,
        now_ms: u64,
    ) -> Result<Vec<Recipient>, TrustError> {
        let Requirement { suite, slots, .. } = self.require(facts, now_ms)?;
        let recipients = slots.iter().map(|slot| self.recipient(suite, slot, now_ms));
        let mut recipients: Vec<_> = recipients.collect::<Result<_, _>>()?;
        recipients.sort_unstable_by_key(|recipient| (recipient.role, recipient.key));
        Ok(recipients)
    }

    /// One reader, with its newest valid key of a suite.
    ///
    /// # Errors
    /// [`TrustError`] if nobody vouches for it, or it has no valid key.
    pub fn recipient(
        &self,
        suite: Suite,
        slot: &RequiredSlot,
        now_ms: u64,
    ) -> Result<Recipient, TrustError> {
        self.identity(slot.participant, now_ms)?;
        let usable = |(id, key): &(&KeyId, &KemKey)| {
            key.participant == slot.participant
                && key.public.suite() == suite
                && key.valid_at(now_ms)
                && !self.revoked.contains(&(slot.participant, **id))
        };
        let keys = self.kem_keys.iter().filter(usable);
        let (id, key) = keys.max_by_key(|(_, key)| key.valid_from_ms).ok_or(TrustError::NoKey)?;
        let (role, participant, views) = (slot.role, slot.participant, slot.views);
        Ok(Recipient { role, key: *id, participant, public: key.public.clone(), views })
    }

    fn identity(&self, participant: ParticipantId, now_ms: u64) -> Result<&Identity, TrustError> {
        let identity = self.identities.get(&participant).ok_or(TrustError::NoIdentity)?;
        let identity = &identity.statement;
        let valid = (identity.valid_from_ms..=identity.valid_to_ms).contains(&now_ms);
        if valid && !identity.revoked { Ok(identity) } else { Err(TrustError::IdentityNotValid) }
    }

    fn check_root<S: Statement>(&self, signed: &Signed<S>, pool: u32) -> Result<(), TrustError> {
        if pool != self.pool {
            return Err(TrustError::OtherPool);
        }
        let root = self.roots.get(&signed.signer).ok_or(TrustError::UnknownRoot)?;
        Ok(signed.verify(root)?)
    }

    fn check_owner<S: Statement>(
        &self,
        signed: &Signed<S>,
        pool: u32,
        owner: ParticipantId,
        now_ms: u64,
    ) -> Result<(), TrustError> {
        if pool != self.pool {
            return Err(TrustError::OtherPool);
        }
        let key = self.identity_key(owner, now_ms)?;
        if key.to_bytes() != signed.signer {
            return Err(TrustError::Substituted);
        }
        Ok(signed.verify(&key)?)
    }
}

/// Whether a statement may take the place of the one known before.
fn newer<S: PartialEq>(known: (u32, &S), new: (u32, &S)) -> Result<(), TrustError> {
    match new.0.cmp(&known.0) {
        core::cmp::Ordering::Less => Err(TrustError::RolledBack),
        core::cmp::Ordering::Equal if new.1 != known.1 => Err(TrustError::Equivocated),
        _ => Ok(()),
    }
}
