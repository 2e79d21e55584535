//! What may happen on a random day of foreign exchange.

use channel::{ClosePolicy, NettingMode, RuleBook};
use proptest::prelude::*;

use crate::desk::currency;

pub(super) const BANKS: u32 = 3;
/// Two digits, none, three: roundings of all kinds.
pub(super) const CODES: [&str; 3] = ["EUR", "JPY", "KWD"];

#[derive(Debug, Clone)]
pub(super) struct Draw {
    pub(super) side: bool,
    pub(super) size: u64,
    pub(super) rate: (u64, u8),
    pub(super) until_ms: u64,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Pass(u64),
    Quotes(usize, usize, usize, Vec<Draw>),
    /// From, to, what is sold and bought, how much, the limit, validity in ms (0 = none).
    Pay(u32, u32, usize, usize, u64, (u64, u8), u64),
    /// The same of an exchange; the mirror image is kept to be handed in later.
    Exchange(u32, u32, usize, usize, u64, u64),
    Mirror(usize),
    Ordinary(u32, u32, usize, u64),
    Cycle,
    Tick,
    Settle,
    Fund(usize, usize, u64),
    Cancel(u64),
    Status(usize, bool),
    Close(usize),
    Open(usize),
}

/// Rates around a middle that every pair shares, so that many quotes and limits meet.
fn rate() -> impl Strategy<Value = (u64, u8)> {
    prop_oneof![
        4 => (900_u64..1_100).prop_map(|mantissa| (mantissa, 3)),
        1 => (1_u64..40, 0_u8..3),
        1 => Just((1_000_000, 6)),
        2 => Just((1_005, 3)),
    ]
}

/// Minor units: some so few that nothing is left of them in the other currency.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![5 => 1_000_u64..40_000, 1 => 1_u64..300]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let code = || 0..CODES.len();
    let pair = || (code(), code());
    let banks = || (0..BANKS, 0..BANKS);
    let draw = (any::<bool>(), size(), rate(), 50_u64..3_000)
        .prop_map(|(side, size, rate, until_ms)| Draw { side, size, rate, until_ms });
    let until = prop_oneof![3 => Just(0), 1 => 100_u64..1_500];
    prop_oneof![
        6 => (1_u64..300).prop_map(Step::Pass),
        8 => (0_usize..2, pair(), prop::collection::vec(draw, 0..6))
            .prop_map(|(lp, (base, quote), draws)| Step::Quotes(lp, base, quote, draws)),
        12 => (banks(), pair(), size(), rate(), until).prop_map(
            |((from, to), (sold, bought), minor, limit, until_ms)|
            Step::Pay(from, to, sold, bought, minor, limit, until_ms)),
        3 => (banks(), pair(), 1_u64..4, 1_u64..4).prop_map(
            |((from, to), (sold, bought), minor, counter)|
            Step::Exchange(from, to, sold, bought, minor, counter)),
        3 => any::<usize>().prop_map(Step::Mirror),
        2 => (banks(), code(), 1_u64..100).prop_map(|((a, b), c, m)| Step::Ordinary(a, b, c, m)),
        6 => Just(Step::Cycle),
        1 => Just(Step::Tick),
        2 => Just(Step::Settle),
        5 => (0_usize..5, code(), 1_u64..90_000).prop_map(|(who, c, m)| Step::Fund(who, c, m)),
        3 => (0_u64..60).prop_map(Step::Cancel),
        1 => (0_usize..5, any::<bool>()).prop_map(|(who, active)| Step::Status(who, active)),
        1 => code().prop_map(Step::Close),
        3 => code().prop_map(Step::Open),
    ]
}

pub(super) fn rules() -> impl Strategy<Value = RuleBook> {
    (any::<[bool; 3]>(), prop_oneof![Just(0_u32), Just(200)]).prop_map(
        |([floor, rolls, cross_at_midpoint], proposal_timeout_ms)| RuleBook {
            cross_at_midpoint,
            netting: if floor { NettingMode::FifoFloor } else { NettingMode::StrictFifo },
            close: if rolls { ClosePolicy::Roll } else { ClosePolicy::Reject },
            proposal_timeout_ms,
            unmatched_ms: 1_000,
            match_ms: 400,
            ..crate::desk::strict_rules(CODES.iter().map(|code| currency(code)).collect())
        },
    )
}
