//! Solving again: whether the solver that a proposal names gives it.

use bytes::Bytes;
use clearing::{Candidates, Pool, Proposal, Record, RecordBody};

use super::report::{Bad, Resolved};

/// Follows the log beside the pool and runs the solver for each proposal that it can.
#[derive(Debug, Default)]
pub(super) struct Resolve {
    /// What the newest cut holds, as of the record that made it.
    open: Option<Candidates>,
    /// The proposal before, whose prices the next search may begin with.
    previous: Option<Proposal>,
    pub(super) resolved: Resolved,
}

impl Resolve {
    /// Looks at a record that is about to be applied.
    ///
    /// # Errors
    /// A proposal is not what its solver proposes.
    pub(super) fn check(&mut self, position: u64, record: &Bytes) -> Result<(), Bad> {
        let read = Record::read(record).map_err(|error| Bad::record(position, error))?;
        let RecordBody::Settle(settle) = read.body else { return Ok(()) };
        let proposal = settle.proposal();
        if proposal.solver != 0 {
            match self.again(&proposal) {
                Some(again) if again == proposal => self.resolved.same += 1,
                Some(_) => {
                    let (cycle, solver) = (proposal.cycle, proposal.solver);
                    let why = format!("cycle {cycle}: solver {solver} proposes something else");
                    return Err(Bad::record(position, why));
                }
                None => self.resolved.unknown += 1,
            }
        }
        self.previous = Some(proposal);
        Ok(())
    }

    /// What this build's solver proposes; nothing if another version did, or did not begin with
    /// what is known here: the cut as it was made, and the proposal before.
    fn again(&self, proposal: &Proposal) -> Option<Proposal> {
        let candidates = self.open.as_ref()?;
        let known = proposal.solver == solver::VERSION
            && (candidates.cut.cycle, candidates.as_of) == (proposal.cycle, proposal.as_of);
        let previous = match proposal.warm {
            0 => None,
            warm => Some(self.previous.as_ref().filter(|previous| previous.cycle == warm)?),
        };
        known.then(|| solver::propose(candidates, previous))
    }

    /// Looks at the pool after a record: whether that made a cut.
    pub(super) fn follow(&mut self, pool: &Pool) {
        let held = self.open.as_ref().map(|held| held.cut.cycle);
        if pool.cut_waiting().is_some_and(|cycle| Some(cycle) != held) {
            self.open = pool.candidates();
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
        let mut resolve = Resolve { open: Some(ring()), ..Resolve::default() };
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
    fn what_another_version_or_another_start_gave_is_counted_apart() {
        let proposal = solver::propose(&ring(), None);
        for other in [
            Proposal { solver: solver::VERSION + 1, ..proposal.clone() },
            Proposal { as_of: 33, ..proposal.clone() },
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
