use channel::{CommandBody, NettingMode};
use simulator::{Fault, LimitChange, LimitKind, Plan, RuleChanges, Share, Ticks};

use crate::log::{Log, euro, name};

/// Two banks without money owe each other the same; the second order comes a second later, the
/// cycle two seconds after the first.
fn gridlock() -> Log {
    let mut log = Log::new(NettingMode::StrictFifo, 3_600_000, 2, 0);
    log.pay(0, 1, 1_000);
    log.wait(1_000);
    log.pay(1, 0, 1_000);
    log.wait(1_000);
    log.tick();
    log
}

/// A bank's first payment is beyond its means and holds up the second.
fn held_up() -> Log {
    let mut log = Log::new(NettingMode::StrictFifo, 3_600_000, 3, 500);
    log.pay(0, 1, 9_000);
    log.pay(0, 2, 400);
    log.wait(5_000);
    log.tick();
    log.wait(5_000);
    log.append(clearing::pack_tick((1, log.pool.now_ms() + 5_000), 0));
    log
}

#[test]
fn delay_liquidity_and_queue_are_measured() {
    let day = gridlock().simulate(Plan::default()).unwrap().was;
    let euros = &day.currencies[0];
    assert_eq!((day.orders, day.accepted, day.cycles), (2, 2, 1));
    assert_eq!((euros.settled_count, euros.settled_minor), (2, 2_000));
    // One waited two seconds, the other one.
    assert_eq!((euros.mean_delay_ms, euros.value_mean_delay_ms), (1_500, 1_500));
    assert_eq!((euros.p50_delay_ms, euros.p95_delay_ms), (1_000, 2_000));
    assert_eq!(euros.minor_ms, 3_000_000);
    assert_eq!(euros.peak_queued_minor, 2_000);
    // They settled together: nobody needed any money.
    assert_eq!((euros.liquidity_minor, euros.peak_used_minor), (0, 0));
    assert_eq!(euros.queued.last().unwrap().1, 0);
    assert_eq!(euros.settled.last().unwrap().1, 2_000);
}

#[test]
fn exchanges_are_measured_beside_payments() {
    let mut log = Log::new(NettingMode::StrictFifo, 3_600_000, 2, 1_000);
    log.market(100);
    log.convert(0, 1, 500);
    log.pay(1, 0, 70);
    log.tick();
    // Matched, but the provider has too little until it is funded.
    log.wait(4_000);
    log.fund_maker(450);
    log.tick();
    let day = log.simulate(Plan::default()).unwrap().was;
    let [euros, dollars] = day.currencies.as_slice() else { panic!("{day:?}") };
    assert_eq!((day.orders, day.accepted), (2, 1));
    assert_eq!((euros.settled_count, euros.settled_minor), (1, 70));
    assert_eq!((euros.fx_count, euros.fx_minor, euros.fx_mean_delay_ms), (1, 500, 4_000));
    assert_eq!((dollars.settled_count, dollars.settled_minor), (0, 0));
    assert_eq!((dollars.fx_count, dollars.fx_minor, dollars.fx_mean_delay_ms), (1, 550, 0));
    assert_eq!(euros.mean_delay_ms, 0, "of payments only");
}

#[test]
fn another_netting_mode_lets_the_second_payment_pass() {
    let rules = RuleChanges { netting: Some(NettingMode::FifoFloor), ..RuleChanges::default() };
    let compared = held_up().simulate(Plan { rules, ..Plan::default() }).unwrap();
    let (was, would) = (&compared.was.currencies[0], &compared.would.currencies[0]);
    assert_eq!((was.settled_count, was.queued_count, was.queued_minor), (0, 2, 9_400));
    assert_eq!((would.settled_count, would.settled_minor, would.queued_minor), (1, 400, 9_000));
    assert_eq!((would.liquidity_minor, would.mean_delay_ms), (400, 5_000));
    assert_eq!(compared.would.liquidity[0].participant, name(0));
    // What still waits counts, too: 9,400 for 10 seconds against 9,000 for 10 and 400 for 5.
    assert_eq!(was.minor_ms, 94_000_000);
    assert_eq!(would.minor_ms, 92_000_000);
    assert_ne!(compared.was.batch_hash, compared.would.batch_hash);
}

#[test]
fn more_or_less_liquidity_is_paid_in() {
    let share = |percent| Share { participant: name(0), currency: euro(), percent };
    let settled = |plan: Plan| held_up().simulate(plan).unwrap().would.currencies[0].settled_count;
    assert_eq!(settled(Plan { liquidity_percent: 1_879, ..Plan::default() }), 1);
    assert_eq!(settled(Plan { liquidity_percent: 1_880, ..Plan::default() }), 2);
    assert_eq!(settled(Plan { shares: vec![share(1_880)], ..Plan::default() }), 2);
    // Nothing is left of what it pays in.
    assert_eq!(settled(Plan { shares: vec![share(0)], ..Plan::default() }), 0);
    let line = (name(0), ledger::Amount::new(8_900, euro()).unwrap());
    assert_eq!(settled(Plan { credit_lines: vec![line], ..Plan::default() }), 2);
}

#[test]
fn cycles_fall_due_as_the_plan_says() {
    let rules = RuleChanges { cycle_ms: Some(1_500), ..RuleChanges::default() };
    let plan = Plan { ticks: Some(Ticks::Due), rules, ..Plan::default() };
    let compared = gridlock().simulate(plan).unwrap();
    // Cut at 1.5 s instead of 2 s.
    let euros = &compared.would.currencies[0];
    assert_eq!((euros.p50_delay_ms, euros.p95_delay_ms), (500, 1_500));
    assert_eq!(compared.until_ms - compared.from_ms, 2_000);
}

#[test]
fn limits_of_the_plan_replace_those_of_the_log() {
    let mut log = Log::new(NettingMode::StrictFifo, 3_600_000, 2, 5_000);
    let (counterparty, currency) = (channel::ParticipantId(12), euro());
    let limit = Some(1_000);
    log.command(11, CommandBody::SetBilateralLimit { counterparty, currency, limit });
    log.pay(0, 1, 2_000);
    log.wait(1_000);
    log.tick();
    let change = |kind, minor| LimitChange { participant: name(0), kind, currency, minor };
    let settled = |changes: Vec<LimitChange>| {
        let compared = log.simulate(Plan { limits: changes, ..Plan::default() }).unwrap();
        assert_eq!(compared.was.currencies[0].settled_count, 0);
        compared.would.currencies[0].settled_count
    };
    let bilateral = || LimitKind::Bilateral(name(1));
    assert_eq!(settled(vec![change(bilateral(), Some(2_000))]), 1);
    assert_eq!(settled(vec![change(bilateral(), None)]), 1);
    assert_eq!(settled(vec![change(bilateral(), Some(1_999))]), 0);
    let capped = vec![change(bilateral(), None), change(LimitKind::DebitCap, Some(10))];
    assert_eq!(settled(capped), 0);
    let own = vec![change(bilateral(), None), change(LimitKind::Multilateral, Some(10))];
    assert_eq!(settled(own), 0);
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let share = Share { participant: "NOBODY".into(), currency: euro(), percent: 50 };
    let unknown = gridlock().simulate(Plan { shares: vec![share], ..Plan::default() });
    assert_eq!(unknown.unwrap_err(), Fault::Unknown("NOBODY".into()));
    let rules = RuleChanges { cycle_ms: Some(1), ..RuleChanges::default() };
    let refused = gridlock().simulate(Plan { rules, ..Plan::default() }).unwrap_err();
    assert!(refused.to_string().contains("cycle_ms"), "{refused}");
    let mut log = gridlock();
    log.records[3][40] ^= 1;
    let broken = log.simulate(Plan::default()).unwrap_err();
    assert!(matches!(broken, Fault::Record { position: 3, .. }), "{broken}");
    log.records.clear();
    assert_eq!(log.simulate(Plan::default()).unwrap_err(), Fault::Empty);
}
