//! FIFO by its definition: from all payments, as long as somebody is short, whoever comes first by
//! lot loses the last of the queue behind the shortage.

use std::collections::BTreeMap;

use netting::{Instance, fifo};
use proptest::prelude::*;

use crate::cases::instance;

/// A debtor's queue in one currency: rows by class and arrival.
type Queues = BTreeMap<(u32, u16), Vec<usize>>;

fn queues(instance: &Instance) -> Queues {
    let mut queues = Queues::new();
    for (row, payment) in instance.payments.iter().enumerate() {
        queues.entry((payment.debtor, payment.currency)).or_default().push(row);
    }
    for queue in queues.values_mut() {
        queue.sort_by_key(|&row| (instance.payments[row].class, instance.payments[row].seq));
    }
    queues
}

/// Whose queue must be cut: every debtor and currency with a negative balance or a limit passed.
fn short(instance: &Instance, queues: &Queues) -> Vec<(u32, u16)> {
    let settled = || queues.values().flatten().map(|&row| &instance.payments[row]);
    let net = |debtor: u32, creditor: Option<u32>, currency: u16| {
        let between =
            |from: u32, to: u32| from == debtor && creditor.is_none_or(|creditor| creditor == to);
        settled().filter(|payment| payment.currency == currency).fold(0_i128, |net, payment| {
            let out = between(payment.debtor, payment.creditor);
            let back = between(payment.creditor, payment.debtor);
            net + i128::from(payment.amount) * (i128::from(out) - i128::from(back))
        })
    };
    let all = queues.keys().copied().filter(|&(debtor, currency)| {
        let held = instance.liquidity[instance.node(debtor, currency)].max(0);
        let beyond = |limit: &netting::Limit| {
            (limit.debtor, limit.currency) == (debtor, currency)
                && net(debtor, limit.creditor, currency) > i128::from(limit.minor)
        };
        net(debtor, None, currency) > i128::from(held) || instance.limits.iter().any(beyond)
    });
    all.collect()
}

/// Cuts a queue before `row`, and every queue that a leg of a group stood in.
fn cut(instance: &Instance, queues: &mut Queues, row: usize) {
    let payment = &instance.payments[row];
    let queue = queues.get_mut(&(payment.debtor, payment.currency)).unwrap();
    let Some(at) = queue.iter().position(|&other| other == row) else { return };
    for gone in queue.split_off(at) {
        let group = instance.payments[gone].group;
        for leg in 0..instance.payments.len() {
            if group.is_some() && instance.payments[leg].group == group {
                cut(instance, queues, leg);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_removal_ends_at_the_same_set(instance in instance(40), lots in any::<u64>()) {
        let mut queues = queues(&instance);
        let mut lots = lots | 1;
        loop {
            let short = short(&instance, &queues);
            if short.is_empty() {
                break;
            }
            lots = lots.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let queue = &queues[&short[(lots >> 33) as usize % short.len()]];
            let last = *queue.last().unwrap();
            cut(&instance, &mut queues, last);
        }
        let mut settled = vec![false; instance.payments.len()];
        for &row in queues.values().flatten() {
            settled[row] = true;
        }
        prop_assert_eq!(fifo(&instance), settled);
    }
}
