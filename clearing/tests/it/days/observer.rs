//! What can be checked of a random day from outside.

use std::collections::BTreeMap;

use channel::{LinkTerms, OrderHeader, link_group};
use clearing::{Outcome, PaymentState, Place, Ruled, Ruling, SealedBatch, TransferKind};

use super::driver::{Day, Known};

impl Day {
    /// Keeps up with an outcome, and checks what can be checked from outside.
    pub(super) fn watch(&mut self, outcome: Outcome, headers: &[OrderHeader]) {
        if let Some(batch) = &outcome.sealed_before {
            self.watch_batch(batch, false);
        }
        let rulings = || headers.iter().zip(&outcome.rulings).filter(|(_, ruled)| !ruled.replayed);
        for (header, ruled) in rulings() {
            if !matches!(ruled.ruling, Ruling::Rejected | Ruling::Refused) {
                let known = Known { header: *header, joined: None, ended: false };
                self.known.insert(ruled.place, known);
            }
        }
        self.watch_joinings(&outcome, || rulings().filter(|it| it.1.ruling == Ruling::Queued));
        for change in &outcome.changes {
            let lives =
                [PaymentState::Queued, PaymentState::Warehoused, PaymentState::AwaitingGroup];
            if !lives.contains(&change.state) {
                let known = self.known.get_mut(&change.place).unwrap();
                assert!(!known.ended, "ended twice");
                known.ended = true;
            }
        }
        if let Some(batch) = &outcome.sealed {
            self.watch_batch(batch, true);
        }
        if outcome.cut.is_some() {
            self.watch_cut(outcome.time_ms);
        }
        self.outcomes.push(outcome);
    }

    /// Whatever a cut takes was still valid when it was made.
    fn watch_cut(&self, made_at_ms: u64) {
        let candidates = self.desk.pool.candidates().unwrap();
        for candidate in &candidates.payments {
            let not_after_ms = self.known[&candidate.place].header.not_after_ms;
            assert!(not_after_ms == 0 || not_after_ms >= made_at_ms, "cut after its end");
        }
    }

    /// Who joined a queue, in order: first those whose time had come, then with each order that was
    /// queued the other members of the group that it made whole.
    fn watch_joinings<'a, Queued>(&mut self, outcome: &Outcome, queued: impl Fn() -> Queued)
    where
        Queued: Iterator<Item = (&'a OrderHeader, &'a Ruled)>,
    {
        let joined = outcome.changes.iter().filter(|it| it.state == PaymentState::Queued);
        let joined: Vec<_> =
            joined.map(|it| (it.place, self.known[&it.place].header.link)).collect();
        let made_whole: Vec<_> = queued().filter_map(|(header, _)| header.link).collect();
        for (place, link) in &joined {
            if link.is_none_or(|link| !made_whole.contains(&link)) {
                self.join(*place, outcome.position);
            }
        }
        for (header, ruled) in queued() {
            self.join(ruled.place, outcome.position);
            for (place, link) in &joined {
                if link.is_some() && *link == header.link {
                    self.join(*place, outcome.position);
                }
            }
        }
    }

    fn join(&mut self, place: Place, position: u64) {
        self.joinings += 1;
        self.known.get_mut(&place).unwrap().joined = Some((self.joinings, position));
    }

    fn watch_batch(&mut self, batch: &SealedBatch, cycle: bool) {
        let payments = batch.transfers.iter().filter(|it| it.kind == TransferKind::Payment);
        let settled: Vec<Place> = payments.map(|it| it.place).collect();
        let mut groups: BTreeMap<[u8; 16], Vec<LinkTerms>> = BTreeMap::new();
        for place in &settled {
            let known = self.known.get_mut(place).unwrap();
            assert!(!known.ended, "settled after it ended");
            known.ended = true;
            if let Some((group, _)) = known.header.link {
                groups.entry(group).or_default().push(LinkTerms::from(&known.header));
            }
        }
        for (group, members) in &groups {
            assert_eq!(link_group(members), *group, "other members than were agreed on");
        }
        if self.strict {
            settled.iter().for_each(|place| self.check_order(*place, batch, cycle));
        }
    }

    /// Nothing that stood before a settled payment in its queue is left behind.
    fn check_order(&self, place: Place, batch: &SealedBatch, cycle: bool) {
        let settled = &self.known[&place];
        let Some((joined, _)) = settled.joined else { return };
        for known in self.known.values().filter(|known| !known.ended) {
            let Some((other, position)) = known.joined else { continue };
            let same_queue = known.header.sender == settled.header.sender
                && known.header.amount.currency() == settled.header.amount.currency();
            let before = known.header.class == settled.header.class && other < joined;
            let above =
                cycle && known.header.class < settled.header.class && position < batch.first;
            assert!(!(same_queue && (before || above)), "{place:?} overtook");
        }
    }
}
