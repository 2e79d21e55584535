//! Random days of policies, keys, epochs and orders, beside a model that is written from
//! `docs/concepts/sealed-payments.md` and knows nothing of the core. The desk restores a pool from a
//! snapshot before every record, so each step is a restart too.

use std::collections::{BTreeMap, BTreeSet};

use channel::{EpochId, ParticipantId};
use clearing::{Reject, Ruling};
use proptest::prelude::*;

use crate::desk::{DAY_MS, REGULATOR, bank};
use crate::disclosure::hall::{
    HOUR_MS, Hall, ROOT, SCREENER, Sealed, confirmation, epoch_of, kem_key, key_of, policy,
    rejects, revocation, seal, signed, slots, slots_by_key, verdict,
};

const AMOUNTS: [u64; 4] = [10, 1_000, 5_000, 1_000_001];

#[derive(Debug, Clone)]
enum Step {
    Policy { ahead_ms: u64, skips: bool },
    Key { party: usize, number: u8 },
    Revoke { party: usize, number: u8 },
    Open { from: u32, id: u8, number: u8, next: bool },
    Order { from: u32, to: u32, amount: usize, id: u8, number: u8, sequence: u64, spoil: u8 },
    Again { index: usize },
    Word { index: usize, screener: bool, good: bool, at: u32 },
    Pass { ms: u64 },
    Cycle,
}

fn step() -> impl Strategy<Value = Step> {
    let order = (0..3_u32, 1..3_u32, 0..40_usize, 0..4_u8, 1..9_u8, 0..6_000_u64, 0..12_u8);
    prop_oneof![
        1 => (0..1_800_000_u64, prop::bool::weighted(0.2))
            .prop_map(|(ahead_ms, skips)| Step::Policy { ahead_ms, skips }),
        1 => (0..5_usize, 1..4_u8).prop_map(|(party, number)| Step::Key { party, number }),
        1 => (0..5_usize, 1..4_u8).prop_map(|(party, number)| Step::Revoke { party, number }),
        4 => (0..3_u32, 0..4_u8, 1..4_u8, any::<bool>())
            .prop_map(|(from, id, number, next)| Step::Open { from, id, number, next }),
        16 => order.prop_map(|(from, by, amount, id, number, sequence, spoil)| {
            // Mostly as it should be.
            let (amount, number) = (amount % 13 / 4, if number > 3 { 1 } else { number });
            let to = (from + by) % 3;
            Step::Order { from, to, amount, id, number, sequence, spoil }
        }),
        2 => any::<usize>().prop_map(|index| Step::Again { index }),
        6 => (any::<usize>(), any::<bool>(), prop::bool::weighted(0.7), 0..4_u32)
            .prop_map(|(index, screener, good, at)| Step::Word { index, screener, good, at }),
        2 => (0..600_000_u64).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Cycle),
    ]
}

struct ModelEpoch {
    version: u32,
    not_after_ms: u64,
    number: u8,
    used: BTreeSet<u64>,
    /// Whose key was revoked since.
    dead: BTreeSet<ParticipantId>,
}

#[derive(Default)]
struct Model {
    /// Instants of versions 1, 2, ...; none for one that another took the place of.
    policies: Vec<Option<u64>>,
    keys: BTreeSet<(ParticipantId, u8)>,
    revoked: BTreeSet<(ParticipantId, u8)>,
    epochs: BTreeMap<(u32, EpochId), ModelEpoch>,
    /// By order: waits for the screener, for the receiver.
    held: BTreeMap<usize, (bool, bool)>,
    /// When its screener said to hold an order.
    stopped: BTreeMap<usize, u32>,
}

impl Model {
    fn version(&self, now_ms: u64) -> u32 {
        let begun = |at_ms: &Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        self.policies.iter().rposition(begun).map_or(0, |index| index as u32 + 1)
    }

    /// The version that comes next, if one does.
    fn pending(&self, now_ms: u64) -> Option<u32> {
        let last = self.policies.len() as u32;
        (last > self.version(now_ms)).then_some(last)
    }

    /// What the documents say about an order, in their order.
    fn judge(&self, now_ms: u64, order: &Planned) -> Option<Reject> {
        let version = self.version(now_ms);
        let minor = AMOUNTS[order.amount];
        if order.version != version {
            return Some(Reject::PolicyVersion);
        }
        if minor > 1_000_000 {
            return Some(Reject::PolicyUncovered);
        }
        let Some(epoch) = self.epochs.get(&(order.from, order.id)) else {
            return Some(Reject::EpochUnknown);
        };
        if now_ms > epoch.not_after_ms + HOUR_MS / 4 {
            return Some(Reject::EpochUnknown);
        }
        if epoch.version != version {
            return Some(Reject::PolicyVersion);
        }
        if now_ms > epoch.not_after_ms {
            return Some(Reject::EpochOver);
        }
        let latest = epoch.used.last().copied().unwrap_or(0);
        let behind = !epoch.used.is_empty() && order.sequence + 4_096 <= latest;
        if behind || epoch.used.contains(&order.sequence) {
            return Some(Reject::SequenceUsed);
        }
        let mut readers = slots(bank(order.to), minor).into_iter().map(|slot| slot.1);
        let stale = order.number != epoch.number || readers.any(|id| epoch.dead.contains(&id));
        if stale && !order.spoiled {
            return Some(Reject::KeyNotValid);
        }
        order.spoiled.then_some(Reject::SlotsMismatch)
    }
}

struct Planned {
    from: u32,
    to: u32,
    amount: usize,
    id: EpochId,
    number: u8,
    version: u32,
    sequence: u64,
    spoiled: bool,
}

fn parties() -> [ParticipantId; 5] {
    [bank(0), bank(1), bank(2), REGULATOR, SCREENER]
}

fn epoch_id(from: u32, id: u8) -> EpochId {
    if id == 0 { epoch_of(from) } else { EpochId([id * 16; 16]) }
}

struct Day {
    hall: Hall,
    model: Model,
    taken: Vec<(Sealed, Ruling)>,
}

impl Day {
    fn new() -> Self {
        let hall = Hall::new();
        let mut model = Model { policies: vec![Some(DAY_MS)], ..Model::default() };
        model.keys = parties().map(|id| (id, 1)).into();
        for from in 0..3 {
            model.epochs.insert((from, epoch_of(from)), Self::epoch(DAY_MS, 1, 1));
        }
        Self { hall, model, taken: Vec::new() }
    }

    fn epoch(now_ms: u64, version: u32, number: u8) -> ModelEpoch {
        let (used, dead) = (BTreeSet::new(), BTreeSet::new());
        ModelEpoch { version, not_after_ms: now_ms + HOUR_MS, number, used, dead }
    }

    fn now_ms(&self) -> u64 {
        self.hall.desk.time_ms
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Policy { ahead_ms, skips } => self.policy(ahead_ms, skips),
            Step::Key { party, number } => {
                let id = parties()[party];
                let said = signed(kem_key(id, number), key_of(id));
                assert_eq!(rejects(&self.hall.state(&[said])), [None]);
                self.model.keys.insert((id, number));
            }
            Step::Revoke { party, number } => self.revoke(parties()[party], number),
            Step::Open { from, id, number, next } => self.open((from, id), number, next),
            Step::Order { from, to, amount, id, number, sequence, spoil } => {
                // Sometimes the version of another policy, or a slot too few.
                let version = self.model.version(self.now_ms()) + u32::from(spoil == 1);
                let (id, spoiled) = (epoch_id(from, id), spoil == 2);
                let planned = Planned { from, to, amount, id, number, version, sequence, spoiled };
                self.order(&planned);
            }
            Step::Again { index } => self.again(index),
            Step::Word { index, screener, good, at } => self.word(index, screener, good, at),
            Step::Pass { ms } => {
                self.hall.desk.time_ms += ms;
                self.hall.desk.tick(0);
            }
            Step::Cycle => _ = self.hall.desk.cycle(),
        }
    }

    fn policy(&mut self, ahead_ms: u64, skips: bool) {
        let at_ms = self.now_ms() + ahead_ms;
        let version = self.model.policies.len() as u32 + 1 + u32::from(skips);
        let outcome = self.hall.state(&[signed(policy(version, at_ms), ROOT)]);
        let pending = self.model.pending(self.now_ms());
        let known_ms = pending.and_then(|version| self.model.policies[version as usize - 1]);
        let refused = skips || known_ms.is_some_and(|known_ms| at_ms > known_ms);
        assert_eq!(rejects(&outcome), [refused.then_some(Reject::PolicyVersion)]);
        if refused {
            return;
        }
        if let Some(replaced) = pending {
            self.model.policies[replaced as usize - 1] = None;
        }
        self.model.policies.push(Some(at_ms));
    }

    fn revoke(&mut self, id: ParticipantId, number: u8) {
        let known = self.model.keys.contains(&(id, number));
        let outcome = self.hall.state(&[revocation(id, number)]);
        assert_eq!(rejects(&outcome), [(!known).then_some(Reject::KeyNotValid)]);
        if known && self.model.revoked.insert((id, number)) {
            let epochs = self.model.epochs.values_mut().filter(|epoch| epoch.number == number);
            epochs.for_each(|epoch| _ = epoch.dead.insert(id));
        }
    }

    fn open(&mut self, (from, id): (u32, u8), number: u8, next: bool) {
        let (now_ms, id) = (self.now_ms(), epoch_id(from, id));
        let version = self.model.version(now_ms) + u32::from(next);
        let open = self.hall.epoch(from, id, version, number);
        let readers = parties().into_iter().filter(|it| *it != bank(from));
        let mut keys = readers.map(|it| (it, number));
        let valid =
            keys.all(|it| self.model.keys.contains(&it) && !self.model.revoked.contains(&it));
        let kept = self.model.epochs.get(&(from, id));
        let kept = kept.filter(|it| now_ms <= it.not_after_ms + HOUR_MS / 4);
        let same = kept.is_some_and(|it| {
            (it.version, it.number, it.not_after_ms) == (version, number, now_ms + HOUR_MS)
        });
        let expected = if same {
            None
        } else if kept.is_some() {
            Some(Reject::StatementDiffers)
        } else if next && self.model.pending(now_ms) != Some(version) {
            Some(Reject::PolicyVersion)
        } else {
            (!valid).then_some(Reject::KeyNotValid)
        };
        let outcome = self.hall.state(&[signed(open, key_of(bank(from)))]);
        assert_eq!(rejects(&outcome), [expected]);
        if expected.is_none() && !same {
            self.model.epochs.insert((from, id), Self::epoch(now_ms, version, number));
        }
    }

    fn order(&mut self, planned: &Planned) {
        let Planned { from, to, amount, id, number, version, sequence, spoiled } = *planned;
        let minor = AMOUNTS[amount];
        let header = self.hall.header(from, to, minor);
        let mut slots = slots_by_key(bank(to), minor, number);
        if spoiled {
            slots.truncate(1);
        }
        let order = seal(header, (version, id, sequence), &slots);
        let mut expected = self.model.judge(self.now_ms(), planned);
        // Of a slot that is there and one that is not, the one that is there is looked at first.
        let epoch = self.model.epochs.get(&(from, id));
        if let (Some(Reject::SlotsMismatch), Some(epoch)) = (expected, epoch)
            && (epoch.number != number || epoch.dead.contains(&bank(to)))
        {
            expected = Some(Reject::KeyNotValid);
        }
        let (ruled, _) = self.hall.hand_in(&order);
        assert_eq!(ruled.reason, expected);
        if expected.is_some() {
            assert_eq!(ruled.ruling, Ruling::Refused);
            return;
        }
        let waits = (minor >= 1_000, minor >= 5_000);
        let ruling = if waits == (false, false) { Ruling::Queued } else { Ruling::Held };
        assert_eq!(ruled.ruling, ruling);
        if let Some(epoch) = self.model.epochs.get_mut(&(from, id)) {
            epoch.used.insert(sequence);
        }
        if ruling == Ruling::Held {
            self.model.held.insert(self.taken.len(), waits);
        }
        self.taken.push((order, ruling));
    }

    /// The same bytes get the same answer, whatever has changed.
    fn again(&mut self, index: usize) {
        if self.taken.is_empty() {
            return;
        }
        let (order, ruling) = self.taken[index % self.taken.len()].clone();
        let (ruled, _) = self.hall.hand_in(&order);
        assert_eq!((ruled.ruling, ruled.reason, ruled.replayed), (ruling, None, true));
    }

    fn word(&mut self, index: usize, screener: bool, good: bool, at: u32) {
        if self.taken.is_empty() {
            return;
        }
        let index = index % self.taken.len();
        let order = self.taken[index].0.clone();
        let said = if screener {
            verdict(&order, SCREENER, good, at)
        } else {
            confirmation(&order, order.header.receiver, good)
        };
        let outcome = self.hall.state(&[said]);
        if outcome.statements[0].replayed {
            return;
        }
        let waits = self.model.held.get(&index).copied();
        let asked = waits.map(|(screening, confirmation)| match screener {
            true => screening,
            false => confirmation,
        });
        let expected = match (asked, screener) {
            (None, _) | (Some(false), false) => Some(Reject::NotHeld),
            (Some(false), true) => Some(Reject::NotAReader),
            (Some(true), true) if self.model.stopped.get(&index).is_some_and(|it| at <= *it) => {
                Some(Reject::StatementSuperseded)
            }
            (Some(true), _) => None,
        };
        assert_eq!(rejects(&outcome), [expected]);
        let Some((screening, confirmation)) = waits.filter(|_| expected.is_none()) else { return };
        if screener && !good {
            self.model.stopped.insert(index, at);
        }
        let left = match (screener, good) {
            (true, true) => (false, confirmation),
            (true, false) => (screening, confirmation),
            (false, true) => (screening, false),
            (false, false) => (false, false),
        };
        if left == (false, false) {
            self.model.held.remove(&index);
        } else {
            self.model.held.insert(index, left);
        }
        let ends = screener || good;
        let moved = usize::from(left == (false, false));
        assert_eq!(outcome.changes.len(), moved, "{screener} {ends}");
        let (status, held) = (self.hall.desk.pool.status(), self.model.held.values());
        assert_eq!(status.held as usize, held.len());
        let count = status.held_for;
        let screening = held.clone().filter(|(screening, _)| *screening).count() as u64;
        let confirmation = held.filter(|(_, confirmation)| *confirmation).count() as u64;
        assert_eq!(
            (count.screening + count.stopped, count.confirmation),
            (screening, confirmation)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn random_days_are_as_the_documents_say(steps in prop::collection::vec(step(), 1..50)) {
        let mut day = Day::new();
        for step in steps {
            day.take(step);
        }
    }
}
