//! Epochs that senders opened, and which sequences were used in them.

use std::collections::{BTreeMap, BTreeSet};

use channel::{
    DecodeError, EpochId, EpochOpen, KeyId, ParticipantId, Reader, SlotRole, Statement as _, Writer,
};
use ledger::Hash;
use sha2::{Digest, Sha256};

use crate::reject::Reject;
use crate::seen::CLOCK_TOLERANCE_MS;
use crate::state::bounded;

/// Epochs of one sender that are kept, at most.
pub const EPOCHS_PER_SENDER_MAX: usize = 64;
/// Epochs that are kept, at most.
pub const EPOCHS_MAX: usize = 16_384;
/// A sequence may lie this far behind the latest one of its epoch.
pub const SEQUENCE_WINDOW: u64 = 4_096;
/// An epoch is kept this long behind its end, for orders that were made in it and come late: 15 min.
/// Less if its sender needs the room.
const KEPT_MS: u64 = 15 * 60 * 1000;

const WORDS: usize = (SEQUENCE_WINDOW / 64) as usize;

/// Which of the latest sequences were used.
#[derive(Debug, Clone)]
struct Window {
    /// The sequence behind the latest one.
    next: u64,
    /// Of the sequences before, by their remainder.
    used: [u64; WORDS],
}

impl Window {
    fn bit(sequence: u64) -> (usize, u64) {
        let at = sequence % SEQUENCE_WINDOW;
        ((at / 64) as usize, 1 << (at % 64))
    }

    fn fresh(&self, sequence: u64) -> bool {
        let (word, bit) = Self::bit(sequence);
        let behind = self.next.saturating_sub(sequence);
        behind == 0 || behind <= SEQUENCE_WINDOW && self.used[word] & bit == 0
    }

    fn take(&mut self, sequence: u64) {
        if sequence >= self.next + SEQUENCE_WINDOW {
            self.used = [0; WORDS];
        } else {
            for skipped in self.next..=sequence {
                let (word, bit) = Self::bit(skipped);
                self.used[word] &= !bit;
            }
        }
        self.next = self.next.max(sequence + 1);
        let (word, bit) = Self::bit(sequence);
        self.used[word] |= bit;
    }
}

/// One reader of an epoch.
#[derive(Debug, Clone, Copy)]
struct EpochReader {
    role: SlotRole,
    key: KeyId,
    participant: ParticipantId,
    /// Until when its key is valid, ms; 0 = it is not any more.
    until_ms: u64,
}

/// An epoch: what orders are judged by. The statement itself, with its encapsulated keys, stays in
/// the log.
#[derive(Debug, Clone)]
pub(super) struct Epoch {
    sender: ParticipantId,
    id: EpochId,
    /// Of what was signed.
    pub(super) statement: Hash,
    pub(super) policy_version: u32,
    pub(super) not_after_ms: u64,
    /// Ascending by role and key.
    readers: Vec<EpochReader>,
    window: Window,
    /// The hash of all of it, until it changes.
    leaf: Option<Hash>,
}

impl Epoch {
    /// With the end of each reader's key, ms.
    pub(super) fn new(open: &EpochOpen, until_ms: &[u64]) -> Self {
        let reader = |(it, until_ms): (&channel::EpochReader, &u64)| EpochReader {
            role: it.role,
            key: it.key,
            participant: it.participant,
            until_ms: *until_ms,
        };
        Self {
            sender: open.sender,
            id: open.epoch,
            statement: statement_hash(open),
            policy_version: open.policy_version,
            not_after_ms: open.not_after_ms,
            readers: open.readers.iter().zip(until_ms).map(reader).collect(),
            window: Window { next: 0, used: [0; WORDS] },
            leaf: None,
        }
    }

    pub(super) fn fresh(&self, sequence: u64) -> bool {
        self.window.fresh(sequence)
    }

    /// Whose key it is, if orders made at this instant may be sealed to it in this capacity.
    pub(super) fn owner(&self, role: SlotRole, key: KeyId, at_ms: u64) -> Option<ParticipantId> {
        let index = self.readers.binary_search_by_key(&(role, key), |it| (it.role, it.key)).ok()?;
        let reader = self.readers.get(index)?;
        (at_ms <= reader.until_ms).then_some(reader.participant)
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.sender.0).raw(&self.id.0).raw(&self.statement);
        writer.u32(self.policy_version).u64(self.not_after_ms).u8(self.readers.len() as u8);
        for reader in &self.readers {
            writer.u8(reader.role as u8).raw(&reader.key.0).u32(reader.participant.0);
            writer.u64(reader.until_ms);
        }
        writer.u64(self.window.next);
        self.window.used.iter().for_each(|word| _ = writer.u64(*word));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut epoch = Self {
            sender: ParticipantId(reader.u32("epoch sender")?),
            id: EpochId(reader.array("epoch id")?),
            statement: reader.array("epoch statement")?,
            policy_version: reader.u32("epoch policy")?,
            not_after_ms: reader.u64("epoch end")?,
            readers: {
                let count = reader.u8("epoch readers")?;
                (0..count).map(|_| read_reader(reader)).collect::<Result<_, _>>()?
            },
            window: Window { next: reader.u64("epoch sequence")?, used: [0; WORDS] },
            leaf: None,
        };
        for word in &mut epoch.window.used {
            *word = reader.u64("epoch window")?;
        }
        Ok(epoch)
    }

    fn digest(&self) -> Hash {
        let mut writer = Writer::new();
        self.write(&mut writer);
        Sha256::digest(writer.into_bytes()).into()
    }
}

fn read_reader(reader: &mut Reader<'_>) -> Result<EpochReader, DecodeError> {
    let number = reader.u8("epoch role")?;
    let role = SlotRole::from_number(number);
    Ok(EpochReader {
        role: role.ok_or(DecodeError::Unknown { field: "epoch role", value: number.into() })?,
        key: KeyId(reader.array("epoch key")?),
        participant: ParticipantId(reader.u32("epoch reader")?),
        until_ms: reader.u64("epoch key end")?,
    })
}

/// What tells two statements with one epoch id apart.
pub(super) fn statement_hash(open: &EpochOpen) -> Hash {
    Sha256::digest(open.signed_bytes()).into()
}

/// All epochs that are kept.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    all: BTreeMap<(ParticipantId, EpochId), Epoch>,
    by_end: BTreeSet<(u64, ParticipantId, EpochId)>,
    root: Option<Hash>,
}

impl Epochs {
    pub(super) fn get(&self, sender: ParticipantId, epoch: EpochId) -> Option<&Epoch> {
        self.all.get(&(sender, epoch))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Makes room for another epoch of this sender: where there is none, the first of its own to have
    /// ended is forgotten. What was made in that and comes late is sealed anew.
    ///
    /// # Errors
    /// [`Reject::CapacityFull`].
    pub(super) fn make_room(&mut self, sender: ParticipantId, now_ms: u64) -> Result<(), Reject> {
        let range = (sender, EpochId([0; 16]))..=(sender, EpochId([u8::MAX; 16]));
        let own = self.all.range(range).map(|(_, epoch)| (epoch.not_after_ms, epoch.id));
        if self.all.len() < EPOCHS_MAX && own.clone().count() < EPOCHS_PER_SENDER_MAX {
            return Ok(());
        }
        let first = own.min().filter(|(not_after_ms, _)| *not_after_ms < now_ms);
        let (not_after_ms, epoch) = first.ok_or(Reject::CapacityFull)?;
        self.by_end.remove(&(not_after_ms, sender, epoch));
        self.all.remove(&(sender, epoch));
        self.root = None;
        Ok(())
    }

    pub(super) fn insert(&mut self, epoch: Epoch) {
        self.by_end.insert((epoch.not_after_ms, epoch.sender, epoch.id));
        self.all.insert((epoch.sender, epoch.id), epoch);
        self.root = None;
    }

    /// Notes that an order was taken with this sequence.
    pub(crate) fn take(&mut self, sender: ParticipantId, epoch: EpochId, sequence: u64) {
        if let Some(epoch) = self.all.get_mut(&(sender, epoch)) {
            epoch.window.take(sequence);
            epoch.leaf = None;
            self.root = None;
        }
    }

    /// Drops epochs that ended so long ago that nothing of them may come any more.
    pub(crate) fn sweep(&mut self, now_ms: u64) {
        while let Some(&(not_after_ms, sender, epoch)) = self.by_end.first() {
            if not_after_ms + KEPT_MS >= now_ms {
                return;
            }
            self.by_end.pop_first();
            self.all.remove(&(sender, epoch));
            self.root = None;
        }
    }

    /// The sender's epochs end, as its identity key did.
    pub(super) fn drop_sender(&mut self, sender: ParticipantId) {
        self.all.retain(|(owner, _), _| *owner != sender);
        self.by_end.retain(|(_, owner, _)| *owner != sender);
        self.root = None;
    }

    /// Nobody may seal any more to a key of this owner: the one named, or all.
    pub(super) fn kill_key(&mut self, owner: ParticipantId, key: Option<KeyId>) {
        for epoch in self.all.values_mut() {
            for reader in &mut epoch.readers {
                if reader.participant == owner && key.is_none_or(|key| key == reader.key) {
                    reader.until_ms = 0;
                    epoch.leaf = None;
                }
            }
        }
        self.root = None;
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32(self.all.len() as u32);
        self.all.values().for_each(|epoch| epoch.write(writer));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut epochs = Self::default();
        for _ in 0..bounded(reader.u32("epochs")?, EPOCHS_MAX, "epochs")? {
            epochs.insert(Epoch::read(reader)?);
        }
        Ok(epochs)
    }

    /// The hash over the hashes of all epochs; only those that changed are hashed again.
    pub(super) fn root(&mut self) -> Hash {
        if let Some(root) = self.root {
            return root;
        }
        let mut hasher = Sha256::new();
        for epoch in self.all.values_mut() {
            let leaf = epoch.leaf.unwrap_or_else(|| epoch.digest());
            epoch.leaf = Some(leaf);
            hasher.update(leaf);
        }
        let root = hasher.finalize().into();
        self.root = Some(root);
        root
    }

    pub(super) fn recompute_root(&self) -> Hash {
        let mut hasher = Sha256::new();
        self.all.values().for_each(|epoch| hasher.update(epoch.digest()));
        hasher.finalize().into()
    }
}

/// Whether an epoch can be opened at this instant.
pub(super) fn timely(open: &EpochOpen, now_ms: u64) -> bool {
    open.opened_at_ms <= now_ms + CLOCK_TOLERANCE_MS && open.not_after_ms >= now_ms
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a set of all that were taken.
        #[test]
        fn a_sequence_is_taken_once(steps in prop::collection::vec((0..3_u8, 0..9_000_u64), 1..300)) {
            let mut window = Window { next: 0, used: [0; WORDS] };
            let mut taken = BTreeSet::new();
            let mut latest = 0;
            for (kind, number) in steps {
                let sequence = match kind {
                    0 => latest + number % 9,
                    1 => latest + number,
                    _ => latest.saturating_sub(number % 5_000),
                };
                let far = !taken.is_empty() && sequence + SEQUENCE_WINDOW <= latest;
                prop_assert_eq!(window.fresh(sequence), !far && !taken.contains(&sequence));
                if window.fresh(sequence) {
                    window.take(sequence);
                    taken.insert(sequence);
                    latest = latest.max(sequence);
                }
            }
        }
    }
}
