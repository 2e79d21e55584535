//! Measures the pool alone, in memory: the CPU time that an order costs at intake, and in the cycle
//! that settles it and seals the batch.
//!
//! ```text
//! cargo run --release -p clearing --example apply_orders -- [orders] [participants]
//! ```
//! Records of 512 orders of 256-byte payloads, 4 currencies, 5 % urgent, 400,000 orders a second of
//! logged time, a cycle every 100 ms of it. Liquidity is scarce enough that some orders wait. Then
//! the same with sealed orders, of two views for two readers, in a pool whose policy asks for them.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a measurement, run by hand")]

mod bench;
mod sealed;

use std::time::Duration;

use channel::NettingMode;
use clearing::{Place, Pool, Prices, Proposal, Reject, pack_settle, pack_tick};

use crate::bench::{BATCH, Bench, POOL, RECORDS_PER_CYCLE, Setting, Spent, cpu_time};

/// Orders that wait when a preview is taken.
const QUEUED: usize = 1_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument =
        |default: usize| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (orders, banks) = (argument(2_000_000), argument(200) as u32);
    let (netting, funds) = (NettingMode::StrictFifo, 20_000_000);
    let setting = Setting { banks, netting, funds, sealed: false };
    let mut bench = measure_orders(orders, setting);
    measure_snapshot(&mut bench);
    measure_preview(&mut bench);
    measure_check(banks);
    println!("\nsealed orders");
    let mut bench = measure_orders(orders, Setting { sealed: true, ..setting });
    measure_snapshot(&mut bench);
}

/// What orders cost from their record to their settlement.
fn measure_orders(orders: usize, setting: Setting) -> Bench {
    let mut bench = Bench::new(setting);
    let mut spent = Spent::default();
    let cycles = orders.div_ceil(BATCH * RECORDS_PER_CYCLE);
    (0..cycles).for_each(|_| bench.cycle(&mut spent));
    let orders = (cycles * BATCH * RECORDS_PER_CYCLE) as f64;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / orders;
    println!("orders          {orders}");
    println!("settled         {}", spent.settled);
    println!("batches         {}", spent.sealed);
    println!("intake          {:.3} us an order", each(spent.intake));
    println!("cycle and seal  {:.3} us an order", each(spent.cycles));
    println!("slowest record  {:.1} ms", spent.slowest.as_secs_f64() * 1e3);
    bench
}

/// What it costs to write the state down, and to read it again.
fn measure_snapshot(bench: &mut Bench) {
    let started = cpu_time();
    let snapshot = bench.pool.snapshot();
    let (bytes, pages) = (snapshot.state.len(), snapshot.pages.len());
    let took = (cpu_time() - started).as_secs_f64() * 1e3;
    println!("snapshot        {took:.1} ms, {bytes} bytes and {pages} pages");
    let pages = snapshot.pages.iter().map(|(number, page)| (*number, page.encode().to_vec()));
    let started = cpu_time();
    let restored = Pool::restore(1, &snapshot.state, pages).expect("a sound snapshot");
    assert_eq!(restored.next_position(), bench.pool.next_position());
    println!("restore         {:.1} ms", (cpu_time() - started).as_secs_f64() * 1e3);
}

/// What it costs to copy a long queue for whoever asks why it waits, and to find its floor.
fn measure_preview(bench: &mut Bench) {
    for _ in 0..QUEUED.div_ceil(BATCH) {
        let record = bench.record();
        bench.apply(&record);
    }
    let started = cpu_time();
    let preview = bench.pool.preview(&[]);
    let took = (cpu_time() - started).as_secs_f64() * 1e3;
    println!("preview         {took:.1} ms, {} payments", preview.payments().len());
    let started = cpu_time();
    let settles = preview.floor().into_iter().filter(|settles| *settles).count();
    let took = (cpu_time() - started).as_secs_f64() * 1e3;
    println!("floor of it     {took:.1} ms, {settles} settle");
}

/// What it costs to check a set for a cut of a million payments, and to settle and certify one.
fn measure_check(banks: u32) {
    // So little money that hardly anybody's whole queue can settle.
    let setting = Setting { banks, netting: NettingMode::FifoFloor, funds: 1_000, sealed: false };
    let mut bench = Bench::new(setting);
    while bench.pool.status().queued.iter().map(|queued| queued.count).sum::<u64>() < 1_000_000 {
        let record = bench.record();
        bench.apply(&record);
    }
    bench.now_ms += 100;
    let tick = pack_tick((POOL, bench.now_ms), bench.pool.due_cycle().expect("orders wait"));
    assert!(bench.apply(&tick).cut.is_some(), "the cut waits for a proposal");
    let candidates = bench.pool.candidates().expect("an open cut");
    let cycle = candidates.cut.cycle;
    let mut places: Vec<Place> = candidates.payments.iter().map(|it| it.place).collect();
    places.sort_unstable();
    let count = places.len() as f64;
    // Everything: it is looked at whole, and fails at the last, for want of money.
    let all = Proposal { cycle, places, ..Proposal::default() };
    let record = pack_settle((POOL, bench.now_ms), &all);
    let started = cpu_time();
    let outcome = bench.apply(&record);
    let took = cpu_time() - started;
    assert_eq!(outcome.reject, Some(Reject::ProposalInfeasible));
    let rate = count / took.as_secs_f64() / 1e6;
    println!("check           {:.1} ms, {rate:.1} M payments a second", took.as_secs_f64() * 1e3);
    let mut floor: Vec<Place> =
        candidates.payments.iter().filter(|it| it.floor).map(|it| it.place).collect();
    floor.sort_unstable();
    let prices = candidates.accounts.iter().map(|_| bench.numbers.below(100 << 20)).collect();
    let prices = Prices { accounts: prices, limits: Vec::new() };
    let proposal = Proposal { cycle, places: floor, prices, ..Proposal::default() };
    let record = pack_settle((POOL, bench.now_ms), &proposal);
    let started = cpu_time();
    let outcome = bench.apply(&record);
    let took = (cpu_time() - started).as_secs_f64() * 1e3;
    let settled = outcome.sealed.map_or(0, |batch| batch.payments);
    println!("settle, certify {took:.1} ms, {settled} of {count} settle");
}
