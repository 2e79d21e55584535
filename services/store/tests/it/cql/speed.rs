//! What a cluster takes: figures, no criterion.

use std::time::{Duration, Instant};

use store::contract::Host as _;
use store::{Commit, Store as _, Stream, Table, Write};

use super::fresh;

/// A batch of so many transfers as the projector writes it, about: 130 bytes a payment.
fn settled(number: u64, transfers: usize) -> Commit {
    let mut write = Write::new();
    let batch = number.to_be_bytes();
    for part in 0..3 {
        write.put(Table::Batches, [&[part][..], &batch, &[0, 0]].concat(), [part; 400]);
    }
    for chunk in 0..transfers.div_ceil(2_048) {
        let bytes = 32 * (transfers - chunk * 2_048).min(2_048);
        let key = [&batch[..], &(chunk as u16).to_be_bytes()].concat();
        write.put(Table::Transfers, key, vec![1; bytes]);
    }
    for record in 0..transfers.div_ceil(64) as u64 {
        let key = [(number * 10_000 + record).to_be_bytes(), batch].concat();
        write.put(Table::States, key, [2; 64 * 16]);
    }
    for owner in 0..100_u32 {
        let key = [&owner.to_be_bytes()[..], &batch, &[0, 0]].concat();
        write.put(Table::Postings, &key, vec![3; 64 + 24 * transfers / 50]);
        write.put(Table::Feed, &key, vec![4; 12 * transfers / 50]);
    }
    Commit::new(Stream::Batches, number, write)
}

/// Commits for some seconds, `at_once` in a call: what came of it.
fn measure(transfers: usize, at_once: u64) -> String {
    let store = fresh().open();
    let (mut number, mut rows, mut bytes) = (0, 0, 0);
    let mut calls: Vec<Duration> = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
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
    let seconds = begun.elapsed().as_secs_f64();
    calls.sort();
    let at = |share: usize| calls[(calls.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!(
        "{transfers} transfers a commit, {at_once} commits a call: {:.0} transfers/s, {:.0} rows/s, \
         {:.1} MB/s, {:.1} commits/s; a call p50 {:.0} ms, p99 {:.0} ms",
        number as f64 * transfers as f64 / seconds,
        rows as f64 / seconds,
        bytes as f64 / seconds / 1e6,
        number as f64 / seconds,
        at(50),
        at(99),
    )
}

#[test]
#[ignore = "needs CQL nodes, and takes its time"]
fn figures() {
    for (transfers, at_once) in [(1, 1), (1_000, 1), (1_000, 8), (10_000, 4), (30_000, 1)] {
        println!("{}", measure(transfers, at_once));
    }
}
