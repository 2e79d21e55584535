//! Under the same rules, the same roots.

use channel::{CommandBody, NettingMode};
use proptest::prelude::*;
use simulator::{Plan, RuleChanges, Ticks};

use crate::log::Log;

/// A day of payments: who pays whom how much, and how long until the next.
fn day(netting: NettingMode, payments: &[(u32, u32, u64, u64)]) -> Log {
    let mut log = Log::new(netting, 1_000, 4, 300);
    log.runs = true;
    for (from, to, minor, pause_ms) in payments {
        log.pay(*from, (from + to) % 4, *minor);
        log.wait(*pause_ms);
    }
    // A cycle at least: a day without one has no root to compare.
    log.wait(1_000);
    log
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_same_rules_reach_the_roots_of_the_log(
        payments in prop::collection::vec((0_u32..4, 1_u32..4, 1_u64..900, 0_u64..700), 1..40),
        netting in prop_oneof![Just(NettingMode::StrictFifo), Just(NettingMode::FifoFloor)],
    ) {
        let log = day(netting, &payments);
        let last = log.last.as_ref().unwrap();
        let same = log.simulate(Plan::default()).unwrap();
        prop_assert_eq!(&same.was, &same.would);
        prop_assert_eq!(same.was.batch_hash, last.hash);
        prop_assert_eq!(same.was.state_root, last.state_root);
        prop_assert_eq!(same.was.batches, last.number);

        // Nor does it matter whether a plan names what is there already.
        let rules = RuleChanges {
            cycle_ms: Some(1_000),
            netting: Some(netting),
            ..RuleChanges::default()
        };
        let named = log.simulate(Plan { rules, ..Plan::default() }).unwrap();
        prop_assert_eq!(&named.would, &same.was);

        // Without the log's ticks and settlements: the simulator makes its own, and where the rules
        // are the same they are the same.
        let own = log.simulate(Plan { ticks: Some(Ticks::Due), ..Plan::default() }).unwrap();
        prop_assert_eq!(own.would.batch_hash, last.hash);
        prop_assert_eq!(&own.would, &own.was);

        // Nothing is lost, whatever the rules.
        let rules = RuleChanges { cycle_ms: Some(400), ..RuleChanges::default() };
        let other = log.simulate(Plan { ticks: Some(Ticks::Due), rules, ..Plan::default() }).unwrap();
        for day in [&other.was, &other.would] {
            let count: u64 = day.currencies.iter().map(|it| it.settled_count + it.left_count + it.queued_count).sum();
            prop_assert_eq!(count, day.accepted);
            prop_assert_eq!(day.accepted, payments.len() as u64);
        }
        prop_assert_eq!(&other, &log.simulate(Plan {
            ticks: Some(Ticks::Due),
            rules: RuleChanges { cycle_ms: Some(400), ..RuleChanges::default() },
            ..Plan::default()
        }).unwrap());
    }
}

/// A node's solver takes its time: its proposal settles later than the cut that it answers.
#[test]
fn a_plan_that_names_the_logs_own_values_changes_nothing() {
    let mut log = Log::new(NettingMode::FifoFloor, 1_000, 3, 50);
    for (from, to, minor) in [(0, 1, 90), (0, 2, 40), (1, 0, 45)] {
        log.pay(from, to, minor);
    }
    log.command(1, CommandBody::RunCycle);
    log.wait(120);
    log.settle();
    log.wait(400);
    log.set_rules(|rules| rules.ageing_cycles = 7);
    log.pay(2, 0, 10);
    log.tick();
    log.wait(80);
    log.settle();
    log.wait(1_000);
    log.tick();
    let last = log.last.as_ref().unwrap();
    let rules = RuleChanges {
        cycle_ms: Some(1_000),
        netting: Some(NettingMode::FifoFloor),
        proposal_timeout_ms: Some(1_000),
        ..RuleChanges::default()
    };
    let named = log.simulate(Plan { rules: rules.clone(), ..Plan::default() }).unwrap();
    assert_eq!(named.would, named.was);
    assert_eq!((named.would.batch_hash, named.would.state_root), (last.hash, last.state_root));
    // What only the later rule book has otherwise makes a difference from there on.
    let rules = RuleChanges { ageing_cycles: Some(3), ..rules };
    let other = log.simulate(Plan { rules, ..Plan::default() }).unwrap();
    assert_ne!(other.would.state_root, other.was.state_root);
}
