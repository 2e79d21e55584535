//! From shares to a set: fix the largest first, follow what each choice forces, price the rest
//! anew, down to the smallest.

use crate::core::Core;
use crate::layout::{IN, OUT};
use crate::prices::Lp;

const FREE: u8 = 0;
const LEFT: u8 = 1;
const TAKEN: u8 = 2;

#[derive(Clone, Copy)]
pub(crate) struct DiveOptions {
    /// The share from which an item is taken.
    pub(crate) cut: f64,
    /// The part of what flows through a row that is held back while items are open.
    pub(crate) margin: f64,
    /// By how much the size of what is fixed falls from round to round.
    pub(crate) ratio: f64,
    /// Iterations of pricing per round.
    pub(crate) iterations: usize,
}

/// What to do with a relaxation once it is built.
type Run<'r> = &'r mut dyn FnMut(&mut Lp);

pub(crate) struct Dive<'a> {
    core: &'a Core<'a>,
    options: DiveOptions,
    state: Vec<u8>,
    held: Vec<i64>,
    /// Per row: what open items can take and bring.
    flow: Vec<[i64; 2]>,
    /// Per row: where the largest open leg may be.
    next: Vec<[u32; 2]>,
    /// Per row: the most it can end with.
    most: Vec<i64>,
    /// Per row and in all: by how much the row must end short or too full, as value.
    wrong: f64,
    trail: Vec<u32>,
    moves: Vec<(u32, u8, u32)>,
    queue: Vec<u32>,
    queued: Vec<bool>,
    pub(crate) work: u64,
}

impl<'a> Dive<'a> {
    pub(crate) fn new(core: &'a Core<'a>, options: DiveOptions) -> Self {
        let rows = core.rows();
        let mut flow = vec![[0; 2]; rows];
        let items = core.problem.items();
        let mut state = vec![LEFT; items];
        for &item in core.plain.iter().chain(&core.others) {
            state[item as usize] = FREE;
            for entry in core.problem.entries(item as usize) {
                flow[entry.row as usize][usize::from(entry.delta > 0)] += entry.delta.abs();
            }
        }
        Self {
            core,
            options,
            state,
            held: core.problem.free.clone(),
            flow,
            next: vec![[0; 2]; rows],
            most: vec![i64::MAX / 2; rows],
            wrong: 0.0,
            trail: Vec::new(),
            moves: Vec::new(),
            queue: Vec::new(),
            queued: vec![false; rows],
            work: 0,
        }
    }

    /// Fixes every item; `lp` brings the prices to start from and `shares` those of the items.
    pub(crate) fn run(mut self, lp: &mut Lp, shares: &mut [f64]) -> (Vec<bool>, u64) {
        let mut sizes: Vec<f64> = self.open().map(|item| self.core.size[item]).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let top = sizes.last().copied().unwrap_or(0.0);
        let small = sizes.get(sizes.len() / 10).copied().unwrap_or(0.0);
        let mut least = top / self.options.ratio;
        let mut first = true;
        while self.open().next().is_some() {
            if least < small {
                least = 0.0;
            }
            self.limits();
            self.settle_all_rows();
            if self.open().any(|item| self.core.size[item] >= least) {
                let half = if first { 0 } else { self.options.iterations / 2 };
                first = false;
                let columns = self.price(lp, shares, &mut |lp| lp.run(2, half, &mut |_, _| {}));
                self.work += (2 * half * lp.entries()) as u64;
                self.fix_from(least, &columns, lp, shares);
            }
            least /= self.options.ratio;
        }
        let taken = self.state.iter().map(|&state| state == TAKEN).collect();
        (taken, self.work)
    }

    fn open(&self) -> impl Iterator<Item = usize> + '_ {
        let all = self.core.plain.iter().chain(&self.core.others);
        all.map(|&item| item as usize).filter(|&item| self.state[item] == FREE)
    }

    /// What each node can end with at most: all the money less what cannot leave the others.
    fn limits(&mut self) {
        let problem = self.core.problem;
        let mut spare = vec![0_i128; problem.currencies];
        let stays = |held: i64, flow: [i64; 2]| (held - flow[OUT]).max(0);
        for node in 0..problem.nodes {
            let held = i128::from(problem.free[node]);
            spare[node % problem.currencies] +=
                held - i128::from(stays(self.held[node], self.flow[node]));
        }
        self.wrong = 0.0;
        for node in 0..problem.nodes {
            let own = i128::from(stays(self.held[node], self.flow[node]));
            let most = (spare[node % problem.currencies] + own).max(0);
            self.most[node] = i64::try_from(most).unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
        }
        for row in 0..self.core.rows() {
            self.wrong += self.wrong_at(row);
        }
    }

    fn wrong_at(&self, row: usize) -> f64 {
        let [out, into] = self.flow[row];
        let short = (-(self.held[row] + into)).max(0);
        let over = (self.held[row] - out - self.most[row]).max(0);
        (short as f64 + over as f64) * self.core.scale[row]
    }

    fn settle_all_rows(&mut self) {
        for row in 0..self.core.rows() {
            self.enqueue(row);
        }
        self.propagate();
        self.trail.clear();
        self.moves.clear();
    }

    fn enqueue(&mut self, row: usize) {
        if !self.queued[row] {
            self.queued[row] = true;
            self.queue.push(u32::try_from(row).unwrap_or(0));
        }
    }

    fn fix(&mut self, item: usize, state: u8) {
        self.state[item] = state;
        self.trail.push(u32::try_from(item).unwrap_or(0));
        self.shift(item, -1, i64::from(state == TAKEN));
    }

    /// Moves the item out of (-1) or back into (1) what is open, and its effect by `taken`.
    fn shift(&mut self, item: usize, open: i64, taken: i64) {
        for entry in self.core.problem.entries(item) {
            let row = entry.row as usize;
            let before = self.wrong_at(row);
            self.flow[row][usize::from(entry.delta > 0)] += open * entry.delta.abs();
            self.held[row] += taken * entry.delta;
            self.wrong += self.wrong_at(row) - before;
            if open < 0 {
                self.enqueue(row);
            }
        }
        self.work += 4;
    }

    fn undo(&mut self) {
        while let Some(item) = self.trail.pop() {
            let item = item as usize;
            let taken = i64::from(self.state[item] == TAKEN);
            self.state[item] = FREE;
            self.shift(item, 1, -taken);
        }
        while let Some((row, side, next)) = self.moves.pop() {
            self.next[row as usize][usize::from(side)] = next;
        }
    }

    /// The largest open leg on one side of a row.
    fn largest(&mut self, row: usize, side: usize) -> Option<(usize, i64)> {
        let legs = self.core.presolved.layout.side(row, side);
        let from = self.next[row][side] as usize;
        let open = |leg: &crate::layout::Leg| self.state[leg.item as usize] == FREE;
        let at = from + legs[from..].iter().position(open).unwrap_or(legs.len() - from);
        if at != from {
            let id = (u32::try_from(row).unwrap_or(0), u8::from(side == IN));
            self.moves.push((id.0, id.1, u32::try_from(from).unwrap_or(0)));
            self.next[row][side] = u32::try_from(at).unwrap_or(0);
        }
        legs.get(at).map(|leg| (leg.item as usize, leg.amount))
    }

    fn propagate(&mut self) {
        while let Some(row) = self.queue.pop() {
            let row = row as usize;
            self.queued[row] = false;
            loop {
                let [out, into] = self.flow[row];
                let (held, most) = (self.held[row], self.most[row]);
                let taker = self.largest(row, OUT);
                if let Some((item, amount)) = taker {
                    if amount > held + into {
                        self.fix(item, LEFT);
                        continue;
                    } else if held - out + amount > most {
                        self.fix(item, TAKEN);
                        continue;
                    }
                }
                let bringer = self.largest(row, IN);
                if let Some((item, amount)) = bringer {
                    if held + into - amount < 0 {
                        self.fix(item, TAKEN);
                        continue;
                    } else if held - out + amount > most {
                        self.fix(item, LEFT);
                        continue;
                    }
                }
                break;
            }
            self.work += 4;
        }
    }

    /// Fixes an item and what follows; where that must go wrong, the other way if it is less so.
    fn attempt(&mut self, item: usize, state: u8) {
        self.trail.clear();
        self.moves.clear();
        let before = self.wrong;
        self.fix(item, state);
        self.propagate();
        let wrong = self.wrong;
        if wrong <= before * (1.0 + 1e-9) + 1e-3 {
            return;
        }
        self.undo();
        self.wrong = before;
        self.fix(item, LEFT + TAKEN - state);
        self.propagate();
        if self.wrong > wrong {
            self.undo();
            self.wrong = before;
            self.fix(item, state);
            self.propagate();
        }
    }

    /// Builds and runs the relaxation of what is open. Returns what each column stands for: an
    /// arc's number, or an item's plus the number of arcs.
    fn price(&mut self, lp: &mut Lp, shares: &mut [f64], run: Run<'_>) -> Vec<u32> {
        let core = self.core;
        lp.clear();
        lp.free.clear();
        for row in 0..core.rows() {
            let [out, into] = self.flow[row];
            let through = out.min(into) as f64;
            let free = self.held[row] as f64 - self.options.margin * through;
            lp.free.push(free * core.scale[row]);
        }
        let mut columns = Vec::new();
        let arcs = u32::try_from(core.arc_count()).unwrap_or(0);
        for arc in 0..core.arc_count() {
            let (mut sum, mut fluid, mut gain, mut sample) = (0_i64, 0.0, 0.0, None);
            for &item in core.arc(arc) {
                let id = item as usize;
                if self.state[id] != FREE {
                    continue;
                }
                if self.tight(id) {
                    self.column(lp, id, shares[id]);
                    columns.push(arcs + item);
                    continue;
                }
                let amount = core.problem.entries(id)[0].delta.abs();
                sum += amount;
                fluid += shares[id] * amount as f64;
                gain += core.value[id];
                sample = Some(id);
            }
            if let Some(id) = sample {
                for entry in core.problem.entries(id) {
                    let row = entry.row as usize;
                    let effect = entry.delta.signum() as f64 * sum as f64 * core.scale[row];
                    lp.push(row, effect);
                }
                lp.close(gain, fluid / sum as f64);
                columns.push(u32::try_from(arc).unwrap_or(0));
            }
        }
        for &item in &core.others {
            if self.state[item as usize] == FREE {
                self.column(lp, item as usize, shares[item as usize]);
                columns.push(arcs + item);
            }
        }
        if lp.price.len() != core.rows() {
            lp.price = vec![0.0; core.rows()];
        }
        run(lp);
        self.work += (4 * lp.entries()) as u64;
        for (column, &share) in columns.iter().zip(&lp.share) {
            if *column >= arcs {
                shares[(*column - arcs) as usize] = share;
            } else {
                for &item in core.arc(*column as usize) {
                    if self.state[item as usize] == FREE && !self.tight(item as usize) {
                        shares[item as usize] = share;
                    }
                }
            }
        }
        columns
    }

    /// Solves the relaxation of all items; shares and prices end in `shares` and `lp`.
    pub(crate) fn root(core: &'a Core<'a>, lp: &mut Lp, shares: &mut [f64], run: Run<'_>) {
        let options = DiveOptions { cut: 0.5, margin: 0.0, ratio: 2.0, iterations: 40 };
        let mut dive = Self::new(core, options);
        dive.price(lp, shares, run);
    }

    fn useful(&self, row: usize) -> i64 {
        (self.flow[row][OUT] - self.held[row]).max(0)
    }

    fn tight(&self, item: usize) -> bool {
        let entries = self.core.problem.entries(item);
        entries.iter().any(|entry| entry.delta > self.useful(entry.row as usize))
    }

    fn column(&self, lp: &mut Lp, item: usize, share: f64) {
        for entry in self.core.problem.entries(item) {
            let row = entry.row as usize;
            let delta = entry.delta.min(self.useful(row));
            if delta != 0 {
                lp.push(row, delta as f64 * self.core.scale[row]);
            }
        }
        lp.close(self.core.value[item], share);
    }

    fn fix_from(&mut self, least: f64, columns: &[u32], lp: &Lp, shares: &[f64]) {
        let core = self.core;
        let cut = self.options.cut;
        let arcs = u32::try_from(core.arc_count()).unwrap_or(0);
        let mut choices: Vec<(f64, u32, bool)> = Vec::new();
        for (&column, &share) in columns.iter().zip(&lp.share) {
            if column >= arcs {
                let item = column - arcs;
                if core.size[item as usize] >= least {
                    choices.push(((share - cut).abs(), item, share >= cut));
                }
                continue;
            }
            let members = core.arc(column as usize).iter().copied();
            let open = members
                .filter(|&item| self.state[item as usize] == FREE && !self.tight(item as usize));
            let open: Vec<u32> = open.collect();
            let sum: f64 = open.iter().map(|&item| core.size[item as usize]).sum();
            let mut fluid = sum * shares[open[0] as usize];
            for &item in open.iter().take_while(|&&item| core.size[item as usize] >= least) {
                let amount = core.size[item as usize];
                let part = (fluid / amount).clamp(0.0, 1.0);
                let take = part >= cut;
                choices.push(((part - cut).abs(), item, take));
                if take {
                    fluid -= amount;
                }
            }
        }
        choices.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, item, take) in choices {
            if self.state[item as usize] == FREE {
                self.attempt(item as usize, if take { TAKEN } else { LEFT });
            }
        }
    }
}
