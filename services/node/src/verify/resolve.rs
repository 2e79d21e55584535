//! Solving again: whether the solver that a proposal names gives it.

use bytes::Bytes;
use clearing::{Candidates, CutAccount, LimitRow, Pool, Proposal, Record, RecordBody};

use super::report::{Bad, Resolved};

/// Changes of the means within one cut that are kept, at most.
const MEANS_MAX: usize = 256;

/// Follows the log beside the pool and runs the solver for each proposal that it can.
#[derive(Debug, Default)]
pub(super) struct Resolve {
    /// The newest cut.
    open: Option<OpenCut>,
    /// The proposal before, whose prices the next search may begin with.
    previous: Option<Proposal>,
    pub(super) resolved: Resolved,
}

/// What comes of running the solver of a proposal again.
enum Again {
    Proposes(Box<Proposal>),
    /// Another version, or one that began with something that is not known here.
    Unknown,
    /// No solver can have seen what the proposal says that its own saw.
    Impossible,
}

/// A cut as it stood after every record while it was open: a solver that came to it later, as after
/// a restart, saw it with what had been paid in by then. Its payments stay the same.
#[derive(Debug)]
struct OpenCut {
    /// As of the record that made it.
    made: Candidates,
    /// The means since, each with the first position as of which they held.
    later: Vec<(u64, Vec<CutAccount>, Vec<LimitRow>)>,
    /// The last position as of which it was open and is known.
    until: u64,
    /// Whether it was open, with means that are not kept, after that.
    lost: bool,
}

impl OpenCut {
    fn new(made: Candidates) -> Self {
        Self { until: made.as_of, made, later: Vec::new(), lost: false }
    }

    /// Takes note that it is still open as of `position`; with these means, if they may be others.
    fn follow(&mut self, position: u64, now: Option<Candidates>) {
        if let Some(now) = now {
            let last = self.later.last().map(|(_, accounts, limits)| (accounts, limits));
            let (accounts, limits) = last.unwrap_or((&self.made.accounts, &self.made.limits));
            if (accounts, limits) != (&now.accounts, &now.limits) {
                self.lost |= self.later.len() == MEANS_MAX;
                if !self.lost {
                    self.later.push((position, now.accounts, now.limits));
                }
            }
        }
        if !self.lost {
            self.until = position;
        }
    }

    /// The cut as a solver saw it then, if it was open and is known.
    fn as_of(&self, position: u64) -> Option<Candidates> {
        if !(self.made.as_of..=self.until).contains(&position) {
            return None;
        }
        let mut candidates = Candidates { as_of: position, ..self.made.clone() };
        let later = self.later.iter().rev().find(|(from, ..)| *from <= position);
        if let Some((_, accounts, limits)) = later {
            candidates.accounts.clone_from(accounts);
            candidates.limits.clone_from(limits);
        }
        Some(candidates)
    }
}

impl Resolve {
    /// Looks at a record that is about to be applied.
    ///
    /// # Errors
    /// A proposal is not what its solver proposes, or says that it saw what nobody can have seen.
    pub(super) fn check(&mut self, position: u64, record: &Bytes) -> Result<(), Bad> {
        let read = Record::read(record).map_err(|error| Bad::record(position, error))?;
        let RecordBody::Settle(settle) = read.body else { return Ok(()) };
        let proposal = settle.proposal();
        if proposal.solver != 0 {
            let Proposal { cycle, solver, as_of, .. } = proposal;
            let bad = |why| Err(Bad::record(position, format!("cycle {cycle}: {why}")));
            match self.again(&proposal) {
                Again::Proposes(again) if *again == proposal => self.resolved.same += 1,
                Again::Proposes(_) => {
                    return bad(format!("solver {solver} proposes something else"));
                }
                Again::Impossible => {
                    return bad(format!("the cut was not open as of position {as_of}"));
                }
                Again::Unknown => self.resolved.unknown += 1,
            }
        }
        self.previous = Some(proposal);
        Ok(())
    }

    /// Runs this build's solver, if a proposal is of that, on the cut as of what the proposal says,
    /// from the proposal before.
    fn again(&self, proposal: &Proposal) -> Again {
        let cut = self.open.as_ref().filter(|cut| cut.made.cut.cycle == proposal.cycle);
        let previous = self.previous.as_ref().filter(|previous| previous.cycle == proposal.warm);
        let known =
            proposal.solver == solver::VERSION && (proposal.warm == 0 || previous.is_some());
        let Some(cut) = cut.filter(|_| known) else { return Again::Unknown };
        match cut.as_of(proposal.as_of) {
            Some(candidates) => {
                let previous = previous.filter(|_| proposal.warm != 0);
                Again::Proposes(Box::new(solver::propose(&candidates, previous)))
            }
            None if cut.lost => Again::Unknown,
            None => Again::Impossible,
        }
    }

    /// Looks at the pool after a record: whether that made a cut, or left one open. `orders` says
    /// that the record was one of orders: while a cut is open, they change no means.
    pub(super) fn follow(&mut self, pool: &Pool, orders: bool) {
        let Some(cycle) = pool.cut_waiting() else { return };
        match self.open.as_mut().filter(|cut| cut.made.cut.cycle == cycle) {
            None => self.open = pool.candidates().map(OpenCut::new),
            Some(cut) => {
                let now = if orders { None } else { pool.candidates() };
                cut.follow(pool.next_position(), now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clearing::{Candidate, CutAccount, Place, pack_settle};
    use ledger::AccountId;

    use super::*;

    /// Three banks that owe each other 9, 9 and 8, the first with 1.
    fn ring() -> Candidates {
        let pays = |index: u32, minor| Candidate {
            place: Place(100 + u64::from(index)),
            debit: AccountId(index),
            credit: AccountId((index + 1) % 3),
            minor,
            class: 2,
            age: 0,
            group: None,
            floor: false,
        };
        let account = |member: u32| CutAccount {
            member: Some(member),
            currency: 0,
            liquidity: u128::from(member == 0),
        };
        Candidates {
            cut: clearing::Cut { cycle: 4, floor_at_ms: 9 },
            as_of: 31,
            payments: vec![pays(0, 9), pays(1, 9), pays(2, 8)],
            accounts: (0..3).map(account).collect(),
            limits: Vec::new(),
            broken_groups: Vec::new(),
            weights: clearing::Weights { class: [8, 4, 2, 1], currency: vec![1] },
            solver_steps: 10,
        }
    }

    fn resolve(proposal: &Proposal) -> (Result<(), Bad>, Resolve) {
        let mut resolve = Resolve { open: Some(OpenCut::new(ring())), ..Resolve::default() };
        let record = Bytes::from(pack_settle((1, 5), proposal));
        (resolve.check(32, &record), resolve)
    }

    #[test]
    fn a_proposal_is_found_again_or_it_is_named() {
        let proposal = solver::propose(&ring(), None);
        assert_eq!(proposal.places.len(), 3, "the ring settles at once");
        let (held, resolving) = resolve(&proposal);
        held.unwrap();
        assert_eq!((resolving.resolved.same, resolving.resolved.unknown), (1, 0));
        let mut fewer = proposal.clone();
        fewer.places.clear();
        let mut dearer = proposal;
        dearer.prices.accounts[1] += 1;
        for wrong in [fewer, dearer] {
            let bad = resolve(&wrong).0.unwrap_err();
            assert_eq!(bad.position, Some(32));
            assert!(bad.error.starts_with("cycle 4: "), "{bad}");
        }
    }

    #[test]
    fn a_solver_that_came_later_is_found_by_what_it_saw() {
        // After the cut at 31 a record that changed nothing, then a pay-in to the second.
        let mut cut = OpenCut::new(ring());
        let mut richer = Candidates { as_of: 33, ..ring() };
        richer.accounts[1].liquidity = 4;
        cut.follow(32, Some(ring()));
        cut.follow(33, Some(richer.clone()));
        assert_eq!(cut.as_of(31), Some(ring()));
        assert_eq!(cut.as_of(32), Some(Candidates { as_of: 32, ..ring() }));
        assert_eq!(cut.as_of(33), Some(richer));
        assert_eq!((cut.as_of(30), cut.as_of(34)), (None, None));

        for minor in 5..400 {
            let mut other = ring();
            other.accounts[1].liquidity = minor;
            cut.follow(29 + minor as u64, Some(other));
        }
        assert!(cut.lost && cut.later.len() == MEANS_MAX, "no more is kept");
    }

    #[test]
    fn what_nobody_can_have_seen_is_named() {
        let proposal = solver::propose(&ring(), None);
        for as_of in [30, 32] {
            let bad = resolve(&Proposal { as_of, ..proposal.clone() }).0.unwrap_err();
            assert!(bad.error.starts_with("cycle 4: the cut was not open"), "{bad}");
        }
    }

    #[test]
    fn what_another_version_or_another_start_gave_is_counted_apart() {
        let proposal = solver::propose(&ring(), None);
        for other in [
            Proposal { solver: solver::VERSION + 1, ..proposal.clone() },
            Proposal { warm: 3, ..proposal.clone() },
        ] {
            let (held, resolve) = resolve(&other);
            held.unwrap();
            assert_eq!((resolve.resolved.same, resolve.resolved.unknown), (0, 1));
        }
        let (held, resolve) = resolve(&Proposal { solver: 0, ..proposal });
        held.unwrap();
        assert_eq!((resolve.resolved.same, resolve.resolved.unknown), (0, 0));
    }
}
