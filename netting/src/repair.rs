//! Short chains of flips that close holes at the least cost in value, then trade value.
//!
//! What is climbed is `F = V + sum_r (b < 0 ? l_r b : 0.3 p_r b)` with `l_r = p_r + 3 e_r max(p_r,
//! floor)`: idle money is worth part of its price, a hole costs more the longer it stays (`e_r`
//! grows). A chain of up to four flips follows the imbalance from row to row.

use crate::core::Core;
use crate::layout::{IN, Layout, OUT};
use crate::random::Random;

const CHAIN: usize = 4;
const TRIES: usize = 3;
const LOOKS: usize = 12;

pub(crate) struct Repair<'a> {
    core: &'a Core<'a>,
    pub(crate) taken: Vec<bool>,
    held: Vec<i64>,
    price: Vec<f64>,
    floor: f64,
    /// Per row: how much more a hole costs.
    excess: Vec<f64>,
    short_cost: Vec<f64>,
    idle_gain: Vec<f64>,
    holes: Vec<u32>,
    place: Vec<u32>,
    value: f64,
    best: Option<f64>,
    journal: Vec<u32>,
    random: Random,
    alive: &'a [u32],
    mean: f64,
    /// What an operation counts for: chains jump about in memory, beyond the caches that is slow.
    weight: u64,
    pub(crate) work: u64,
}

impl<'a> Repair<'a> {
    pub(crate) fn new(core: &'a Core<'a>, taken: Vec<bool>, price: &[f32], seed: u64) -> Self {
        let alive = core.alive.as_slice();
        let mut held = core.problem.free.clone();
        let mut value = 0.0;
        for &item in alive {
            if taken[item as usize] {
                value += core.value[item as usize];
                for entry in core.problem.entries(item as usize) {
                    held[entry.row as usize] += entry.delta;
                }
            }
        }
        let rows = core.rows();
        let mean = alive.iter().map(|&item| core.value[item as usize]).sum::<f64>()
            / alive.len().max(1) as f64;
        let mut repair = Self {
            core,
            taken,
            held,
            price: price.iter().map(|&price| price.into()).collect(),
            floor: (price.iter().map(|&price| f64::from(price)).sum::<f64>() / rows.max(1) as f64)
                .max(0.1),
            excess: vec![1.0; rows],
            short_cost: vec![0.0; rows],
            idle_gain: vec![0.0; rows],
            holes: Vec::new(),
            place: vec![u32::MAX; rows],
            value,
            best: None,
            journal: Vec::new(),
            random: Random::new(seed),
            alive,
            mean,
            weight: match alive.len() {
                0..=20_000 => 1,
                20_001..=50_000 => 3,
                _ => 8,
            },
            work: 0,
        };
        for row in 0..rows {
            repair.weigh(row);
            repair.note(row);
        }
        repair.keep_best();
        repair
    }

    fn weigh(&mut self, row: usize) {
        let (price, scale) = (self.price[row], self.core.scale[row]);
        let cost = price + 3.0 * self.excess[row] * price.max(self.floor);
        self.short_cost[row] = cost * scale;
        self.idle_gain[row] = 0.3 * price * scale;
    }

    /// Keeps the list of holes true for a row.
    fn note(&mut self, row: usize) {
        let (short, place) = (self.held[row] < 0, self.place[row]);
        if short && place == u32::MAX {
            self.place[row] = u32::try_from(self.holes.len()).unwrap_or(0);
            self.holes.push(u32::try_from(row).unwrap_or(0));
        } else if !short && place != u32::MAX {
            self.holes.swap_remove(place as usize);
            if let Some(&moved) = self.holes.get(place as usize) {
                self.place[moved as usize] = place;
            }
            self.place[row] = u32::MAX;
        }
    }

    fn worth(&self, row: usize, held: i64) -> f64 {
        let per_unit = if held < 0 { self.short_cost[row] } else { self.idle_gain[row] };
        held as f64 * per_unit
    }

    fn gain(&self, item: usize) -> f64 {
        let sign = if self.taken[item] { -1 } else { 1 };
        let mut gain = sign as f64 * self.core.value[item];
        for entry in self.core.problem.entries(item) {
            let row = entry.row as usize;
            let held = self.held[row];
            gain += self.worth(row, held + sign * entry.delta) - self.worth(row, held);
        }
        gain
    }

    fn flip(&mut self, item: usize) {
        let sign = if self.taken[item] { -1 } else { 1 };
        self.taken[item] = !self.taken[item];
        self.value += sign as f64 * self.core.value[item];
        for entry in self.core.problem.entries(item) {
            self.held[entry.row as usize] += sign * entry.delta;
            self.note(entry.row as usize);
        }
    }

    /// The best of a few items that move the row up (or down) by about `amount`.
    fn near(&mut self, row: usize, up: bool, amount: i64, chain: &[u32]) -> Option<(usize, f64)> {
        let layout: &Layout = &self.core.presolved.layout;
        let mut best: Option<(usize, f64)> = None;
        for side in [OUT, IN] {
            let legs = layout.side(row, side);
            let wanted = (side == OUT) == up;
            let fits = |item: u32| self.taken[item as usize] == wanted && !chain.contains(&item);
            let middle = legs.partition_point(|leg| leg.amount >= amount);
            let above = legs[..middle].iter().rev().take(LOOKS);
            let below = legs[middle..].iter().take(LOOKS);
            let above = above.filter(|leg| fits(leg.item)).take(TRIES);
            let below = below.filter(|leg| fits(leg.item)).take(TRIES);
            for leg in above.chain(below) {
                let gain = self.gain(leg.item as usize);
                if best.is_none_or(|best| gain > best.1) {
                    best = Some((leg.item as usize, gain));
                }
            }
        }
        self.work += 40 * self.weight;
        best
    }

    /// An item that closes the hole of a row whole, or the largest that helps.
    fn closing(&mut self, row: usize) -> Option<usize> {
        let need = -self.held[row];
        let layout = &self.core.presolved.layout;
        let mut found: Option<usize> = None;
        let skip = self.random.below(4);
        let first = self.random.below(2);
        for side in [first, 1 - first] {
            let legs = layout.side(row, side);
            let middle = legs.partition_point(|leg| leg.amount >= need);
            let fits = |leg: &&crate::layout::Leg| self.taken[leg.item as usize] == (side == OUT);
            let above = legs[..middle].iter().rev().filter(fits).take(skip + 1).last();
            let below = legs[middle..].iter().find(fits);
            if let Some(leg) = above {
                return Some(leg.item as usize);
            }
            found = found.or(below.map(|leg| leg.item as usize));
        }
        found
    }

    /// One chain; `heat` is how much may be lost, on average.
    fn step(&mut self, heat: f64, holes_part: f64) {
        let hole = (!self.holes.is_empty() && self.random.unit() < holes_part)
            .then(|| self.holes[self.random.below(self.holes.len())] as usize);
        let start = match hole {
            Some(row) => self.closing(row),
            None => Some(self.alive[self.random.below(self.alive.len())] as usize),
        };
        let least = heat * self.random.unit().ln();
        let accepted = start.is_some_and(|item| self.chain(item, least));
        self.work += 30 * self.weight;
        if let Some(row) = hole
            && !accepted
        {
            self.excess[row] = (self.excess[row] * 1.02).min(1e6);
            self.weigh(row);
        }
        if accepted && self.holes.is_empty() {
            self.keep_best();
        }
    }

    fn chain(&mut self, start: usize, least: f64) -> bool {
        let mut chain = [u32::MAX; CHAIN];
        let mut total = 0.0;
        let mut item = start;
        let mut gain = self.gain(start);
        for length in 0..CHAIN {
            self.flip(item);
            chain[length] = u32::try_from(item).unwrap_or(0);
            total += gain;
            if total > least {
                if self.best.is_some() {
                    self.journal.extend_from_slice(&chain[..=length]);
                }
                return true;
            }
            let found = if length + 1 < CHAIN { self.follow(&chain[..=length]) } else { None };
            let Some(next) = found else {
                for &item in chain[..=length].iter().rev() {
                    self.flip(item as usize);
                }
                return false;
            };
            (item, gain) = next;
        }
        false
    }

    /// What to flip next: something near the worst imbalance that the chain has touched.
    fn follow(&mut self, chain: &[u32]) -> Option<(usize, f64)> {
        let mut worst: Option<(usize, f64)> = None;
        for entry in chain.iter().flat_map(|&item| self.core.problem.entries(item as usize)) {
            let row = entry.row as usize;
            let weight = self.worth(row, self.held[row]).abs();
            let weight = if self.held[row] < 0 { weight * 1e3 } else { weight };
            if worst.is_none_or(|worst| weight > worst.1) {
                worst = Some((row, weight));
            }
        }
        let row = worst?.0;
        let held = self.held[row];
        self.near(row, held < 0, held.abs(), chain)
    }

    fn keep_best(&mut self) {
        if self.holes.is_empty() && self.best.is_none_or(|best| self.value > best) {
            self.best = Some(self.value);
            self.journal.clear();
        }
    }

    fn relax(&mut self) {
        for row in 0..self.excess.len() {
            if self.held[row] >= 0 && self.excess[row] > 1.0 {
                self.excess[row] = (self.excess[row] * 0.99).max(1.0);
                self.weigh(row);
            }
        }
        self.work += self.excess.len() as u64;
    }

    /// Until there is no hole, or `work` is spent.
    pub(crate) fn close(&mut self, work: u64) -> bool {
        let end = self.work + work;
        let mut count = 0_u64;
        while !self.holes.is_empty() && !self.alive.is_empty() && self.work < end {
            self.step(0.03 * self.mean, 0.95);
            count += 1;
            if count.is_multiple_of(4 * self.excess.len() as u64 + 64) {
                self.relax();
            }
        }
        self.holes.is_empty()
    }

    /// Trades value for `work`, from a set without holes.
    pub(crate) fn improve(&mut self, work: u64, heat: f64) {
        self.excess.fill(1.0);
        for row in 0..self.excess.len() {
            self.weigh(row);
        }
        let (begin, end) = (self.work, self.work + work);
        let mut count = 0_u64;
        while !self.alive.is_empty() && self.work < end {
            let left = (end - self.work) as f64 / (end - begin) as f64;
            self.step(heat * self.mean * left, 0.3);
            count += 1;
            if count.is_multiple_of(4 * self.excess.len() as u64 + 64) {
                self.relax();
            }
        }
        self.restore();
    }

    /// Back to the best set without holes, with whatever still fits.
    pub(crate) fn restore(&mut self) -> Option<f64> {
        self.best?;
        while let Some(item) = self.journal.pop() {
            self.flip(item as usize);
        }
        let mut order = self.alive.to_vec();
        order.retain(|&item| !self.taken[item as usize]);
        let value = &self.core.value;
        order.sort_unstable_by(|&a, &b| {
            value[b as usize].total_cmp(&value[a as usize]).then(a.cmp(&b))
        });
        for item in order {
            let entries = self.core.problem.entries(item as usize);
            if entries.iter().all(|entry| self.held[entry.row as usize] + entry.delta >= 0) {
                self.flip(item as usize);
            }
        }
        self.work += 4 * self.alive.len() as u64;
        self.best = Some(self.value);
        self.best
    }
}
