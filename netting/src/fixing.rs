//! Which items are open, left or taken, and what must follow from each choice.

use crate::core::Core;
use crate::layout::{IN, Leg, OUT};

/// What has become of an item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Left,
    Taken,
}

#[derive(Clone)]
pub(crate) struct Fixing<'a> {
    core: &'a Core<'a>,
    state: Vec<State>,
    /// How many are open.
    pub(crate) open: usize,
    held: Vec<i64>,
    /// Per row: what open items can take and bring.
    flow: Vec<[i64; 2]>,
    /// Per row: where the largest open leg may be.
    next: Vec<[u32; 2]>,
    /// Per row: the most it can end with.
    most: Vec<i64>,
    /// By how much rows must end short or too full, as value.
    wrong: f64,
    /// What to undo: items fixed, and places of `next` passed.
    trail: Vec<u32>,
    moves: Vec<(u32, u8, u32)>,
    queue: Vec<u32>,
    queued: Vec<bool>,
    pub(crate) work: u64,
}

impl<'a> Fixing<'a> {
    pub(crate) fn new(core: &'a Core<'a>) -> Self {
        let rows = core.rows();
        let mut flow = vec![[0; 2]; rows];
        let mut state = vec![State::Left; core.problem.items()];
        for &item in &core.alive {
            state[item as usize] = State::Open;
            for entry in core.problem.entries(item as usize) {
                flow[entry.row as usize][usize::from(entry.delta > 0)] += entry.delta.abs();
            }
        }
        Self {
            core,
            state,
            open: core.alive.len(),
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

    pub(crate) fn is_open(&self, item: usize) -> bool {
        self.state[item] == State::Open
    }

    pub(crate) fn taken(&self) -> Vec<bool> {
        self.state.iter().map(|&state| state == State::Taken).collect()
    }

    /// What a row has, less a part of what flows through it.
    pub(crate) fn free(&self, row: usize, margin: f64) -> f64 {
        let [out, into] = self.flow[row];
        self.held[row] as f64 - margin * out.min(into) as f64
    }

    /// The most that an incoming item counts for at a row: more than what can still go out
    /// beyond what is there cannot help.
    pub(crate) fn useful(&self, row: u32) -> i64 {
        (self.flow[row as usize][OUT] - self.held[row as usize]).max(0)
    }

    /// Follows up everywhere what is certain by now; there is no way back.
    pub(crate) fn settle_all_rows(&mut self) {
        self.limit();
        for row in 0..self.core.rows() {
            self.enqueue(row);
        }
        self.propagate();
        self.trail.clear();
        self.moves.clear();
    }

    /// What each node can end with at most: all the money less what cannot leave the others.
    fn limit(&mut self) {
        let problem = self.core.problem;
        let mut spare = vec![0_i128; problem.currencies];
        let stays = |held: i64, flow: [i64; 2]| (held - flow[OUT]).max(0);
        for node in 0..problem.nodes {
            let held = i128::from(problem.free[node]);
            spare[node % problem.currencies] +=
                held - i128::from(stays(self.held[node], self.flow[node]));
        }
        for node in 0..problem.nodes {
            let own = i128::from(stays(self.held[node], self.flow[node]));
            let most = (spare[node % problem.currencies] + own).max(0);
            self.most[node] = i64::try_from(most).unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
        }
        self.wrong = (0..self.core.rows()).map(|row| self.wrong_at(row)).sum();
    }

    fn wrong_at(&self, row: usize) -> f64 {
        let [out, into] = self.flow[row];
        let short = (-(self.held[row] + into)).max(0);
        let over = (self.held[row] - out - self.most[row]).max(0);
        if short + over == 0 { 0.0 } else { (short + over) as f64 * self.core.scale[row] }
    }

    fn enqueue(&mut self, row: usize) {
        if !self.queued[row] {
            self.queued[row] = true;
            self.queue.push(u32::try_from(row).unwrap_or(0));
        }
    }

    /// Fixes an item and what follows; where that must go wrong, the other way if it is less so.
    pub(crate) fn attempt(&mut self, item: usize, take: bool) {
        let (first, second) =
            if take { (State::Taken, State::Left) } else { (State::Left, State::Taken) };
        self.trail.clear();
        self.moves.clear();
        let before = self.wrong;
        let wrong = self.follow(item, first);
        if wrong <= before * (1.0 + 1e-9) + 1e-3 {
            return;
        }
        self.undo();
        self.wrong = before;
        if self.follow(item, second) > wrong {
            self.undo();
            self.wrong = before;
            self.follow(item, first);
        }
    }

    /// Decides on an item and follows up everywhere; whether that can still end well.
    pub(crate) fn decide(&mut self, item: usize, take: bool) -> bool {
        let state = if take { State::Taken } else { State::Left };
        if self.is_open(item) {
            self.follow(item, state);
            self.settle_all_rows();
        }
        self.state[item] == state && self.wrong < 1.0
    }

    /// What is taken so far is worth.
    pub(crate) fn value(&self) -> f64 {
        let alive = self.core.alive.iter().map(|&item| item as usize);
        let taken = alive.filter(|&item| self.state[item] == State::Taken);
        taken.map(|item| self.core.value[item]).sum()
    }

    fn follow(&mut self, item: usize, state: State) -> f64 {
        self.fix(item, state);
        self.propagate();
        self.wrong
    }

    fn fix(&mut self, item: usize, state: State) {
        self.state[item] = state;
        self.open -= 1;
        self.trail.push(u32::try_from(item).unwrap_or(0));
        self.shift(item, -1, i64::from(state == State::Taken));
    }

    fn undo(&mut self) {
        while let Some(item) = self.trail.pop() {
            let item = item as usize;
            let taken = i64::from(self.state[item] == State::Taken);
            self.state[item] = State::Open;
            self.open += 1;
            self.shift(item, 1, -taken);
        }
        while let Some((row, side, next)) = self.moves.pop() {
            self.next[row as usize][usize::from(side)] = next;
        }
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

    /// The largest open leg on one side of a row.
    fn largest(&mut self, row: usize, side: usize) -> Option<Leg> {
        let legs = self.core.presolved.layout.side(row, side);
        let from = self.next[row][side] as usize;
        let mut at = from;
        while at < legs.len() && !self.is_open(legs[at].item as usize) {
            at += 1;
        }
        if at != from {
            let number = u32::try_from(row).unwrap_or(0);
            self.moves.push((number, u8::from(side == IN), u32::try_from(from).unwrap_or(0)));
            self.next[row][side] = u32::try_from(at).unwrap_or(0);
        }
        legs.get(at).copied()
    }

    fn propagate(&mut self) {
        while let Some(row) = self.queue.pop() {
            self.queued[row as usize] = false;
            while let Some((item, state)) = self.forced(row as usize) {
                self.fix(item, state);
            }
            self.work += 4;
        }
    }

    /// An item that a row leaves no choice about.
    fn forced(&mut self, row: usize) -> Option<(usize, State)> {
        let [out, into] = self.flow[row];
        let (held, most) = (self.held[row], self.most[row]);
        if let Some(leg) = self.largest(row, OUT) {
            if leg.amount > held + into {
                return Some((leg.item as usize, State::Left));
            } else if held - out + leg.amount > most {
                return Some((leg.item as usize, State::Taken));
            }
        }
        let leg = self.largest(row, IN)?;
        if held + into - leg.amount < 0 {
            Some((leg.item as usize, State::Taken))
        } else if held - out + leg.amount > most {
            Some((leg.item as usize, State::Left))
        } else {
            None
        }
    }
}
