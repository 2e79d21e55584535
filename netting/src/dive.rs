//! From shares to a set: fix the largest first, follow what each choice forces, price the rest
//! anew, down to the smallest.

use std::ops::Range;

use crate::core::Core;
use crate::fixing::Fixing;
use crate::prices::Lp;

#[derive(Clone, Copy)]
pub(crate) struct DiveOptions {
    /// The share from which an item is taken.
    pub(crate) cut: f64,
    /// The part of what flows through a row that is held back while items are open.
    pub(crate) margin: f64,
    /// By how much the size of what is fixed falls from round to round.
    pub(crate) ratio: f64,
    /// Iterations of pricing per round, while few items are fixed: what the largest decide, nothing
    /// repairs later.
    pub(crate) early: usize,
    /// Iterations per round after that.
    pub(crate) late: usize,
}

/// The part of the items that is open early in a dive.
const EARLY: f64 = 0.95;

/// What the relaxation said last: of each bundle, and of each item that was a column of its own
/// (below zero: never).
#[derive(Clone)]
pub(crate) struct Shares {
    bundle: Vec<f32>,
    item: Vec<f32>,
}

impl Shares {
    /// All or nothing, by whether the least of a bundle (the others like it) is worth its price.
    pub(crate) fn at(core: &Core<'_>, price: &[f32]) -> Self {
        let problem = core.problem;
        let worth = |bundle| core.reduced(problem.bundle(bundle).end - 1, price) > 0.0;
        let share = |bundle| if worth(bundle) { 1.0 } else { 0.0 };
        let bundle = (0..problem.bundles()).map(share).collect();
        Self { bundle, item: vec![-1.0; problem.items()] }
    }
}

/// What a column of the relaxation stands for.
#[derive(Clone, Copy)]
enum Column {
    /// An item that counts for less than it brings.
    Tight(usize),
    /// The open items of a bundle from `from` to `end`, which move `lead` at their first row.
    Bundle { bundle: usize, from: usize, end: usize, lead: f64 },
}

#[derive(Clone)]
pub(crate) struct Dive<'a> {
    core: &'a Core<'a>,
    options: DiveOptions,
    fixing: Fixing<'a>,
    shares: Shares,
    columns: Vec<Column>,
    sums: Vec<f64>,
    /// Per bundle: where the largest open item may be.
    first: Vec<u32>,
}

impl<'a> Dive<'a> {
    /// `shares` is what to start from; without them every share is a half.
    pub(crate) fn new(core: &'a Core<'a>, options: DiveOptions, shares: Option<Shares>) -> Self {
        let problem = core.problem;
        let bundles = 0..problem.bundles();
        let first = bundles.map(|at| u32::try_from(problem.bundle(at).start).unwrap_or(0));
        let shares = shares.unwrap_or_else(|| Shares {
            bundle: vec![0.5; problem.bundles()],
            item: vec![-1.0; problem.items()],
        });
        let first = first.collect();
        let (fixing, columns, sums) = (Fixing::new(core), Vec::new(), Vec::new());
        Self { core, options, fixing, shares, columns, sums, first }
    }

    /// Solves the relaxation of all items.
    pub(crate) fn root(
        core: &'a Core<'a>,
        shares: Option<Shares>,
        lp: &mut Lp,
        run: &mut dyn FnMut(&mut Lp),
    ) -> Shares {
        let options = DiveOptions { cut: 0.5, margin: 0.0, ratio: 2.0, early: 0, late: 0 };
        let mut dive = Self::new(core, options, shares);
        dive.relax(lp);
        run(lp);
        dive.read(lp);
        dive.shares
    }

    /// Fixes every item; `lp` brings the prices to start from. Returns what is taken, and the
    /// work done.
    pub(crate) fn run(mut self, lp: &mut Lp) -> (Vec<bool>, u64) {
        let alive = &self.core.alive;
        let mut sizes: Vec<f64> = alive.iter().map(|&at| self.core.size[at as usize]).collect();
        let top = sizes.iter().copied().fold(0.0, f64::max);
        let tenth = sizes.len() / 10;
        let small = match sizes.len() {
            0 => 0.0,
            _ => *sizes.select_nth_unstable_by(tenth, f64::total_cmp).1,
        };
        // Items of no size at all (a bank that pays itself) must not draw this out.
        let small = small.max(top * 1e-6);
        let mut least = top / self.options.ratio;
        let mut priced = false;
        while self.fixing.open > 0 {
            if least <= small {
                least = 0.0;
            }
            self.fixing.settle_all_rows();
            if self.largest() >= least {
                self.relax(lp);
                // The first round starts from what the root found.
                let length = if priced { self.iterations() / 2 } else { 0 };
                lp.run(2, length, &mut |_| {});
                self.fixing.work += (2 * (length + 2) * lp.entries()) as u64;
                priced = true;
                self.read(lp);
                self.fix_from(least, lp);
            }
            least /= self.options.ratio;
        }
        (self.fixing.taken(), self.fixing.work)
    }

    fn iterations(&self) -> usize {
        let early = self.fixing.open as f64 > EARLY * self.core.alive.len() as f64;
        if early { self.options.early } else { self.options.late }
    }

    pub(crate) const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// The work done since this was asked last.
    pub(crate) const fn spent(&mut self) -> u64 {
        std::mem::replace(&mut self.fixing.work, 0)
    }

    /// Decides on an item and what follows; whether that can still end well.
    pub(crate) fn decide(&mut self, item: usize, take: bool) -> bool {
        self.fixing.decide(item, take)
    }

    /// Prices what is open: no completion is worth more than this.
    pub(crate) fn bound(&mut self, lp: &mut Lp, iterations: usize) -> f64 {
        let margin = std::mem::replace(&mut self.options.margin, 0.0);
        self.largest();
        self.relax(lp);
        self.options.margin = margin;
        let mut bound = f64::INFINITY;
        lp.run(2, iterations / 2, &mut |lp| bound = bound.min(lp.dual()));
        self.read(lp);
        self.fixing.work += ((iterations + 4) * lp.entries()) as u64;
        bound + self.fixing.value()
    }

    /// The open item whose rounding may cost most, if that is more than `least`.
    pub(crate) fn doubtful(&self, lp: &Lp, least: f64) -> Option<usize> {
        let mut found = (least, None);
        self.parts(0.0, lp, &mut |item, part| {
            let doubt = self.core.size[item] * part.min(1.0 - part);
            if doubt > found.0 {
                found = (doubt, Some(item));
            }
        });
        found.1
    }

    /// The size of the largest open item; `first` of each bundle moves up to its own.
    fn largest(&mut self) -> f64 {
        let mut largest = f64::NEG_INFINITY;
        for (bundle, first) in self.first.iter_mut().enumerate() {
            let end = self.core.problem.bundle(bundle).end;
            while (*first as usize) < end && !self.fixing.is_open(*first as usize) {
                *first += 1;
            }
            if (*first as usize) < end {
                largest = largest.max(self.core.size[*first as usize]);
            }
        }
        largest
    }

    /// Builds the relaxation of what is open.
    fn relax(&mut self, lp: &mut Lp) {
        let core = self.core;
        lp.clear();
        self.columns.clear();
        for row in 0..core.rows() {
            let free = self.fixing.free(row, self.options.margin);
            lp.free.push((free * core.scale[row]) as f32);
        }
        for bundle in 0..core.problem.bundles() {
            let end = core.problem.bundle(bundle).end;
            let mut from = self.first[bundle] as usize;
            // The largest of a bundle come first, so those that are tight do.
            while from < end && (!self.fixing.is_open(from) || self.tight(from)) {
                if self.fixing.is_open(from) {
                    self.tight_column(lp, bundle, from);
                }
                from += 1;
            }
            if from < end {
                self.bundle_column(lp, bundle, from, end);
            }
        }
    }

    /// Whether an item brings a row more than can be of use there.
    fn tight(&self, item: usize) -> bool {
        let entries = self.core.problem.entries(item);
        entries.iter().any(|entry| entry.delta > self.fixing.useful(entry.row))
    }

    fn tight_column(&mut self, lp: &mut Lp, bundle: usize, item: usize) {
        let known = self.shares.item[item];
        let share = if known < 0.0 { self.shares.bundle[bundle] } else { known };
        let effects = self.core.problem.entries(item).iter().map(|entry| {
            let delta = entry.delta.min(self.fixing.useful(entry.row));
            (entry.row, delta as f64 * self.core.scale[entry.row as usize])
        });
        lp.push(self.core.value[item], share, effects);
        self.columns.push(Column::Tight(item));
    }

    fn bundle_column(&mut self, lp: &mut Lp, bundle: usize, from: usize, end: usize) {
        let core = self.core;
        let rates = core.problem.entries(from);
        self.sums.clear();
        self.sums.resize(rates.len(), 0.0);
        let mut gain = 0.0;
        for item in (from..end).filter(|&item| self.fixing.is_open(item)) {
            for (sum, entry) in self.sums.iter_mut().zip(core.problem.entries(item)) {
                *sum += entry.delta as f64;
            }
            gain += core.value[item];
        }
        let sums = self.sums.iter().zip(rates);
        let effects = sums.map(|(sum, entry)| (entry.row, sum * core.scale[entry.row as usize]));
        lp.push(gain, self.shares.bundle[bundle], effects);
        let lead = self.sums.first().map_or(0.0, |sum| sum.abs());
        self.columns.push(Column::Bundle { bundle, from, end, lead });
    }

    /// Takes over the shares that the relaxation found.
    fn read(&mut self, lp: &Lp) {
        for (column, share) in self.columns.iter().zip(lp.shares()) {
            match *column {
                Column::Tight(item) => self.shares.item[item] = share,
                Column::Bundle { bundle, .. } => self.shares.bundle[bundle] = share,
            }
        }
    }

    /// Fixes all open items of at least this size, the clear ones first.
    fn fix_from(&mut self, least: f64, lp: &Lp) {
        let mut choices = Vec::new();
        self.parts(least, lp, &mut |item, part| choices.push(self.choice(item, part)));
        choices.sort_unstable();
        for choice in choices {
            let (item, take) = ((choice >> 1) as u32 as usize, choice & 1 == 1);
            if self.fixing.is_open(item) {
                self.fixing.attempt(item, take);
            }
        }
    }

    /// A choice as a number: those that come first are the clearest.
    fn choice(&self, item: usize, share: f64) -> u64 {
        let doubt = 1.0 - (share - self.options.cut).abs();
        ((doubt * f64::from(1_u32 << 30)) as u64) << 33
            | (item as u64) << 1
            | u64::from(share >= self.options.cut)
    }

    /// Shows all open items of at least this size with their part in the relaxation.
    fn parts(&self, least: f64, lp: &Lp, show: &mut dyn FnMut(usize, f64)) {
        for (column, share) in self.columns.iter().zip(lp.shares()) {
            let share = f64::from(share);
            match *column {
                Column::Tight(item) if self.core.size[item] >= least => show(item, share),
                Column::Tight(_) => {}
                Column::Bundle { from, end, lead, .. } => {
                    self.pour(share * lead, from..end, least, show);
                }
            }
        }
    }

    /// Pours what flows through a bundle into its items, the largest first.
    fn pour(
        &self,
        mut fluid: f64,
        items: Range<usize>,
        least: f64,
        show: &mut dyn FnMut(usize, f64),
    ) {
        for item in items.filter(|&item| self.fixing.is_open(item)) {
            if self.core.size[item] < least {
                break;
            }
            let lead = self.core.problem.entries(item).first().map_or(0, |entry| entry.delta);
            let lead = lead.abs() as f64;
            let part = if lead > 0.0 { (fluid / lead).clamp(0.0, 1.0) } else { 1.0 };
            show(item, part);
            if part >= self.options.cut {
                fluid -= lead;
            }
        }
    }
}
