//! How a statement names an order: by its identity, under which it is found, and its digest, which
//! says that this very order is meant.

use ledger::Hash;

use crate::bytes::{DecodeError, Reader, Writer};
use crate::header::{HeaderView, MessageKind, Uetr};
use crate::participant::{ParticipantId, read_participant};

/// An order, named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderRef {
    /// Its sender.
    pub sender: ParticipantId,
    /// Its message kind.
    pub kind: MessageKind,
    /// Its UETR.
    pub uetr: Uetr,
    /// Its digest ([`crate::order_digest`]).
    pub digest: Hash,
}

impl OrderRef {
    /// Names the order with this (checked) header and digest; none for a kind that is unknown.
    #[must_use]
    pub fn of(header: HeaderView<'_>, digest: Hash) -> Option<Self> {
        let (sender, kind, uetr) = (header.sender(), header.kind()?, header.uetr());
        Some(Self { sender, kind, uetr, digest })
    }

    /// `sender u32 ‖ message kind u16 ‖ UETR [16] ‖ digest [32]`.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u32(self.sender.0).u16(self.kind as u16).raw(&self.uetr.0).raw(&self.digest);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sender = read_participant(reader, "order sender")?;
        let number = reader.u16("order kind")?;
        let kind = MessageKind::from_number(number);
        let value = number.into();
        let kind = kind.ok_or(DecodeError::Unknown { field: "order kind", value })?;
        let uetr = Uetr(reader.array("order uetr")?);
        if !uetr.well_formed() {
            return Err(DecodeError::Range { field: "order uetr" });
        }
        Ok(Self { sender, kind, uetr, digest: reader.array("order digest")? })
    }
}
