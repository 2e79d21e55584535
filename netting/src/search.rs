//! Set after set while the budget lasts, each repaired: dives and ways down the tree in turns; of
//! large problems quick dives, and a careful one. Then the best of them trades value.

use crate::core::Core;
use crate::dive::{Dive, DiveOptions, Shares};
use crate::prices::Lp;
use crate::repair::Repair;
use crate::tree::Tree;

/// Up to so many items, trading value gains more than another dive.
const SMALL: usize = 500;
/// Beyond so many the budget is for a few dives, and the tree is too dear.
const LARGE: usize = 20_000;
/// Beyond so many, trading value finds next to nothing in the time there is.
const WIDE: usize = 50_000;
/// Beyond so many there is time for one dive.
pub(crate) const HUGE: usize = 300_000;

/// In how many bursts, each cooling down anew, the rest of the budget trades value.
const BURSTS: u64 = 8;

/// What the relaxation of all items found.
pub(crate) struct Root<'a> {
    pub(crate) core: &'a Core<'a>,
    pub(crate) price: &'a [f32],
    pub(crate) balance: f32,
    pub(crate) shares: &'a Shares,
}

pub(crate) struct Search<'a> {
    root: &'a Root<'a>,
    best: Option<(f64, Vec<bool>)>,
    budget: u64,
    /// The budget as long as nothing is found.
    patience: u64,
    work: u64,
}

impl<'a> Search<'a> {
    pub(crate) const fn new(root: &'a Root<'a>, budget: u64, patience: u64) -> Self {
        Self { root, best: None, budget, patience, work: 0 }
    }

    /// The best set found, and the work done.
    pub(crate) fn run(mut self) -> (Option<Vec<bool>>, u64) {
        let items = self.root.core.alive.len();
        let part = self.budget / 10 * if items <= SMALL { 7 } else { 9 };
        let mut tree = Tree::new(self.root);
        let (mut taken, mut cost) = (Vec::new(), 0);
        for round in 0.. {
            let begin = self.work;
            taken = self.candidate(&mut tree, round);
            // At least a little, so that the budget ends even where nothing is left to fix.
            self.work += 1_000;
            cost = self.work - begin;
            for seed in 0..if items > LARGE { 1 } else { 2 } {
                self.repair(&taken, round * 16 + seed, cost);
            }
            let end = if self.best.is_some() { part } else { self.patience };
            if self.work + cost > end {
                break;
            }
        }
        if self.best.is_none() {
            // Nothing was closed in the budget: one longer repair, as costly as a few dives.
            self.repair(&taken, 64, cost);
        }
        if self.best.is_none() {
            // Nor in that: whatever fits beside nothing, the largest first. It has no holes.
            self.repair(&vec![false; self.root.core.problem.items()], 0, 0);
        }
        self.improve(if items <= SMALL { 0.1 } else { 0.01 });
        (self.best.map(|best| best.1), self.work)
    }

    fn candidate(&mut self, tree: &mut Tree<'a>, round: u64) -> Vec<bool> {
        let core = self.root.core;
        let large = core.alive.len() > LARGE;
        let mut options = if large { sparing(round, core) } else { varied(round, core) };
        if self.best.is_none() && !large {
            // Nothing was closed: hold back more each time.
            options.margin *= 1.0 + round as f64;
        }
        if !large && !round.is_multiple_of(2) {
            let least = self.best.as_ref().map_or(0.0, |best| best.0);
            let depth = if core.alive.len() <= 3_000 { 5 } else { 10 };
            let (before, left) = (tree.work, self.budget.saturating_sub(self.work));
            let taken = tree.plunge(least, left, depth, options);
            self.work += tree.work - before;
            if let Some(taken) = taken {
                return taken;
            }
        }
        let mut lp = Lp::from(self.root.price, self.root.balance);
        let dive = Dive::new(core, options, Some(self.root.shares.clone()));
        let (taken, work) = dive.run(&mut lp);
        self.work += work;
        taken
    }

    fn repair(&mut self, taken: &[bool], seed: u64, cost: u64) {
        let mut repair = Repair::new(self.root.core, taken.to_vec(), self.root.price, seed);
        let left = self.budget.saturating_sub(self.work);
        let large = self.root.core.alive.len() > LARGE;
        let long = left / 10 * 3 + ((cost / 2) << (seed / 16).min(6));
        repair.close(if large { cost } else { long });
        let value = repair.restore();
        self.work += repair.work;
        if let Some(value) = value
            && self.best.as_ref().is_none_or(|best| value > best.0)
        {
            self.best = Some((value, repair.taken));
        }
    }

    /// `heat` is how much a chain may lose at first, in items.
    fn improve(&mut self, heat: f64) {
        let left = self.budget.saturating_sub(self.work);
        let Some((_, taken)) = &mut self.best else { return };
        if left == 0 || self.root.core.alive.len() > WIDE {
            return;
        }
        let mut repair = Repair::new(self.root.core, std::mem::take(taken), self.root.price, 7);
        for _ in 0..BURSTS {
            repair.improve(left / BURSTS, heat);
        }
        self.work += repair.work;
        *taken = repair.taken;
    }
}

/// Each time another way to round.
fn varied(round: u64, core: &Core<'_>) -> DiveOptions {
    const CUTS: [f64; 5] = [0.7, 0.6, 0.75, 0.5, 0.65];
    const RATIOS: [f64; 3] = [1.5, 1.3, 1.8];
    const MARGINS: [f64; 4] = [1.0, 0.5, 2.0, 0.25];
    let at = usize::try_from(round).unwrap_or(0);
    let (early, late) = if core.alive.len() <= SMALL { (128, 128) } else { (200, 48) };
    DiveOptions {
        cut: CUTS[at % CUTS.len()],
        margin: 0.008 * MARGINS[(at + at / CUTS.len()) % MARGINS.len()],
        ratio: RATIOS[at % RATIOS.len()],
        early,
        late,
    }
}

/// First a quick dive, then one that prices the largest with care (in turns better: which, nothing
/// tells beforehand), then quick ones that hold back more each time.
fn sparing(round: u64, core: &Core<'_>) -> DiveOptions {
    const CUTS: [f64; 3] = [0.6, 0.6, 0.7];
    let at = usize::try_from(round).unwrap_or(0);
    let careful = at == 1;
    let (early, late) = match core.problem.items() {
        _ if careful => (200, 32),
        0..=HUGE => (64, 64),
        _ => (40, 24),
    };
    DiveOptions {
        cut: CUTS[at % CUTS.len()],
        margin: 0.008 * (at / 2 + 1) as f64,
        ratio: if careful && core.alive.len() <= WIDE { 1.5 } else { 2.0 },
        early,
        late,
    }
}
