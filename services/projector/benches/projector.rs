//! What projecting costs: CPU per settled order, bytes written, look-ups.
//!
//! `cargo bench -p projector -- [MILLIONS [BATCH [DIRECTORY]]]`: so many million orders (1 by
//! default) in batches of so many (512 by default, a multiple of 64) between 100 banks, through the
//! real core first, then through the projector into an embedded store below the directory (the
//! system's temporary one by default).

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to run by hand"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bus::embedded::EmbeddedLog;
use bytes::Bytes;
use channel::{
    Command, CommandBody, Genesis, MessageKind, NettingMode, OrderHeader, Participant,
    ParticipantId, RequestId, Role, RuleBook, SignedCommand, Uetr, ValueDate,
};
use clearing::{Pool, pack_command, pack_genesis, pack_orders, pack_tick};
use ledger::{Amount, Currency};
use projector::{Options, Projected, Projector, Reader};
use store::Store;
use store::embedded::EmbeddedStore;

const POOL: u32 = 1;
const BANKS: u32 = 100;
const ORDERS_PER_RECORD: usize = 64;
const OPERATOR: ParticipantId = ParticipantId(1);
const START_MS: u64 = 1_767_571_200_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let millions: f64 = arguments.next().map_or(1.0, |text| text.parse().expect("a number"));
    let batch: u64 = arguments.next().map_or(512, |text| text.parse().expect("a number"));
    let parent = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::TempDir::new_in(parent).expect("makes a directory");
    run(dir.path(), (millions * 1e6) as usize, batch);
}

fn run(dir: &Path, orders: usize, batch: u64) {
    let log = EmbeddedLog::open(&dir.join("log"), POOL, bus::embedded::Options::default());
    let store = EmbeddedStore::open(dir.join("store"), store::embedded::Options::default());
    let store: Arc<dyn Store> = Arc::new(store.expect("opens"));
    let started = Projector::start(store, Arc::new(log.expect("opens")), POOL, &Options::default());
    let (projector, feed, reader) = started.expect("starts");

    let (mut core_cpu, mut count) = (0.0, 0);
    let mut pool = Feeder::new(batch / ORDERS_PER_RECORD as u64);
    let (cpu, begun) = (cpu_seconds(), Instant::now());
    while count < orders {
        // Made and applied a part at a time; that time is taken out again.
        let before = cpu_of_thread();
        let part: Vec<Projected> = pool.part();
        core_cpu += cpu_of_thread() - before;
        count += part.iter().map(|it| it.outcome.rulings.len()).sum::<usize>();
        part.into_iter().for_each(|projected| feed.push(projected).expect("is taken"));
    }
    while feed.next_position() < pool.pool.next_position() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let threads = threads();
    projector.stop();
    let (cpu, seconds) = (cpu_seconds() - cpu - core_cpu, begun.elapsed().as_secs_f64());
    let written = disk_bytes(&dir.join("store"));
    println!("orders                 {count}");
    println!("batches                {}", reader.readable().borrow().batch);
    println!("projector and store    {:.3} µs CPU an order", cpu * 1e6 / count as f64);
    for (name, cpu) in threads {
        println!("  thread {name:<13} {:.3} µs CPU an order", cpu * 1e6 / count as f64);
    }
    println!("making the records     {:.3} µs CPU an order", core_cpu * 1e6 / count as f64);
    println!("wall, both together    {seconds:.1} s");
    println!("on disk                {:.0} bytes an order", written as f64 / count as f64);
    ask(&reader, count);
}

/// Look-ups that need no log.
fn ask(reader: &Reader, count: usize) {
    let last = reader.readable().borrow().batch;
    let time = |what: &str, times: u64, ask: &dyn Fn(u64)| {
        let begun = Instant::now();
        (0..times).for_each(ask);
        let micros = begun.elapsed().as_secs_f64() * 1e6 / times as f64;
        println!("{what:<22} {micros:.1} µs");
    };
    let spread = |number: u64, bound: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % bound;
    let account = |number| ledger::AccountId(1 + spread(number, u64::from(BANKS)) as u32);
    time("balance as of a batch", 10_000, &|number| {
        reader.balance(account(number), 1 + spread(number, last)).expect("reads");
    });
    time("100 entries", 1_000, &|number| {
        let from = (1 + spread(number, last), 0);
        reader.entries(account(number), from, 100).expect("reads");
    });
    time("a batch", 1_000, &|number| {
        reader.batch(1 + spread(number, last)).expect("reads").expect("is there");
    });
    time("an unknown UETR", 10_000, &|number| {
        let rows = reader.payments(uetr(count as u64 * 3 + number)).expect("reads");
        assert!(rows.is_empty());
    });
}

/// A version 4 UUID that is a function of a number.
fn uetr(number: u64) -> Uetr {
    let mixed = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(number);
    let mut bytes = mixed.to_be_bytes();
    bytes[6] = 0x40 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    Uetr(bytes)
}

struct Feeder {
    pool: Pool,
    time_ms: u64,
    next: u64,
    records_per_batch: u64,
    done: Vec<Projected>,
}

impl Feeder {
    fn new(records_per_batch: u64) -> Self {
        let (pool, done) = (Pool::new(1), Vec::new());
        let mut feeder = Self { pool, time_ms: START_MS, next: 0, records_per_batch, done };
        let participant = |id: u32, role, name| Participant {
            id: ParticipantId(id),
            role,
            name,
            country: *b"BE",
            key: [id as u8; 32],
        };
        let mut participants = vec![participant(1, Role::Operator, "olga".to_owned())];
        participants.extend((0..BANKS).map(|bank| {
            let letter = |index: u32| char::from(b'A' + index as u8);
            let name = format!("BANK{}{}XX", letter(bank / 26), letter(bank % 26));
            participant(11 + bank, Role::Bank, name)
        }));
        let rules =
            RuleBook { netting: NettingMode::StrictFifo, ..RuleBook::standard(vec![euro()]) };
        let genesis =
            Genesis { pool: POOL, rules, operator_key: [9; 32], roots: Vec::new(), participants };
        feeder.apply(pack_genesis(START_MS, &genesis));
        for bank in 0..BANKS {
            let participant = ParticipantId(11 + bank);
            let body = CommandBody::OpenAccount {
                participant,
                currency: euro(),
                credit_line: 1_000_000_000_000,
            };
            feeder.command(u128::from(bank), body);
        }
        let date = ValueDate::new(20_260_105).unwrap();
        let (cut_off_at_ms, closes_at_ms) = (START_MS + 80_000_000, START_MS + 86_000_000);
        let body = CommandBody::OpenDay { currency: euro(), date, cut_off_at_ms, closes_at_ms };
        feeder.command(1 << 64, body);
        feeder
    }

    fn command(&mut self, request: u128, body: CommandBody) {
        let request_id = RequestId(request.to_be_bytes());
        let issued_at_ms = self.time_ms;
        let command = Command { pool: POOL, request_id, maker: OPERATOR, issued_at_ms, body };
        let command = command.encode();
        let signed = SignedCommand { command, signature: [0; 64], checker: None };
        self.apply(pack_command((POOL, self.time_ms), &signed));
    }

    fn apply(&mut self, record: Vec<u8>) {
        let position = self.pool.next_position();
        let outcome = Arc::new(self.pool.apply(position, &record).expect("a sound record"));
        let (record, batch_open) = (Bytes::from(record), self.pool.batch_open());
        self.done.push(Projected { position, record, outcome, batch_open });
    }

    /// A few batches.
    fn part(&mut self) -> Vec<Projected> {
        while self.done.len() < 256 {
            for _ in 0..self.records_per_batch {
                self.orders((self.next / ORDERS_PER_RECORD as u64 % u64::from(BANKS)) as u32);
            }
            self.time_ms += 10;
            let cycle = self.pool.status().cycle;
            self.apply(pack_tick((POOL, self.time_ms), cycle));
        }
        std::mem::take(&mut self.done)
    }

    fn orders(&mut self, from: u32) {
        let headers: Vec<[u8; 192]> = (0..ORDERS_PER_RECORD)
            .map(|_| {
                self.next += 1;
                let to =
                    (from + 1 + (self.next.wrapping_mul(2_654_435_761) >> 7) as u32 % 99) % BANKS;
                self.order(from, to).encode()
            })
            .collect();
        let orders: Vec<(&[u8; 192], &[u8])> =
            headers.iter().map(|header| (header, &[][..])).collect();
        let digests: Vec<[u8; 32]> =
            headers.iter().map(|header| header[16..48].try_into().unwrap()).collect();
        let sender = ParticipantId(11 + from);
        let at = (POOL, self.time_ms);
        self.apply(pack_orders(at, sender, &[0; 64], &[0; 32], &digests, &orders));
    }

    fn order(&self, from: u32, to: u32) -> OrderHeader {
        OrderHeader {
            urgent: false,
            pool: POOL,
            sender: ParticipantId(11 + from),
            receiver: ParticipantId(11 + to),
            uetr: uetr(self.next),
            kind: MessageKind::CustomerTransfer,
            class: 2,
            amount: Amount::new(1 + self.next % 1_000, euro()).unwrap(),
            value_date: ValueDate::new(20_260_105).unwrap(),
            policy_version: 0,
            created_at_ms: self.time_ms,
            not_before_ms: 0,
            not_after_ms: 0,
            link: None,
            sealing: None,
            fx: None,
            payload_len: 0,
        }
    }
}

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

/// CPU time of the whole process.
fn cpu_seconds() -> f64 {
    ticks("/proc/self/stat")
}

/// CPU time of this thread.
fn cpu_of_thread() -> f64 {
    ticks("/proc/thread-self/stat")
}

/// CPU time by name of thread, the busiest first; this one, which makes the records, left out.
fn threads() -> Vec<(String, f64)> {
    let mut sums = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/task").expect("lists") {
        let path = entry.expect("lists").path();
        let name = std::fs::read_to_string(path.join("comm")).expect("reads").trim().to_owned();
        *sums.entry(name).or_insert(0.0) += ticks(path.join("stat"));
    }
    let own = std::fs::read_to_string("/proc/thread-self/comm").expect("reads");
    sums.remove(own.trim());
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    sums
}

/// User and system time, in hundredths of a second.
fn ticks(path: impl AsRef<Path>) -> f64 {
    let stat = std::fs::read_to_string(path).expect("reads");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    ticks as f64 / 100.0
}

fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(dir).expect("lists");
    entries
        .map(|entry| {
            let entry = entry.expect("lists");
            let meta = entry.metadata().expect("measures");
            if meta.is_dir() { disk_bytes(&entry.path()) } else { meta.blocks() * 512 }
        })
        .sum()
}
