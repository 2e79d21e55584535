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
use crate::state::{bounded, read_bool};

/// Faults that are kept, at most: open ones, and answered ones as long as they could come again.
pub const FAULTS_MAX: usize = 4_096;
/// Of them from one reporter, at most.
pub const FAULTS_PER_REPORTER_MAX: usize = 256;
/// A fault is stated within this time of being found: a day.
pub(super) const FOUND_WITHIN_MS: u64 = 86_400_000;
/// An open fault is dropped this long behind its deadline: 90 days.
const KEPT_MS: u64 = 90 * 86_400_000;

/// A fault that the sender has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFault {
    /// What was stated, the last time.
    pub signed: Signed<DisclosureFault>,
    /// Where the statement stands in the log.
    pub place: Place,
    /// The sender should have wrapped anew by then, ms.
    pub due_at_ms: u64,
    /// How often it was stated: each time but the first, an answer had been of no use.
    pub times: u32,
}

#[derive(Debug, Clone)]
struct Fault {
    stated: OpenFault,
    /// When the sender answered, ms.
    answered_at_ms: Option<u64>,
}

impl Fault {
    fn kept(&self, now_ms: u64) -> bool {
        let until_ms = match self.answered_at_ms {
            // What was found before the answer is stale by then.
            Some(answered_at_ms) => answered_at_ms + FOUND_WITHIN_MS,
            None => self.stated.due_at_ms + KEPT_MS,
        };
        until_ms >= now_ms
    }
}

/// The order's digest, the reader's capacity, the reader.
type Key = (Hash, SlotRole, ParticipantId);

/// Open faults, and those answered lately.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<Key, Fault>);

impl Faults {
    pub(super) fn iter(&self) -> impl Iterator<Item = &OpenFault> {
        let open = self.0.values().filter(|fault| fault.answered_at_ms.is_none());
        open.map(|fault| &fault.stated)
    }

    /// Opens a fault, again if it was found after the answer: an answer that does not help buys no
    /// time before the first deadline is over. Whether anything changed: one is open once.
    ///
    /// # Errors
    /// [`Reject::CapacityFull`].
    pub(super) fn open(&mut self, stated: OpenFault, now_ms: u64) -> Result<bool, Reject> {
        let said = &stated.signed.statement;
        let key = (said.order.digest, said.role, said.reporter);
        if let Some(known) = self.0.get_mut(&key).filter(|known| known.kept(now_ms)) {
            if known.answered_at_ms.is_none_or(|answered_ms| said.found_at_ms <= answered_ms) {
                return Ok(false);
            }
            let first_ms = known.stated.due_at_ms;
            let due_at_ms = if first_ms > now_ms { first_ms } else { stated.due_at_ms };
            let times = known.stated.times.saturating_add(1);
            let stated = OpenFault { due_at_ms, times, ..stated };
            *known = Fault { stated, answered_at_ms: None };
            return Ok(true);
        }
        let live = || self.0.values().filter(|known| known.kept(now_ms));
        let by = |known: &&Fault| known.stated.signed.statement.reporter == said.reporter;
        let room =
            live().count() < FAULTS_MAX && live().filter(by).count() < FAULTS_PER_REPORTER_MAX;
        ensure(room, Reject::CapacityFull)?;
        // After this point it must succeed.
        self.0.retain(|_, known| known.kept(now_ms));
        self.0.insert(key, Fault { stated, answered_at_ms: None });
        Ok(true)
    }

    /// Notes that this answers a fault.
    ///
    /// # Errors
    /// [`Reject::UnknownFault`].
    pub(super) fn close(&mut self, rewrap: &Rewrap, now_ms: u64) -> Result<(), Reject> {
        let key = (rewrap.order.digest, rewrap.role, rewrap.reader);
        let open = self.0.get_mut(&key).filter(|fault| {
            let order = &fault.stated.signed.statement.order;
            // The digest alone says nothing of who may answer: the sender it was stated with does.
            fault.answered_at_ms.is_none() && *order == rewrap.order
        });
        open.ok_or(Reject::UnknownFault)?.answered_at_ms = Some(now_ms);
        Ok(())
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32(self.0.len() as u32);
        for Fault { stated, answered_at_ms } in self.0.values() {
            write_signed(&stated.signed, writer);
            writer.u64(stated.place.0).u64(stated.due_at_ms).u32(stated.times);
            writer.u8(u8::from(answered_at_ms.is_some())).u64(answered_at_ms.unwrap_or_default());
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut faults = BTreeMap::new();
        for _ in 0..bounded(reader.u32("faults")?, FAULTS_MAX, "faults")? {
            let signed: Signed<DisclosureFault> = read_signed(reader)?;
            let said = &signed.statement;
            let key = (said.order.digest, said.role, said.reporter);
            let place = Place(reader.u64("fault place")?);
            let (due_at_ms, times) = (reader.u64("fault due")?, reader.u32("fault times")?);
            let answered = read_bool(reader, "fault answered")?;
            let at_ms = reader.u64("fault answered at")?;
            let stated = OpenFault { signed, place, due_at_ms, times };
            faults.insert(key, Fault { stated, answered_at_ms: answered.then_some(at_ms) });
        }
        Ok(Self(faults))
    }
}
