//! What the solver works on: the presolved problem with its quantities as floats.

use crate::presolve::Presolved;
use crate::problem::{Entry, Problem};

pub(crate) struct Core<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) presolved: &'a Presolved,
    /// Per row: value of a minor unit in the lowest class.
    pub(crate) scale: Vec<f64>,
    /// Per item.
    pub(crate) value: Vec<f64>,
    /// Per item: the largest amount it moves, as value.
    pub(crate) size: Vec<f64>,
    /// What presolve left, ascending.
    pub(crate) alive: Vec<u32>,
}

impl<'a> Core<'a> {
    pub(crate) fn new(problem: &'a Problem, presolved: &'a Presolved) -> Self {
        let scale: Vec<f64> = problem.weight.iter().map(|&weight| weight as f64).collect();
        let value = problem.value.iter().map(|&value| value as f64).collect();
        let moved = |entry: &Entry| entry.delta.abs() as f64 * scale[entry.row as usize];
        let size = |item| problem.entries(item).iter().map(moved).fold(0.0, f64::max);
        let size = (0..problem.items()).map(size).collect();
        let alive = (0..).zip(&presolved.alive).filter(|item| *item.1).map(|item| item.0).collect();
        Self { problem, presolved, scale, value, size, alive }
    }

    /// What an item is worth beyond the price of what it takes (prices in units of value).
    pub(crate) fn reduced(&self, item: usize, prices: &[f32]) -> f64 {
        let mut gain = self.value[item];
        for entry in self.problem.entries(item) {
            let row = entry.row as usize;
            let delta = entry.delta.min(self.presolved.useful[row]);
            gain += delta as f64 * self.scale[row] * f64::from(prices[row]);
        }
        gain
    }

    pub(crate) const fn rows(&self) -> usize {
        self.scale.len()
    }
}
