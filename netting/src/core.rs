//! What the solver works on: the presolved problem with its quantities as floats.

use crate::presolve::Presolved;
use crate::problem::Problem;

pub(crate) struct Core<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) presolved: &'a Presolved,
    /// Per row: value of a minor unit in the lowest class.
    pub(crate) scale: Vec<f64>,
    /// Per item.
    pub(crate) value: Vec<f64>,
    /// Per item: the largest amount it moves, as value.
    pub(crate) size: Vec<f64>,
    /// Alive items that take from one row and bring to another, by both rows and what a unit
    /// counts, the largest first.
    pub(crate) plain: Vec<u32>,
    /// Where each run of like items starts in `plain`, and its end.
    pub(crate) arcs: Vec<u32>,
    /// All other alive items.
    pub(crate) others: Vec<u32>,
}

impl<'a> Core<'a> {
    pub(crate) fn new(problem: &'a Problem, presolved: &'a Presolved) -> Self {
        let scale: Vec<f64> = problem.weight.iter().map(|&weight| weight as f64).collect();
        let value: Vec<f64> = problem.value.iter().map(|&value| value as f64).collect();
        let size = (0..problem.items()).map(|item| size(problem, item, &scale)).collect();
        let mut keyed = Vec::new();
        let mut others = Vec::new();
        for item in (0..problem.items()).filter(|&item| presolved.alive[item]) {
            let id = u32::try_from(item).unwrap_or(0);
            match problem.entries(item) {
                [a, b] if a.delta == -b.delta => {
                    let (from, to) = if a.delta < 0 { (a, b) } else { (b, a) };
                    let amount = to.delta.unsigned_abs();
                    let unit = u64::try_from(problem.value[item] / u128::from(amount));
                    let pair = u64::from(from.row) << 32 | u64::from(to.row);
                    keyed.push((pair, unit.unwrap_or(u64::MAX), u64::MAX - amount, id));
                }
                _ => others.push(id),
            }
        }
        keyed.sort_unstable();
        let mut arcs = Vec::new();
        for (at, key) in keyed.iter().enumerate() {
            if at == 0 || (keyed[at - 1].0, keyed[at - 1].1) != (key.0, key.1) {
                arcs.push(u32::try_from(at).unwrap_or(0));
            }
        }
        arcs.push(u32::try_from(keyed.len()).unwrap_or(0));
        let plain = keyed.into_iter().map(|key| key.3).collect();
        Self { problem, presolved, scale, value, size, plain, arcs, others }
    }

    pub(crate) fn arc(&self, arc: usize) -> &[u32] {
        &self.plain[self.arcs[arc] as usize..self.arcs[arc + 1] as usize]
    }

    pub(crate) const fn arc_count(&self) -> usize {
        self.arcs.len() - 1
    }

    /// What an item is worth beyond the price of what it takes (prices in units of value).
    pub(crate) fn reduced(&self, item: usize, prices: &[f64]) -> f64 {
        let mut gain = self.value[item];
        for entry in self.problem.entries(item) {
            let row = entry.row as usize;
            let delta = entry.delta.min(self.presolved.useful[row]);
            gain += delta as f64 * self.scale[row] * prices[row];
        }
        gain
    }

    pub(crate) const fn rows(&self) -> usize {
        self.scale.len()
    }
}

fn size(problem: &Problem, item: usize, scale: &[f64]) -> f64 {
    let moved = |entry: &crate::problem::Entry| {
        entry.delta.unsigned_abs() as f64 * scale[entry.row as usize]
    };
    problem.entries(item).iter().map(moved).fold(0.0, f64::max)
}
