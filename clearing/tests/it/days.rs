//! Random days: whatever comes in, in whatever order, the invariants hold and the log is all there
//! is to know.

mod driver;
mod observer;
mod steps;

use std::collections::BTreeMap;

use channel::{CommandBody, NettingMode, RequestId, Role, RuleBook};
use clearing::{Candidates, Outcome, Place, Pool};
use proptest::prelude::*;

use self::driver::{Day, Known};
use self::steps::{BANKS, CODES, Step, rules, step};
use crate::desk::{AGENT, Desk, POOL, bank, currency, order, orders_record, restore, strict_rules};

/// The definition, from the snapshot that a solver gets.
pub(crate) fn feasible(candidates: &Candidates, places: &[Place]) -> bool {
    let mut balance: Vec<i128> = candidates
        .accounts
        .iter()
        .map(|account| i128::try_from(account.liquidity).unwrap_or(i128::MAX / 2))
        .collect();
    let mut flows: BTreeMap<(u32, u32), i128> = BTreeMap::new();
    let mut groups: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for it in &candidates.payments {
        let chosen = places.binary_search(&it.place).is_ok();
        if let Some(group) = it.group {
            let count = groups.entry(group).or_default();
            count.0 += u32::from(chosen);
            count.1 += 1;
        }
        if chosen {
            balance[it.debit.0 as usize] -= i128::from(it.minor);
            balance[it.credit.0 as usize] += i128::from(it.minor);
            *flows.entry((it.debit.0, it.credit.0)).or_default() += i128::from(it.minor);
        }
    }
    let flow = |debit, credit| flows.get(&(debit, credit)).copied().unwrap_or(0);
    let within = |row: &clearing::LimitRow| {
        let net = flow(row.debit.0, row.credit.0) - flow(row.credit.0, row.debit.0);
        net <= i128::try_from(row.room).unwrap()
    };
    balance.iter().all(|balance| *balance >= 0)
        && groups.values().all(|(chosen, all)| *chosen == 0 || chosen == all)
        && candidates.limits.iter().all(within)
}

fn replay(log: &[Vec<u8>], seed: u64) -> (Pool, Vec<Outcome>) {
    let mut pool = Pool::new(seed);
    let outcomes =
        (0..).zip(log).map(|(position, record)| pool.apply(position, record).unwrap()).collect();
    (pool, outcomes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_day_keeps_the_invariants_and_replays(
        rules in rules(),
        steps in prop::collection::vec(step(), 1..120),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut day = Day::new(rules);
        for step in &steps {
            day.take(step);
        }
        let Desk { mut pool, log, .. } = day.desk;
        // The same log gives the same outcomes, whatever the seed.
        let (mut again, outcomes) = replay(&log, 4_711);
        prop_assert_eq!(&outcomes[log.len() - day.outcomes.len()..], &day.outcomes[..]);
        prop_assert_eq!(again.state_root(), pool.state_root());
        prop_assert_eq!(again.snapshot().state, pool.snapshot().state);
        // So does its tail, from a snapshot anywhere.
        let cut = 1 + cut.index(log.len());
        let (mut pool_then, _) = replay(&log[..cut], 5);
        let mut restored = restore(&mut pool_then);
        // A solver sees the same cut on either side of a restart.
        prop_assert_eq!(restored.candidates(), pool_then.candidates());
        for (position, record) in log.iter().enumerate().skip(cut) {
            prop_assert_eq!(&restored.apply(position as u64, record).unwrap(), &outcomes[position]);
        }
        prop_assert_eq!(restored.state_root(), pool.state_root());
        prop_assert_eq!(restored.snapshot().state, pool.snapshot().state);
    }

    /// A participant that fails at any moment: what is final stays, and the day can be closed.
    #[test]
    fn a_suspension_at_any_moment_lets_the_day_close(
        steps in prop::collection::vec(step(), 1..60),
        at in any::<prop::sample::Index>(),
        whom in 0..BANKS,
    ) {
        let rules = RuleBook { proposal_timeout_ms: 300, netting: NettingMode::FifoFloor,
            ..strict_rules(CODES.iter().map(|code| currency(code)).collect()) };
        let mut day = Day::new(rules);
        let at = at.index(steps.len());
        steps[..at].iter().for_each(|step| day.take(step));
        let sealed = day.desk.sealed.clone();
        day.take(&Step::Status(whom, false));
        let rest = steps[at..].iter().filter(|step| !matches!(step, Step::Status(..)));
        rest.for_each(|step| day.take(step));
        // Cycles that were asked for while a cut was open make cuts of their own.
        while day.desk.pool.status().cut.is_some() {
            day.desk.time_ms += 1_000;
            day.take(&Step::Tick);
        }
        prop_assert_eq!(&day.desk.sealed[..sealed.len()], &sealed[..]);
        for code in 0..CODES.len() {
            day.take(&Step::Close(code));
        }
        prop_assert!(day.desk.pool.directory().currencies().iter().all(|it| it.day.open.is_none()));
        // What settled alone is told by the batch it is in.
        day.desk.time_ms += 1_000;
        day.take(&Step::Tick);
        let waits = |known: &&Known| !known.ended && known.header.sender == bank(whom);
        prop_assert_eq!(day.known.values().filter(waits).count(), 0);
    }
}

/// Makes a record that the pool refuses.
type Refused = fn(&mut Desk) -> Vec<u8>;

/// A request that is refused for now leaves the state as if it had never been made.
#[test]
fn what_is_refused_leaves_no_trace() {
    let rules = RuleBook {
        queue_max: 1,
        ..strict_rules(CODES.iter().map(|code| currency(code)).collect())
    };
    let refused: [(&str, Refused); 4] = [
        ("queue full", |desk| orders_record(desk.time_ms, &[order(2, 0, 1, 5, "EUR")])),
        ("seen before", |desk| orders_record(desk.time_ms, &[order(1, 0, 1, 5, "EUR")])),
        ("reused", |desk| orders_record(desk.time_ms, &[order(1, 0, 1, 6, "EUR")])),
        ("not authorised", |desk| {
            let body = CommandBody::AddParticipant(crate::desk::participant(
                channel::ParticipantId(77),
                Role::Bank,
                "DEUTDEFF",
            ));
            let request_id = RequestId([9; 16]);
            let issued_at_ms = desk.time_ms;
            let command =
                channel::Command { pool: POOL, request_id, maker: AGENT, issued_at_ms, body };
            let (command, signature) = (command.encode(), [0; 64]);
            let signed = channel::SignedCommand { command, signature, checker: None };
            clearing::pack_command((POOL, desk.time_ms), &signed)
        }),
    ];
    for (name, record) in refused {
        let mut roots = Vec::new();
        for refuse in [true, false] {
            let mut day = Day::new(rules.clone());
            day.desk.submit(&[order(1, 0, 1, 5, "EUR")]);
            if refuse {
                let record = record(&mut day.desk);
                day.desk.apply(record);
            } else {
                day.desk.tick(0);
            }
            roots.push(day.desk.pool.state_root());
        }
        assert_eq!(roots[0], roots[1], "{name}");
    }
}
