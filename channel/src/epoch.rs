//! The opening of an epoch: one key agreement with every reader, for many orders.

use crate::bytes::{DecodeError, Reader, Writer};
use crate::directory::read_suite;
use crate::envelope::{KeyId, SlotRole};
use crate::kem::Encapsulated;
use crate::participant::{ParticipantId, read_participant};
use crate::statement::Statement;
use crate::suite::{EpochId, Suite};

/// How long an epoch may last, at most: one hour.
pub const EPOCH_LIFE_MAX_MS: u64 = 3_600_000;

const INFO_LABEL: &[u8] = b"ppc/1 epoch";

/// One reader of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochReader {
    /// In what capacity it reads.
    pub role: SlotRole,
    /// Its KEM key.
    pub key: KeyId,
    /// Who it is.
    pub participant: ParticipantId,
    /// The encapsulated key of HPKE (RFC 9180), of the epoch's suite.
    pub encapsulated: Encapsulated,
}

/// Signed by the sender: orders of this epoch are sealed for these readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochOpen {
    /// The pool it holds for.
    pub pool: u32,
    /// Whose orders.
    pub sender: ParticipantId,
    /// How they are sealed.
    pub suite: Suite,
    /// The epoch: 16 random bytes, never used before.
    pub epoch: EpochId,
    /// The disclosure policy of its orders; 0 where the pool has none.
    pub policy_version: u32,
    /// When it was opened, ms.
    pub opened_at_ms: u64,
    /// No order of it is made after this instant, ms; at most [`EPOCH_LIFE_MAX_MS`] later.
    pub not_after_ms: u64,
    /// 1 to [`Suite::epoch_readers_max`], ascending by role and key, all with keys of the suite.
    pub readers: Vec<EpochReader>,
}

impl EpochOpen {
    /// The `info` of HPKE for one reader, by which the agreed key belongs to this epoch alone:
    /// `"ppc/1 epoch" ‖ suite u16 ‖ pool u32 ‖ sender u32 ‖ reader u32 ‖ role u8 ‖ key id [8]
    /// ‖ epoch [16] ‖ policy version u32`.
    #[must_use]
    pub fn info(&self, role: SlotRole, key: KeyId, reader: ParticipantId) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.raw(INFO_LABEL).u16(self.suite as u16).u32(self.pool).u32(self.sender.0);
        writer.u32(reader.0).u8(role as u8).raw(&key.0).raw(&self.epoch.0);
        writer.u32(self.policy_version);
        writer.into_bytes()
    }

    fn check(&self) -> Result<(), DecodeError> {
        let ensure =
            |held: bool, field| if held { Ok(()) } else { Err(DecodeError::Range { field }) };
        ensure(self.epoch.0 != [0; 16], "epoch")?;
        let life = self.not_after_ms.checked_sub(self.opened_at_ms);
        ensure(matches!(life, Some(1..=EPOCH_LIFE_MAX_MS)), "not_after")?;
        let name = |reader: &EpochReader| (reader.role, reader.key);
        let ascending = self.readers.windows(2).all(|pair| name(&pair[0]) < name(&pair[1]));
        ensure(ascending, "readers")
    }
}

impl Statement for EpochOpen {
    const LABEL: &'static str = "ppc/1 epoch open";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.sender.0).u16(self.suite as u16).raw(&self.epoch.0);
        writer.u32(self.policy_version).u64(self.opened_at_ms).u64(self.not_after_ms);
        writer.u8(u8::try_from(self.readers.len()).unwrap_or(u8::MAX));
        for reader in &self.readers {
            writer.u8(reader.role as u8).raw(&reader.key.0).u32(reader.participant.0);
            writer.raw(reader.encapsulated.as_bytes());
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let pool = reader.u32("pool")?;
        let sender = read_participant(reader, "sender")?;
        let suite = read_suite(reader)?;
        let open = Self {
            pool,
            sender,
            suite,
            epoch: EpochId(reader.array("epoch")?),
            policy_version: reader.u32("policy_version")?,
            opened_at_ms: reader.u64("opened_at")?,
            not_after_ms: reader.u64("not_after")?,
            readers: {
                let count = reader.u8("readers")?;
                if !(1..=suite.epoch_readers_max()).contains(&count.into()) {
                    return Err(DecodeError::Range { field: "readers" });
                }
                (0..count).map(|_| read_reader(suite, reader)).collect::<Result<_, _>>()?
            },
        };
        open.check()?;
        Ok(open)
    }
}

fn read_reader(suite: Suite, reader: &mut Reader<'_>) -> Result<EpochReader, DecodeError> {
    Ok(EpochReader {
        role: read_role(reader)?,
        key: KeyId(reader.array("key_id")?),
        participant: read_participant(reader, "reader")?,
        encapsulated: Encapsulated::read(suite, reader, "encapsulated")?,
    })
}

pub(crate) fn read_role(reader: &mut Reader<'_>) -> Result<SlotRole, DecodeError> {
    let number = reader.u8("role")?;
    SlotRole::from_number(number)
        .ok_or(DecodeError::Unknown { field: "role", value: number.into() })
}
