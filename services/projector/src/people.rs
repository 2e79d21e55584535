//! Whose account is whose, in dense numbers.

use std::collections::BTreeMap;

use channel::ParticipantId;
use clearing::AccountInfo;
use ledger::AccountId;

/// A participant's dense number here, in the order of first mention.
pub(crate) type Slot = u32;

const NOBODY: Slot = Slot::MAX;

/// Participants by slot, and the owners of accounts.
#[derive(Debug, Default)]
pub(crate) struct People {
    ids: Vec<ParticipantId>,
    slots: BTreeMap<ParticipantId, Slot>,
    /// By account.
    owners: Vec<Slot>,
}

impl People {
    /// The slot of a participant; a new one if it was not met before.
    pub(crate) fn slot(&mut self, participant: ParticipantId) -> Slot {
        let next = self.ids.len() as Slot;
        let slot = *self.slots.entry(participant).or_insert(next);
        if slot == next {
            self.ids.push(participant);
        }
        slot
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The participant in a slot.
    pub(crate) fn id(&self, slot: Slot) -> ParticipantId {
        self.ids[slot as usize]
    }

    /// Takes note of an account.
    pub(crate) fn open(&mut self, info: &AccountInfo) {
        let slot = info.participant.map_or(NOBODY, |participant| self.slot(participant));
        let account = info.account.0 as usize;
        if self.owners.len() <= account {
            self.owners.resize(account + 1, NOBODY);
        }
        self.owners[account] = slot;
    }

    /// Whose account it is; nobody's for a mirror, or for one that was never opened.
    pub(crate) fn owner(&self, account: AccountId) -> Option<Slot> {
        let slot = self.owners.get(account.0 as usize).copied();
        slot.filter(|slot| *slot != NOBODY)
    }
}
