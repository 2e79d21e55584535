//! How much settles, at least. Seeds are fixed and work is counted, so a figure changes only with
//! the solver; the bars stand a little below what it reached.

use netting::{Instance, Mode, Options, Payment, solve};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::brute::feasible;
use crate::cases::instance;

/// Numbers by SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// Few of many pay much: the smaller of two throws.
    fn participant(&mut self) -> u32 {
        let (one, other) = (self.below(PARTICIPANTS), self.below(PARTICIPANTS));
        one.min(other) as u32
    }

    /// 1,000 to 131 million, most of them some 256,000.
    fn amount(&mut self) -> u64 {
        let doublings: u64 = (0..4).map(|_| self.below(5)).sum();
        (1_000 + self.below(1_000)) << doublings
    }
}

const PARTICIPANTS: u64 = 40;
const CURRENCIES: u16 = 2;

/// A market in gridlock: each participant has half a percent of what it is to pay, and every
/// fifth payment is one of two that settle together or not at all.
fn market(seed: u64, payments: u64) -> Instance {
    let mut dice = Dice(seed);
    let mut instance = Instance {
        participants: PARTICIPANTS as u32,
        currency_weights: vec![100, 108],
        class_weights: vec![1],
        liquidity: vec![0; PARTICIPANTS as usize * usize::from(CURRENCIES)],
        ..Instance::default()
    };
    let mut seq = 0;
    while seq < payments {
        let (one, amount) = (dice.participant(), dice.amount());
        let other = dice.participant();
        if one == other {
            continue;
        }
        let currency = dice.below(CURRENCIES.into()) as u16;
        let pair = (dice.below(9) == 0).then_some(seq as u32);
        let mut pay = |debtor, creditor, currency| {
            let node = instance.node(debtor, currency);
            instance.liquidity[node] += (amount / 200).cast_signed();
            instance.payments.push(Payment {
                seq,
                debtor,
                creditor,
                currency,
                class: 0,
                amount,
                group: pair,
            });
            seq += 1;
        };
        pay(one, other, currency);
        if pair.is_some() {
            pay(other, one, (currency + 1) % CURRENCIES);
        }
    }
    instance
}

#[test]
fn markets_settle_close_to_their_bound() {
    // Per thousand of the bound, at least.
    for (payments, mode, bar) in [
        (500, Mode::Free, 470),
        (2_000, Mode::Free, 860),
        (2_000, Mode::Floor, 860),
        (6_000, Mode::Free, 965),
    ] {
        for seed in 1..=3 {
            let options = Options { mode, ..Options::default() };
            let found = solve(&market(seed, payments), options).unwrap();
            let settled = found.value * 1_000 / found.upper_bound;
            assert!(settled >= bar, "{payments} payments, seed {seed}, {mode:?}: {settled}");
            assert!(found.fifo_value * 100 < found.upper_bound, "no gridlock");
        }
    }
}

/// The best of all subsets is found: 400 instances of up to ten payments, always the same ones.
#[test]
fn small_instances_are_solved_to_the_optimum() {
    let (mut runner, cases) = (TestRunner::deterministic(), instance(10));
    for _ in 0..400 {
        let instance = cases.new_tree(&mut runner).unwrap().current();
        let best = feasible(&instance).iter().map(|set| set.1).max().unwrap();
        let found = solve(&instance, Options { mode: Mode::Free, ..Options::default() }).unwrap();
        assert_eq!(found.value, best, "{instance:?}");
    }
}
