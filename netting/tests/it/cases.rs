//! Small random instances.

use netting::{Instance, Limit, Payment};
use proptest::prelude::*;

/// Few participants, scarce money, groups of up to four legs, now and then a limit.
pub(crate) fn instance(payments: usize) -> impl Strategy<Value = Instance> {
    let payment = (0..4_u32, 1..4_u32, 0..2_u16, 0..2_u8, 1..40_u64, 0..8_u32);
    let limit = (0..4_u32, proptest::option::of(0..4_u32), 0..2_u16, 0..30_u64);
    (
        proptest::collection::vec(payment, 1..=payments),
        proptest::collection::vec(-3..12_i64, 8),
        proptest::collection::vec(limit, 0..3),
        proptest::collection::vec(1..50_u64, 2),
    )
        .prop_map(|(payments, liquidity, limits, currency_weights)| Instance {
            participants: 4,
            currency_weights,
            class_weights: vec![10, 1],
            liquidity,
            payments: (0..).zip(payments).map(payment_of).collect(),
            limits: limits.into_iter().map(limit_of).collect(),
        })
}

fn payment_of((seq, fields): (u64, (u32, u32, u16, u8, u64, u32))) -> Payment {
    let (debtor, step, currency, class, amount, group) = fields;
    let creditor = (debtor + step) % 4;
    let group = (group < 3).then_some(group);
    Payment { seq, debtor, creditor, currency, class, amount, group }
}

fn limit_of((debtor, creditor, currency, minor): (u32, Option<u32>, u16, u64)) -> Limit {
    Limit { debtor, creditor, currency, minor }
}
