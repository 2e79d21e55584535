//! Posting of batches in memory, and the state root after each.

#![expect(clippy::expect_used, reason = "a bench that cannot go on must fail")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ledger::{AccountId, Currency, DebitLimit, Kind, Ledger, Transfer, TransferId};

const ACCOUNTS: u64 = 10_000;
const BATCH: u64 = 8_000;
/// Several, so that no batch finds only what the one before left in the cache.
const BATCHES: u64 = 16;

fn books() -> Ledger {
    let usd = Currency::parse("USD").expect("a currency");
    let mut ledger = Ledger::new();
    for _ in 0..ACCOUNTS {
        ledger.open_account(usd, DebitLimit::AtMost(1 << 50)).expect("room for an account");
    }
    ledger
}

/// Uniform numbers from a seed (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn batches() -> Vec<Vec<Transfer>> {
    let mut seed = 1;
    let mut transfer = |id| {
        let debit = random(&mut seed) % ACCOUNTS;
        let credit = (debit + 1 + random(&mut seed) % (ACCOUNTS - 1)) % ACCOUNTS;
        Transfer {
            id: TransferId(id),
            debit: AccountId(debit as u32),
            credit: AccountId(credit as u32),
            amount: 1 + random(&mut seed) % 10_000,
            kind: Kind::Post,
        }
    };
    (0..BATCHES).map(|_| (0..BATCH).map(&mut transfer).collect()).collect()
}

fn apply_batch(criterion: &mut Criterion) {
    let batches = batches();
    let mut group = criterion.benchmark_group("apply_batch");
    group.throughput(Throughput::Elements(BATCH));
    let mut ledger = books();
    let mut next = batches.iter().cycle();
    group.bench_function("post", |bencher| {
        bencher.iter(|| ledger.apply_batch(next.next().expect("a cycle")));
    });
    group.finish();
}

fn state_root(criterion: &mut Criterion) {
    let batches = batches();
    let mut group = criterion.benchmark_group("state_root");
    group.throughput(Throughput::Elements(BATCH));
    let mut ledger = books();
    let mut next = batches.iter().cycle();
    group.bench_function("after_each_batch", |bencher| {
        bencher.iter(|| {
            ledger.apply_batch(next.next().expect("a cycle")).expect("lines are large");
            ledger.state_root()
        });
    });
    group.finish();
}

criterion_group!(benches, apply_batch, state_root);
criterion_main!(benches);
