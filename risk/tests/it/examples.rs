//! Cases that a treasurer would ask about.

use risk::{
    CURRENCIES_MAX, CurrencyIndex, LimitReject, Limits, Measure, PAIR_LIMITS_MAX, PARTICIPANTS_MAX,
    PairLimit, ParticipantId, Velocity, VelocityRule,
};

const A: ParticipantId = ParticipantId(0);
const B: ParticipantId = ParticipantId(1);
const C: ParticipantId = ParticipantId(2);
const USD: CurrencyIndex = CurrencyIndex(0);
const EUR: CurrencyIndex = CurrencyIndex(1);

#[test]
fn without_limits_everything_is_allowed() {
    let mut limits = Limits::new();
    limits.record(A, B, USD, 1_000);
    assert_eq!(limits.headroom_node(A, USD), None);
    assert_eq!(limits.headroom_pair(A, B, USD), None);
    assert_eq!(limits.allows(A, B, USD, ledger::MINOR_MAX), Ok(()));
    assert_eq!(limits.position(A, USD), 1_000);
    assert_eq!(limits.position(B, USD), -1_000);
    assert_eq!(limits.pair_position(B, A, USD), -1_000);
}

#[test]
fn a_limit_set_in_the_middle_of_the_day_counts_from_its_start() {
    let mut limits = Limits::new();
    limits.record(A, B, USD, 70);
    limits.record(B, A, USD, 20);
    limits.set_bilateral(A, B, USD, Some(60)).unwrap();
    assert_eq!(limits.headroom_pair(A, B, USD), Some(10));
    assert_eq!(limits.allows(A, B, USD, 10), Ok(()));
    assert_eq!(limits.allows(A, B, USD, 11), Err(LimitReject::ExceedsBilateralLimit));
    assert_eq!(limits.allows(A, C, USD, 11), Ok(()));
    assert_eq!(limits.allows(B, A, USD, 11), Ok(()));
    assert_eq!(limits.allows(A, B, EUR, 11), Ok(()));
}

#[test]
fn a_limit_lowered_below_its_use_lets_nothing_out_until_enough_came_in() {
    let mut limits = Limits::new();
    limits.record(A, B, USD, 70);
    limits.set_bilateral(A, B, USD, Some(50)).unwrap();
    limits.set_multilateral(A, USD, Some(60)).unwrap();
    assert_eq!(limits.headroom_pair(A, B, USD), Some(-20));
    assert_eq!(limits.headroom_node(A, USD), Some(-10));
    assert_eq!(limits.allows(A, B, USD, 1), Err(LimitReject::ExceedsBilateralLimit));
    assert_eq!(limits.allows(A, C, USD, 1), Err(LimitReject::ExceedsMultilateralLimit));
    limits.record(B, A, USD, 21);
    assert_eq!(limits.allows(A, B, USD, 1), Ok(()));
    assert_eq!(limits.allows(A, B, USD, 2), Err(LimitReject::ExceedsBilateralLimit));
}

#[test]
fn the_smaller_of_own_limit_and_cap_counts() {
    let mut limits = Limits::new();
    limits.set_multilateral(A, USD, Some(100)).unwrap();
    limits.set_net_debit_cap(A, USD, Some(80)).unwrap();
    assert_eq!(limits.headroom_node(A, USD), Some(80));
    assert_eq!(limits.allows(A, B, USD, 81), Err(LimitReject::ExceedsNetDebitCap));
    assert_eq!(limits.allows(A, B, USD, 101), Err(LimitReject::ExceedsMultilateralLimit));
    limits.set_net_debit_cap(A, USD, None).unwrap();
    assert_eq!(limits.headroom_node(A, USD), Some(100));
    assert_eq!(limits.multilateral(A, USD), Some(100));
    assert_eq!(limits.net_debit_cap(A, USD), None);
}

#[test]
fn a_new_day_keeps_limits_and_forgets_positions() {
    let mut limits = Limits::new();
    limits.set_bilateral(A, B, USD, Some(50)).unwrap();
    limits.set_net_debit_cap(A, USD, Some(60)).unwrap();
    limits.record(A, B, USD, 40);
    limits.record(A, B, EUR, 40);
    limits.reset_day(USD);
    assert_eq!(limits.headroom_pair(A, B, USD), Some(50));
    assert_eq!(limits.headroom_node(A, USD), Some(60));
    assert_eq!(limits.position(A, EUR), 40);
    assert_eq!(limits.pair_position(A, B, EUR), 40);
    limits.reset_day(CurrencyIndex(9));
    assert_eq!(limits.check(), Ok(()));
}

#[test]
fn bilateral_limits_are_listed_in_order_with_their_use() {
    let mut limits = Limits::new();
    limits.set_bilateral(C, A, USD, Some(5)).unwrap();
    limits.set_bilateral(A, B, USD, Some(50)).unwrap();
    limits.set_bilateral(B, A, USD, Some(7)).unwrap();
    limits.set_bilateral(C, A, USD, None).unwrap();
    limits.record(A, B, USD, 40);
    let listed: Vec<PairLimit> = limits.pairs_with_limits(USD).collect();
    assert_eq!(
        listed,
        [
            PairLimit { from: A, to: B, limit: 50, headroom: 10 },
            PairLimit { from: B, to: A, limit: 7, headroom: 47 },
        ]
    );
    assert_eq!(limits.pairs_with_limits(EUR).count(), 0);
    assert_eq!(limits.bilateral(A, B, USD), Some(50));
    assert_eq!(limits.bilateral(C, A, USD), None);
}

#[test]
fn limits_out_of_range_are_refused_and_change_nothing() {
    let mut limits = Limits::new();
    let before = limits.encode();
    let nobody = ParticipantId(PARTICIPANTS_MAX as u32);
    let no_currency = CurrencyIndex(CURRENCIES_MAX as u16);
    let too_much = Some(ledger::MINOR_MAX + 1);
    for (result, reject) in [
        (limits.set_bilateral(A, nobody, USD, None), LimitReject::ParticipantNotFound),
        (limits.set_bilateral(A, B, no_currency, None), LimitReject::CurrencyNotFound),
        (limits.set_bilateral(A, A, USD, None), LimitReject::ParticipantsSame),
        (limits.set_bilateral(A, B, USD, too_much), LimitReject::AmountTooLarge),
        (limits.set_multilateral(nobody, USD, None), LimitReject::ParticipantNotFound),
        (limits.set_multilateral(A, no_currency, None), LimitReject::CurrencyNotFound),
        (limits.set_multilateral(A, USD, too_much), LimitReject::AmountTooLarge),
        (limits.set_net_debit_cap(nobody, USD, None), LimitReject::ParticipantNotFound),
        (limits.set_net_debit_cap(A, no_currency, None), LimitReject::CurrencyNotFound),
        (limits.set_net_debit_cap(A, USD, too_much), LimitReject::AmountTooLarge),
    ] {
        assert_eq!(result, Err(reject));
    }
    assert_eq!(limits.encode(), before);
}

#[test]
fn bilateral_limits_have_a_maximum() {
    let mut limits = Limits::new();
    let pair = |number: usize| {
        (ParticipantId((number / 2_000) as u32), ParticipantId((10_000 + number % 2_000) as u32))
    };
    for number in 0..PAIR_LIMITS_MAX {
        let (from, to) = pair(number);
        limits.set_bilateral(from, to, USD, Some(1)).unwrap();
    }
    let (from, to) = pair(PAIR_LIMITS_MAX);
    let refused = limits.set_bilateral(from, to, USD, Some(1));
    assert_eq!(refused, Err(LimitReject::TooManyPairLimits));
    let (known, other) = pair(7);
    limits.set_bilateral(known, other, USD, Some(2)).unwrap();
    limits.set_bilateral(from, to, EUR, Some(1)).unwrap();
    limits.set_bilateral(known, other, USD, None).unwrap();
    limits.set_bilateral(from, to, USD, Some(1)).unwrap();
}

const ORDERS: Measure = Measure::Orders;
const VALUE: Measure = Measure::Value(USD);
const RULE: VelocityRule = VelocityRule { window_ms: 1_000, most: 100 };

/// Counts an order in USD if the rules allow it.
fn hand_in(velocity: &mut Velocity, amount: u64, now_ms: u64) -> Result<(), LimitReject> {
    velocity.allows(A, Some(USD), amount, now_ms)?;
    velocity.count(A, ORDERS, 1, now_ms);
    velocity.count(A, VALUE, amount, now_ms);
    Ok(())
}

#[test]
fn windows_tumble() {
    let mut velocity = Velocity::new();
    velocity.set_rule(A, ORDERS, Some(VelocityRule { most: 3, ..RULE })).unwrap();
    velocity.set_rule(A, VALUE, Some(RULE)).unwrap();
    let mut count = |amount, now_ms| hand_in(&mut velocity, amount, now_ms);
    assert_eq!(count(60, 1_000), Ok(()));
    assert_eq!(count(41, 1_500), Err(LimitReject::ExceedsValueRate));
    assert_eq!(count(40, 1_999), Ok(()));
    assert_eq!(count(1, 1_999), Err(LimitReject::ExceedsValueRate));
    assert_eq!(count(1, 2_000), Ok(()));
    assert_eq!(count(1, 2_001), Ok(()));
    assert_eq!(count(1, 2_002), Ok(()));
    assert_eq!(count(1, 2_999), Err(LimitReject::ExceedsOrderRate));
    assert_eq!(count(1, 1_500), Err(LimitReject::ExceedsOrderRate));
    assert_eq!(count(100, 9_000), Ok(()));
}

#[test]
fn orders_count_in_all_currencies_together_and_values_by_currency() {
    let mut velocity = Velocity::new();
    velocity.set_rule(A, ORDERS, Some(VelocityRule { most: 2, ..RULE })).unwrap();
    velocity.set_rule(B, Measure::Value(EUR), Some(RULE)).unwrap();
    for (id, currency) in [(A, USD), (A, EUR), (B, USD), (C, EUR)] {
        assert_eq!(velocity.allows(id, Some(currency), 1_000, 0), Ok(()));
    }
    let refused = velocity.allows(B, Some(EUR), 101, 0);
    assert_eq!(refused, Err(LimitReject::ExceedsValueRate));
    assert_eq!(velocity.allows(B, None, 101, 0), Ok(()));
    velocity.count(A, ORDERS, 2, 0);
    for currency in [Some(USD), Some(EUR), None] {
        let refused = velocity.allows(A, currency, 1, 0);
        assert_eq!(refused, Err(LimitReject::ExceedsOrderRate));
    }
    assert_eq!((velocity.used(A, ORDERS, 999), velocity.used(A, ORDERS, 1_000)), (2, 0));
    assert_eq!(velocity.used(C, ORDERS, 0), 0);
    assert_eq!(velocity.rule(B, Measure::Value(EUR)), Some(RULE));
    assert_eq!(velocity.rule(B, ORDERS), None);
}

#[test]
fn a_changed_rule_keeps_the_count_of_a_window_of_the_same_length() {
    let mut velocity = Velocity::new();
    velocity.set_rule(A, VALUE, Some(RULE)).unwrap();
    hand_in(&mut velocity, 60, 5_000).unwrap();
    velocity.set_rule(A, VALUE, Some(VelocityRule { most: 70, ..RULE })).unwrap();
    assert_eq!(hand_in(&mut velocity, 11, 5_000), Err(LimitReject::ExceedsValueRate));
    velocity.set_rule(A, VALUE, Some(VelocityRule { window_ms: 500, ..RULE })).unwrap();
    assert_eq!(hand_in(&mut velocity, 100, 5_000), Ok(()));
    velocity.set_rule(A, VALUE, None).unwrap();
    assert_eq!(hand_in(&mut velocity, 100, 5_000), Ok(()));
}

#[test]
fn rules_out_of_range_are_refused() {
    let mut velocity = Velocity::new();
    let before = velocity.encode();
    let nobody = ParticipantId(PARTICIPANTS_MAX as u32);
    let no_currency = Measure::Value(CurrencyIndex(CURRENCIES_MAX as u16));
    let too_much = VelocityRule { most: ledger::MINOR_MAX + 1, ..RULE };
    let no_window = VelocityRule { window_ms: 0, ..RULE };
    for (result, reject) in [
        (velocity.set_rule(nobody, ORDERS, None), LimitReject::ParticipantNotFound),
        (velocity.set_rule(A, no_currency, None), LimitReject::CurrencyNotFound),
        (velocity.set_rule(A, VALUE, Some(too_much)), LimitReject::AmountTooLarge),
        (velocity.set_rule(A, ORDERS, Some(no_window)), LimitReject::WindowZero),
    ] {
        assert_eq!(result, Err(reject));
    }
    assert_eq!(velocity.encode(), before);
}
