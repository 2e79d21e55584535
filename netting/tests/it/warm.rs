//! Prices of one solve as the start of the next.

use netting::{Instance, Mode, Options, Payment, Solution, solve};

/// A market of 40 banks in two currencies, with little money; `seed` draws the payments.
fn market(payments: u64, seed: u64) -> Instance {
    let mut state = seed;
    let mut draw = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut payment = |seq| {
        let debtor = u32::try_from(draw(40)).unwrap();
        let creditor = (debtor + 1 + u32::try_from(draw(39)).unwrap()) % 40;
        let amount = 1 + (1 << draw(12)) * draw(1_000);
        let currency = u16::try_from(draw(2)).unwrap();
        Payment { seq, debtor, creditor, currency, class: 0, amount, group: None }
    };
    Instance {
        participants: 40,
        currency_weights: vec![3, 4],
        class_weights: vec![1],
        payments: (0..payments).map(&mut payment).collect(),
        liquidity: (0..80).map(|node| if node % 4 == 0 { 0 } else { node * 4_000 }).collect(),
        limits: Vec::new(),
    }
}

fn solved(instance: &Instance, prices: &[u64]) -> Solution {
    solve(instance, Options { mode: Mode::Free, steps: Some(0), prices }).unwrap()
}

#[test]
fn the_last_cycles_prices_save_work_and_cost_no_quality() {
    let before = market(1_500, 1);
    let last = solved(&before, &[]);
    // A twentieth has settled since, as many are new.
    let mut after = before;
    let fresh = market(75, 2).payments;
    for (seq, (old, new)) in (10_000..).zip(after.payments.iter_mut().step_by(20).zip(fresh)) {
        *old = Payment { seq, ..new };
    }
    let (cold, warm) = (solved(&after, &[]), solved(&after, &last.prices));
    assert!(warm.steps < cold.steps, "{} steps against {}", warm.steps, cold.steps);
    assert!(warm.upper_bound <= cold.upper_bound + cold.upper_bound / 1_000);
    assert!(warm.value >= cold.value - cold.value / 50);
    assert_eq!(warm, solved(&after, &last.prices));
}

#[test]
fn any_numbers_may_be_prices() {
    let instance = market(200, 3);
    let cold = solved(&instance, &[]);
    for prices in [vec![u64::MAX; 500], vec![1], vec![u64::MAX >> 20; 80]] {
        let found = solved(&instance, &prices);
        assert!(found.value >= cold.fifo_value && found.value <= found.upper_bound);
    }
    // Prices that prove nothing are left aside.
    assert_eq!(solved(&instance, &[u64::MAX; 80]), cold);
}
