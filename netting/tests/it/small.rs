use netting::{
    Instance, InstanceError, Limit, Mode, Options, Payment, Solution, Violation, bound, check,
    fifo, solve,
};
use proptest::prelude::*;

use crate::brute::{feasible, keeps_queues};
use crate::cases::instance;

fn run(instance: &Instance, mode: Mode, steps: u64) -> Solution {
    solve(instance, Options { mode, steps: Some(steps), ..Options::default() }).unwrap()
}

fn rows(set: &[bool]) -> Vec<usize> {
    (0..set.len()).filter(|&row| set[row]).collect()
}

fn pay(seq: u64, debtor: u32, creditor: u32, amount: u64) -> Payment {
    Payment { seq, debtor, creditor, currency: 0, class: 0, amount, group: None }
}

fn one_currency(liquidity: &[i64], payments: Vec<Payment>) -> Instance {
    Instance {
        participants: u32::try_from(liquidity.len()).unwrap(),
        currency_weights: vec![1],
        class_weights: vec![1],
        liquidity: liquidity.to_vec(),
        payments,
        limits: Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn bound_above_optimum_above_value_above_floor(instance in instance(10)) {
        let sets = feasible(&instance);
        let floor = rows(&fifo(&instance));
        let floor_value = check(&instance, &floor).unwrap();
        let above: Vec<_> = sets.iter().filter(|set| floor.iter().all(|row| set.0.contains(row))).collect();
        for (mode, best) in [
            (Mode::Free, sets.iter().map(|set| set.1).max()),
            (Mode::Floor, above.iter().map(|set| set.1).max()),
            (Mode::Fifo, Some(floor_value)),
        ] {
            let found = run(&instance, mode, 50);
            let best = best.unwrap();
            prop_assert!(found.upper_bound >= best, "{mode:?}: {} < {best}", found.upper_bound);
            prop_assert!(best >= found.value && found.value >= floor_value);
            prop_assert_eq!(check(&instance, &found.settled), Ok(found.value));
            prop_assert_eq!(found.value_by_class.iter().sum::<u128>(), found.value);
            prop_assert_eq!(found.fifo_value, floor_value);
            if mode != Mode::Free {
                prop_assert!(floor.iter().all(|row| found.settled.contains(row)));
            }
        }
    }

    #[test]
    fn any_prices_give_a_bound(instance in instance(9), prices in proptest::collection::vec(any::<u64>(), 12), shift in 0..64_u32) {
        let best = feasible(&instance).iter().map(|set| set.1).max().unwrap();
        let prices: Vec<u64> = prices.iter().map(|price| price >> shift).collect();
        let none = vec![false; instance.payments.len()];
        prop_assert!(bound(&instance, &none, &prices) >= best);
    }

    #[test]
    fn fifo_is_the_union_of_all_prefix_families(instance in instance(11)) {
        let mut union = vec![false; instance.payments.len()];
        for (set, _) in feasible(&instance).iter().filter(|set| keeps_queues(&instance, &set.0)) {
            for &row in set {
                union[row] = true;
            }
        }
        prop_assert_eq!(fifo(&instance), union);
    }

    #[test]
    fn order_of_rows_does_not_matter(instance in instance(24), seed in any::<u64>()) {
        let mut order: Vec<usize> = (0..instance.payments.len()).collect();
        order.sort_by_key(|&row| (row as u64 + 1).wrapping_mul(seed | 1).rotate_left(17));
        let mut shuffled = instance.clone();
        shuffled.payments = order.iter().map(|&row| instance.payments[row]).collect();
        for mode in [Mode::Fifo, Mode::Floor, Mode::Free] {
            let (one, other) = (run(&instance, mode, 50), run(&shuffled, mode, 50));
            let mut settled: Vec<usize> = other.settled.iter().map(|&row| order[row]).collect();
            settled.sort_unstable();
            prop_assert_eq!(&settled, &one.settled);
            prop_assert_eq!((&one.prices, one.upper_bound), (&other.prices, other.upper_bound));
        }
    }

    /// However small the budget: if anything fits beside the floor, more than the floor settles.
    #[test]
    fn no_budget_ends_at_the_floor(instance in instance(60), steps in 0..20_u64) {
        let floor = rows(&fifo(&instance));
        let mut others = (0..instance.payments.len()).filter(|row| !floor.contains(row));
        let fits = others.any(|row| {
            let mut more = [&floor[..], &[row]].concat();
            more.sort_unstable();
            instance.payments[row].group.is_none() && check(&instance, &more).is_ok()
        });
        let found = run(&instance, Mode::Floor, steps);
        prop_assert!(!fits || found.value > found.fifo_value);
        let free = run(&instance, Mode::Free, steps);
        prop_assert!(free.value >= free.fifo_value);
    }

    #[test]
    fn the_same_budget_gives_the_same(instance in instance(60), steps in 0..300_u64) {
        prop_assert_eq!(run(&instance, Mode::Floor, steps), run(&instance, Mode::Floor, steps));
    }
}

#[test]
fn a_ring_without_money_settles_whole() {
    let ring = one_currency(&[0, 0, 0], vec![pay(0, 0, 1, 9), pay(1, 1, 2, 9), pay(2, 2, 0, 9)]);
    assert_eq!(rows(&fifo(&ring)), [0, 1, 2]);
    let found = run(&ring, Mode::Free, 10);
    assert_eq!((found.value, found.upper_bound), (27, 27));
}

#[test]
fn nothing_to_settle_ends() {
    for payments in [Vec::new(), vec![pay(0, 0, 1, 9)]] {
        let found = run(&one_currency(&[0, 0], payments), Mode::Free, 1_000);
        assert_eq!((found.settled.len(), found.upper_bound), (0, 0));
    }
}

#[test]
fn a_large_head_blocks_its_queue_and_no_other_set() {
    let stuck = one_currency(&[5, 0], vec![pay(0, 0, 1, 9), pay(1, 0, 1, 5)]);
    assert_eq!(rows(&fifo(&stuck)), [] as [usize; 0]);
    assert_eq!(run(&stuck, Mode::Floor, 10).settled, [1]);
}

#[test]
fn a_bilateral_limit_cuts_the_queue_before_the_payment() {
    let payments = vec![pay(0, 0, 1, 4), pay(1, 0, 2, 4), pay(2, 0, 1, 4), pay(3, 0, 2, 4)];
    let mut limited = one_currency(&[20, 0, 0], payments);
    limited.limits.push(Limit { debtor: 0, creditor: Some(1), currency: 0, minor: 5 });
    assert_eq!(rows(&fifo(&limited)), [0, 1]);
    assert_eq!(run(&limited, Mode::Floor, 10).settled, [0, 1, 3]);
    assert_eq!(check(&limited, &[0, 2]), Err(Violation::Limit(0)));
}

#[test]
fn check_says_what_is_wrong() {
    let mut instance = one_currency(&[5, 0], vec![pay(0, 0, 1, 5), pay(1, 1, 0, 1)]);
    assert_eq!(check(&instance, &[1]), Err(Violation::Overdrawn(1)));
    assert_eq!(check(&instance, &[0, 0]), Err(Violation::Row(0)));
    assert_eq!(check(&instance, &[2]), Err(Violation::Row(2)));
    for group in [3, u32::MAX] {
        instance.payments[0].group = Some(group);
        instance.payments[1].group = Some(group);
        assert_eq!(check(&instance, &[0]), Err(Violation::Split(group)));
        assert_eq!(check(&instance, &[1, 0]), Ok(6));
    }
}

#[test]
fn nonsense_is_refused() {
    let sound = one_currency(&[5, 0], vec![pay(0, 0, 1, 5), pay(1, 1, 0, 1)]);
    let broken = |change: fn(&mut Instance)| {
        let mut instance = sound.clone();
        change(&mut instance);
        solve(&instance, Options::default()).unwrap_err()
    };
    assert_eq!(broken(|it| it.payments[1].seq = 0), InstanceError::Sequence);
    assert_eq!(broken(|it| it.payments[1].amount = 0), InstanceError::Amount);
    assert_eq!(broken(|it| it.payments[1].creditor = 2), InstanceError::Index);
    assert_eq!(broken(|it| it.payments[1].class = 1), InstanceError::Index);
    assert_eq!(broken(|it| it.class_weights[0] = 0), InstanceError::Weight);
    assert_eq!(broken(|it| it.liquidity.push(0)), InstanceError::Liquidity);
}

#[test]
fn sums_beyond_64_bits_leave_the_floor_and_a_bound() {
    let most = netting::MINOR_MAX;
    let payments = (0..8).map(|seq| pay(seq, (seq % 2) as u32, 1 - (seq % 2) as u32, most));
    let huge = one_currency(&[0, 0], payments.collect());
    let found = run(&huge, Mode::Free, 10);
    assert_eq!(found.value, 8 * u128::from(most));
    assert_eq!(found.upper_bound, found.value);
}
