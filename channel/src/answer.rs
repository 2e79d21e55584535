//! What the operator answers: a receipt for an attempt, and the core's decision on each order.

use ledger::Hash;

use crate::bytes::{DecodeError, Reader, Writer};

const RECEIPT_LABEL: &[u8] = b"causeway/1 receipt";
const DECISIONS_LABEL: &[u8] = b"causeway/1 decisions";

/// Bytes of an encoded [`Decision`].
pub const DECISION_LEN: usize = 51;

/// What the core ruled when it first saw an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ruling {
    /// Accepted; waits in its queue for a cycle.
    Queued = 1,
    /// Accepted and settled at once.
    Settled = 2,
    /// Accepted; waits for its value date or its `not_before`.
    Warehoused = 3,
    /// Accepted; waits for the other members of its link group.
    AwaitingGroup = 4,
    /// Rejected for good, with a reason.
    Rejected = 5,
    /// Refused without a trace in the books: the same order may be sent again later.
    Refused = 6,
    /// Accepted; waits for its counterpart: the other side of an exchange, or quotes.
    AwaitingMatch = 7,
    /// Accepted, and it has found the other side of its exchange: both settle together.
    Matched = 8,
    /// Accepted; held until a screener passes it, or the receiver confirms it.
    Held = 9,
}

impl Ruling {
    /// From its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Queued,
            2 => Self::Settled,
            3 => Self::Warehoused,
            4 => Self::AwaitingGroup,
            5 => Self::Rejected,
            6 => Self::Refused,
            7 => Self::AwaitingMatch,
            8 => Self::Matched,
            9 => Self::Held,
            _ => return None,
        })
    }
}

/// The core's decision on one order: the same bytes for every attempt to submit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The order.
    pub digest: Hash,
    /// Where the order first stood in the log: position × 2^20 + index in its record.
    pub place: u64,
    /// The ruling.
    pub ruling: Ruling,
    /// The number of the reject; 0 unless rejected or refused.
    pub reason: u16,
    /// Logged time of the ruling, ms since the Unix epoch.
    pub decided_at_ms: u64,
}

impl Decision {
    /// `digest [32] ‖ place u64 ‖ ruling u8 ‖ reason u16 ‖ decided_at u64`.
    #[must_use]
    pub fn encode(&self) -> [u8; DECISION_LEN] {
        let mut bytes = [0; DECISION_LEN];
        bytes[..32].copy_from_slice(&self.digest);
        bytes[32..40].copy_from_slice(&self.place.to_be_bytes());
        bytes[40] = self.ruling as u8;
        bytes[41..43].copy_from_slice(&self.reason.to_be_bytes());
        bytes[43..].copy_from_slice(&self.decided_at_ms.to_be_bytes());
        bytes
    }

    /// The inverse of [`Decision::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let digest = reader.array("digest")?;
        let place = reader.u64("place")?;
        let ruling = reader.u8("ruling")?;
        let decision = Self {
            digest,
            place,
            ruling: Ruling::from_number(ruling)
                .ok_or(DecodeError::Unknown { field: "ruling", value: ruling.into() })?,
            reason: reader.u16("reason")?,
            decided_at_ms: reader.u64("decided_at")?,
        };
        reader.finish()?;
        Ok(decision)
    }
}

/// What the operator signs for one attempt:
/// `"causeway/1 receipt" ‖ pool u32 ‖ position u64 ‖ time u64 ‖ rules [32] ‖ count u32 ‖ root`.
///
/// `root` is the Merkle root of the order digests, the one the sender signed. A receipt says that
/// the orders stand, durably, at this position of the log under this rule book. It does not say
/// that they are accepted, nor that they will settle.
#[must_use]
pub fn receipt_statement(
    pool: u32,
    position: u64,
    received_at_ms: u64,
    rules: &Hash,
    count: u32,
    root: &Hash,
) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.raw(RECEIPT_LABEL).u32(pool).u64(position).u64(received_at_ms);
    writer.raw(rules).u32(count).raw(root);
    writer.into_bytes()
}

/// What the operator signs for the decisions of one attempt:
/// `"causeway/1 decisions" ‖ pool u32 ‖ position u64 ‖ count u32 ‖ root`,
/// `root` being the Merkle root whose leaves are the encoded decisions, in order.
#[must_use]
pub fn decisions_statement(pool: u32, position: u64, count: u32, root: &Hash) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.raw(DECISIONS_LABEL).u32(pool).u64(position).u32(count).raw(root);
    writer.into_bytes()
}
