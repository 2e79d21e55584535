//! The store on real nodes: `deploy/local/cluster up --only cql`, then run the ignored tests.
//!
//! `CAUSEWAY_CQL` names other nodes than the local ones.

mod faults;
mod schema;
mod speed;
mod writers;

use std::sync::atomic::{AtomicU32, Ordering};

use store::contract::{self, Host};
use store::cql::{self, CqlStore, Promise, Settings};

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
        CqlStore::open(&self.0).expect("opens")
    }
}

fn fresh() -> Pool {
    let settings = Settings::new(hosts(), KEYSPACE.to_owned(), random());
    cql::init(&settings, Promise::default()).expect("makes the schema");
    Pool(settings)
}

#[test]
#[ignore = "needs CQL nodes"]
fn keeps_the_contract() {
    contract::all(fresh);
}
