//! The whole: floor, presolve, prices, dive, repair, again while the budget lasts.

use crate::bound::{PRICE_BITS, dual, everything};
use crate::check::check;
use crate::core::Core;
use crate::dive::{Dive, Shares};
use crate::fifo::fifo;
use crate::model::{Instance, InstanceError};
use crate::presolve::presolve;
use crate::prices::Lp;
use crate::problem::Problem;
use crate::search::{HUGE, Search};

/// Elementary operations (about a nanosecond or two each) that count as one step.
const STEP: u64 = 1_000;

/// What a budget counts for at most: tens of seconds on one core.
pub const STEPS_MAX: u64 = 20_000_000;

/// Iterations of pricing between two looks at the bound. Pricing ends when the bound has fallen by
/// less than this part at two looks in a row.
const LOOK: usize = 40;
const FALL: f64 = 2e-4;

/// Which sets may settle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The strict FIFO maximum, exactly.
    Fifo,
    /// The strict FIFO maximum settles; of the rest, whatever is worth most.
    #[default]
    Floor,
    /// Whatever is worth most, and never less than the strict FIFO maximum.
    Free,
}

/// How to solve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// Which sets may settle.
    pub mode: Mode,
    /// Work to spend, in steps, at most [`STEPS_MAX`] (more counts as that); `None` for what suits
    /// the size. Pricing and the first dive are always made, whatever they cost. The best set found
    /// is given; if none could be repaired in the budget, a last repair may cost as much as a few
    /// dives, and if that fails the largest that fit are taken, one after the other. It is never below
    /// the floor.
    pub steps: Option<u64>,
    /// Where pricing starts: the [`Solution::prices`] of a like instance solved before, or empty.
    /// Any numbers are allowed, missing ones count as zero; they change the work and, within the
    /// search's luck, the set. Prices that prove less than none at all are left aside.
    pub prices: &'a [u64],
}

/// A set that may settle, and how good it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// Rows of [`Instance::payments`], ascending.
    pub settled: Vec<usize>,
    /// What they count.
    pub value: u128,
    /// No set that the mode allows counts more.
    pub upper_bound: u128,
    /// The prices that prove it (for [`crate::bound`]): one per node, then one per bilateral limit
    /// (pairs ascending by debtor's node, creditor's node), in value per minor unit times
    /// `2^`[`PRICE_BITS`].
    pub prices: Vec<u64>,
    /// Value by class.
    pub value_by_class: Vec<u128>,
    /// What strict FIFO settles.
    pub fifo_value: u128,
    /// Work done.
    pub steps: u64,
}

/// Solves an instance. The same instance (in any order of rows) and options give the same set.
///
/// # Errors
/// [`InstanceError`] where the instance is not valid.
pub fn solve(instance: &Instance, options: Options<'_>) -> Result<Solution, InstanceError> {
    instance.validate()?;
    let fifo_set = fifo(instance);
    let floor = rows_of(&fifo_set);
    let fifo_value = total(instance, &floor);
    let frozen = match options.mode {
        Mode::Floor => fifo_set,
        Mode::Fifo | Mode::Free => vec![false; instance.payments.len()],
    };
    let floor_value = if options.mode == Mode::Floor { fifo_value } else { 0 };
    let mut solution = Solution {
        settled: floor,
        value: fifo_value,
        upper_bound: fifo_value,
        prices: Vec::new(),
        value_by_class: Vec::new(),
        fifo_value,
        steps: 0,
    };
    if options.mode != Mode::Fifo {
        let mut found = Vec::new();
        solution.upper_bound = floor_value + everything(instance, &frozen);
        if let Some(problem) = Problem::new(instance, &frozen) {
            let search = search(&problem, options);
            solution.upper_bound = floor_value + search.upper_bound;
            solution.prices = search.prices;
            solution.steps = search.work / STEP;
            found = search.settled;
        }
        if options.mode == Mode::Floor {
            found.extend_from_slice(&solution.settled);
            found.sort_unstable();
        }
        if let Ok(value) = check(instance, &found)
            && value > solution.value
        {
            solution.settled = found;
            solution.value = value;
        }
    }
    solution.value_by_class = by_class(instance, &solution.settled);
    Ok(solution)
}

fn rows_of(set: &[bool]) -> Vec<usize> {
    (0..set.len()).filter(|&row| set[row]).collect()
}

fn total(instance: &Instance, rows: &[usize]) -> u128 {
    rows.iter().map(|&row| instance.value(&instance.payments[row])).sum()
}

fn by_class(instance: &Instance, rows: &[usize]) -> Vec<u128> {
    let mut sums = vec![0; instance.class_weights.len()];
    for &row in rows {
        let payment = &instance.payments[row];
        sums[usize::from(payment.class)] += instance.value(payment);
    }
    sums
}

struct Found {
    settled: Vec<usize>,
    upper_bound: u128,
    prices: Vec<u64>,
    work: u64,
}

fn search(problem: &Problem, options: Options<'_>) -> Found {
    let presolved = presolve(problem);
    let core = Core::new(problem, &presolved);
    let mut root = Root::new(&core);
    root.start_from(options.prices);
    root.price(if problem.items() > HUGE { 160 } else { 400 });
    let upper_bound = dual(problem, &presolved, &root.prices);
    let steps = options.steps.unwrap_or_else(|| default_steps(problem.items()));
    let budget = steps.min(STEPS_MAX) * STEP;
    // Nobody said how long: rather another dive than nothing found.
    let patience = if options.steps.is_some() { budget } else { budget * 16 };
    let (taken, work) = root.search(budget, patience);
    let settled = taken.map(|taken| problem.rows(&taken)).unwrap_or_default();
    Found { settled, upper_bound, prices: root.prices, work }
}

fn default_steps(items: usize) -> u64 {
    match items {
        0..=500 => 4_500,
        501..=3_000 => 12_000,
        3_001..=20_000 => 90_000,
        20_001..=50_000 => 200_000,
        _ => 330_000,
    }
}

struct Root<'a> {
    core: &'a Core<'a>,
    lp: Lp,
    shares: Option<Shares>,
    /// The best prices found, in the solver's units and as integers.
    best: Vec<f32>,
    prices: Vec<u64>,
    /// What the prices that pricing starts from prove.
    bound: f64,
    work: u64,
}

impl<'a> Root<'a> {
    fn new(core: &'a Core<'a>) -> Self {
        let lp = Lp::from(&vec![0.0; core.rows()], 0.0);
        let (best, prices, bound) = (Vec::new(), Vec::new(), f64::INFINITY);
        Self { core, lp, shares: None, best, prices, bound, work: 0 }
    }

    /// Starts pricing from the prices of another solve, where they prove more than none.
    fn start_from(&mut self, prices: &[u64]) {
        let core = self.core;
        let bound = dual(core.problem, core.presolved, prices);
        if bound >= dual(core.problem, core.presolved, &[]) {
            return;
        }
        self.bound = bound as f64;
        let given = prices.iter().map(|&price| price as f64).chain(std::iter::repeat(0.0));
        let unit = f64::from(1_u32 << PRICE_BITS);
        let scaled = core.scale.iter().zip(given);
        let price = scaled.map(|(scale, price)| (price / (scale * unit)) as f32);
        self.lp.price = price.collect();
        self.shares = Some(Shares::at(core, &self.lp.price));
    }

    /// Solves the relaxation, until its bound no longer falls, and keeps the prices with the
    /// lowest bound.
    fn price(&mut self, iterations: usize) {
        let core = self.core;
        let mut best = (self.bound, self.lp.price.clone());
        let mut spent = 0;
        let start = self.shares.take();
        let shares = Dive::root(core, start, &mut self.lp, &mut |lp| {
            let mut idle = 0;
            while idle < 2 && spent < iterations {
                let before = best.0;
                lp.run(1, LOOK, &mut |lp| {
                    let bound = lp.dual();
                    if bound < best.0 {
                        best = (bound, lp.price.clone());
                    }
                });
                spent += LOOK;
                let fell = before.is_infinite() || best.0 < before * (1.0 - FALL);
                idle = if fell { 0 } else { idle + 1 };
            }
        });
        self.shares = Some(shares);
        self.work += (spent * self.lp.entries()) as u64;
        let unit = f64::from(1_u32 << PRICE_BITS);
        let scaled = best.1.iter().zip(&core.scale);
        self.prices = scaled
            .map(|(price, scale)| (f64::from(*price) * scale * unit).round() as u64)
            .collect();
        self.best = best.1;
    }

    fn search(&self, budget: u64, patience: u64) -> (Option<Vec<bool>>, u64) {
        let Some(shares) = &self.shares else { return (None, self.work) };
        let (core, price, balance) = (self.core, self.best.as_slice(), self.lp.balance);
        let root = crate::search::Root { core, price, balance, shares };
        let left = budget.saturating_sub(self.work);
        let (taken, work) = Search::new(&root, left, patience.saturating_sub(self.work)).run();
        (taken, self.work + work)
    }
}
