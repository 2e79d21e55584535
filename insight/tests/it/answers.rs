use channel::NettingMode;
use clearing::{Lever, Preview, Tightest};
use insight::{
    Aftermath, Choose, Diagnosis, Effect, Obstacle, Options, diagnose, diagnose_proposed, inflows,
    obstacles, remedy, totals, unlock, what_if,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::world::{BANKS, World, choose, index};

const OPTIONS: Options = Options { max: 10, trials_max: 200 };

fn after(preview: &Preview) -> Aftermath<'_> {
    Aftermath::new(preview, preview.floor())
}

#[test]
fn a_stuck_chain_is_freed_where_the_money_is_missing() {
    let mut world = World::new();
    // 0 owes 1, which owes 2, which owes 3; nobody has anything.
    for (from, minor) in [(0, 1_000), (1, 1_000), (2, 1_000)] {
        world.pay(from, from + 1, minor);
    }
    let preview = world.preview();
    let found = unlock(&preview, OPTIONS, &Preview::floor, &|_, _| 1, &|_| true);
    let first = &found.alone[0];
    assert_eq!(first.levers, [Lever::Fund { account: world.account(0), minor: 1_000 }]);
    assert_eq!((first.cost, first.gain, first.effect.freed.len()), (1_000, 3_000, 3));
    assert_eq!(found.alone.len(), 3, "and each of the others frees what is behind it");
    assert_eq!(found.everything.as_ref().map(|all| &all.levers), Some(&first.levers));
    assert!(found.complete);
    let total = totals(&preview, preview.payments())[0];
    assert_eq!((total.count, total.minor), (3, 3_000));
}

#[test]
fn a_gridlock_is_freed_by_what_it_lacks_and_no_more() {
    let mut world = World::new();
    // In a circle: 0 pays 100 and is paid 90. The rest comes back.
    let large = world.pay(0, 1, 100);
    world.pay(1, 2, 90);
    world.pay(2, 0, 90);
    let preview = world.preview();
    let stuck = after(&preview);
    let found = obstacles(&stuck, index(&preview, large));
    let account = world.account(0);
    assert_eq!(found, [Obstacle::Short { account, by: 100, bound: Tightest::Money }]);
    assert_eq!(
        remedy(&preview, index(&preview, large), &found),
        [Lever::Fund { account, minor: 10 }]
    );
    let owed = inflows(&stuck, account, 5);
    assert_eq!((owed[0].debit, owed[0].minor), (world.account(2), 90));
    let effect = what_if(&preview, &[Lever::Fund { account, minor: 10 }], &Preview::floor);
    assert_eq!((effect.freed.len(), effect.held.len()), (3, 0));
    let effect = what_if(&preview, &[Lever::Fund { account, minor: 9 }], &Preview::floor);
    assert_eq!(Effect::places(&preview, &effect.freed), []);
}

#[test]
fn limits_are_named_and_raised_where_they_bind() {
    let mut world = World::new();
    world.fund(0, 1_000);
    world.fund(1, 1_000);
    world.limit(0, 2, 50);
    world.cap(1, 30);
    let [pair, capped] = [world.pay(0, 2, 80), world.pay(1, 2, 70)];
    let preview = world.preview();
    let found = |place| obstacles(&after(&preview), index(&preview, place));
    let (debit, credit) = (world.account(0), world.account(2));
    assert_eq!(found(pair), [Obstacle::Pair { debit, credit, by: 30 }]);
    let account = world.account(1);
    assert_eq!(found(capped), [Obstacle::Short { account, by: 40, bound: Tightest::Cap }]);
    assert_eq!(
        remedy(&preview, index(&preview, pair), &found(pair)),
        [Lever::Bilateral { debit, credit, limit: Some(80) }]
    );
    let levers = remedy(&preview, index(&preview, capped), &found(capped));
    assert_eq!(levers, [Lever::Cap { account, cap: Some(70) }]);
    let unlocks = unlock(&preview, OPTIONS, &Preview::floor, &|_, _| 1, &|_| true);
    assert_eq!(unlocks.alone[0].levers, [Lever::Cap { account, cap: Some(70) }]);
    assert_eq!(unlocks.alone[0].cost, 0);
}

#[test]
fn a_member_of_a_group_waits_for_the_others_money() {
    let mut world = World::new();
    world.fund(0, 500);
    let places = world.group(&[(0, 1, 500), (2, 3, 70)]);
    let preview = world.preview();
    let found = obstacles(&after(&preview), index(&preview, places[0]));
    let account = world.account(2);
    assert_eq!(found, [Obstacle::Short { account, by: 70, bound: Tightest::Money }]);
}

#[test]
fn where_a_solver_proposes_a_payment_lacks_its_own_part_only() {
    let mut world = World::ruled(NettingMode::FifoFloor);
    let [_, _, last] = [(1, 30_000), (2, 5_000), (2, 6_000)].map(|(to, by)| world.pay(0, to, by));
    let preview = world.preview();
    let (at, account) = (index(&preview, last), world.account(0));
    let lacks = |by: u64| Diagnosis {
        obstacles: vec![Obstacle::Short { account, by: by.into(), bound: Tightest::Money }],
        remedy: vec![Lever::Fund { account, minor: by }],
    };
    let found = diagnose_proposed(&Aftermath::new(&preview, choose(&preview)), at, &choose, 100);
    assert_eq!(found, lacks(6_000));
    assert_eq!(diagnose(&preview, at), lacks(41_000), "in order all before it comes first");
}

#[test]
fn where_only_what_stands_before_a_payment_frees_it_that_is_said() {
    // A solver that settles nothing but the FIFO maximum.
    let mut world = World::ruled(NettingMode::FifoFloor);
    let [_, last] = [(1, 100), (2, 10)].map(|(to, by)| world.pay(0, to, by));
    let preview = world.preview();
    let at = index(&preview, last);
    let found = diagnose_proposed(&after(&preview), at, &Preview::floor, 100);
    assert_eq!(found, diagnose(&preview, at));
    assert_eq!(found.remedy, [Lever::Fund { account: world.account(0), minor: 110 }]);
}

/// Random days: payments, money, limits, groups of two.
fn worlds(netting: NettingMode) -> impl Strategy<Value = World> {
    let pay = (0..BANKS, 0..BANKS - 1, 1_u64..50);
    let pays = prop::collection::vec((pay.clone(), prop::option::weighted(0.2, pay)), 1..25);
    let funds = prop::collection::vec(0_u64..60, BANKS as usize);
    let limits = prop::collection::vec((0..BANKS, 0..BANKS - 1, 1_u64..60), 0..3);
    let caps = prop::collection::vec((0..BANKS, 1_u64..60), 0..2);
    (pays, funds, limits, caps).prop_map(move |(pays, funds, limits, caps)| {
        let other = |index: u32, pick: u32| if pick >= index { pick + 1 } else { pick };
        let mut world = World::ruled(netting);
        for (index, minor) in (0..).zip(funds).filter(|(_, minor)| *minor > 0) {
            world.fund(index, minor);
        }
        for (index, pick, minor) in limits {
            world.limit(index, other(index, pick), minor);
        }
        caps.into_iter().for_each(|(index, minor)| world.cap(index, minor));
        for ((from, pick, minor), linked) in pays {
            let first = (from, other(from, pick), minor);
            match linked {
                None => _ = world.pay(first.0, first.1, first.2),
                Some((from, pick, minor)) => {
                    world.group(&[first, (from, other(from, pick), minor)]);
                }
            }
        }
        world
    })
}

/// The same levers, each of them a unit less.
fn less(levers: &[Lever]) -> Vec<Vec<Lever>> {
    let lower = |at: usize| {
        let mut levers = levers.to_vec();
        match &mut levers[at] {
            Lever::Fund { minor, .. } | Lever::CreditLine { minor, .. } => *minor -= 1,
            Lever::Multilateral { limit, .. } | Lever::Bilateral { limit, .. } => {
                *limit = limit.map(|limit| limit - 1);
            }
            Lever::Cap { cap, .. } => *cap = cap.map(|cap| cap - 1),
        }
        levers
    };
    (0..levers.len()).map(lower).collect()
}

/// Done, it settles; a unit less of anything, and it does not.
fn frees(
    preview: &Preview,
    at: usize,
    levers: &[Lever],
    choose: Choose<'_>,
) -> Result<(), TestCaseError> {
    prop_assert!(choose(&preview.with(levers))[at], "{:?}", levers);
    for levers in less(levers) {
        prop_assert!(!choose(&preview.with(&levers))[at], "{:?}", levers);
    }
    Ok(())
}

fn money(levers: &[Lever]) -> u64 {
    let money = levers.iter().map(|lever| match lever {
        Lever::Fund { minor, .. } => *minor,
        _ => 0,
    });
    money.sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_remedy_frees_what_it_is_for(world in worlds(NettingMode::StrictFifo)) {
        let preview = world.preview();
        let stuck = after(&preview);
        for at in 0..preview.payments().len() {
            let found = diagnose(&preview, at);
            let settles = stuck.settles(at);
            prop_assert_eq!(found.obstacles.is_empty(), settles, "what settles has no obstacle");
            frees(&preview, at, &found.remedy, &Preview::floor)?;
        }
    }

    #[test]
    fn what_is_said_to_unlock_does_and_a_little_less_does_not(world in worlds(NettingMode::StrictFifo)) {
        let preview = world.preview();
        let found = unlock(&preview, OPTIONS, &Preview::floor, &|_, _| 1, &|_| true);
        for one in found.alone.iter().chain(&found.everything) {
            let effect = what_if(&preview, &one.levers, &Preview::floor);
            prop_assert_eq!(&effect, &one.effect);
            prop_assert!(!effect.freed.is_empty() && effect.held.is_empty());
        }
        for one in &found.alone {
            let [Lever::Fund { account, minor }] = one.levers[..] else { continue };
            let less = Lever::Fund { account, minor: minor - 1 };
            let effect = what_if(&preview, &[less], &Preview::floor);
            prop_assert!(effect.freed.len() < one.effect.freed.len());
        }
        let settled = preview.floor().into_iter().filter(|settles| *settles).count();
        prop_assert_eq!(found.everything.is_none(), settled == preview.payments().len());
    }
}

proptest! {
    // Each of them asks the solver some thousand times.
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_remedy_frees_what_it_is_for_where_a_solver_proposes(
        world in worlds(NettingMode::FifoFloor)
    ) {
        let preview = world.preview();
        let stuck = Aftermath::new(&preview, choose(&preview));
        for at in 0..preview.payments().len() {
            let found = diagnose_proposed(&stuck, at, &choose, 1_000);
            prop_assert!(stuck.settles(at) || !found.obstacles.is_empty());
            frees(&preview, at, &found.remedy, &choose)?;
            let in_order = diagnose(&preview, at).remedy;
            prop_assert!(money(&found.remedy) <= money(&in_order), "{:?} {:?}", found, in_order);
        }
    }
}
