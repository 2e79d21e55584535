//! What frees a payment that does not settle.
//!
//! To remove all obstacles frees it, and more with it that then pays back. So every amount is cut
//! down as far as the payment still settles, one after the other: halving what is not known.

use clearing::{Lever, Preview};

use crate::Choose;
use crate::aftermath::Aftermath;
use crate::obstacle::{Obstacle, obstacles, own_obstacles};

/// Payments looked at in all trials that cut one remedy down where the FIFO maximum settles, about.
const HALVED_MAX: usize = 10_000_000;

/// Why a payment does not settle, and what frees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// What is in its way; nothing if it settles, or if there is no such payment.
    pub obstacles: Vec<Obstacle>,
    /// What frees it, all of it together; nothing if nothing that can be done would.
    pub remedy: Vec<Lever>,
}

/// Why a payment is not in the FIFO maximum, and what brings it there.
#[must_use]
pub fn diagnose(preview: &Preview, index: usize) -> Diagnosis {
    let obstacles = obstacles(&Aftermath::new(preview, preview.floor()), index);
    let remedy = remedy(preview, index, &obstacles);
    Diagnosis { obstacles, remedy }
}

/// The same where a solver proposes: `after` is what is left once what it chooses has settled.
///
/// A solver passes over what stands before a payment, so less may free it than brings it into the
/// FIFO maximum, which settles in any case: whichever costs less is said, with the obstacles that
/// it removes. At most so many choices are tried; where they are too few, it may be too much.
#[must_use]
pub fn diagnose_proposed(
    after: &Aftermath<'_>,
    index: usize,
    choose: Choose<'_>,
    trials_max: usize,
) -> Diagnosis {
    let preview = after.preview;
    let obstacles = own_obstacles(after, index);
    let mut trials = Trials { preview, index, choose, left: trials_max.max(1) };
    let found = trials.least(levers(preview, &obstacles));
    let alone = Diagnosis { obstacles, remedy: found.unwrap_or_default() };
    if after.settles(index) {
        return alone;
    }
    let in_order = diagnose(preview, index);
    if in_order.remedy.is_empty()
        || (!alone.remedy.is_empty()
            && cost(preview, &alone.remedy) <= cost(preview, &in_order.remedy))
    {
        return alone;
    }
    let cut = trials.least(in_order.remedy.clone());
    Diagnosis { remedy: cut.unwrap_or(in_order.remedy), ..in_order }
}

/// What brings a payment that has these obstacles into the FIFO maximum; nothing if nothing that
/// can be done would. At most so many trials are made as are fitting for so many payments.
#[must_use]
pub fn remedy(preview: &Preview, index: usize, obstacles: &[Obstacle]) -> Vec<Lever> {
    let left = (HALVED_MAX / preview.payments().len().max(1)).max(1);
    let mut trials = Trials { preview, index, choose: &Preview::floor, left };
    trials.least(levers(preview, obstacles)).unwrap_or_default()
}

/// What removes all of these; nothing if that cannot be.
fn levers(preview: &Preview, obstacles: &[Obstacle]) -> Vec<Lever> {
    if obstacles.contains(&Obstacle::Member) {
        return Vec::new();
    }
    obstacles.iter().flat_map(|found| found.levers(preview)).collect()
}

/// The money that levers cost, minor units as their currencies weigh; then how many they are.
fn cost(preview: &Preview, levers: &[Lever]) -> (u128, usize) {
    let costs = levers.iter().map(|lever| match *lever {
        Lever::Fund { account, minor } => u128::from(preview.weight(account)) * u128::from(minor),
        _ => 0,
    });
    (costs.sum(), levers.len())
}

/// Choices that are tried for one payment.
struct Trials<'a> {
    preview: &'a Preview,
    index: usize,
    choose: Choose<'a>,
    left: usize,
}

impl Trials<'_> {
    fn frees(&mut self, levers: &[Lever]) -> bool {
        self.left -= 1;
        (self.choose)(&self.preview.with(levers)).get(self.index).is_some_and(|settles| *settles)
    }

    /// Cuts levers down as far as they free the payment; nothing if they do not. What is cut last
    /// may leave room for what was cut before, so they are gone through until nothing gives.
    fn least(&mut self, mut levers: Vec<Lever>) -> Option<Vec<Lever>> {
        if self.left == 0 || levers.is_empty() || !self.frees(&levers) {
            return None;
        }
        let mut cut = true;
        while cut {
            cut = false;
            for at in 0..levers.len() {
                cut |= self.cut(&mut levers, at);
            }
        }
        levers.retain(|lever| amount(*lever) != Some(present(self.preview, *lever)));
        Some(levers)
    }

    /// Lowers one of the levers, if it may be lower.
    fn cut(&mut self, levers: &mut [Lever], at: usize) -> bool {
        let lever = levers[at];
        let Some(enough) = amount(lever) else { return false };
        // What is known to be enough; below `low` nothing is known to be too little.
        let (mut low, mut high) = (present(self.preview, lever), enough);
        // Most often nothing less will do: that is tried first.
        let mut middle = high.saturating_sub(1);
        while self.left > 0 && low < high {
            levers[at] = with_amount(lever, middle);
            if self.frees(levers) {
                high = middle;
            } else {
                low = middle + 1;
            }
            middle = low + (high - low) / 2;
        }
        levers[at] = with_amount(lever, high);
        high < enough
    }
}

/// How much of a lever is pulled.
fn amount(lever: Lever) -> Option<u64> {
    match lever {
        Lever::Fund { minor, .. } | Lever::CreditLine { minor, .. } => Some(minor),
        Lever::Multilateral { limit, .. } | Lever::Bilateral { limit, .. } => limit,
        Lever::Cap { cap, .. } => cap,
    }
}

/// The amount of a lever that changes nothing.
fn present(preview: &Preview, lever: Lever) -> u64 {
    let limit = match lever {
        Lever::Fund { .. } => None,
        Lever::CreditLine { account, .. } => preview.means(account).map(|means| means.credit_line),
        Lever::Multilateral { account, .. } => {
            preview.means(account).and_then(|means| means.multilateral)
        }
        Lever::Cap { account, .. } => preview.means(account).and_then(|means| means.cap),
        Lever::Bilateral { debit, credit, .. } => {
            preview.pair(debit, credit).and_then(|pair| pair.limit)
        }
    };
    limit.unwrap_or(0)
}

/// The lever, pulled so far.
fn with_amount(lever: Lever, amount: u64) -> Lever {
    match lever {
        Lever::Fund { account, .. } => Lever::Fund { account, minor: amount },
        Lever::CreditLine { account, .. } => Lever::CreditLine { account, minor: amount },
        Lever::Multilateral { account, .. } => Lever::Multilateral { account, limit: Some(amount) },
        Lever::Cap { account, .. } => Lever::Cap { account, cap: Some(amount) },
        Lever::Bilateral { debit, credit, .. } => {
            Lever::Bilateral { debit, credit, limit: Some(amount) }
        }
    }
}
