//! The sender's epoch: the keys that wrap, and the next sequence.

use channel::{
    EPOCH_LIFE_MAX_MS, EPOCH_ORDERS_MAX, EpochId, EpochOpen, EpochReader, KeyError, KeyId,
    ParticipantId, Recipient, Signed, Signer, SlotRole, Suite,
};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::kem::{Gcm, agree};

/// What a KEK is exported under.
pub(crate) const KEK_LABEL: &[u8] = b"ppc/1 kek";

/// An epoch that cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EpochError {
    /// None, too many, or two of one role and key.
    #[error(
        "recipients: must be at least one, no more than the suite takes, each role and key once"
    )]
    Recipients,
    /// A recipient's key of another suite than the epoch's.
    #[error("recipients: must all have keys of the epoch's suite")]
    Suite,
    /// Longer than an hour, or over before it begins.
    #[error("not_after: must be at most an hour after the opening")]
    NotAfter,
    /// A recipient's key with which nothing can be agreed: a point of small order, or no key.
    #[error("recipients: must have keys that agree on something")]
    PublicKey,
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What an epoch is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochTerms {
    /// The pool.
    pub pool: u32,
    /// Who seals.
    pub sender: ParticipantId,
    /// How: as the disclosure policy says.
    pub suite: Suite,
    /// The disclosure policy of its orders.
    pub policy_version: u32,
    /// Now, ms.
    pub opened_at_ms: u64,
    /// The creation time of its last order, ms; at most an hour later.
    pub not_after_ms: u64,
}

/// One reader's key.
pub(crate) struct Kek {
    role: SlotRole,
    key: KeyId,
    pub(crate) cipher: Gcm,
}

/// An epoch of a sender. Its keys live in this value alone and are wiped with it: who starts again
/// opens a new one.
pub struct Epoch {
    pub(crate) terms: EpochTerms,
    pub(crate) id: EpochId,
    next_sequence: u64,
    keks: Vec<Kek>,
}

impl core::fmt::Debug for Epoch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Epoch").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Epoch {
    /// Agrees on a key with every recipient. The statement must stand in the log before the first
    /// order of the epoch is of use to anybody.
    ///
    /// # Errors
    /// [`EpochError`].
    pub fn open(
        terms: EpochTerms,
        recipients: &[Recipient],
        signer: &dyn Signer,
        random: &mut impl CryptoRng,
    ) -> Result<(Self, Signed<EpochOpen>), EpochError> {
        let life = terms.not_after_ms.checked_sub(terms.opened_at_ms);
        if !matches!(life, Some(1..=EPOCH_LIFE_MAX_MS)) {
            return Err(EpochError::NotAfter);
        }
        let mut recipients = recipients.to_vec();
        recipients.sort_unstable_by_key(|recipient| (recipient.role, recipient.key));
        let twice =
            recipients.windows(2).any(|two| (two[0].role, two[0].key) == (two[1].role, two[1].key));
        if twice || !(1..=terms.suite.epoch_readers_max()).contains(&recipients.len()) {
            return Err(EpochError::Recipients);
        }
        if recipients.iter().any(|recipient| recipient.public.suite() != terms.suite) {
            return Err(EpochError::Suite);
        }
        let mut id = EpochId([0; 16]);
        while id.0 == [0; 16] {
            random.fill_bytes(&mut id.0);
        }
        let mut open = EpochOpen {
            pool: terms.pool,
            sender: terms.sender,
            suite: terms.suite,
            epoch: id,
            policy_version: terms.policy_version,
            opened_at_ms: terms.opened_at_ms,
            not_after_ms: terms.not_after_ms,
            readers: Vec::with_capacity(recipients.len()),
        };
        let mut keks = Vec::with_capacity(recipients.len());
        for Recipient { role, key, participant, public, .. } in recipients {
            let info = open.info(role, key, participant);
            let (encapsulated, cipher) =
                agree(&public, &info, KEK_LABEL, random).map_err(|_| EpochError::PublicKey)?;
            open.readers.push(EpochReader { role, key, participant, encapsulated });
            keks.push(Kek { role, key, cipher });
        }
        let signed = Signed::sign(open, signer)?;
        Ok((Self { terms, id, next_sequence: 0, keks }, signed))
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> EpochId {
        self.id
    }

    /// Whether an order made at this instant can still be sealed in it.
    #[must_use]
    pub fn has_room(&self, created_at_ms: u64) -> bool {
        created_at_ms <= self.terms.not_after_ms && self.next_sequence < EPOCH_ORDERS_MAX
    }

    /// The key of a reader.
    pub(crate) fn kek(&self, role: SlotRole, key: KeyId) -> Option<&Kek> {
        let at = self.keks.binary_search_by_key(&(role, key), |kek| (kek.role, kek.key)).ok()?;
        self.keks.get(at)
    }

    /// The next sequence, which is used up.
    pub(crate) fn take_sequence(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }
}
