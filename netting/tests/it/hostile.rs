//! Whatever comes in: refused as `validate` says, or a result that holds.

use netting::{Instance, Limit, MINOR_MAX, Mode, Options, Payment, bound, check, fifo, solve};
use proptest::prelude::*;

/// Small, near a bound, or beyond it.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0..50_u64,
        2 => (0..3_u64).prop_map(|less| MINOR_MAX - less),
        1 => (0..64_u32).prop_map(|shift| u64::MAX >> shift),
    ]
}

fn payments(count: usize) -> impl Strategy<Value = Vec<Payment>> {
    let group = proptest::option::weighted(0.3, 0..5_u32);
    let fields = (0..3_u32, 0..3_u32, 0..2_u16, 0..2_u8, 1..MINOR_MAX, number(), group);
    let payment = fields.prop_map(|(debtor, creditor, currency, class, large, small, group)| {
        let amount = if small == 0 { large } else { small };
        Payment { seq: 0, debtor, creditor, currency, class, amount, group }
    });
    proptest::collection::vec(payment, 0..count).prop_map(|mut payments| {
        payments.iter_mut().zip(0..).for_each(|(payment, seq)| payment.seq = u64::MAX - seq);
        payments
    })
}

fn instances() -> impl Strategy<Value = Instance> {
    let weight = || prop_oneof![1..9_u64, Just(1 << 18), Just(1 << 35)];
    let limit = (0..3_u32, proptest::option::of(0..3_u32), 0..2_u16, number());
    let limit = limit.prop_map(|(debtor, creditor, currency, minor)| Limit {
        debtor,
        creditor,
        currency,
        minor,
    });
    (
        proptest::collection::vec(weight(), 2),
        proptest::collection::vec(weight(), 2),
        proptest::collection::vec(
            prop_oneof![number().prop_map(u64::cast_signed), Just(i64::MIN)],
            6,
        ),
        payments(40),
        proptest::collection::vec(limit, 0..4),
    )
        .prop_map(|(currency_weights, class_weights, liquidity, payments, limits)| Instance {
            participants: 3,
            currency_weights,
            class_weights,
            liquidity,
            payments,
            limits,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn refused_or_sound(
        instance in instances(),
        prices in proptest::collection::vec(any::<u64>(), 0..9),
        steps in prop_oneof![0..20_u64, Just(0)],
    ) {
        for mode in [Mode::Fifo, Mode::Floor, Mode::Free] {
            match solve(&instance, Options { mode, steps: Some(steps), prices: &prices }) {
                Err(error) => prop_assert_eq!(instance.validate(), Err(error)),
                Ok(found) => {
                    prop_assert_eq!(check(&instance, &found.settled), Ok(found.value));
                    prop_assert!(found.fifo_value <= found.value);
                    prop_assert!(found.value <= found.upper_bound);
                    let floor = fifo(&instance);
                    let none = vec![false; floor.len()];
                    let frozen = if mode == Mode::Floor { &floor } else { &none };
                    if mode != Mode::Fifo {
                        let again = bound(&instance, frozen, &found.prices);
                        prop_assert_eq!(again, found.upper_bound);
                        prop_assert!(bound(&instance, frozen, &prices) >= found.value);
                    }
                }
            }
        }
    }
}

#[test]
fn payments_to_oneself_all_settle() {
    let own = |seq| Payment {
        seq,
        debtor: 0,
        creditor: 0,
        currency: 0,
        class: 0,
        amount: MINOR_MAX,
        group: None,
    };
    let instance = Instance {
        participants: 1,
        currency_weights: vec![1 << 36],
        class_weights: vec![1],
        liquidity: vec![0],
        payments: (0..50).map(own).collect(),
        limits: Vec::new(),
    };
    for mode in [Mode::Fifo, Mode::Floor, Mode::Free] {
        let found = solve(&instance, Options { mode, steps: Some(1), prices: &[] }).unwrap();
        assert_eq!(found.settled.len(), 50);
    }
}

#[test]
fn nobody_and_nothing_is_an_instance_too() {
    for mode in [Mode::Fifo, Mode::Floor, Mode::Free] {
        let options = Options { mode, ..Options::default() };
        let found = solve(&Instance::default(), options).unwrap();
        assert_eq!((found.value, found.upper_bound), (0, 0));
    }
}
