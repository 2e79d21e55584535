//! From net positions to payments: who pays whom how much, so that every position becomes zero.
//!
//! Positions that can be split into `k` sets, each of sum zero, need `n - k` payments and no fewer.
//! The most such sets are found exactly for up to [`EXACT_MAX`] positions (by subsets); finding them
//! is NP-hard, so beyond that only pairs are looked for. Within a set the largest debtor pays the
//! largest creditor until one of them is done: at most one payment fewer than it has members.

use std::collections::BTreeMap;

/// Up to so many positions of one currency, no fewer payments would do.
pub const EXACT_MAX: usize = 16;

/// A payment: from whom, to whom, minor units.
pub(crate) type Move = (u32, u32, u64);

/// Payments that bring positions to zero; and whether fewer are known to be impossible. Positions
/// sum to zero, and none of them is zero.
pub(crate) fn payments(positions: &[(u32, i128)]) -> (Vec<Move>, bool) {
    let exact = positions.len() <= EXACT_MAX;
    let sets = if exact { most_sets(positions) } else { pairs(positions) };
    let mut moves: Vec<Move> = sets.iter().flat_map(|set| matched(set)).collect();
    moves.sort_unstable();
    (moves, exact)
}

/// The positions split into as many sets of sum zero as there can be.
fn most_sets(positions: &[(u32, i128)]) -> Vec<Vec<(u32, i128)>> {
    let all = (1_usize << positions.len()) - 1;
    let mut sums = vec![0_i128; all + 1];
    // By subset: how many of the prefixes, taking members away one by one, have sum zero at best.
    let mut most = vec![0_u8; all + 1];
    for subset in 1..=all {
        let lowest = subset.trailing_zeros() as usize;
        sums[subset] = sums[subset & (subset - 1)] + positions[lowest].1;
        let best = members(subset).map(|at| most[subset & !(1 << at)]).max().unwrap_or(0);
        most[subset] = best + u8::from(sums[subset] == 0);
    }
    let mut sets = Vec::new();
    let (mut left, mut set) = (all, Vec::new());
    while left != 0 {
        if sums[left] == 0 && !set.is_empty() {
            sets.push(std::mem::take(&mut set));
        }
        let without = most[left] - u8::from(sums[left] == 0);
        let next = members(left).find(|at| most[left & !(1 << at)] == without);
        let Some(next) = next else { unreachable!("some member was taken away last") };
        set.push(positions[next]);
        left &= !(1 << next);
    }
    if !set.is_empty() {
        sets.push(set);
    }
    sets
}

fn members(subset: usize) -> impl Iterator<Item = usize> {
    (0..EXACT_MAX).filter(move |at| subset >> at & 1 == 1)
}

/// Pairs of opposite positions, each a set, and the rest as one.
fn pairs(positions: &[(u32, i128)]) -> Vec<Vec<(u32, i128)>> {
    let mut sets = Vec::new();
    let mut waiting: BTreeMap<i128, Vec<u32>> = BTreeMap::new();
    for (participant, net) in positions {
        match waiting.get_mut(&-net).and_then(Vec::pop) {
            Some(other) => sets.push(vec![(other, -net), (*participant, *net)]),
            None => waiting.entry(*net).or_default().push(*participant),
        }
    }
    let rest = waiting.into_iter();
    let rest = rest.flat_map(|(net, who)| who.into_iter().map(move |who| (who, net)));
    sets.push(rest.collect());
    sets
}

/// The payments of one set: the largest debtor pays the largest creditor.
fn matched(set: &[(u32, i128)]) -> Vec<Move> {
    let side = |debtors: bool| {
        let own = set.iter().filter(|(_, net)| (*net < 0) == debtors && *net != 0);
        let mut side: Vec<(u128, u32)> = own.map(|(who, net)| (net.unsigned_abs(), *who)).collect();
        // Ascending, so that the largest is the last; the same size in the order of participants.
        side.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(&one.1)));
        side
    };
    let (mut debtors, mut creditors) = (side(true), side(false));
    let mut moves = Vec::new();
    while let (Some(debtor), Some(creditor)) = (debtors.last_mut(), creditors.last_mut()) {
        let minor = debtor.0.min(creditor.0);
        // Positions are made of sums that fit.
        moves.push((debtor.1, creditor.1, u64::try_from(minor).unwrap_or(u64::MAX)));
        debtor.0 -= minor;
        creditor.0 -= minor;
        debtors.pop_if(|debtor| debtor.0 == 0);
        creditors.pop_if(|creditor| creditor.0 == 0);
    }
    moves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The nets after the payments.
    fn after(positions: &[(u32, i128)], moves: &[Move]) -> BTreeMap<u32, i128> {
        let mut nets: BTreeMap<u32, i128> = positions.iter().copied().collect();
        for (from, to, minor) in moves {
            *nets.entry(*from).or_default() += i128::from(*minor);
            *nets.entry(*to).or_default() -= i128::from(*minor);
        }
        nets
    }

    /// The most sets of sum zero, by trying every way to put each position into a set.
    fn brute(positions: &[(u32, i128)], sums: &mut Vec<i128>) -> usize {
        let Some((first, rest)) = positions.split_first() else {
            return if sums.iter().all(|sum| *sum == 0) { sums.len() } else { 0 };
        };
        let mut best = 0;
        for set in 0..sums.len() {
            sums[set] += first.1;
            best = best.max(brute(rest, sums));
            sums[set] -= first.1;
        }
        sums.push(first.1);
        best = best.max(brute(rest, sums));
        sums.pop();
        best
    }

    #[test]
    fn sets_are_found_that_no_pair_shows() {
        let positions = [(0, -5), (1, -4), (2, 6), (3, 3), (4, -7), (5, 7)];
        let (moves, exact) = payments(&positions);
        assert!(exact);
        assert_eq!(moves, [(0, 2, 5), (1, 2, 1), (1, 3, 3), (4, 5, 7)]);
    }

    fn balanced(most: usize) -> impl Strategy<Value = Vec<(u32, i128)>> {
        prop::collection::vec(-6_i128..=6, 1..most).prop_map(|nets| {
            let sum: i128 = nets.iter().sum();
            let all = (0..).zip(nets.into_iter().chain([-sum]));
            all.filter(|(_, net)| *net != 0).collect()
        })
    }

    proptest! {
        #[test]
        fn small_cases_have_the_fewest_payments(positions in balanced(7)) {
            let (moves, _) = payments(&positions);
            prop_assert!(after(&positions, &moves).values().all(|net| *net == 0));
            prop_assert_eq!(moves.len(), positions.len() - brute(&positions, &mut Vec::new()));
        }

        #[test]
        fn large_cases_are_brought_to_zero(positions in balanced(60)) {
            let (moves, _) = payments(&positions);
            prop_assert!(after(&positions, &moves).values().all(|net| *net == 0));
            prop_assert!(moves.len() < positions.len().max(1));
            prop_assert!(moves.iter().all(|(_, _, minor)| *minor > 0));
        }
    }
}
