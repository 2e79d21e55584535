//! What may happen on a random day.

use channel::{ClosePolicy, NettingMode, RuleBook};
use proptest::prelude::*;

use crate::desk::{currency, strict_rules};

pub(super) const BANKS: u32 = 4;
pub(super) const CODES: [&str; 2] = ["EUR", "USD"];

/// One order as the generator draws it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) number: u64,
    pub(super) to: u32,
    pub(super) minor: u64,
    pub(super) code: usize,
    pub(super) class: u8,
    pub(super) urgent: bool,
    /// A made-up group and size.
    pub(super) link: Option<(u8, u8)>,
    /// ms from now; 0 = none.
    pub(super) from_ms: u64,
    pub(super) until_ms: u64,
    pub(super) days_ahead: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Pass(u64),
    Orders(u32, Vec<Draft>),
    /// A link group is agreed on between these banks, and the first hands its order in.
    Link(Vec<(u32, Draft)>),
    /// One of the orders agreed on is handed in.
    Member(usize),
    Cycle,
    Tick,
    /// Proposes the floor and of the rest those whose bit is set.
    Settle(u64),
    Fund(u32, usize, u64),
    Defund(u32, usize, u64),
    Answer(bool),
    Bilateral(u32, u32, usize, Option<u64>),
    Multilateral(u32, usize, Option<u64>),
    Cap(u32, usize, Option<u64>),
    Line(u32, usize, u64),
    Cancel(u32, u64),
    Status(u32, bool),
    Close(usize),
    Open(usize),
    CutOff(usize),
    RunCycle,
}

fn draft() -> impl Strategy<Value = Draft> {
    let link = prop_oneof![12 => Just(None), 1 => (0_u8..3, 2_u8..4).prop_map(Some)];
    let whole = (0_u64..60, 0..BANKS - 1, 1_u64..100, 0_usize..2, 0_u8..4, any::<bool>());
    let times = (
        link,
        prop_oneof![5 => Just(0), 1 => 1_u64..2_000],
        prop_oneof![4 => Just(0), 1 => 2_000_u64..5_000],
        prop_oneof![8 => Just(0_u32), 1 => 1_u32..3],
    );
    (whole, times).prop_map(
        |((number, to, minor, code, class, urgent), (link, from_ms, until_ms, days_ahead))| Draft {
            number,
            to,
            minor,
            code,
            class,
            urgent,
            link,
            from_ms,
            until_ms,
            days_ahead,
        },
    )
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let limit = || prop_oneof![1 => Just(None), 2 => (0_u64..150).prop_map(Some)];
    let bank = || 0..BANKS;
    prop_oneof![
        6 => (1_u64..400).prop_map(Step::Pass),
        14 => (bank(), prop::collection::vec(draft(), 1..6)).prop_map(|(b, d)| Step::Orders(b, d)),
        3 => prop::collection::vec((bank(), draft()), 2..4).prop_map(Step::Link),
        8 => any::<usize>().prop_map(Step::Member),
        5 => Just(Step::Cycle),
        1 => Just(Step::Tick),
        4 => any::<u64>().prop_map(Step::Settle),
        3 => (bank(), 0_usize..2, 1_u64..200).prop_map(|(b, c, m)| Step::Fund(b, c, m)),
        1 => (bank(), 0_usize..2, 1_u64..100).prop_map(|(b, c, m)| Step::Defund(b, c, m)),
        1 => any::<bool>().prop_map(Step::Answer),
        1 => (bank(), 0..BANKS - 1, 0_usize..2, limit())
            .prop_map(|(b, o, c, l)| Step::Bilateral(b, o, c, l)),
        1 => (bank(), 0_usize..2, limit()).prop_map(|(b, c, l)| Step::Multilateral(b, c, l)),
        1 => (bank(), 0_usize..2, limit()).prop_map(|(b, c, l)| Step::Cap(b, c, l)),
        1 => (bank(), 0_usize..2, 0_u64..100).prop_map(|(b, c, l)| Step::Line(b, c, l)),
        2 => (bank(), 0_u64..60).prop_map(|(b, n)| Step::Cancel(b, n)),
        1 => (bank(), any::<bool>()).prop_map(|(b, active)| Step::Status(b, active)),
        1 => (0_usize..2).prop_map(Step::Close),
        2 => (0_usize..2).prop_map(Step::Open),
        1 => (0_usize..2).prop_map(Step::CutOff),
        1 => Just(Step::RunCycle),
    ]
}

pub(super) fn rules() -> impl Strategy<Value = RuleBook> {
    (any::<bool>(), any::<bool>(), prop_oneof![Just(0_u32), Just(300)]).prop_map(
        |(floor, rolls, proposal_timeout_ms)| RuleBook {
            netting: if floor { NettingMode::FifoFloor } else { NettingMode::StrictFifo },
            close: if rolls { ClosePolicy::Roll } else { ClosePolicy::Reject },
            proposal_timeout_ms,
            ageing_cycles: 1,
            currency_weights: vec![3, 1],
            solver_steps: 5,
            ..strict_rules(CODES.iter().map(|code| currency(code)).collect())
        },
    )
}
