//! What can be known before anything is tried; integers only, every step a proof.
//!
//! * Hopeless: an item that takes more from a row than the row has with all that can come in.
//! * Conservation: per currency the balances after settlement sum to the liquidity `T`, so a node
//!   ends at no more than `U_r = T - sum over others of max(0, L_s - O_s)`, where `O` is all that
//!   can go out. An item that would leave more than that at its payee cannot settle.
//! * Tightening: an item counts at its payee for no more than `max(0, O - L)`: with that much the
//!   row cannot be short whatever else goes out.

use crate::layout::{IN, Layout, OUT};
use crate::problem::Problem;

pub(crate) struct Presolved {
    pub(crate) alive: Vec<bool>,
    /// Of the alive items only.
    pub(crate) layout: Layout,
    /// Per row: the most an incoming item counts for.
    pub(crate) useful: Vec<i64>,
}

struct State<'a> {
    problem: &'a Problem,
    alive: Vec<bool>,
    /// Per row: what alive items can take and bring.
    flow: Vec<[i64; 2]>,
    /// Per currency: liquidity, and what of it cannot leave where it is.
    total: Vec<i128>,
    stuck: Vec<i128>,
}

pub(crate) fn presolve(problem: &Problem) -> Presolved {
    let mut layout = Layout::new(problem);
    let mut state = State::new(problem);
    let mut next = vec![[0_usize; 2]; problem.free.len()];
    let mut dropped = true;
    while dropped {
        dropped = false;
        for (row, next) in next.iter_mut().enumerate() {
            for side in [OUT, IN] {
                let legs = layout.side(row, side);
                while let Some(leg) = legs.get(next[side]) {
                    let item = leg.item as usize;
                    if state.alive[item] && !state.hopeless(row, side, leg.amount) {
                        break;
                    }
                    if state.alive[item] {
                        state.drop(item);
                        dropped = true;
                    }
                    next[side] += 1;
                }
            }
        }
    }
    let rows = problem.free.iter().zip(&state.flow);
    let useful = rows.map(|(&free, flow)| (flow[OUT] - free).max(0)).collect();
    layout.keep(&state.alive);
    Presolved { alive: state.alive, layout, useful }
}

impl<'a> State<'a> {
    fn new(problem: &'a Problem) -> Self {
        let mut flow = vec![[0; 2]; problem.free.len()];
        for entry in &problem.entries {
            flow[entry.row as usize][usize::from(entry.delta > 0)] += entry.delta.abs();
        }
        let mut state = Self {
            problem,
            alive: vec![true; problem.items()],
            flow,
            total: vec![0; problem.currencies],
            stuck: vec![0; problem.currencies],
        };
        for node in 0..problem.nodes {
            state.total[node % problem.currencies] += i128::from(problem.free[node]);
            state.stuck[node % problem.currencies] += state.stays(node);
        }
        state
    }

    /// What cannot leave a node.
    fn stays(&self, node: usize) -> i128 {
        i128::from((self.problem.free[node] - self.flow[node][OUT]).max(0))
    }

    fn hopeless(&self, row: usize, side: usize, amount: i64) -> bool {
        let (free, [out, into]) = (self.problem.free[row], self.flow[row]);
        if side == OUT {
            return amount > free + into;
        }
        if row >= self.problem.nodes {
            return false;
        }
        let currency = row % self.problem.currencies;
        let most = self.total[currency] - self.stuck[currency] + self.stays(row);
        i128::from(free) + i128::from(amount) - i128::from(out) > most
    }

    fn drop(&mut self, item: usize) {
        self.alive[item] = false;
        for entry in self.problem.entries(item) {
            let row = entry.row as usize;
            let node = row < self.problem.nodes;
            let before = if node { self.stays(row) } else { 0 };
            self.flow[row][usize::from(entry.delta > 0)] -= entry.delta.abs();
            if node {
                self.stuck[row % self.problem.currencies] += self.stays(row) - before;
            }
        }
    }
}
