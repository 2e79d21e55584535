//! Is a set of payments one that may settle? Integers only, and no code shared with the solver:
//! this is what a proposal is believed by.

use std::collections::BTreeMap;

use crate::model::Instance;

/// Why a set may not settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A row that no payment has, or one named twice.
    #[error("row {0} does not exist or is named twice")]
    Row(usize),
    /// A node would end below zero.
    #[error("node {0} would be overdrawn")]
    Overdrawn(usize),
    /// A limit would be passed (index in [`Instance::limits`]).
    #[error("limit {0} would be passed")]
    Limit(usize),
    /// A group would settle in part.
    #[error("group {0} would be split")]
    Split(u32),
}

/// The value of a set (rows of [`Instance::payments`]) that may settle all at once.
///
/// The instance must be valid ([`Instance::validate`]).
///
/// # Errors
/// The first [`Violation`] found.
pub fn check(instance: &Instance, settled: &[usize]) -> Result<u128, Violation> {
    let mut chosen = vec![false; instance.payments.len()];
    let mut after: Vec<i128> =
        instance.liquidity.iter().map(|&held| i128::from(held.max(0))).collect();
    let mut value = 0;
    for &row in settled {
        match chosen.get_mut(row) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(Violation::Row(row)),
        }
        let payment = &instance.payments[row];
        let amount = i128::from(payment.amount);
        after[instance.node(payment.debtor, payment.currency)] -= amount;
        after[instance.node(payment.creditor, payment.currency)] += amount;
        value += instance.value(payment);
    }
    if let Some(node) = after.iter().position(|&balance| balance < 0) {
        return Err(Violation::Overdrawn(node));
    }
    whole_groups(instance, &chosen)?;
    within_limits(instance, settled)?;
    Ok(value)
}

fn whole_groups(instance: &Instance, chosen: &[bool]) -> Result<(), Violation> {
    let top = instance.payments.iter().filter_map(|payment| payment.group).max().unwrap_or(0);
    let members = instance.payments.iter().zip(chosen);
    let members = members.filter_map(|(payment, &chosen)| Some((payment.group?, chosen)));
    if top as usize <= 4 * chosen.len() {
        let mut seen = vec![None; top as usize + 1];
        for (group, chosen) in members {
            if *seen[group as usize].get_or_insert(chosen) != chosen {
                return Err(Violation::Split(group));
            }
        }
    } else {
        let mut seen = BTreeMap::new();
        for (group, chosen) in members {
            if *seen.entry(group).or_insert(chosen) != chosen {
                return Err(Violation::Split(group));
            }
        }
    }
    Ok(())
}

fn within_limits(instance: &Instance, settled: &[usize]) -> Result<(), Violation> {
    if instance.limits.is_empty() {
        return Ok(());
    }
    let mut net: BTreeMap<(u32, Option<u32>, u16), i128> = BTreeMap::new();
    for &row in settled {
        let payment = &instance.payments[row];
        let (from, to, currency) = (payment.debtor, payment.creditor, payment.currency);
        let amount = i128::from(payment.amount);
        *net.entry((from, None, currency)).or_default() += amount;
        *net.entry((to, None, currency)).or_default() -= amount;
        *net.entry((from, Some(to), currency)).or_default() += amount;
        *net.entry((to, Some(from), currency)).or_default() -= amount;
    }
    for (index, limit) in instance.limits.iter().enumerate() {
        let used = net.get(&(limit.debtor, limit.creditor, limit.currency));
        if used.is_some_and(|&used| used > i128::from(limit.minor)) {
            return Err(Violation::Limit(index));
        }
    }
    Ok(())
}
