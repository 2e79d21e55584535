//! The store on real nodes: `deploy/local/cluster up --only cql`, then run the ignored tests.
//!
//! `CAUSEWAY_CQL` names other nodes than the local ones.

mod faults;
mod schema;
mod speed;
mod writers;

use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use scylla::client::session_builder::SessionBuilder;
use scylla::serialize::row::SerializeRow;
use store::contract::{self, Host};
use store::cql::{self, CqlStore, Promise, Settings};
use store::{Commit, Store, Stream, Table, Write};

const KEYSPACE: &str = "causeway_test";

fn hosts() -> Vec<String> {
    let hosts = std::env::var("CAUSEWAY_CQL")
        .unwrap_or_else(|_| "127.0.0.1:9042,127.0.0.2:9042,127.0.0.3:9042".to_owned());
    hosts.split(',').map(str::to_owned).collect()
}

/// A number that no other run has used, most likely.
fn random() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("random bytes");
    u32::from_be_bytes(bytes).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A pool of its own in the keyspace of the tests.
struct Pool(Settings);

impl Host for Pool {
    type Store = CqlStore;

    fn open(&self) -> CqlStore {
        CqlStore::open(&self.0, Promise::default()).expect("opens")
    }
}

fn settings() -> Settings {
    Settings::new(hosts(), KEYSPACE.to_owned(), random())
}

fn fresh() -> Pool {
    static MADE: Once = Once::new();
    let settings = settings();
    MADE.call_once(|| {
        let status = cql::init(&settings, Promise::default()).expect("makes the schema");
        assert_eq!((status.version, status.replicas()), (cql::SCHEMA_VERSION, 3));
    });
    Pool(settings)
}

/// The cluster's script, with the folder that `CAUSEWAY_CLUSTER_DIR` names.
fn cluster(command: &str, node: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/local/cluster");
    let dir = std::env::var("CAUSEWAY_CLUSTER_DIR").expect("CAUSEWAY_CLUSTER_DIR");
    let done = Command::new(script).args([command, node, "--dir", &dir]).status();
    assert!(done.expect("runs the script").success(), "{command} {node}");
}

/// A session of the test's own, to do what the store never does.
fn meddle(statement: &str, values: impl SerializeRow) {
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    runtime.block_on(async {
        let session = SessionBuilder::new().known_nodes(hosts()).build().await.expect("connects");
        session.query_unpaged(statement, values).await.expect("is done");
    });
}

/// Commit `number` of stream Batches: rows that say so, in one partition and in many.
fn batch(number: u64) -> Commit {
    let mut write = Write::new();
    for row in 0..24_u64 {
        let key = [(row << 40 | number).to_be_bytes(), number.to_be_bytes()].concat();
        write.put(Table::States, key, vec![number as u8; 200]);
    }
    write.put(Table::Transfers, [&number.to_be_bytes()[..], &[0, 0]].concat(), [7; 30_000]);
    Commit::new(Stream::Batches, number, write)
}

/// Checks that commits 1 to `last` are there, whole, and nothing of any other.
fn check_batches(store: &CqlStore, last: u64) {
    assert_eq!(store.head(Stream::Batches).expect("reads"), last);
    let mut expected: Vec<(Table, Vec<u8>, Vec<u8>)> = Vec::new();
    for number in 1..=last {
        let commit = batch(number);
        expected
            .extend(commit.write.puts().map(|(t, key, value)| (t, key.to_vec(), value.to_vec())));
    }
    expected.sort();
    let mut found = Vec::new();
    for table in [Table::Transfers, Table::States] {
        let rows = store.scan(table, &[0], &[255], usize::MAX).expect("scans");
        found.extend(rows.into_iter().map(|(key, value)| (table, key.to_vec(), value.to_vec())));
    }
    assert!(found == expected, "{} rows where {} were expected", found.len(), expected.len());
}

#[test]
#[ignore = "needs CQL nodes"]
fn keeps_the_contract() {
    contract::all(fresh);
}
