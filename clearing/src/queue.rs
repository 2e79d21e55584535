//! The queues: one per account, ordered by class and then by the order of joining.
//!
//! Each class is a lane. A payment that leaves in the middle leaves a gap that is dropped once it
//! comes to the front, or when gaps are the greater part of the lane.

use std::collections::VecDeque;

use ledger::{AccountId, Hash, Tree};
use sha2::{Digest, Sha256};

use crate::payment::{Payment, Slot};
use crate::record::Place;

/// Priority classes.
pub(crate) const CLASSES: usize = channel::CLASS_MAX as usize + 1;

const GAP: Slot = Slot::MAX;

/// What a cut needs to know of a waiting payment, beside each other in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) minor: u64,
    pub(crate) order: u64,
    pub(crate) credit: AccountId,
    pub(crate) slot: Slot,
    pub(crate) group: u32,
    pub(crate) urgent: bool,
}

impl Entry {
    fn of(slot: Slot, payment: &Payment) -> Self {
        Self {
            place: payment.place,
            minor: payment.minor,
            order: payment.order,
            credit: payment.credit,
            slot,
            group: payment.group,
            urgent: payment.urgent,
        }
    }
}

/// The payments of one class in one queue.
#[derive(Debug, Default)]
struct Lane {
    entries: VecDeque<Entry>,
    gaps: usize,
    /// Over the places of the first `hashed` entries; stale once one of them has left.
    hasher: Sha256,
    hashed: usize,
    stale: bool,
}

impl Lane {
    fn live(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.slot != GAP)
    }

    fn len(&self) -> usize {
        self.entries.len() - self.gaps
    }

    fn remove(&mut self, order: u64) {
        self.stale = true;
        if self.entries.front().is_some_and(|entry| entry.order == order) {
            self.entries.pop_front();
            self.trim();
            return;
        }
        let Ok(at) = self.entries.binary_search_by_key(&order, |entry| entry.order) else {
            unreachable!("a queued payment stands in its queue");
        };
        self.entries[at].slot = GAP;
        self.gaps += 1;
        self.trim();
        if self.gaps > 16 && self.gaps * 2 > self.entries.len() {
            self.entries.retain(|entry| entry.slot != GAP);
            self.gaps = 0;
        }
    }

    fn pop(&mut self) -> Option<Entry> {
        self.stale = true;
        let entry = self.entries.pop_front();
        self.trim();
        entry
    }

    fn trim(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.slot == GAP) {
            self.entries.pop_front();
            self.gaps -= 1;
        }
    }

    fn digest_from_entries(&self) -> Sha256 {
        let mut hasher = Sha256::new();
        self.live().for_each(|entry| hasher.update(entry.place.0.to_be_bytes()));
        hasher
    }

    fn refresh(&mut self) {
        if std::mem::take(&mut self.stale) {
            self.hasher = Sha256::new();
            self.hashed = 0;
        }
        let new = self.entries.range(self.hashed..).filter(|entry| entry.slot != GAP);
        new.for_each(|entry| self.hasher.update(entry.place.0.to_be_bytes()));
        self.hashed = self.entries.len();
    }
}

/// One account's queue.
#[derive(Debug, Default)]
struct Queue {
    lanes: Vec<Lane>,
    /// Changed since the last root.
    marked: bool,
    count: usize,
    /// The sum of its payments, minor units.
    minor: u128,
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
    tree: Tree,
    /// The queues that are marked.
    marked: Vec<usize>,
    count: usize,
    /// Payments that ever joined a queue.
    joined: u64,
}

impl Queues {
    /// Makes room for the queues of `accounts` accounts.
    pub(crate) fn grow(&mut self, accounts: usize) {
        self.queues.resize_with(accounts, Queue::default);
        self.tree.grow(accounts);
    }

    /// Payments in all queues.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// How many payments ever joined: the order number of the next.
    pub(crate) fn joined(&self) -> u64 {
        self.joined
    }

    pub(crate) fn set_joined(&mut self, joined: u64) {
        self.joined = joined;
    }

    /// Appends a payment to its lane and numbers it.
    pub(crate) fn join(&mut self, slot: Slot, payment: &mut Payment) {
        payment.order = self.joined;
        self.joined += 1;
        self.append(slot, payment);
    }

    /// Appends a payment that has its number; numbers ascend within a lane.
    pub(crate) fn append(&mut self, slot: Slot, payment: &Payment) {
        let account = payment.debit.0 as usize;
        let lanes = &mut self.queues[account].lanes;
        let class = usize::from(payment.class);
        if lanes.len() <= class {
            lanes.resize_with(class + 1, Lane::default);
        }
        lanes[class].entries.push_back(Entry::of(slot, payment));
        self.queues[account].count += 1;
        self.queues[account].minor += u128::from(payment.minor);
        self.count += 1;
        self.mark(account);
    }

    /// Takes a payment out of the middle.
    pub(crate) fn remove(&mut self, payment: &Payment) {
        let account = payment.debit.0 as usize;
        let queue = &mut self.queues[account];
        queue.lanes[usize::from(payment.class)].remove(payment.order);
        queue.count -= 1;
        queue.minor -= u128::from(payment.minor);
        self.count -= 1;
        self.mark(account);
    }

    /// Takes the first `count` payments of a lane.
    pub(crate) fn take_front(
        &mut self,
        account: AccountId,
        class: usize,
        count: usize,
    ) -> impl Iterator<Item = Slot> {
        let index = account.0 as usize;
        if count > 0 {
            self.mark(index);
            self.count -= count;
        }
        let Queue { lanes, count: left, minor, .. } = &mut self.queues[index];
        let lane = lanes.get_mut(class).into_iter();
        let front = lane.flat_map(move |lane| (0..count).filter_map(|_| lane.pop()));
        front.map(|entry| {
            *left -= 1;
            *minor -= u128::from(entry.minor);
            entry.slot
        })
    }

    /// How many payments wait in a queue, and their sum in minor units.
    pub(crate) fn total(&self, account: AccountId) -> (usize, u128) {
        let queue = &self.queues[account.0 as usize];
        (queue.count, queue.minor)
    }

    /// The payments of one lane, in order.
    pub(crate) fn lane(&self, account: AccountId, class: usize) -> impl Iterator<Item = &Entry> {
        self.queues[account.0 as usize].lanes.get(class).into_iter().flat_map(Lane::live)
    }

    /// The first payment of a queue.
    pub(crate) fn head(&self, account: AccountId) -> Option<Entry> {
        let lanes = &self.queues[account.0 as usize].lanes;
        lanes.iter().find_map(|lane| lane.entries.front()).copied()
    }

    /// Whether a payment of `class` or a higher one waits.
    pub(crate) fn waits_before(&self, account: AccountId, class: u8) -> bool {
        let lanes = &self.queues[account.0 as usize].lanes;
        lanes.iter().take(usize::from(class) + 1).any(|lane| lane.len() > 0)
    }

    /// The Merkle root over the digests of the queues.
    pub(crate) fn root(&mut self) -> Hash {
        for index in self.marked.drain(..) {
            let queue = &mut self.queues[index];
            queue.marked = false;
            queue.lanes.iter_mut().for_each(Lane::refresh);
            self.tree.mark(index);
        }
        let queues = &self.queues;
        self.tree.root(|index| queue_digest(&queues[index], |lane| lane.hasher.clone()))
    }

    fn mark(&mut self, account: usize) {
        let queue = &mut self.queues[account];
        if !queue.marked {
            queue.marked = true;
            self.marked.push(account);
        }
    }

    /// The same from nothing.
    pub(crate) fn recompute_root(&self) -> Hash {
        let leaves: Vec<Hash> = self
            .queues
            .iter()
            .map(|queue| queue_digest(queue, Lane::digest_from_entries))
            .collect();
        ledger::merkle::root_of_hashes(&leaves)
    }
}

/// Over the digests of the lanes that are not empty, each behind its class.
fn queue_digest(queue: &Queue, digest: impl Fn(&Lane) -> Sha256) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    for (class, lane) in (0_u8..).zip(&queue.lanes) {
        if lane.len() > 0 {
            hasher.update([class]);
            hasher.update(digest(lane).finalize());
        }
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::payment::{Payments, sample};

    #[derive(Debug, Clone)]
    enum Step {
        Join(u8),
        Leave(prop::sample::Index),
        Front(usize, usize),
        Root,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            5 => (0_u8..4).prop_map(Step::Join),
            4 => any::<prop::sample::Index>().prop_map(Step::Leave),
            1 => (0_usize..4, 0_usize..4).prop_map(|(class, count)| Step::Front(class, count)),
            1 => Just(Step::Root),
        ]
    }

    proptest! {
        #[test]
        fn a_queue_is_its_payments_by_class_and_joining(
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let (mut queues, mut payments) = (Queues::default(), Payments::default());
            queues.grow(2);
            let mut model: Vec<Vec<Slot>> = vec![Vec::new(); CLASSES];
            for (place, step) in (0..).zip(steps) {
                match step {
                    Step::Join(class) => {
                        let slot = payments.insert(sample(place, class));
                        queues.join(slot, payments.get_mut(slot));
                        model[usize::from(class)].push(slot);
                    }
                    Step::Leave(index) => {
                        let all: Vec<Slot> = model.concat();
                        let Some(slot) = all.get(index.index(all.len().max(1))) else { continue };
                        queues.remove(payments.get(*slot));
                        model.iter_mut().for_each(|lane| lane.retain(|other| other != slot));
                    }
                    Step::Front(class, count) => {
                        let count = count.min(model[class].len());
                        let front: Vec<Slot> =
                            queues.take_front(AccountId(0), class, count).collect();
                        prop_assert_eq!(front, model[class].drain(..count).collect::<Vec<_>>());
                    }
                    Step::Root => prop_assert_eq!(queues.root(), queues.recompute_root()),
                }
                for (class, lane) in model.iter().enumerate() {
                    let slots = queues.lane(AccountId(0), class).map(|entry| entry.slot);
                    prop_assert_eq!(&slots.collect::<Vec<_>>(), lane);
                }
                let all: Vec<Slot> = model.concat();
                let minor = all.iter().map(|slot| u128::from(payments.get(*slot).minor)).sum();
                prop_assert_eq!(queues.total(AccountId(0)), (all.len(), minor));
                prop_assert_eq!(queues.head(AccountId(0)).map(|head| head.slot), all.first().copied());
            }
            prop_assert_eq!(queues.root(), queues.recompute_root());
        }
    }
}
