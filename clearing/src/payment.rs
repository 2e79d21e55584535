//! The payments that wait: accepted, neither settled nor ended.

use std::collections::{BTreeMap, VecDeque};

use channel::Uetr;
use ledger::{AccountId, Hash};

use crate::record::Place;

/// No link group.
pub(crate) const NO_GROUP: u32 = u32::MAX;

/// The number of a payment's slot in [`Payments`]; it never shows in a result.
pub(crate) type Slot = u64;

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
    /// For its counterpart: the other side of an exchange, or quotes.
    Match = 5,
    /// For the legs of its match.
    Matched = 6,
    /// For the word of a screener or the receiver, before everything else.
    Held = 7,
}

/// An accepted payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// With its debtor, its identity: the index forgets it sooner than a payment may wait.
    pub(crate) uetr: Uetr,
    /// The message kind's number.
    pub(crate) kind: u16,
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
    /// A hole: it settled or left.
    pub(crate) gone: bool,
}

/// Payments that came late enough stay in a row; holes in it are let be up to this many.
const HOLES_MAX: usize = 65_536;

/// All waiting payments.
///
/// They stand in a row in the order in which they came, so that whatever goes through them in that
/// order goes through memory in order. What settles or leaves becomes a hole; holes at the front
/// are dropped, and when they are too many, what waits among them at the front moves out of the row.
#[derive(Debug, Default)]
pub(crate) struct Payments {
    /// The slot of `row[0]`.
    first: Slot,
    row: VecDeque<Payment>,
    /// Payments that have waited for long; their slots are below `first`.
    old: BTreeMap<Slot, Payment>,
    old_places: BTreeMap<Place, Slot>,
    /// Payments in the row that are no holes.
    in_row: usize,
}

impl Payments {
    pub(crate) fn len(&self) -> usize {
        self.in_row + self.old.len()
    }

    /// Appends a payment; its place is above all others.
    pub(crate) fn insert(&mut self, payment: Payment) -> Slot {
        self.row.push_back(payment);
        self.in_row += 1;
        self.first + (self.row.len() - 1) as Slot
    }

    /// Takes a payment out. The row is tidied by [`Payments::tidy`], not here.
    pub(crate) fn remove(&mut self, slot: Slot) -> Payment {
        let found = match slot.checked_sub(self.first) {
            Some(at) => {
                let payment = &mut self.row[at as usize];
                let found = *payment;
                payment.gone = true;
                self.in_row -= 1;
                Some(found)
            }
            None => {
                let found = self.old.remove(&slot);
                if let Some(payment) = &found {
                    self.old_places.remove(&payment.place);
                }
                found
            }
        };
        found.unwrap_or_else(|| unreachable!("only payments that wait are removed"))
    }

    /// Drops holes.
    pub(crate) fn tidy(&mut self) {
        while let Some(payment) = self.row.front().copied() {
            let waits = !payment.gone;
            if waits && self.row.len() <= self.in_row * 2 + HOLES_MAX {
                return;
            }
            self.row.pop_front();
            if waits {
                self.in_row -= 1;
                self.old.insert(self.first, payment);
                self.old_places.insert(payment.place, self.first);
            }
            self.first += 1;
        }
    }

    pub(crate) fn find(&self, place: Place) -> Option<Slot> {
        let at = self.row.partition_point(|payment| payment.place < place);
        match self.row.get(at).filter(|payment| payment.place == place) {
            Some(payment) if payment.gone => None,
            Some(_) => Some(self.first + at as Slot),
            None => self.old_places.get(&place).copied(),
        }
    }

    /// Finds payments whose places ascend.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk { payments: self, at: 0 }
    }

    pub(crate) fn get(&self, slot: Slot) -> &Payment {
        let found = match slot.checked_sub(self.first) {
            Some(at) => self.row.get(at as usize),
            None => self.old.get(&slot),
        };
        found.unwrap_or_else(|| unreachable!("a slot is kept only while its payment waits"))
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Payment {
        let found = match slot.checked_sub(self.first) {
            Some(at) => self.row.get_mut(at as usize),
            None => self.old.get_mut(&slot),
        };
        found.unwrap_or_else(|| unreachable!("a slot is kept only while its payment waits"))
    }

    /// All payments, in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Payment)> {
        let old = self.old.iter().map(|(slot, payment)| (*slot, payment));
        let row = (self.first..).zip(&self.row);
        old.chain(row.filter(|(_, payment)| !payment.gone))
    }

    /// The places of the payments that match, ascending.
    pub(crate) fn matching(&self, wanted: impl Fn(&Payment) -> bool) -> Vec<Place> {
        let all = self.iter().map(|(_, payment)| payment);
        all.filter(|payment| wanted(payment)).map(|payment| payment.place).collect()
    }
}

/// Goes through the row beside those who ask for ascending places.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    payments: &'a Payments,
    /// Everything before it in the row has a smaller place than whatever is asked for next.
    at: usize,
}

impl<'a> Walk<'a> {
    /// Steps from one payment to the next before it is worth searching.
    const STEPS: usize = 16;

    /// The payment at a place that is not below the one asked for before.
    pub(crate) fn find(&mut self, place: Place) -> Option<(Slot, &'a Payment)> {
        let Payments { first, row, .. } = self.payments;
        if row.front().is_none_or(|front| place < front.place) {
            let slot = *self.payments.old_places.get(&place)?;
            return Some((slot, self.payments.old.get(&slot)?));
        }
        let near = row.iter().skip(self.at).take(Self::STEPS);
        let steps = near.take_while(|payment| payment.place < place).count();
        self.at += steps;
        if steps == Self::STEPS {
            self.at = row.partition_point(|payment| payment.place < place);
        }
        let found = row.get(self.at).filter(|payment| payment.place == place && !payment.gone)?;
        Some((first + self.at as Slot, found))
    }
}

#[cfg(test)]
pub(crate) fn sample(place: u64, class: u8) -> Payment {
    Payment {
        place: Place(place),
        digest: [0; 32],
        minor: 1 + place % 7,
        not_before_ms: 0,
        not_after_ms: 0,
        order: 0,
        uetr: Uetr([0; 16]),
        kind: 1,
        debit: AccountId(0),
        credit: AccountId(1),
        value_date: 20_260_105,
        group: NO_GROUP,
        currency: 0,
        class,
        urgent: false,
        stage: Stage::Queue,
        in_cut: false,
        in_floor: false,
        gone: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_long_moves_out_of_the_row_and_is_still_found() {
        let mut payments = Payments::default();
        let long: Vec<Slot> =
            [3, 5].into_iter().map(|place| payments.insert(sample(place, 0))).collect();
        for place in 10..400_000 {
            let slot = payments.insert(sample(place, 0));
            assert_eq!(payments.find(Place(place)), Some(slot));
            payments.remove(slot);
            assert_eq!(payments.find(Place(place)), None);
            payments.tidy();
        }
        assert!(payments.row.len() <= HOLES_MAX + 4, "holes are bounded");
        assert_eq!(payments.old.len(), 2);
        assert_eq!(payments.len(), 2);
        assert_eq!(payments.find(Place(5)), Some(long[1]));
        assert_eq!(payments.find(Place(4)), None);
        payments.get_mut(long[0]).class = 3;
        let some: Vec<u64> = (400_001..400_100).filter(|place| place % 3 > 0).collect();
        let young: Vec<Slot> =
            some.iter().map(|place| payments.insert(sample(*place, 0))).collect();
        let mut walk = payments.walk();
        for place in (399_990..400_010).chain([400_050, 400_052, 400_099]) {
            let found = walk.find(Place(place)).map(|(slot, payment)| (slot, payment.place));
            assert_eq!(found, payments.find(Place(place)).map(|slot| (slot, Place(place))));
        }
        young.into_iter().for_each(|slot| _ = payments.remove(slot));
        payments.tidy();
        let young = payments.insert(sample(400_100, 0));
        let places: Vec<u64> = payments.iter().map(|(_, payment)| payment.place.0).collect();
        assert_eq!(places, [3, 5, 400_100]);
        assert_eq!(payments.remove(long[0]).class, 3);
        assert_eq!((payments.find(Place(3)), payments.len()), (None, 2));
        assert_eq!(payments.get(young).place, Place(400_100));
    }
}
