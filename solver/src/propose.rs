//! The proposal.

use clearing::{Candidates, Proposal};
use netting::{Mode, Options, Solution, solve};

use crate::instance::{instance, places, prices, start};

/// Counts up with every change after which the same candidates may give another proposal: another
/// set, other prices, other work. A test pins what this one makes of fixed cuts.
pub const VERSION: u16 = 1;

/// What shall settle of a cut: the floor, and of the rest whatever counts most. `previous` is an
/// earlier proposal whose prices shorten the search.
#[must_use]
pub fn propose(candidates: &Candidates, previous: Option<&Proposal>) -> Proposal {
    let previous = previous.filter(|previous| !previous.prices.accounts.is_empty());
    let begin = previous.map(|previous| start(candidates, &previous.prices)).unwrap_or_default();
    let steps = (candidates.solver_steps > 0).then_some(candidates.solver_steps.into());
    let options = Options { mode: Mode::Floor, steps, prices: &begin };
    let mut proposal = Proposal {
        cycle: candidates.cut.cycle,
        as_of: candidates.as_of,
        warm: previous.map_or(0, |previous| previous.cycle),
        solver: VERSION,
        ..Proposal::default()
    };
    let solution = solve(&instance(candidates), options);
    match solution.map(|solution| (holds_floor(candidates, &solution), solution)) {
        Ok((true, solution)) => {
            proposal.steps = solution.steps;
            proposal.prices = prices(candidates, &solution.prices);
            proposal.places = places(candidates, &solution.settled);
        }
        // Balances too large for netting to count: the floor is what is left.
        Ok((false, _)) | Err(_) => {
            let floor = candidates.payments.iter().filter(|candidate| candidate.floor);
            proposal.places = floor.map(|candidate| candidate.place).collect();
            proposal.places.sort_unstable();
        }
    }
    proposal
}

fn holds_floor(candidates: &Candidates, solution: &Solution) -> bool {
    let mut settled = vec![false; candidates.payments.len()];
    for row in &solution.settled {
        if let Some(settled) = settled.get_mut(*row) {
            *settled = true;
        }
    }
    candidates.payments.iter().zip(&settled).all(|(it, settled)| *settled || !it.floor)
}
