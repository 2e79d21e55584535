//! Slots that their readers cannot open, as they allege, until the sender wraps anew.

use std::collections::BTreeMap;

use channel::{
    DecodeError, DisclosureFault, ParticipantId, Reader, Rewrap, Signed, SlotRole, Writer,
};
use ledger::Hash;

use super::{read_signed, write_signed};
use crate::intake::ensure;
use crate::record::Place;
use crate::reject::Reject;
use crate::state::bounded;

/// Open faults, at most.
pub const FAULTS_MAX: usize = 4_096;
/// Open faults of one reporter, at most.
pub const FAULTS_PER_REPORTER_MAX: usize = 256;
/// An open fault is dropped this long behind its deadline: 90 days.
const KEPT_MS: u64 = 90 * 86_400_000;

/// A fault that the sender has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFault {
    /// What was stated.
    pub signed: Signed<DisclosureFault>,
    /// Where the statement stands in the log.
    pub place: Place,
    /// The sender should have wrapped anew by then, ms.
    pub due_at_ms: u64,
}

/// The order's digest, the reader's capacity, the reader.
type Key = (Hash, SlotRole, ParticipantId);

/// All open faults.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<Key, OpenFault>);

impl Faults {
    pub(super) fn iter(&self) -> impl Iterator<Item = &OpenFault> {
        self.0.values()
    }

    /// Opens a fault. Whether anything changed: one is open once.
    ///
    /// # Errors
    /// [`Reject::CapacityFull`].
    pub(super) fn open(&mut self, fault: OpenFault, now_ms: u64) -> Result<bool, Reject> {
        let said = &fault.signed.statement;
        let key = (said.order.digest, said.role, said.reporter);
        if self.0.contains_key(&key) {
            return Ok(false);
        }
        let kept = |known: &OpenFault| known.due_at_ms + KEPT_MS >= now_ms;
        let live = || self.0.values().filter(|known| kept(known));
        let own = live().filter(|known| known.signed.statement.reporter == said.reporter).count();
        let room = live().count() < FAULTS_MAX && own < FAULTS_PER_REPORTER_MAX;
        ensure(room, Reject::CapacityFull)?;
        // After this point it must succeed.
        self.0.retain(|_, known| kept(known));
        self.0.insert(key, fault);
        Ok(true)
    }

    /// Closes the fault that this answers.
    ///
    /// # Errors
    /// [`Reject::UnknownFault`].
    pub(super) fn close(&mut self, rewrap: &Rewrap) -> Result<(), Reject> {
        let key = (rewrap.order.digest, rewrap.role, rewrap.reader);
        self.0.remove(&key).map(drop).ok_or(Reject::UnknownFault)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32(self.0.len() as u32);
        for fault in self.0.values() {
            write_signed(&fault.signed, writer);
            writer.u64(fault.place.0).u64(fault.due_at_ms);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut faults = BTreeMap::new();
        for _ in 0..bounded(reader.u32("faults")?, FAULTS_MAX, "faults")? {
            let signed: Signed<DisclosureFault> = read_signed(reader)?;
            let said = &signed.statement;
            let key = (said.order.digest, said.role, said.reporter);
            let place = Place(reader.u64("fault place")?);
            let due_at_ms = reader.u64("fault due")?;
            faults.insert(key, OpenFault { signed, place, due_at_ms });
        }
        Ok(Self(faults))
    }
}
