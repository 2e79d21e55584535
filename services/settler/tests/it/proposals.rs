use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use channel::{NettingMode, RuleBook};
use clearing::{Candidates, Place, Reject, pack_tick};
use settler::{Floor, Proposer};
use tempfile::tempdir;

use crate::world::{ALBION, START_MS, World, scripted, until};

const SIGABRT: i32 = 6;

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

/// Settles what fits, whatever stands before it.
struct Bypass;

impl Proposer for Bypass {
    fn propose(&mut self, candidates: &Candidates) -> Vec<Place> {
        let fits = candidates.payments.iter().filter(|it| it.minor <= 1_000_000);
        fits.map(|it| it.place).collect()
    }
}

/// Has a bug.
struct Panics;

impl Proposer for Panics {
    fn propose(&mut self, _: &Candidates) -> Vec<Place> {
        panic!("a solver with a bug");
    }
}

/// Settles everything, covered or not.
struct Liar;

impl Proposer for Liar {
    fn propose(&mut self, candidates: &Candidates) -> Vec<Place> {
        candidates.payments.iter().map(|it| it.place).collect()
    }
}

#[test]
fn a_proposal_settles_past_a_blocked_head() {
    let (_dir, world) = blocked(Bypass);
    let cut = world.cycle();
    assert!(cut.cut.is_some());
    let settled = world.outcome(cut.position + 1);
    assert_eq!((settled.reject, settled.sealed.as_ref().unwrap().payments), (None, 1));
    until(|| world.queued() == 1);
    world.close();
}

#[test]
fn a_proposal_that_does_not_hold_is_refused_and_the_floor_settles_in_time() {
    let (_dir, world) = blocked(Liar);
    let cut = world.cycle();
    let refused = world.outcome(cut.position + 1);
    assert_eq!(refused.reject, Some(Reject::ProposalInfeasible));
    world.log(pack_tick((1, START_MS + 60_000), 0));
    until(|| world.queued() == 2);
    world.close();
}

/// Set in the process of which the test below expects that it ends.
const CHILD: &str = "CAUSEWAY_TEST_PANICS";

#[test]
fn a_panic_in_a_thread_of_the_pool_ends_the_process() {
    if std::env::var_os(CHILD).is_some() {
        let (_dir, world) = blocked(Panics);
        world.cycle();
        return drop(world.close());
    }
    let dir = tempdir().unwrap();
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "proposals::a_panic_in_a_thread_of_the_pool_ends_the_process"])
        .arg("--nocapture")
        .env(CHILD, "1")
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{said}");
    assert!(said.contains("a solver with a bug"), "{said}");
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
