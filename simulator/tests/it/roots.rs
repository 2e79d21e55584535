//! Under the same rules, the same roots.

use channel::NettingMode;
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

        // Without the log's ticks and settlements: the simulator makes its own, and where the rules
        // are the same they are the same.
        let own = log.simulate(Plan { ticks: Ticks::Due, ..Plan::default() }).unwrap();
        prop_assert_eq!(own.would.batch_hash, last.hash);
        prop_assert_eq!(&own.would, &own.was);

        // Nothing is lost, whatever the rules.
        let rules = RuleChanges { cycle_ms: Some(400), ..RuleChanges::default() };
        let other = log.simulate(Plan { ticks: Ticks::Due, rules, ..Plan::default() }).unwrap();
        for day in [&other.was, &other.would] {
            let count: u64 = day.currencies.iter().map(|it| it.settled_count + it.left_count + it.queued_count).sum();
            prop_assert_eq!(count, day.accepted);
            prop_assert_eq!(day.accepted, payments.len() as u64);
        }
        prop_assert_eq!(&other, &log.simulate(Plan {
            ticks: Ticks::Due,
            rules: RuleChanges { cycle_ms: Some(400), ..RuleChanges::default() },
            ..Plan::default()
        }).unwrap());
    }
}
