//! The payments that wait: accepted, neither settled nor ended.

use channel::ParticipantId;
use hashbrown::HashTable;
use ledger::{AccountId, Hash};

use crate::record::Place;

/// No link group.
pub(crate) const NO_GROUP: u32 = u32::MAX;

/// The number of a payment's slot in [`Payments`]; it never shows in a result.
pub(crate) type Slot = u32;

/// For what a payment waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// For its `not_before`.
    Time = 1,
    /// For the day of its value date.
    Date = 2,
    /// For the other members of its link group.
    Group = 3,
    /// In its queue.
    Queue = 4,
}

/// An accepted payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) place: Place,
    pub(crate) digest: Hash,
    pub(crate) minor: u64,
    /// ms; 0 = none.
    pub(crate) not_before_ms: u64,
    /// ms; 0 = none.
    pub(crate) not_after_ms: u64,
    /// Counts up with every payment that joins a queue.
    pub(crate) order: u64,
    pub(crate) sender: ParticipantId,
    pub(crate) receiver: ParticipantId,
    pub(crate) debit: AccountId,
    pub(crate) credit: AccountId,
    /// `yyyymmdd`.
    pub(crate) value_date: u32,
    /// The handle of its link group, or [`NO_GROUP`].
    pub(crate) group: u32,
    pub(crate) currency: u8,
    pub(crate) class: u8,
    pub(crate) urgent: bool,
    pub(crate) stage: Stage,
    /// A candidate of the open cut.
    pub(crate) in_cut: bool,
    /// In the floor of the open cut.
    pub(crate) in_floor: bool,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    place: Place,
    slot: Slot,
}

/// Neighbouring places share cache lines; only the check bits are mixed.
fn spread(place: Place) -> u64 {
    let mixed = place.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (place.0 & (u64::MAX >> 7)) | (mixed & !(u64::MAX >> 7))
}

/// All waiting payments, by slot and by place.
#[derive(Debug, Default)]
pub(crate) struct Payments {
    slab: Vec<Option<Payment>>,
    free: Vec<Slot>,
    by_place: HashTable<Found>,
}

impl Payments {
    pub(crate) fn len(&self) -> usize {
        self.by_place.len()
    }

    pub(crate) fn insert(&mut self, payment: Payment) -> Slot {
        let place = payment.place;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(payment);
                slot
            }
            None => {
                self.slab.push(Some(payment));
                (self.slab.len() - 1) as Slot
            }
        };
        let found = Found { place, slot };
        self.by_place.insert_unique(spread(place), found, |found| spread(found.place));
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Payment {
        let payment = self.slab[slot as usize]
            .take()
            .unwrap_or_else(|| unreachable!("only payments that wait are removed"));
        self.free.push(slot);
        let found = self.by_place.find_entry(spread(payment.place), |found| found.slot == slot);
        if let Ok(found) = found {
            found.remove();
        }
        payment
    }

    pub(crate) fn find(&self, place: Place) -> Option<Slot> {
        self.by_place.find(spread(place), |found| found.place == place).map(|found| found.slot)
    }

    pub(crate) fn get(&self, slot: Slot) -> &Payment {
        self.slab[slot as usize]
            .as_ref()
            .unwrap_or_else(|| unreachable!("a slot is kept only while its payment waits"))
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Payment {
        self.slab[slot as usize]
            .as_mut()
            .unwrap_or_else(|| unreachable!("a slot is kept only while its payment waits"))
    }

    /// The places of the payments that match, ascending.
    pub(crate) fn matching(&self, wanted: impl Fn(&Payment) -> bool) -> Vec<Place> {
        let all = self.slab.iter().flatten();
        let mut places: Vec<Place> =
            all.filter(|payment| wanted(payment)).map(|payment| payment.place).collect();
        places.sort_unstable();
        places
    }
}
