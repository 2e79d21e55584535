use std::sync::mpsc::{Receiver, Sender, channel};

use bus::{Log, Position};
use channel::{NettingMode, RuleBook};
use clearing::{Candidates, Place, Proposal, Record, RecordBody, Reject, pack_tick};
use settler::{Floor, Proposer, Solver};
use tempfile::tempdir;

use crate::world::{ALBION, START_MS, World, scripted, until};

fn waits_for_proposals(rules: &mut RuleBook) {
    (rules.netting, rules.proposal_timeout_ms) = (NettingMode::FifoFloor, 60_000);
}

/// A pool whose only queue has a head that is too large, and a payment behind it that fits.
fn blocked(proposer: impl Proposer) -> (tempfile::TempDir, World) {
    let dir = tempdir().unwrap();
    let world = World::open(dir.path(), scripted(), Box::new(proposer), u64::MAX);
    world.begin(waits_for_proposals);
    world.log(world.orders(ALBION, 2_000_000, 1));
    world.log(world.orders(ALBION, 500, 1));
    until(|| world.queued() == 2);
    (dir, world)
}

fn proposal(candidates: &Candidates, places: Vec<Place>) -> Proposal {
    Proposal { cycle: candidates.cut.cycle, places, ..Proposal::default() }
}

/// The cut's time is up: what comes of it.
fn time_up(world: &World, cut_at_ms: u64) {
    world.log(pack_tick((1, cut_at_ms + 60_000), 0));
}

/// What a proposal settled after the cut was made, and that nothing waits but the head.
fn settles_past_the_head(world: &World) {
    let cut = world.cycle();
    assert!(cut.cut.is_some());
    settles(world, cut.position);
}

/// What a proposal settled for the cut at a position, and that nothing waits but the head.
fn settles(world: &World, cut: u64) {
    let settled = world.outcome(cut + 1);
    assert_eq!((settled.reject, settled.sealed.as_ref().unwrap().payments), (None, 1));
    until(|| world.queued() == 1);
}

#[test]
fn the_solver_settles_past_a_blocked_head() {
    let (_dir, world) = blocked(Solver::default());
    settles_past_the_head(&world);
    world.log(world.orders(ALBION, 700, 1));
    settles_past_the_head(&world);
    world.close();
}

/// Has a bug, once.
struct Panics(Option<Solver>);

impl Proposer for Panics {
    fn propose(&mut self, candidates: &Candidates) -> Proposal {
        match &mut self.0 {
            Some(solver) => solver.propose(candidates),
            none => {
                *none = Some(Solver::default());
                panic!("a solver with a bug");
            }
        }
    }
}

#[test]
fn a_solver_that_panics_costs_only_its_gain() {
    let (_dir, world) = blocked(Panics(None));
    assert!(world.cycle().cut.is_some());
    time_up(&world, START_MS);
    assert_eq!(world.queued(), 2, "the floor settled: nothing");
    settles_past_the_head(&world);
    world.close();
}

/// Answers only when it is told to.
struct Slow(Receiver<()>, Solver);

impl Proposer for Slow {
    fn propose(&mut self, candidates: &Candidates) -> Proposal {
        self.0.recv().unwrap();
        self.1.propose(candidates)
    }
}

#[test]
fn a_solver_that_is_slow_costs_only_its_gain() {
    let (go, told): (Sender<()>, _) = channel();
    let (_dir, world) = blocked(Slow(told, Solver::default()));
    assert!(world.cycle().cut.is_some());
    time_up(&world, START_MS);
    assert_eq!(world.queued(), 2, "the floor settled: nothing");
    let late = world.log.end().0;
    go.send(()).unwrap();
    assert_eq!(world.outcome(late).reject, Some(Reject::UnknownCut));
    go.send(()).unwrap();
    settles_past_the_head(&world);
    world.close();
}

/// Settles everything, covered or not, then places that do not exist.
struct Liar(u64);

impl Proposer for Liar {
    fn propose(&mut self, candidates: &Candidates) -> Proposal {
        self.0 += 1;
        let all = candidates.payments.iter().map(|it| it.place);
        match self.0 {
            1 => proposal(candidates, all.collect()),
            2 => proposal(candidates, vec![Place(u64::MAX), Place(3)]),
            _ => Solver::default().propose(candidates),
        }
    }
}

#[test]
fn a_solver_that_answers_nonsense_costs_only_its_gain() {
    let (_dir, world) = blocked(Liar(0));
    for turn in 0..2 {
        let cut = world.cycle();
        let refused = world.outcome(cut.position + 1);
        assert_eq!(refused.reject, Some(Reject::ProposalInfeasible));
        assert_eq!(world.queued(), 2);
        time_up(&world, START_MS + 60_000 * turn);
    }
    assert_eq!(world.queued(), 2, "the floor settled: nothing");
    settles_past_the_head(&world);
    world.close();
}

#[test]
fn the_floor_is_proposed_at_once() {
    let (_dir, world) = blocked(Floor);
    let cut = world.cycle();
    let settled = world.outcome(cut.position + 1);
    assert_eq!((settled.reject, &settled.sealed), (None, &None));
    assert!(world.cycle().cut.is_some(), "the cut before is resolved");
    world.close();
}

/// Never answers: its node ends before it can.
struct Silent;

impl Proposer for Silent {
    fn propose(&mut self, _: &Candidates) -> Proposal {
        panic!("the node ends here");
    }
}

/// The proposal at a position.
fn logged(world: &World, position: u64) -> Proposal {
    let records = world.log.read(Position(position), 1).unwrap();
    match Record::read(&records[0]).unwrap().body {
        RecordBody::Settle(settle) => settle.proposal(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cut_that_was_open_at_the_end_is_proposed_for_after_the_start() {
    let dir = tempdir().unwrap();
    let open = |proposer| World::open(dir.path(), scripted(), proposer, u64::MAX);
    let world = open(Box::<Solver>::default());
    world.begin(waits_for_proposals);
    world.log(world.orders(ALBION, 2_000_000, 1));
    world.log(world.orders(ALBION, 500, 1));
    let first = world.cycle();
    settles(&world, first.position);
    world.close();

    let world = open(Box::new(Silent));
    world.log(world.orders(ALBION, 700, 1));
    let cut = world.cycle();
    assert!(cut.cut.is_some());
    world.close();

    let world = open(Box::<Solver>::default());
    until(|| world.log.end().0 > cut.position + 1);
    until(|| world.queued() == 1);
    // It began with the prices of the proposal before, as if nothing had happened in between.
    let (before, after) = (logged(&world, first.position + 1), logged(&world, cut.position + 1));
    assert_eq!(before.warm, 0);
    assert_eq!(after.warm, before.cycle);
    assert_eq!(world.pool.view().open_cut, None);
    world.close();
}
