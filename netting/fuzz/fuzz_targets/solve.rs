//! Any bytes, read as an instance and options: the solver refuses it, or what it returns holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netting::{Instance, Limit, Mode, Options, Payment, bound, check, fifo, solve};

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let instance = input.instance();
    let prices: Vec<u64> = (0..input.below(12)).map(|_| input.number()).collect();
    let steps = Some(u64::from(input.below(30)));
    for mode in [Mode::Fifo, Mode::Floor, Mode::Free] {
        let options = Options { mode, steps, prices: &prices };
        match solve(&instance, options) {
            Err(error) => assert_eq!(instance.validate(), Err(error)),
            Ok(found) => {
                assert_eq!(check(&instance, &found.settled), Ok(found.value));
                assert!(found.fifo_value <= found.value && found.value <= found.upper_bound);
                assert_eq!(found.value_by_class.iter().sum::<u128>(), found.value);
                let floor = fifo(&instance);
                let none = vec![false; floor.len()];
                let frozen = if mode == Mode::Floor { &floor } else { &none };
                if mode == Mode::Floor {
                    let settles = |row: &usize| found.settled.binary_search(row).is_ok();
                    assert!((0..floor.len()).filter(|&row| floor[row]).all(|row| settles(&row)));
                }
                if mode != Mode::Fifo {
                    assert_eq!(bound(&instance, frozen, &found.prices), found.upper_bound);
                    assert!(bound(&instance, frozen, &prices) >= best(&instance, frozen));
                    assert!(found.upper_bound >= best(&instance, frozen));
                }
            }
        }
    }
});

/// The best set with all that is frozen, by trying every one; zero where those are too many.
fn best(instance: &Instance, frozen: &[bool]) -> u128 {
    let count = instance.payments.len();
    if count > 8 {
        return 0;
    }
    let sets = (0_u32..1 << count)
        .map(|mask| (0..count).filter(|&row| mask >> row & 1 == 1).collect::<Vec<usize>>());
    let sets = sets.filter(|set| (0..count).all(|row| !frozen[row] || set.contains(&row)));
    sets.filter_map(|set| check(instance, &set).ok()).max().unwrap_or(0)
}

/// Bytes, read from the front; zeros once they are used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn below(&mut self, n: u32) -> u32 {
        u32::from(self.byte()) % n
    }

    /// Small, or of any size up to the largest there is.
    fn number(&mut self) -> u64 {
        let bits = self.byte();
        let small = u64::from(self.byte());
        match bits {
            0..=127 => small,
            128..=159 => netting::MINOR_MAX - small,
            _ => (u64::MAX >> (bits % 64)).wrapping_sub(small),
        }
    }

    fn instance(&mut self) -> Instance {
        let participants = self.below(6);
        let currencies = self.below(4);
        let classes = self.below(4);
        let weight = |input: &mut Self| 1 + input.number() % (1 << (input.below(24) + 1));
        let mut instance = Instance {
            participants,
            currency_weights: (0..currencies).map(|_| weight(self)).collect(),
            class_weights: (0..classes).map(|_| weight(self)).collect(),
            ..Instance::default()
        };
        let odd = u32::from(self.byte() == 255);
        for _ in 0..participants * currencies + odd {
            let sign = if self.byte() > 200 { -1 } else { 1 };
            instance.liquidity.push(self.number().cast_signed().wrapping_mul(sign));
        }
        for _ in 0..self.below(4) {
            let (debtor, currency) = (self.below(6), self.below(4) as u16);
            let creditor = (self.byte() > 127).then(|| self.below(6));
            instance.limits.push(Limit { debtor, creditor, currency, minor: self.number() });
        }
        let mut seq = 0;
        while !self.0.is_empty() && instance.payments.len() < 64 {
            instance.payments.push(self.payment(participants, currencies, classes, &mut seq));
        }
        instance
    }

    fn payment(&mut self, banks: u32, currencies: u32, classes: u32, seq: &mut u64) -> Payment {
        let kind = self.byte();
        // One in 256 may name something that does not exist.
        let beyond = u32::from(kind == 255);
        *seq += u64::from(kind != 254);
        Payment {
            seq: *seq,
            debtor: self.below(banks.max(1) + beyond),
            creditor: self.below(banks.max(1) + beyond),
            currency: self.below(currencies.max(1) + beyond) as u16,
            class: self.below(classes.max(1) + beyond) as u8,
            amount: self.number(),
            group: (kind % 3 == 0).then(|| self.below(5)),
        }
    }
}
