//! Counting settled payments, and the digest after a batch of them.

#![expect(clippy::expect_used, reason = "a bench that cannot go on must fail")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use risk::{CurrencyIndex, Limits, ParticipantId};

const PARTICIPANTS: u64 = 10_000;
const CURRENCIES: u64 = 10;
const BATCH: usize = 8_000;
/// Payments of the day, cut into batches; nearly each is of another pair.
const PAYMENTS: usize = 125 * BATCH;

type Payment = (ParticipantId, ParticipantId, CurrencyIndex, u64);

/// Uniform numbers from a seed (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn payments() -> Vec<Payment> {
    let mut seed = 1;
    let mut payment = |_| {
        let from = random(&mut seed) % PARTICIPANTS;
        let to = (from + 1 + random(&mut seed) % (PARTICIPANTS - 1)) % PARTICIPANTS;
        let currency = CurrencyIndex((random(&mut seed) % CURRENCIES) as u16);
        let amount = 1 + random(&mut seed) % 10_000;
        (ParticipantId(from as u32), ParticipantId(to as u32), currency, amount)
    };
    (0..PAYMENTS).map(&mut payment).collect()
}

fn record(criterion: &mut Criterion) {
    let payments = payments();
    let mut limits = Limits::new();
    let record_all = |limits: &mut Limits, batch: &[Payment]| {
        for &(from, to, currency, amount) in batch {
            limits.record(from, to, currency, amount);
        }
    };
    record_all(&mut limits, &payments);
    limits.root();
    let mut batches = payments.chunks(BATCH).cycle();
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("record", |bencher| {
        bencher.iter(|| record_all(&mut limits, batches.next().expect("a cycle")));
    });
    group.bench_function("record_and_root", |bencher| {
        bencher.iter(|| {
            record_all(&mut limits, batches.next().expect("a cycle"));
            limits.root()
        });
    });
    group.finish();
}

criterion_group!(benches, record);
criterion_main!(benches);
