//! What a cluster takes from the store, beside what it takes from a plain writer: figures, no
//! criterion.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use store::contract::Host as _;
use store::{Commit, Store as _, Stream, Table, Write};
use tokio::task::JoinSet;

use super::{KEYSPACE, fresh, hosts, random};

/// How long each figure is taken for.
const WHILE: Duration = Duration::from_secs(3);
/// Bytes of a plain row, and how many of them are on their way at once.
const PLAIN: (usize, usize) = (64 << 10, 32);
/// Plain rows in a partition: 16 MiB of them.
const PLAIN_ROWS: i64 = 256;

/// Bytes that do not compress, as identities and amounts do not; others for each seed.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).to_be_bytes()
    });
    words.flatten().take(bytes).collect()
}

/// A batch of so many transfers as the projector writes it, about: 130 bytes a payment.
fn settled(number: u64, transfers: usize) -> Commit {
    let mut write = Write::new();
    let batch = number.to_be_bytes();
    let mut put = |table, key: &[u8], bytes| write.put(table, key, noise(bytes, number));
    for part in 0..3 {
        put(Table::Batches, &[&[part][..], &batch, &[0, 0]].concat(), 400);
    }
    for chunk in 0..transfers.div_ceil(2_048) {
        let key = [&batch[..], &(chunk as u16).to_be_bytes()].concat();
        put(Table::Transfers, &key, 32 * (transfers - chunk * 2_048).min(2_048));
    }
    for record in 0..transfers.div_ceil(64) as u64 {
        let key = [(number * 10_000 + record).to_be_bytes(), batch].concat();
        put(Table::States, &key, 64 * 16);
    }
    for owner in 0..100_u32 {
        let key = [&owner.to_be_bytes()[..], &batch, &[0, 0]].concat();
        put(Table::Postings, &key, 64 + 24 * transfers / 50);
        put(Table::Feed, &key, 12 * transfers / 50);
    }
    Commit::new(Stream::Batches, number, write)
}

/// Commits for some seconds, `at_once` in a call: MB/s, and what else came of it.
fn measure(transfers: usize, at_once: u64) -> (f64, String) {
    let store = fresh().open();
    let (mut number, mut rows, mut bytes) = (0, 0, 0);
    let mut calls: Vec<Duration> = Vec::new();
    while calls.iter().sum::<Duration>() < WHILE {
        let commits: Vec<_> = (0..at_once)
            .map(|_| {
                number += 1;
                settled(number, transfers)
            })
            .collect();
        rows += commits.iter().map(|commit| commit.write.rows()).sum::<usize>();
        bytes += commits.iter().map(|commit| commit.write.bytes()).sum::<usize>();
        let call = Instant::now();
        store.commit(&commits).expect("commits");
        calls.push(call.elapsed());
    }
    assert_eq!(store.head(Stream::Batches).expect("reads"), number);
    let seconds = calls.iter().sum::<Duration>().as_secs_f64();
    calls.sort();
    let at = |share: usize| calls[(calls.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let rate = bytes as f64 / seconds / 1e6;
    let said = format!(
        "{transfers} transfers a commit, {at_once} commits a call: {rate:.1} MB/s, {:.0} transfers/s, \
         {:.0} rows/s, {:.1} commits/s; a call p50 {:.0} ms, p99 {:.0} ms",
        number as f64 * transfers as f64 / seconds,
        rows as f64 / seconds,
        number as f64 / seconds,
        at(50),
        at(99),
    );
    (rate, said)
}

/// A table of large rows, written by nothing but the driver.
struct Plain {
    runtime: tokio::runtime::Runtime,
    session: Arc<Session>,
    next: Arc<AtomicI64>,
}

impl Plain {
    fn new() -> Self {
        drop(fresh());
        let runtime = tokio::runtime::Runtime::new().expect("starts");
        let session = runtime.block_on(async {
            let session = SessionBuilder::new().known_nodes(hosts()).build().await;
            let session = session.expect("connects");
            let table = format!(
                "CREATE TABLE IF NOT EXISTS {KEYSPACE}.plain \
                 (part bigint, number bigint, value blob, PRIMARY KEY (part, number))"
            );
            session.query_unpaged(table, ()).await.expect("makes a table");
            session
        });
        let next = Arc::new(AtomicI64::new(i64::from(random()) << 24));
        Self { runtime, session: Arc::new(session), next }
    }

    /// Writes for some seconds: MB/s.
    fn measure(&self) -> f64 {
        let insert = format!("INSERT INTO {KEYSPACE}.plain (part, number, value) VALUES (?, ?, ?)");
        let first = self.next.load(Ordering::Relaxed);
        let begun = Instant::now();
        self.runtime.block_on(async {
            let insert = self.session.prepare(insert).await.expect("prepares");
            let mut writers = JoinSet::new();
            for _ in 0..PLAIN.1 {
                let (session, insert, next) =
                    (self.session.clone(), insert.clone(), self.next.clone());
                writers.spawn(async move {
                    while begun.elapsed() < WHILE {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let row = (number / PLAIN_ROWS, number, noise(PLAIN.0, number as u64));
                        session.execute_unpaged(&insert, row).await.expect("writes");
                    }
                });
            }
            while let Some(ended) = writers.join_next().await {
                ended.expect("writes");
            }
        });
        let seconds = begun.elapsed().as_secs_f64();
        let rows = self.next.load(Ordering::Relaxed) - first;
        self.runtime.block_on(async {
            let emptied = format!("TRUNCATE {KEYSPACE}.plain");
            self.session.query_unpaged(emptied, ()).await.expect("gives the disk back");
        });
        rows as f64 * PLAIN.0 as f64 / seconds / 1e6
    }
}

#[test]
#[ignore = "needs CQL nodes, and takes its time"]
fn figures() {
    let plain = Plain::new();
    // A new server's first seconds are like no others.
    plain.measure();
    for (transfers, at_once) in [(1, 1), (1_000, 1), (1_000, 8), (10_000, 4), (30_000, 2)] {
        let before = plain.measure();
        let (rate, said) = measure(transfers, at_once);
        let ceiling = f64::midpoint(before, plain.measure());
        println!("{said}; plain rows {ceiling:.1} MB/s, share {:.0} %", rate / ceiling * 1e2);
    }
}
