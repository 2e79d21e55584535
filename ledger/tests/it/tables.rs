//! Runs the tables.

use std::collections::BTreeSet;

use ledger::Reject;

use crate::script::run;

const TABLES: [&str; 4] = [
    include_str!("tables/accounts.ledger"),
    include_str!("tables/batches.ledger"),
    include_str!("tables/posting.ledger"),
    include_str!("tables/reservations.ledger"),
];

#[test]
fn accounts() {
    run(TABLES[0]);
}

#[test]
fn batches() {
    run(TABLES[1]);
}

#[test]
fn posting() {
    run(TABLES[2]);
}

#[test]
fn reservations() {
    run(TABLES[3]);
}

#[test]
fn every_reject_is_hit() {
    let in_tables: BTreeSet<Reject> = TABLES.iter().flat_map(|table| run(table)).collect();
    // These three need more lines than a table should have.
    let in_maximums = [Reject::BatchTooLarge, Reject::TooManyAccounts, Reject::TooManyPending];
    let hit: BTreeSet<Reject> = in_tables.into_iter().chain(in_maximums).collect();
    assert_eq!(hit, BTreeSet::from(Reject::ALL));
}
