//! The contract, on the embedded store.

use store::contract::{self, Host};
use store::embedded::{EmbeddedStore, Options};
use tempfile::TempDir;

use crate::rig::directory;

struct Directory(TempDir);

impl Host for Directory {
    type Store = EmbeddedStore;

    fn open(&self) -> EmbeddedStore {
        EmbeddedStore::open(self.0.path(), Options::default()).expect("opens")
    }
}

#[test]
fn embedded_store_keeps_the_contract() {
    contract::all(|| Directory(directory()));
}
