//! Branch and bound over the items that matter most and are least clear, best bound first: each
//! way to decide one is priced, the better is followed, the other kept; below the last, a dive.

use crate::core::Core;
use crate::dive::{Dive, DiveOptions, Shares};
use crate::prices::Lp;
use crate::search::Root;

/// How many nodes wait at most; beyond that the least promising go.
const NODES: usize = 256;

/// The part of the bound that an item's rounding may cost without both ways being looked at.
const DOUBT: f64 = 1e-3;

/// Iterations of pricing per decision: with too few, the wrong way looks better.
const ITERATIONS: usize = 64;

/// What was decided, what it can be worth at most, and where pricing stood.
struct Node {
    bound: f64,
    path: Vec<(usize, bool)>,
    price: Vec<f32>,
    shares: Shares,
}

/// One way to decide an item, priced.
struct Way<'a> {
    bound: f64,
    take: bool,
    dive: Dive<'a>,
    lp: Lp,
}

pub(crate) struct Tree<'a> {
    core: &'a Core<'a>,
    balance: f32,
    open: Vec<Node>,
    pub(crate) work: u64,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(root: &Root<'a>) -> Self {
        let (price, shares) = (root.price.to_vec(), root.shares.clone());
        let node = Node { bound: f64::INFINITY, path: Vec::new(), price, shares };
        Self { core: root.core, balance: root.balance, open: vec![node], work: 0 }
    }

    /// A set from the most promising node that leads to one; `None` where no node can be worth more
    /// than `least`, or `work` is spent. At most `depth` items are decided before the dive.
    pub(crate) fn plunge(
        &mut self,
        least: f64,
        work: u64,
        depth: usize,
        options: DiveOptions,
    ) -> Option<Vec<bool>> {
        let end = self.work + work;
        while self.work < end {
            self.open.retain(|node| node.bound > least);
            let bound = |at: &usize| self.open[*at].bound;
            let best = (0..self.open.len()).max_by(|a, b| bound(a).total_cmp(&bound(b)))?;
            let node = self.open.swap_remove(best);
            if let Some(taken) = self.descend(node, least, depth, options) {
                return Some(taken);
            }
        }
        None
    }

    fn descend(
        &mut self,
        node: Node,
        least: f64,
        depth: usize,
        options: DiveOptions,
    ) -> Option<Vec<bool>> {
        let mut path = node.path;
        let mut dive = Dive::new(self.core, options, Some(node.shares));
        let mut lp = Lp::from(&node.price, self.balance);
        for &(item, take) in &path {
            dive.decide(item, take);
        }
        let mut bound = dive.bound(&mut lp, ITERATIONS).min(node.bound);
        self.work += dive.spent();
        for _ in 0..depth {
            let Some(item) = dive.doubtful(&lp, bound * DOUBT) else { break };
            let [mut way, mut other] =
                [true, false].map(|take| self.way(&dive, &lp, bound, item, take));
            if other.bound > way.bound {
                std::mem::swap(&mut way, &mut other);
            }
            if other.bound > least {
                let mut path = path.clone();
                path.push((item, other.take));
                let shares = other.dive.shares().clone();
                self.keep(Node { bound: other.bound, path, price: other.lp.price, shares });
            }
            if way.bound <= least {
                return None;
            }
            path.push((item, way.take));
            (bound, dive, lp) = (way.bound, way.dive, way.lp);
        }
        let (taken, work) = dive.run(&mut lp);
        self.work += work;
        Some(taken)
    }

    fn way(&mut self, dive: &Dive<'a>, lp: &Lp, most: f64, item: usize, take: bool) -> Way<'a> {
        let mut dive = dive.clone();
        let mut lp = Lp::from(&lp.price, self.balance);
        let mut bound = f64::NEG_INFINITY;
        if dive.decide(item, take) {
            bound = dive.bound(&mut lp, ITERATIONS).min(most);
        }
        self.work += dive.spent();
        Way { bound, take, dive, lp }
    }

    fn keep(&mut self, node: Node) {
        self.open.push(node);
        if self.open.len() > NODES {
            let bound = |at: &usize| self.open[*at].bound;
            let worst = (0..self.open.len()).min_by(|a, b| bound(a).total_cmp(&bound(b)));
            self.open.swap_remove(worst.unwrap_or(0));
        }
    }
}
