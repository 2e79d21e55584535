//! The key directory: who a participant is, and to which keys one may seal for it.
//!
//! The engine serves it and cannot add to it: an identity counts when a pinned root has signed it,
//! a KEM key or its revocation when the identity has.

use crate::bytes::{DecodeError, Reader, Writer};
use crate::digest::sha256;
use crate::envelope::KeyId;
use crate::kem::KemPublic;
use crate::participant::{Participant, ParticipantId, read_participant};
use crate::statement::{Statement, read_bool};
use crate::suite::Suite;

/// How long a KEM key may be sealed to, at most: 7 days. 24 hours are recommended.
pub const KEM_KEY_LIFE_MAX_MS: u64 = 7 * 86_400_000;

const KEY_ID_LABEL: &[u8] = b"ppc/1 key id";

/// Signed by a root: this participant signs with this key, until a later serial says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The pool it holds for.
    pub pool: u32,
    /// Counts up with every change of the participant's entry.
    pub serial: u32,
    /// Who it is, with its Ed25519 key.
    pub participant: Participant,
    /// Not before this instant, ms.
    pub valid_from_ms: u64,
    /// Not after this instant, ms.
    pub valid_to_ms: u64,
    /// True: the participant has no key any more.
    pub revoked: bool,
}

impl Statement for Identity {
    const LABEL: &'static str = "ppc/1 identity";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.serial);
        self.participant.write(writer);
        writer.u64(self.valid_from_ms).u64(self.valid_to_ms).u8(self.revoked.into());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let identity = Self {
            pool: reader.u32("pool")?,
            serial: reader.u32("serial")?,
            participant: Participant::read(reader)?,
            valid_from_ms: reader.u64("valid_from")?,
            valid_to_ms: reader.u64("valid_to")?,
            revoked: read_bool(reader, "revoked")?,
        };
        if identity.valid_to_ms <= identity.valid_from_ms {
            return Err(DecodeError::Range { field: "valid_to" });
        }
        Ok(identity)
    }
}

/// Signed by its owner: seal to this key for me.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KemKey {
    /// The pool it holds for.
    pub pool: u32,
    /// Whose it is.
    pub participant: ParticipantId,
    /// The public key, of one suite.
    pub public: KemPublic,
    /// Not before this instant, ms.
    pub valid_from_ms: u64,
    /// Not after this instant, ms; at most [`KEM_KEY_LIFE_MAX_MS`] later.
    pub valid_to_ms: u64,
}

impl KemKey {
    /// The first 8 bytes of
    /// `SHA-256("ppc/1 key id" ‖ pool u32 ‖ participant u32 ‖ suite u16 ‖ public key)`.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut writer = Writer::new();
        writer.raw(KEY_ID_LABEL).u32(self.pool).u32(self.participant.0);
        write_public(&self.public, &mut writer);
        let [a, b, c, d, e, f, g, h, ..] = sha256(&writer.into_bytes());
        KeyId([a, b, c, d, e, f, g, h])
    }

    /// Whether one may seal to it at this instant.
    #[must_use]
    pub fn valid_at(&self, now_ms: u64) -> bool {
        (self.valid_from_ms..=self.valid_to_ms).contains(&now_ms)
    }
}

impl Statement for KemKey {
    const LABEL: &'static str = "ppc/1 kem key";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.participant.0);
        write_public(&self.public, writer);
        writer.u64(self.valid_from_ms).u64(self.valid_to_ms);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let key = Self {
            pool: reader.u32("pool")?,
            participant: read_participant(reader, "participant")?,
            public: KemPublic::read(read_suite(reader)?, reader, "public_key")?,
            valid_from_ms: reader.u64("valid_from")?,
            valid_to_ms: reader.u64("valid_to")?,
        };
        match key.valid_to_ms.checked_sub(key.valid_from_ms) {
            Some(1..=KEM_KEY_LIFE_MAX_MS) => Ok(key),
            _ => Err(DecodeError::Range { field: "valid_to" }),
        }
    }
}

/// Signed by its owner: do not seal to this key any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KemRevocation {
    /// The pool it holds for.
    pub pool: u32,
    /// Whose key it is.
    pub participant: ParticipantId,
    /// Which key.
    pub key: KeyId,
    /// When it was revoked, ms.
    pub revoked_at_ms: u64,
}

impl Statement for KemRevocation {
    const LABEL: &'static str = "ppc/1 kem revocation";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.participant.0).raw(&self.key.0).u64(self.revoked_at_ms);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            pool: reader.u32("pool")?,
            participant: read_participant(reader, "participant")?,
            key: KeyId(reader.array("key_id")?),
            revoked_at_ms: reader.u64("revoked_at")?,
        })
    }
}

/// `suite u16 ‖ public key`.
fn write_public(public: &KemPublic, writer: &mut Writer) {
    writer.u16(public.suite() as u16).raw(public.as_bytes());
}

pub(crate) fn read_suite(reader: &mut Reader<'_>) -> Result<Suite, DecodeError> {
    let number = reader.u16("suite")?;
    Suite::from_number(number).ok_or(DecodeError::Unknown { field: "suite", value: number.into() })
}
