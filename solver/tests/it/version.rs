//! A version stands for its proposals: who runs it again must find the same.

use channel::sha256;
use clearing::{Candidate, Candidates, Cut, CutAccount, LimitRow, Place, Proposal, Weights};
use ledger::AccountId;
use solver::{VERSION, propose};

/// The version and what it makes of the cuts below. If the digest is another, either the change was
/// not meant to change what is proposed, or [`VERSION`] counts up with it.
const PINNED: (u16, &str) = (1, "d375a16a914e2e1a89286431e93e2574");

const MEMBERS: u32 = 12;
const CURRENCIES: u32 = 3;

/// The next of a fixed row of numbers, below `end` (Knuth, MMIX).
fn draw(state: &mut u64, end: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % end
}

/// Scarce money, four classes, ages, pairs across currencies, a few limits.
fn cut(seed: u64, payments: u32, solver_steps: u32) -> Candidates {
    let state = &mut seed.clone();
    let account =
        |member: u64, currency: u64| AccountId((member as u32) * CURRENCIES + currency as u32);
    let (members, currencies) = (u64::from(MEMBERS), u64::from(CURRENCIES));
    let accounts = (0..MEMBERS * CURRENCIES).map(|number| CutAccount {
        member: Some(number / CURRENCIES),
        currency: (number % CURRENCIES) as u8,
        liquidity: u128::from(draw(state, 400)),
    });
    let accounts: Vec<CutAccount> = accounts.collect();
    let mut row = |number: u32| {
        let (from, step) = (draw(state, members), 1 + draw(state, members - 1));
        let currency = draw(state, currencies);
        Candidate {
            place: Place::new(u64::from(number), 0),
            debit: account(from, currency),
            credit: account((from + step) % members, currency),
            minor: 1 + draw(state, 500),
            class: draw(state, 4) as u8,
            age: 0,
            group: (number % 8 < 2).then_some(number / 8),
            floor: false,
        }
    };
    let mut rows: Vec<Candidate> = (0..payments).map(&mut row).collect();
    rows.sort_by_key(|row| (row.debit, row.class, row.place));
    let mut limits: Vec<LimitRow> = (0..MEMBERS)
        .map(&mut row)
        .map(|row| LimitRow { debit: row.debit, credit: row.credit, room: row.minor.into() })
        .collect();
    limits.sort_by_key(|row| (row.debit, row.credit));
    limits.dedup_by_key(|row| (row.debit, row.credit));
    Candidates {
        cut: Cut { cycle: seed, floor_at_ms: 0 },
        as_of: 1,
        payments: rows,
        accounts,
        limits,
        broken_groups: Vec::new(),
        weights: Weights { class: [1_000, 100, 10, 1], currency: vec![3, 2, 1] },
        solver_steps,
    }
}

fn digest(proposals: &[Proposal]) -> String {
    let mut bytes = Vec::new();
    for proposal in proposals {
        let prices = proposal.prices.accounts.iter().chain(&proposal.prices.limits);
        let places = proposal.places.iter().map(|place| place.0);
        for number in prices.copied().chain(places).chain([proposal.steps]) {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
    sha256(&bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_version_stands_for_its_proposals() {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (seed, payments, steps) in [(1, 60, 0), (2, 400, 0), (3, 900, 2_000), (4, 900, 1)] {
        let first = propose(&cut(seed, payments, steps), None);
        // Those of the cut before are where this one begins.
        let warm = propose(&cut(seed + 100, payments, steps), Some(&first));
        proposals.extend([first, warm]);
    }
    assert!(proposals.iter().all(|proposal| !proposal.places.is_empty()));
    assert_eq!((VERSION, digest(&proposals).as_str()), PINNED);
}
