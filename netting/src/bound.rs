//! An upper bound that needs no trust in whoever found the prices.
//!
//! For any prices `p >= 0`, no feasible set is worth more than
//! `D(p) = sum_r L_r p_r + sum_j max(0, v_j + sum_r p_r d_jr)`
//! over the items that presolve leaves, with their tightened effects `d` (weak duality).

use crate::model::Instance;
use crate::presolve::{Presolved, presolve};
use crate::problem::Problem;

/// Prices are in units of value per minor unit times `2^PRICE_BITS`.
pub const PRICE_BITS: u32 = 20;

/// `D(prices)` for the sets that contain all `frozen` payments (which must be feasible alone and
/// hold whole groups), rounded up. `prices` holds one per node, then one per bilateral limit
/// (pairs ascending by debtor's node, creditor's node); missing ones count as zero.
///
/// This runs the presolve anew: it is what an overseer calls. The instance must be valid.
#[must_use]
pub fn bound(instance: &Instance, frozen: &[bool], prices: &[u64]) -> u128 {
    let settled = instance.payments.iter().zip(frozen).filter(|pair| *pair.1);
    let floor: u128 = settled.map(|pair| instance.value(pair.0)).sum();
    floor
        + match Problem::new(instance, frozen) {
            Some(problem) => dual(&problem, &presolve(&problem), prices),
            None => everything(instance, frozen),
        }
}

/// The value of all that is not frozen: the bound where sums are too large for any other.
pub(crate) fn everything(instance: &Instance, frozen: &[bool]) -> u128 {
    let open = instance.payments.iter().zip(frozen).filter(|pair| !pair.1);
    open.map(|pair| instance.value(pair.0)).sum()
}

pub(crate) fn dual(problem: &Problem, presolved: &Presolved, prices: &[u64]) -> u128 {
    // Capped, so that no product of a price and an amount, nor a sum of them, can overflow.
    let price = |row: usize| i128::from(prices.get(row).copied().unwrap_or(0).min(1 << 62));
    let mut sum = 0_u128;
    for (row, &free) in problem.free.iter().enumerate() {
        sum = sum.saturating_add((i128::from(free) * price(row)).unsigned_abs());
    }
    for item in (0..problem.items()).filter(|&item| presolved.alive[item]) {
        let mut gain = i128::try_from(problem.value[item] << PRICE_BITS).unwrap_or(i128::MAX);
        for entry in problem.entries(item) {
            let row = entry.row as usize;
            let delta = entry.delta.min(presolved.useful[row]);
            gain = gain.saturating_add(i128::from(delta) * price(row));
        }
        sum = sum.saturating_add(gain.max(0).unsigned_abs());
    }
    sum.div_ceil(1 << PRICE_BITS)
}
