//! Every subset, tried.

use netting::{Instance, check};

/// All sets that may settle, with their value.
pub(crate) fn feasible(instance: &Instance) -> Vec<(Vec<usize>, u128)> {
    let count = instance.payments.len();
    let sets = (0_u32..1 << count)
        .map(|mask| (0..count).filter(|&row| mask >> row & 1 == 1).collect::<Vec<usize>>());
    sets.filter_map(|set| check(instance, &set).ok().map(|value| (set, value))).collect()
}

/// Whether no payment settles before one that stands ahead of it in its queue.
pub(crate) fn keeps_queues(instance: &Instance, set: &[usize]) -> bool {
    let queue = |row: usize| {
        let payment = &instance.payments[row];
        (instance.node(payment.debtor, payment.currency), payment.class, payment.seq)
    };
    let out = (0..instance.payments.len()).filter(|row| !set.contains(row));
    out.into_iter().all(|left| {
        let (node, class, seq) = queue(left);
        set.iter()
            .map(|&row| queue(row))
            .all(|other| other.0 != node || (other.1, other.2) < (class, seq))
    })
}
