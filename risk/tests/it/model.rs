//! Random days against a model that keeps every payment and adds them up when asked.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use risk::{CurrencyIndex, LimitReject, Limits, Measure, ParticipantId, Velocity, VelocityRule};

/// More than share a leaf of the digest.
const PARTICIPANTS: u32 = 11;
const CURRENCIES: u16 = 2;

type Pair = (ParticipantId, ParticipantId);

#[derive(Clone, Debug)]
enum Request {
    Bilateral(Pair, CurrencyIndex, Option<u64>),
    Multilateral(ParticipantId, CurrencyIndex, Option<u64>),
    Cap(ParticipantId, CurrencyIndex, Option<u64>),
    Record(Pair, CurrencyIndex, u64),
    ResetDay(CurrencyIndex),
}

/// Everything as it was said, nothing worked out.
#[derive(Default)]
struct Model {
    bilateral: BTreeMap<(Pair, CurrencyIndex), u64>,
    multilateral: BTreeMap<(ParticipantId, CurrencyIndex), u64>,
    caps: BTreeMap<(ParticipantId, CurrencyIndex), u64>,
    payments: Vec<(Pair, CurrencyIndex, u64)>,
}

fn put<K: Ord>(map: &mut BTreeMap<K, u64>, key: K, value: Option<u64>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

impl Model {
    fn apply(&mut self, request: &Request) {
        match *request {
            Request::Bilateral(pair, c, limit) => put(&mut self.bilateral, (pair, c), limit),
            Request::Multilateral(id, c, limit) => put(&mut self.multilateral, (id, c), limit),
            Request::Cap(id, c, cap) => put(&mut self.caps, (id, c), cap),
            Request::Record(pair, c, amount) => self.payments.push((pair, c, amount)),
            Request::ResetDay(c) => self.payments.retain(|(_, other, _)| *other != c),
        }
    }

    fn sum(&self, c: CurrencyIndex, counts: impl Fn(Pair) -> bool) -> i128 {
        let chosen = self.payments.iter().filter(|(pair, other, _)| *other == c && counts(*pair));
        chosen.map(|(_, _, amount)| i128::from(*amount)).sum()
    }

    fn pair_position(&self, (from, to): Pair, c: CurrencyIndex) -> i128 {
        self.sum(c, |pair| pair == (from, to)) - self.sum(c, |pair| pair == (to, from))
    }

    fn position(&self, id: ParticipantId, c: CurrencyIndex) -> i128 {
        self.sum(c, |pair| pair.0 == id) - self.sum(c, |pair| pair.1 == id)
    }

    fn allows(&self, pair: Pair, c: CurrencyIndex, amount: u64) -> Result<(), LimitReject> {
        let exceeds = |limit: Option<&u64>, position: i128| {
            limit.is_some_and(|limit| position + i128::from(amount) > i128::from(*limit))
        };
        let position = self.position(pair.0, c);
        if exceeds(self.bilateral.get(&(pair, c)), self.pair_position(pair, c)) {
            Err(LimitReject::ExceedsBilateralLimit)
        } else if exceeds(self.multilateral.get(&(pair.0, c)), position) {
            Err(LimitReject::ExceedsMultilateralLimit)
        } else if exceeds(self.caps.get(&(pair.0, c)), position) {
            Err(LimitReject::ExceedsNetDebitCap)
        } else {
            Ok(())
        }
    }
}

fn perform(limits: &mut Limits, request: &Request) {
    match *request {
        Request::Bilateral((from, to), c, limit) => limits.set_bilateral(from, to, c, limit),
        Request::Multilateral(id, c, limit) => limits.set_multilateral(id, c, limit),
        Request::Cap(id, c, cap) => limits.set_net_debit_cap(id, c, cap),
        Request::Record((from, to), c, amount) => {
            limits.record(from, to, c, amount);
            Ok(())
        }
        Request::ResetDay(c) => {
            limits.reset_day(c);
            Ok(())
        }
    }
    .unwrap();
}

fn participant() -> impl Strategy<Value = ParticipantId> {
    (0..PARTICIPANTS).prop_map(ParticipantId)
}

fn pair() -> impl Strategy<Value = Pair> {
    (0..PARTICIPANTS, 1..PARTICIPANTS)
        .prop_map(|(from, by)| (ParticipantId(from), ParticipantId((from + by) % PARTICIPANTS)))
}

fn currency() -> impl Strategy<Value = CurrencyIndex> {
    (0..CURRENCIES).prop_map(CurrencyIndex)
}

fn limit() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.8, 0_u64..300)
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        3 => (pair(), currency(), limit()).prop_map(|(p, c, l)| Request::Bilateral(p, c, l)),
        2 => (participant(), currency(), limit())
            .prop_map(|(id, c, l)| Request::Multilateral(id, c, l)),
        1 => (participant(), currency(), limit()).prop_map(|(id, c, l)| Request::Cap(id, c, l)),
        20 => (pair(), currency(), 1_u64..100).prop_map(|(p, c, a)| Request::Record(p, c, a)),
        1 => currency().prop_map(Request::ResetDay),
    ]
}

fn all_pairs() -> impl Iterator<Item = (Pair, CurrencyIndex)> {
    (0..CURRENCIES).flat_map(|c| {
        (0..PARTICIPANTS).flat_map(move |from| {
            let others = (0..PARTICIPANTS).filter(move |to| *to != from);
            others.map(move |to| ((ParticipantId(from), ParticipantId(to)), CurrencyIndex(c)))
        })
    })
}

fn same_answers(limits: &Limits, model: &Model, amount: u64) -> Result<(), TestCaseError> {
    for ((from, to), c) in all_pairs() {
        let position = model.pair_position((from, to), c);
        let headroom = model.bilateral.get(&((from, to), c)).map(|l| i128::from(*l) - position);
        prop_assert_eq!(limits.pair_position(from, to, c), position);
        prop_assert_eq!(limits.headroom_pair(from, to, c), headroom);
        let allowed = model.allows((from, to), c, amount);
        prop_assert_eq!(limits.allows(from, to, c, amount), allowed);
        let own = model.multilateral.get(&(from, c));
        let least = own.into_iter().chain(model.caps.get(&(from, c))).min();
        let headroom = least.map(|l| i128::from(*l) - model.position(from, c));
        prop_assert_eq!(limits.headroom_node(from, c), headroom);
    }
    for c in (0..CURRENCIES).map(CurrencyIndex) {
        let listed: Vec<(Pair, u64)> =
            limits.pairs_with_limits(c).map(|l| ((l.from, l.to), l.limit)).collect();
        let of_currency = model.bilateral.iter().filter(|((_, other), _)| *other == c);
        let expected: Vec<(Pair, u64)> = of_currency.map(|((p, _), l)| (*p, *l)).collect();
        prop_assert_eq!(listed, expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn limits_answer_as_the_model(requests in vec(request(), 1..60), amount in 1_u64..200) {
        let (mut limits, mut model) = (Limits::new(), Model::default());
        for request in &requests {
            perform(&mut limits, request);
            model.apply(request);
            prop_assert_eq!(limits.check(), Ok(()));
            prop_assert_eq!(limits.root(), limits.recompute_root());
        }
        same_answers(&limits, &model, amount)?;
        let mut restored = Limits::decode(&limits.encode()).unwrap();
        prop_assert_eq!(restored.encode(), limits.encode());
        prop_assert_eq!(restored.root(), limits.root());
        same_answers(&restored, &model, amount)?;
    }

    #[test]
    fn replay_and_restore_reach_the_same_bytes(
        requests in vec(request(), 1..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut first, mut restored) = (Limits::new(), Limits::new());
        for (index, request) in requests.iter().enumerate() {
            perform(&mut first, request);
            if index == cut.index(requests.len()) {
                restored = Limits::decode(&restored.encode()).unwrap();
            }
            perform(&mut restored, request);
        }
        prop_assert_eq!(first.encode(), restored.encode());
        prop_assert_eq!(first.root(), restored.root());
    }

    #[test]
    fn many_pairs_are_found_again(payments in vec((0_u32..400, 0_u32..400, 1_u64..9), 1..2_000)) {
        let mut limits = Limits::new();
        let mut model: BTreeMap<(u32, u32), i128> = BTreeMap::new();
        for (from, to, amount) in payments.into_iter().filter(|(from, to, _)| from != to) {
            limits.record(ParticipantId(from), ParticipantId(to), CurrencyIndex(0), amount);
            *model.entry((from, to)).or_default() += i128::from(amount);
            *model.entry((to, from)).or_default() -= i128::from(amount);
        }
        for ((from, to), position) in model {
            let (from, to) = (ParticipantId(from), ParticipantId(to));
            prop_assert_eq!(limits.pair_position(from, to, CurrencyIndex(0)), position);
        }
        prop_assert_eq!(limits.root(), limits.recompute_root());
    }

    #[test]
    fn velocity_counts_as_the_model(
        rules in vec((1_u64..20, prop::option::of(0_u64..5), prop::option::of(0_u64..50)), 3),
        orders in vec((0_u32..4, 0_u16..2, 0_u64..30, 0_u64..4), 1..80),
    ) {
        let (mut velocity, value) = (Velocity::new(), Measure::Value(CurrencyIndex(1)));
        for (id, (window_ms, orders_max, value_max)) in (0..).map(ParticipantId).zip(&rules) {
            let rule = |most: u64| VelocityRule { window_ms: *window_ms, most };
            velocity.set_rule(id, Measure::Orders, orders_max.map(rule)).unwrap();
            velocity.set_rule(id, value, value_max.map(rule)).unwrap();
        }
        let mut passed: Vec<(u32, u16, u64, u64)> = Vec::new();
        let mut now_ms = 0;
        for (id, currency, amount, step_ms) in orders {
            now_ms += step_ms;
            let expected = rules.get(id as usize).is_none_or(|(window_ms, orders_max, value_max)| {
                let seen: Vec<_> = passed
                    .iter()
                    .filter(|(other, .., at)| *other == id && at / window_ms == now_ms / window_ms)
                    .collect();
                let value: u64 = seen.iter().filter(|seen| seen.1 == 1).map(|seen| seen.2).sum();
                orders_max.is_none_or(|max| (seen.len() as u64) < max)
                    && (currency != 1 || value_max.is_none_or(|max| value + amount <= max))
            });
            let (who, index) = (ParticipantId(id), CurrencyIndex(currency));
            prop_assert_eq!(velocity.allows(who, Some(index), amount, now_ms).is_ok(), expected);
            if expected {
                velocity.count(who, Measure::Orders, 1, now_ms);
                velocity.count(who, Measure::Value(index), amount, now_ms);
                passed.push((id, currency, amount, now_ms));
            }
            prop_assert_eq!(velocity.root(), velocity.recompute_root());
            velocity = Velocity::decode(&velocity.encode()).unwrap();
        }
    }
}
