//! How a pool begins.

use ledger::Hash;

use crate::bytes::{DecodeError, Reader, Writer};
use crate::digest::sha256;
use crate::participant::{Participant, Role};
use crate::rules::RuleBook;

/// Roots of one pool, at most.
pub const ROOTS_MAX: usize = 8;

/// The first record of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The pool's number.
    pub pool: u32,
    /// Its first rule book.
    pub rules: RuleBook,
    /// The key that checks receipts and decisions.
    pub operator_key: [u8; 32],
    /// The Ed25519 public keys of the scheme and its regulators, at most [`ROOTS_MAX`], ascending:
    /// who may sign identities and disclosure policies. Without any, the pool has none of these.
    pub roots: Vec<[u8; 32]>,
    /// Who is there from the start: at least one operator.
    pub participants: Vec<Participant>,
}

impl Genesis {
    /// `pool u32 ‖ rules ‖ operator key [32] ‖ count u8 ‖ roots [32] ‖ count u16 ‖ participants`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.pool);
        self.rules.write(&mut writer);
        writer.raw(&self.operator_key);
        writer.u8(u8::try_from(self.roots.len()).unwrap_or(u8::MAX));
        writer.raw(self.roots.as_flattened());
        writer.u16(u16::try_from(self.participants.len()).unwrap_or(u16::MAX));
        for participant in &self.participants {
            participant.write(&mut writer);
        }
        writer.into_bytes()
    }

    /// The inverse of [`Genesis::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let pool = reader.u32("pool")?;
        let rules = RuleBook::read(&mut reader)?;
        let operator_key = reader.array("operator_key")?;
        let count = usize::from(reader.u8("roots")?);
        let roots = (0..count).map(|_| reader.array("roots")).collect::<Result<Vec<_>, _>>()?;
        let ascending = roots.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || count > ROOTS_MAX {
            return Err(DecodeError::Range { field: "roots" });
        }
        let count = reader.u16("participants")?;
        let participants =
            (0..count).map(|_| Participant::read(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        reader.finish()?;
        if !participants.iter().any(|participant| participant.role == Role::Operator) {
            return Err(DecodeError::Range { field: "participants" });
        }
        Ok(Self { pool, rules, operator_key, roots, participants })
    }

    /// SHA-256 of the canonical bytes: the pool's identity.
    #[must_use]
    pub fn hash(&self) -> Hash {
        sha256(&self.encode())
    }
}
