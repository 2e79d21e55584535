//! Certificates against brute force: every set that a small cut allows, tried.

use channel::{CommandBody, LinkTerms, NettingMode, OrderHeader, RuleBook, link_group};
use clearing::{Basis, Candidates, Certificate, Place, Pool, Prices, Proposal, Reject};
use ledger::Amount;
use proptest::prelude::*;

use crate::days::feasible;
use crate::desk::{AGENT, DAY_MS, Desk, OPERATOR, POOL, bank, currency, order, strict_rules};

const BANKS: u32 = 4;
const CODES: [&str; 2] = ["EUR", "USD"];

/// From, to, minor, currency, class.
type Draft = (u32, u32, u64, usize, u8);

#[derive(Debug, Clone)]
struct Case {
    early: Vec<Draft>,
    late: Vec<Draft>,
    /// Pairs of orders of two banks that settle together.
    groups: Vec<(Draft, Draft)>,
    funds: Vec<u64>,
    /// From, to, currency, limit.
    limits: Vec<(u32, u32, usize, u64)>,
    prices: Vec<u64>,
}

fn draft() -> impl Strategy<Value = Draft> {
    (0..BANKS, 1..BANKS, 1..40_u64, 0..2_usize, 0..4_u8).prop_map(
        |(from, step, minor, code, class)| (from, (from + step) % BANKS, minor, code, class),
    )
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(draft(), 1..4),
        prop::collection::vec(draft(), 1..7),
        prop::collection::vec((draft(), draft()), 0..3),
        prop::collection::vec(0..12_u64, 8),
        prop::collection::vec((0..BANKS, 1..BANKS, 0..2_usize, 0..30_u64), 0..3),
        prop::collection::vec(0..(3_000_u64 << 20), 12),
    )
        .prop_map(|(early, late, groups, funds, limits, prices)| Case {
            early,
            late,
            groups,
            funds,
            limits,
            prices,
        })
}

/// A pool that has an open cut, if anything is left beside the floor.
fn desk(case: &Case) -> Desk {
    let rules = RuleBook {
        netting: NettingMode::FifoFloor,
        proposal_timeout_ms: 500,
        class_weights: [8, 5, 2, 1],
        currency_weights: vec![3, 2],
        ageing_cycles: 1,
        ..strict_rules(CODES.map(currency).to_vec())
    };
    let mut desk = Desk::new(rules, BANKS);
    desk.shadow = false;
    for (index, minor) in case.funds.iter().enumerate() {
        let (participant, code) = (bank(index as u32 % BANKS), currency(CODES[index / 4]));
        let body = CommandBody::OpenAccount { participant, currency: code, credit_line: 0 };
        desk.command(OPERATOR, body);
        if let Ok(amount) = Amount::new(*minor, code)
            && *minor > 0
        {
            let pay_in = [index as u8 + 1; 16];
            desk.command(AGENT, CommandBody::Fund { participant, amount, pay_in });
        }
    }
    for code in CODES.map(currency) {
        let date = channel::ValueDate::new(20_260_105).unwrap();
        let (cut_off_at_ms, closes_at_ms) = (DAY_MS + 57_600_000, DAY_MS + 61_200_000);
        let body = CommandBody::OpenDay { currency: code, date, cut_off_at_ms, closes_at_ms };
        desk.command(OPERATOR, body);
    }
    for (from, step, code, limit) in &case.limits {
        let (counterparty, currency) = (bank((from + step) % BANKS), currency(CODES[*code]));
        let body = CommandBody::SetBilateralLimit { counterparty, currency, limit: Some(*limit) };
        desk.command(bank(*from), body);
    }
    let mut number = 0;
    let mut header = |draft: &Draft| {
        number += 1;
        let (from, to, minor, code, class) = *draft;
        OrderHeader { class, ..order(number, from, to, minor, CODES[code]) }
    };
    let early: Vec<OrderHeader> = case.early.iter().map(&mut header).collect();
    let mut late: Vec<OrderHeader> = case.late.iter().map(&mut header).collect();
    for (one, other) in &case.groups {
        let mut members = [header(one), header(other)];
        let terms: Vec<LinkTerms> = members.iter().map(LinkTerms::from).collect();
        let link = Some((link_group(&terms), 2));
        members.iter_mut().for_each(|member| member.link = link);
        late.extend(members);
    }
    early.iter().for_each(|order| _ = desk.submit(std::slice::from_ref(order)));
    let first = desk.cycle();
    if let Some(cut) = first.cut {
        desk.time_ms = cut.floor_at_ms;
    }
    late.iter().for_each(|order| _ = desk.submit(std::slice::from_ref(order)));
    desk.cycle();
    desk
}

/// What the best set counts that settles with the floor.
fn best(candidates: &Candidates) -> u128 {
    let open: Vec<usize> =
        (0..candidates.payments.len()).filter(|row| !candidates.payments[*row].floor).collect();
    let worth = |mask: u32| {
        let chosen = |row: &usize| {
            let at = open.iter().position(|other| other == row);
            at.is_none_or(|at| mask >> at & 1 == 1)
        };
        let rows: Vec<usize> = (0..candidates.payments.len()).filter(chosen).collect();
        let mut places: Vec<Place> =
            rows.iter().map(|row| candidates.payments[*row].place).collect();
        places.sort_unstable();
        let value = rows.iter().map(|row| candidates.value(&candidates.payments[*row])).sum();
        feasible(candidates, &places).then_some(value)
    };
    (0..1_u32 << open.len()).filter_map(worth).max().unwrap()
}

/// The pool of a desk, again.
fn replayed(desk: &Desk) -> Pool {
    let mut pool = Pool::new(5);
    for (position, record) in (0..).zip(&desk.log) {
        pool.apply(position, record).unwrap();
    }
    pool
}

/// What settles by a proposal, if anything does.
fn certificate(desk: &Desk, proposal: &Proposal) -> Option<Certificate> {
    let mut pool = replayed(desk);
    let record = clearing::pack_settle((POOL, desk.time_ms), proposal);
    let outcome = pool.apply(pool.next_position(), &record).unwrap();
    assert_eq!(outcome.reject, None);
    outcome.sealed.map(|batch| batch.certificates[0])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn no_set_counts_more_than_the_bound(case in case()) {
        let desk = desk(&case);
        let Some(candidates) = desk.pool.candidates() else { return Ok(()) };
        let best = best(&candidates);
        let value = |places: &[Place]| -> u128 {
            let settled = candidates.payments.iter().filter(|it| places.contains(&it.place));
            settled.map(|it| candidates.value(it)).sum()
        };
        let solved = solver::propose(&candidates, None);
        let random = Prices {
            accounts: case.prices[..8].to_vec(),
            limits: case.prices[8..].to_vec(),
        };
        let extreme = Prices { accounts: vec![u64::MAX; 8], limits: vec![u64::MAX; 12] };
        for prices in [solved.prices.clone(), random, extreme, Prices::default()] {
            let proposal = Proposal { prices: prices.clone(), ..solved.clone() };
            let Some(found) = certificate(&desk, &proposal) else { continue };
            prop_assert!(found.bound >= best, "{} < {best}", found.bound);
            prop_assert!(best >= found.value && found.value >= found.fifo_value);
            prop_assert_eq!(found.value, value(&solved.places));
            prop_assert_eq!(found.value_by_class.iter().sum::<u128>(), found.value);
            prop_assert_eq!(found.candidates as usize, candidates.payments.len());
            prop_assert_eq!(found.settled as usize, solved.places.len());
            prop_assert_eq!(found.basis == Basis::Prices, prices != Prices::default());
            prop_assert_eq!(found.prices_hash, clearing::prices_hash(&prices));
        }
        let floor = candidates.payments.iter().filter(|it| it.floor).map(|it| it.place);
        let mut floor: Vec<Place> = floor.collect();
        floor.sort_unstable();
        let floor = Proposal { cycle: solved.cycle, places: floor, ..Proposal::default() };
        if let Some(found) = certificate(&desk, &floor) {
            prop_assert_eq!((found.value, found.basis), (found.fifo_value, Basis::Nothing));
            prop_assert!(found.bound >= best);
        }
    }

    #[test]
    fn what_does_not_hold_is_refused_and_changes_nothing(case in case(), bits: u64) {
        let desk = desk(&case);
        let Some(candidates) = desk.pool.candidates() else { return Ok(()) };
        let (cycle, cut) = (candidates.cut.cycle, candidates.payments.iter());
        let good = solver::propose(&candidates, None).places;
        let mut wrong: Vec<Vec<Place>> = Vec::new();
        // Without one of the floor; with one twice; with one that is not there.
        if let Some(floor) = cut.clone().find(|it| it.floor) {
            wrong.push(good.iter().copied().filter(|place| *place != floor.place).collect());
        }
        if let Some(first) = good.first() {
            wrong.push([&[*first], good.as_slice()].concat());
        }
        wrong.push([good.as_slice(), &[Place(u64::MAX)]].concat());
        // Half a group.
        if let Some(member) = cut.clone().find(|it| it.group.is_some() && !it.floor) {
            let mut half = good;
            match half.binary_search(&member.place) {
                Ok(at) => _ = half.remove(at),
                Err(at) => half.insert(at, member.place),
            }
            wrong.push(half);
        }
        // Any set that is not feasible.
        let chosen = cut.enumerate().filter(|(row, it)| it.floor || bits >> row & 1 == 1);
        let mut any: Vec<Place> = chosen.map(|(_, it)| it.place).collect();
        any.sort_unstable();
        if !feasible(&candidates, &any) {
            wrong.push(any);
        }
        for places in wrong {
            let mut pool = replayed(&desk);
            let proposal = Proposal { cycle, places, ..Proposal::default() };
            let record = clearing::pack_settle((POOL, desk.time_ms), &proposal);
            let outcome = pool.apply(pool.next_position(), &record).unwrap();
            prop_assert_eq!(outcome.reject, Some(Reject::ProposalInfeasible));
            prop_assert_eq!((outcome.sealed, outcome.changes.len()), (None, 0));
            let held = Candidates { as_of: pool.next_position(), ..candidates.clone() };
            prop_assert_eq!(pool.candidates(), Some(held));
        }
    }
}

#[test]
fn strict_fifo_is_its_own_bound() {
    let mut desk = Desk::new(strict_rules(vec![currency("EUR")]), 2);
    let eur = currency("EUR");
    for member in 0..2 {
        let body =
            CommandBody::OpenAccount { participant: bank(member), currency: eur, credit_line: 10 };
        desk.command(OPERATOR, body);
    }
    let date = channel::ValueDate::new(20_260_105).unwrap();
    let (cut_off_at_ms, closes_at_ms) = (DAY_MS + 57_600_000, DAY_MS + 61_200_000);
    let body = CommandBody::OpenDay { currency: eur, date, cut_off_at_ms, closes_at_ms };
    desk.command(OPERATOR, body);
    desk.submit(&[order(1, 0, 1, 7, "EUR"), order(2, 0, 1, 90, "EUR"), order(3, 0, 1, 2, "EUR")]);
    let sealed = desk.cycle().sealed.unwrap();
    let [found] = sealed.certificates[..] else { panic!("one cycle, one certificate") };
    assert_eq!((found.basis, found.candidates, found.settled), (Basis::Most, 3, 1));
    assert_eq!((found.value, found.bound, found.gap()), (70, 70, 0), "class 2 counts ten times");
}
