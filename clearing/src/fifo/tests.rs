//! Against every combination of prefixes, on small random problems.

use proptest::prelude::*;

use super::{Fifo, Leg, NONE, Row};

#[derive(Debug, Clone)]
struct Problem {
    liquidity: Vec<i128>,
    /// By node: its queue.
    queues: Vec<Vec<Leg>>,
    rows: Vec<Row>,
}

const NODES: u32 = 4;

fn problems() -> impl Strategy<Value = Problem> {
    let leg = (0..NODES - 1, 1_u64..12, prop_oneof![3 => Just(NONE), 1 => 0_u32..3]);
    let queue = prop::collection::vec(leg, 0..4);
    let row = (0..NODES, 0..NODES - 1, 0_i128..10);
    let liquidity = prop::collection::vec(0_i128..15, NODES as usize);
    let queues = prop::collection::vec(queue, NODES as usize);
    (liquidity, queues, prop::collection::vec(row, 0..3)).prop_map(|(liquidity, queues, rows)| {
        let other = |node: u32, pick: u32| if pick >= node { pick + 1 } else { pick };
        let legs = |(node, queue): (u32, Vec<(u32, u64, u32)>)| {
            let leg =
                |(pick, minor, group)| Leg { debit: node, credit: other(node, pick), minor, group };
            queue.into_iter().map(leg).collect()
        };
        let mut rows: Vec<Row> = rows
            .into_iter()
            .map(|(debit, pick, room)| Row { debit, credit: other(debit, pick), room })
            .collect();
        rows.sort_by_key(|row| (row.debit, row.credit));
        rows.dedup_by_key(|row| (row.debit, row.credit));
        Problem { liquidity, queues: (0..).zip(queues).map(legs).collect(), rows }
    })
}

/// Lays a problem out; `nodes` gives the nodes their order, which must not matter.
fn fifo(problem: &Problem, nodes: &[u32]) -> Fifo {
    let mut fifo = Fifo::default();
    let renamed = |node: u32| nodes.iter().position(|other| *other == node).unwrap() as u32;
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); 3];
    for node in nodes {
        fifo.starts.push(fifo.legs.len() as u32);
        fifo.liquidity.push(problem.liquidity[*node as usize]);
        for leg in &problem.queues[*node as usize] {
            if leg.group != NONE {
                members[leg.group as usize].push(fifo.legs.len() as u32);
            }
            let (debit, credit) = (renamed(leg.debit), renamed(leg.credit));
            fifo.legs.push(Leg { debit, credit, ..*leg });
        }
    }
    fifo.starts.push(fifo.legs.len() as u32);
    for members in members {
        fifo.group_starts.push(fifo.members.len() as u32);
        fifo.members.extend(members);
    }
    fifo.group_starts.push(fifo.members.len() as u32);
    fifo.rows = problem.rows.clone();
    for row in &mut fifo.rows {
        (row.debit, row.credit) = (renamed(row.debit), renamed(row.credit));
    }
    fifo.rows.sort_by_key(|row| (row.debit, row.credit));
    fifo
}

fn feasible(problem: &Problem, lengths: &[usize]) -> bool {
    let mut balance = problem.liquidity.clone();
    let mut flows = vec![0_i128; problem.rows.len()];
    let mut inside = [0; 3];
    let mut outside = [0; 3];
    for (queue, length) in problem.queues.iter().zip(lengths) {
        for (index, leg) in queue.iter().enumerate() {
            let settles = index < *length;
            if leg.group != NONE {
                let counts = if settles { &mut inside } else { &mut outside };
                counts[leg.group as usize] += 1;
            }
            if !settles {
                continue;
            }
            balance[leg.debit as usize] -= i128::from(leg.minor);
            balance[leg.credit as usize] += i128::from(leg.minor);
            for (row, flow) in problem.rows.iter().zip(&mut flows) {
                if (row.debit, row.credit) == (leg.debit, leg.credit) {
                    *flow += i128::from(leg.minor);
                } else if (row.credit, row.debit) == (leg.debit, leg.credit) {
                    *flow -= i128::from(leg.minor);
                }
            }
        }
    }
    balance.iter().all(|balance| *balance >= 0)
        && problem.rows.iter().zip(&flows).all(|(row, flow)| *flow <= row.room)
        && inside.iter().zip(&outside).all(|(inside, outside)| *inside == 0 || *outside == 0)
}

/// Every combination of prefixes, one number for each.
fn combinations(problem: &Problem) -> impl Iterator<Item = Vec<usize>> {
    let sizes: Vec<usize> = problem.queues.iter().map(|queue| queue.len() + 1).collect();
    (0..sizes.iter().product::<usize>()).map(move |mut number| {
        let digit = |size: &usize| {
            let digit = number % size;
            number /= size;
            digit
        };
        sizes.iter().map(digit).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_result_is_the_union_of_all_feasible_prefixes(problem in problems()) {
        let best = combinations(&problem).filter(|lengths| feasible(&problem, lengths)).fold(
            vec![0; NODES as usize],
            |best, lengths| best.iter().zip(&lengths).map(|(a, b)| *a.max(b)).collect(),
        );
        prop_assert!(feasible(&problem, &best), "feasible sets are closed under union");
        let mut search = fifo(&problem, &[0, 1, 2, 3]);
        let ends = search.solve().to_vec();
        let found: Vec<usize> =
            ends.iter().zip(&search.starts).map(|(end, start)| (end - start) as usize).collect();
        prop_assert_eq!(found, best);
    }

    #[test]
    fn the_order_of_removals_does_not_matter(
        problem in problems(),
        nodes in Just(vec![0_u32, 1, 2, 3]).prop_shuffle(),
    ) {
        let lengths = |nodes: &[u32]| {
            let mut search = fifo(&problem, nodes);
            let ends = search.solve().to_vec();
            let starts = search.starts.clone();
            let mut lengths = vec![0; NODES as usize];
            for (at, node) in nodes.iter().enumerate() {
                lengths[*node as usize] = ends[at] - starts[at];
            }
            lengths
        };
        prop_assert_eq!(lengths(&nodes), lengths(&[0, 1, 2, 3]));
    }
}

#[test]
fn a_group_that_is_not_whole_goes_with_all_behind_it() {
    let mut fifo = Fifo {
        liquidity: vec![10, 10],
        legs: vec![
            Leg { debit: 0, credit: 1, minor: 1, group: NONE },
            Leg { debit: 0, credit: 1, minor: 1, group: 0 },
            Leg { debit: 0, credit: 1, minor: 1, group: NONE },
            Leg { debit: 1, credit: 0, minor: 1, group: NONE },
        ],
        starts: vec![0, 3, 4],
        members: vec![1],
        group_starts: vec![0, 1],
        broken: vec![0],
        ..Fifo::default()
    };
    assert_eq!(fifo.solve(), [1, 4]);
}
