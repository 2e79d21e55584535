//! What readers of sealed orders state about them: verdicts, faults, openings, confirmations; and
//! the sender's answer to a fault.
//!
//! All name an order by its identity and digest ([`OrderRef`]). None proves anything by itself: a
//! fault is an allegation, since only the epoch's keys could show what a wrap holds.

use ledger::Hash;

use crate::bytes::{DecodeError, Reader, Writer};
use crate::directory::read_suite;
use crate::envelope::{KeyId, SlotRole, ViewMask, wrap_len};
use crate::epoch::read_role;
use crate::kem::Encapsulated;
use crate::order_ref::OrderRef;
use crate::participant::{ParticipantId, read_participant};
use crate::policy::read_views;
use crate::statement::{Statement, read_bool};

/// Bytes of a person's name or a reason in an opening record, at most.
pub const OPENING_TEXT_MAX: usize = 140;

/// Signed by a screener: what the lists say about an order's parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreeningVerdict {
    /// The pool.
    pub pool: u32,
    /// Who screened.
    pub screener: ParticipantId,
    /// The order.
    pub order: OrderRef,
    /// SHA-256 of the lists that were used.
    pub lists: Hash,
    /// The version of the screening engine.
    pub engine: u32,
    /// True: pass. False: hold.
    pub pass: bool,
    /// When, ms.
    pub screened_at_ms: u64,
}

impl Statement for ScreeningVerdict {
    const LABEL: &'static str = "ppc/1 verdict";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.screener.0);
        self.order.write(writer);
        writer.raw(&self.lists).u32(self.engine).u8(self.pass.into()).u64(self.screened_at_ms);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            pool: reader.u32("pool")?,
            screener: read_participant(reader, "screener")?,
            order: OrderRef::read(reader)?,
            lists: reader.array("lists")?,
            engine: reader.u32("engine")?,
            pass: read_bool(reader, "pass")?,
            screened_at_ms: reader.u64("screened_at")?,
        })
    }
}

/// Signed by a reader: I cannot open what the order promises me.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisclosureFault {
    /// The pool.
    pub pool: u32,
    /// Who alleges it.
    pub reporter: ParticipantId,
    /// The order.
    pub order: OrderRef,
    /// The reader's slot: its role.
    pub role: SlotRole,
    /// The reader's slot: its key.
    pub key: KeyId,
    /// When it was found, ms.
    pub found_at_ms: u64,
}

impl Statement for DisclosureFault {
    const LABEL: &'static str = "ppc/1 fault";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.reporter.0);
        self.order.write(writer);
        writer.u8(self.role as u8).raw(&self.key.0).u64(self.found_at_ms);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            pool: reader.u32("pool")?,
            reporter: read_participant(reader, "reporter")?,
            order: OrderRef::read(reader)?,
            role: read_role(reader)?,
            key: KeyId(reader.array("key_id")?),
            found_at_ms: reader.u64("found_at")?,
        })
    }
}

/// Signed by the sender: the keys of an order's views, wrapped anew for one reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrap {
    /// The pool.
    pub pool: u32,
    /// The order; its sender signs.
    pub order: OrderRef,
    /// The reader's capacity.
    pub role: SlotRole,
    /// The reader.
    pub reader: ParticipantId,
    /// A KEM key of the reader that is valid now.
    pub key: KeyId,
    /// The encapsulated key of HPKE, of the suite of the reader's key.
    pub encapsulated: Encapsulated,
    /// Which views.
    pub views: ViewMask,
    /// Their keys, encrypted, with a tag.
    pub wrap: Vec<u8>,
    /// When, ms.
    pub made_at_ms: u64,
}

impl Statement for Rewrap {
    const LABEL: &'static str = "ppc/1 rewrap";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool);
        self.order.write(writer);
        writer.u8(self.role as u8).u32(self.reader.0).raw(&self.key.0);
        writer.u16(self.encapsulated.suite() as u16).raw(self.encapsulated.as_bytes());
        writer.u16(self.views.bits()).raw(&self.wrap).u64(self.made_at_ms);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let pool = reader.u32("pool")?;
        let order = OrderRef::read(reader)?;
        let role = read_role(reader)?;
        let reads = read_participant(reader, "reader")?;
        let key = KeyId(reader.array("key_id")?);
        let encapsulated = Encapsulated::read(read_suite(reader)?, reader, "encapsulated")?;
        let views = read_views(reader)?;
        let wrap = reader.raw(wrap_len(views), "wrap")?.to_vec();
        let made_at_ms = reader.u64("made_at")?;
        Ok(Self { pool, order, role, reader: reads, key, encapsulated, views, wrap, made_at_ms })
    }
}

/// Signed by a reader: these views were shown to a person. That a machine unwrapped and checked
/// them is no opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningRecord {
    /// The pool.
    pub pool: u32,
    /// On whose behalf.
    pub reader: ParticipantId,
    /// The order.
    pub order: OrderRef,
    /// What was shown.
    pub views: ViewMask,
    /// To whom: 1 to [`OPENING_TEXT_MAX`] bytes.
    pub person: String,
    /// Why: 1 to [`OPENING_TEXT_MAX`] bytes.
    pub reason: String,
    /// When, ms.
    pub opened_at_ms: u64,
}

impl Statement for OpeningRecord {
    const LABEL: &'static str = "ppc/1 opening";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.reader.0);
        self.order.write(writer);
        writer.u16(self.views.bits()).text(&self.person).text(&self.reason).u64(self.opened_at_ms);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            pool: reader.u32("pool")?,
            reader: read_participant(reader, "reader")?,
            order: OrderRef::read(reader)?,
            views: read_views(reader)?,
            person: read_text(reader, "person")?,
            reason: read_text(reader, "reason")?,
            opened_at_ms: reader.u64("opened_at")?,
        })
    }
}

/// Signed by the receiver: whether it can open and apply a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverConfirmation {
    /// The pool.
    pub pool: u32,
    /// The receiver.
    pub receiver: ParticipantId,
    /// The order.
    pub order: OrderRef,
    /// True: it can. False: it cannot, and the payment must not settle.
    pub able: bool,
    /// When, ms.
    pub confirmed_at_ms: u64,
}

impl Statement for ReceiverConfirmation {
    const LABEL: &'static str = "ppc/1 confirmation";

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pool).u32(self.receiver.0);
        self.order.write(writer);
        writer.u8(self.able.into()).u64(self.confirmed_at_ms);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            pool: reader.u32("pool")?,
            receiver: read_participant(reader, "receiver")?,
            order: OrderRef::read(reader)?,
            able: read_bool(reader, "able")?,
            confirmed_at_ms: reader.u64("confirmed_at")?,
        })
    }
}

fn read_text(reader: &mut Reader<'_>, field: &'static str) -> Result<String, DecodeError> {
    let text = reader.text(field)?;
    let plain = !text.chars().any(char::is_control);
    if plain && (1..=OPENING_TEXT_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(DecodeError::Range { field })
    }
}
