use clearing::{Lever, Preview, Tightest};
use insight::{
    Aftermath, Effect, Obstacle, Options, inflows, obstacles, remedy, totals, unlock, what_if,
};
use proptest::prelude::*;

use crate::world::{BANKS, World, index};

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

/// Random days: payments, money, limits, groups of two.
fn worlds() -> impl Strategy<Value = World> {
    let pay = (0..BANKS, 0..BANKS - 1, 1_u64..50);
    let pays = prop::collection::vec((pay.clone(), prop::option::weighted(0.2, pay)), 1..25);
    let funds = prop::collection::vec(0_u64..60, BANKS as usize);
    let limits = prop::collection::vec((0..BANKS, 0..BANKS - 1, 1_u64..60), 0..3);
    let caps = prop::collection::vec((0..BANKS, 1_u64..60), 0..2);
    (pays, funds, limits, caps).prop_map(|(pays, funds, limits, caps)| {
        let other = |index: u32, pick: u32| if pick >= index { pick + 1 } else { pick };
        let mut world = World::new();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_remedy_frees_what_it_is_for(world in worlds()) {
        let preview = world.preview();
        let stuck = after(&preview);
        for at in 0..preview.payments().len() {
            let found = obstacles(&stuck, at);
            prop_assert_eq!(found.is_empty(), stuck.settles(at), "what settles has no obstacle");
            let levers = remedy(&preview, at, &found);
            prop_assert!(preview.with(&levers).floor()[at], "{:?}", levers);
            // A little less of any money does not.
            for less in 0..levers.len() {
                let mut levers = levers.clone();
                let Lever::Fund { minor, .. } = &mut levers[less] else { continue };
                *minor -= 1;
                prop_assert!(!preview.with(&levers).floor()[at], "{:?}", levers);
            }
        }
    }

    #[test]
    fn what_is_said_to_unlock_does_and_a_little_less_does_not(world in worlds()) {
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
