//! Measures the pool alone, in memory: the CPU time that an order costs at intake, and in the cycle
//! that settles it and seals the batch.
//!
//! ```text
//! cargo run --release -p clearing --example apply_orders -- [orders] [participants]
//! ```
//! Records of 512 orders of 256-byte payloads, 4 currencies, 5 % urgent, 400,000 orders a second of
//! logged time, a cycle every 100 ms of it. Liquidity is scarce enough that some orders wait.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a measurement, run by hand")]

use std::time::Duration;

use channel::{
    Command, CommandBody, Genesis, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, RequestId, Role, RuleBook, SignedCommand, Uetr, ValueDate,
};
use clearing::{
    Outcome, Place, Pool, Prices, Proposal, Reject, pack_command, pack_genesis, pack_orders,
    pack_settle, pack_tick,
};
use ledger::{Amount, Currency};

const POOL: u32 = 1;
const BATCH: usize = 512;
const START_MS: u64 = 1_767_571_200_000;
const CODES: [&str; 4] = ["EUR", "USD", "GBP", "CHF"];
const RECORDS_PER_CYCLE: usize = 78;
/// Orders that wait when a preview is taken.
const QUEUED: usize = 1_000_000;

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a currency")
}

/// What this thread has used of a core so far: a busy machine does not count (Linux only).
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    let nanos = text.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds"))
}

/// A small generator of numbers (`SplitMix64`): the same run every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

struct Bench {
    pool: Pool,
    now_ms: u64,
    requests: u128,
    numbers: Numbers,
    banks: u32,
}

#[derive(Default)]
struct Spent {
    intake: Duration,
    cycles: Duration,
    sealed: u64,
    settled: u64,
    slowest: Duration,
}

impl Bench {
    fn new(banks: u32, netting: NettingMode, funds: u64) -> Self {
        let rules = RuleBook {
            netting,
            proposal_timeout_ms: 60_000,
            ..RuleBook::standard(CODES.iter().map(|code| currency(code)).collect())
        };
        let named = |id: u32, role, name: String| Participant {
            id: ParticipantId(id),
            role,
            name,
            country: *b"BE",
            key: [0; 32],
        };
        let mut participants = vec![
            named(1, Role::Operator, "operator".to_owned()),
            named(2, Role::SettlementAgent, "agent".to_owned()),
        ];
        let letter = |n: u32| char::from(b'A' + (n % 26) as u8);
        participants.extend((0..banks).map(|n| {
            let (a, b, c) = (letter(n / 676), letter(n / 26), letter(n));
            named(10 + n, Role::Bank, format!("BNK{a}{b}{c}XX"))
        }));
        let genesis =
            Genesis { pool: POOL, rules, operator_key: [0; 32], roots: Vec::new(), participants };
        let mut bench =
            Self { pool: Pool::new(42), now_ms: START_MS, requests: 0, numbers: Numbers(7), banks };
        bench.apply(&pack_genesis(START_MS, &genesis));
        bench.open(funds);
        bench
    }

    fn apply(&mut self, record: &[u8]) -> Outcome {
        self.pool.apply(self.pool.next_position(), record).expect("a sound record")
    }

    fn command(&mut self, maker: u32, body: CommandBody) {
        self.requests += 1;
        let command = Command {
            pool: POOL,
            request_id: RequestId(self.requests.to_be_bytes()),
            maker: ParticipantId(maker),
            issued_at_ms: self.now_ms,
            body,
        };
        let command = command.encode();
        let signed = SignedCommand { command, signature: [0; 64], checker: None };
        let outcome = self.apply(&pack_command((POOL, self.now_ms), &signed));
        assert_eq!(outcome.reject, None);
    }

    fn open(&mut self, funds: u64) {
        for code in CODES {
            let currency = currency(code);
            for bank in 0..self.banks {
                let participant = ParticipantId(10 + bank);
                let account = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
                self.command(1, account);
                let amount = Amount::new(funds, currency).expect("an amount");
                let pay_in = (self.requests + 1).to_be_bytes();
                self.command(2, CommandBody::Fund { participant, amount, pay_in });
            }
            let date = ValueDate::new(20_260_105).expect("a date");
            let (cut_off_at_ms, closes_at_ms) = (START_MS + 36_000_000, START_MS + 36_000_000);
            self.command(1, CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms });
        }
    }

    fn record(&mut self) -> Vec<u8> {
        let sender = self.numbers.below(self.banks.into()) as u32;
        let headers: Vec<[u8; 192]> = (0..BATCH).map(|_| self.header(sender).encode()).collect();
        // The core never computes a digest; any distinct bytes will do.
        let digest = |numbers: &mut Numbers| {
            let mut digest = [0; 32];
            digest
                .chunks_mut(8)
                .for_each(|part| part.copy_from_slice(&numbers.next().to_be_bytes()));
            digest
        };
        let digests: Vec<_> = (0..BATCH).map(|_| digest(&mut self.numbers)).collect();
        let payload = [0; 256];
        let orders: Vec<_> = headers.iter().map(|header| (header, payload.as_slice())).collect();
        let sender = ParticipantId(10 + sender);
        pack_orders((POOL, self.now_ms), sender, &[0; 64], &[0; 32], &digests, &orders)
    }

    fn header(&mut self, sender: u32) -> OrderHeader {
        let other = self.numbers.below(u64::from(self.banks) - 1) as u32;
        let receiver = if other >= sender { other + 1 } else { other };
        let mut uetr = [0; 16];
        uetr[..8].copy_from_slice(&self.numbers.next().to_be_bytes());
        uetr[8..].copy_from_slice(&self.numbers.next().to_be_bytes());
        uetr[6] = 0x40 | (uetr[6] & 0x0f);
        uetr[8] = 0x80 | (uetr[8] & 0x3f);
        let code = CODES[self.numbers.below(4) as usize];
        let minor = 1 + self.numbers.below(1_000);
        OrderHeader {
            urgent: self.numbers.below(20) == 0,
            pool: POOL,
            sender: ParticipantId(10 + sender),
            receiver: ParticipantId(10 + receiver),
            uetr: Uetr(uetr),
            kind: MessageKind::CustomerTransfer,
            class: 1 + self.numbers.below(3) as u8,
            amount: Amount::new(minor, currency(code)).expect("an amount"),
            value_date: ValueDate::new(20_260_105).expect("a date"),
            policy_version: 0,
            created_at_ms: self.now_ms,
            not_before_ms: 0,
            not_after_ms: 0,
            link: None,
            sealing: None,
            fx: None,
            payload_len: 256,
        }
    }

    fn cycle(&mut self, spent: &mut Spent) {
        let records: Vec<Vec<u8>> = (0..RECORDS_PER_CYCLE).map(|_| self.record()).collect();
        for record in &records {
            let started = cpu_time();
            let outcome = self.apply(record);
            spent.count(&outcome, cpu_time() - started, false);
        }
        self.now_ms += 100;
        let tick = pack_tick((POOL, self.now_ms), self.pool.due_cycle().expect("orders wait"));
        let started = cpu_time();
        let outcome = self.apply(&tick);
        spent.count(&outcome, cpu_time() - started, true);
    }
}

impl Spent {
    fn count(&mut self, outcome: &Outcome, took: Duration, cycle: bool) {
        *(if cycle { &mut self.cycles } else { &mut self.intake }) += took;
        self.slowest = self.slowest.max(took);
        for batch in [&outcome.sealed_before, &outcome.sealed].into_iter().flatten() {
            self.sealed += 1;
            self.settled += u64::from(batch.payments);
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument =
        |default: usize| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (orders, banks) = (argument(2_000_000), argument(200));
    let mut bench = Bench::new(banks as u32, NettingMode::StrictFifo, 20_000_000);
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
    measure_snapshot(&mut bench);
    measure_preview(&mut bench);
    measure_check(banks as u32);
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
    let mut bench = Bench::new(banks, NettingMode::FifoFloor, 1_000);
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
