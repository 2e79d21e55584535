//! The book: all quotes that stand, found by price and time, by owner and pair, by their end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ledger::Hash;
use sha2::{Digest, Sha256};

use super::Pair;
use super::ladder::{Ladder, LadderId, Standing};
use super::price::Price;
use crate::record::Place;

/// Where a quote stands among those of its pair: the best price first, then the earliest command,
/// then the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rung {
    price: Reverse<Price>,
    place: Place,
    pub(crate) index: u8,
    pub(crate) ladder: LadderId,
}

/// The quotes that stand.
#[derive(Debug, Default)]
pub(crate) struct Book {
    ladders: BTreeMap<LadderId, Ladder>,
    rungs: BTreeMap<Pair, BTreeSet<Rung>>,
    /// Ends of validity, ms.
    lapses: BTreeSet<(u64, LadderId, u8)>,
    /// The digests of the ladders that did not change since they were made.
    digests: BTreeMap<LadderId, Hash>,
}

impl Book {
    pub(crate) fn ladders(&self) -> impl Iterator<Item = (&LadderId, &Ladder)> {
        self.ladders.iter()
    }

    pub(crate) fn ladder(&self, id: LadderId) -> Option<&Ladder> {
        self.ladders.get(&id)
    }

    /// Ladders, with those that are empty and only remember their command.
    pub(crate) fn len(&self) -> usize {
        self.ladders.len()
    }

    /// Quotes that stand.
    pub(crate) fn quotes(&self) -> usize {
        self.lapses.len()
    }

    /// The ladders of one provider.
    pub(crate) fn of_provider(&self, provider: u32) -> impl Iterator<Item = (&LadderId, &Ladder)> {
        let first = LadderId { provider, base: 0, quote: 0 };
        let last = LadderId { provider, base: u8::MAX, quote: u8::MAX };
        self.ladders.range(first..=last)
    }

    /// Puts a ladder in the place of the one before.
    pub(crate) fn replace(&mut self, id: LadderId, ladder: Ladder) {
        self.clear(id);
        for standing in &ladder.quotes {
            let pair = id.pair(standing.quote.side);
            self.rungs.entry(pair).or_default().insert(rung(id, &ladder, standing));
            self.lapses.insert((standing.quote.not_after_ms, id, standing.index));
        }
        self.ladders.insert(id, ladder);
    }

    /// Takes all quotes of a ladder back; the command stays remembered.
    pub(crate) fn clear(&mut self, id: LadderId) {
        let Some(ladder) = self.ladders.get_mut(&id) else { return };
        self.digests.remove(&id);
        let quotes = std::mem::take(&mut ladder.quotes);
        let ladder = &self.ladders[&id];
        for standing in &quotes {
            let pair = id.pair(standing.quote.side);
            if let Some(rungs) = self.rungs.get_mut(&pair) {
                rungs.remove(&rung(id, ladder, standing));
            }
            self.lapses.remove(&(standing.quote.not_after_ms, id, standing.index));
        }
    }

    /// Forgets a ladder.
    pub(crate) fn forget(&mut self, id: LadderId) {
        self.clear(id);
        self.ladders.remove(&id);
    }

    /// Takes all quotes back of which this holds.
    pub(crate) fn clear_where(&mut self, wanted: impl Fn(&LadderId) -> bool) {
        let ids: Vec<LadderId> = self.ladders.keys().filter(|id| wanted(id)).copied().collect();
        ids.into_iter().for_each(|id| self.clear(id));
    }

    /// The quotes for an order of this pair, best first.
    pub(crate) fn best(&self, pair: Pair) -> impl Iterator<Item = (&Rung, &Standing)> {
        let rungs = self.rungs.get(&pair).into_iter().flatten();
        rungs.map(|rung| (rung, self.standing(rung.ladder, rung.index)))
    }

    fn standing(&self, id: LadderId, index: u8) -> &Standing {
        let quotes = self.ladders.get(&id).map(|ladder| &ladder.quotes);
        quotes
            .and_then(|quotes| quotes.iter().find(|standing| standing.index == index))
            .unwrap_or_else(|| unreachable!("a rung is of a quote that stands"))
    }

    /// Takes so much of a quote; one that is used up is gone.
    pub(crate) fn take(&mut self, id: LadderId, index: u8, sold: u64) {
        let quotes = self.ladders.get_mut(&id).map(|ladder| &mut ladder.quotes);
        let standing = quotes.and_then(|quotes| quotes.iter_mut().find(|it| it.index == index));
        let Some(standing) = standing else {
            unreachable!("only quotes that stand are taken");
        };
        standing.taken += sold;
        let left = standing.left();
        self.digests.remove(&id);
        if left == 0 {
            self.remove(id, index);
        }
    }

    fn remove(&mut self, id: LadderId, index: u8) {
        let Some(ladder) = self.ladders.get(&id) else { return };
        let Some(standing) = ladder.quotes.iter().find(|it| it.index == index).copied() else {
            return;
        };
        if let Some(rungs) = self.rungs.get_mut(&id.pair(standing.quote.side)) {
            rungs.remove(&rung(id, ladder, &standing));
        }
        self.lapses.remove(&(standing.quote.not_after_ms, id, index));
        self.digests.remove(&id);
        if let Some(ladder) = self.ladders.get_mut(&id) {
            ladder.quotes.retain(|it| it.index != index);
        }
    }

    /// Removes the quotes whose validity is over.
    pub(crate) fn lapse(&mut self, now_ms: u64) {
        while let Some((_, id, index)) = self.lapses.first().filter(|(at, ..)| *at < now_ms) {
            let (id, index) = (*id, *index);
            self.remove(id, index);
        }
    }

    /// SHA-256 over each ladder's number and digest. Only ladders that changed are hashed anew.
    pub(crate) fn root(&mut self) -> Hash {
        let Self { ladders, digests, .. } = self;
        let mut hasher = Sha256::new();
        for (id, ladder) in ladders {
            let digest = *digests.entry(*id).or_insert_with(|| ladder.digest(*id));
            hasher.update(digest);
        }
        hasher.finalize().into()
    }

    /// The same from nothing.
    pub(crate) fn recompute_root(&self) -> Hash {
        let mut hasher = Sha256::new();
        self.ladders.iter().for_each(|(id, ladder)| hasher.update(ladder.digest(*id)));
        hasher.finalize().into()
    }

    /// Whether every quote is found by its price and by its end, and nothing else is.
    pub(crate) fn holds(&self) -> bool {
        let quotes: usize = self.ladders.values().map(|ladder| ladder.quotes.len()).sum();
        let rungs: usize = self.rungs.values().map(BTreeSet::len).sum();
        let found = self.ladders.iter().all(|(id, ladder)| {
            ladder.quotes.iter().all(|standing| {
                let rungs = self.rungs.get(&id.pair(standing.quote.side));
                rungs.is_some_and(|rungs| rungs.contains(&rung(*id, ladder, standing)))
                    && standing.taken < standing.size
            })
        });
        found && quotes == rungs && quotes == self.lapses.len()
    }
}

fn rung(id: LadderId, ladder: &Ladder, standing: &Standing) -> Rung {
    let price = Reverse(standing.price());
    Rung { price, place: ladder.place, index: standing.index, ladder: id }
}
