//! What a node reads from its own disk: snapshots, with checksums made good, and their parts.

use clearing::{Pool, SeenPage};
use ledger::Ledger;
use risk::{Limits, Velocity};
use sha2::{Digest as _, Sha256};

use crate::bytes_of;

pub(crate) fn run(bytes: &[u8]) -> bool {
    let mut accepted = false;
    if let Ok(ledger) = Ledger::decode(bytes) {
        assert_eq!(ledger.encode(), bytes);
        accepted = true;
    }
    if let Ok(limits) = Limits::decode(bytes) {
        assert_eq!(limits.encode(), bytes);
        accepted = true;
    }
    if let Ok(velocity) = Velocity::decode(bytes) {
        assert_eq!(velocity.encode(), bytes);
        accepted = true;
    }
    if let Some(page) = SeenPage::decode(bytes) {
        assert_eq!(page.encode(), bytes);
        accepted = true;
    }
    let mut state = bytes.to_vec();
    let Some((body, checksum)) = state.split_last_chunk_mut::<32>() else { return accepted };
    *checksum = Sha256::digest(body).into();
    if let Ok(mut pool) = Pool::restore(1, &state, std::iter::empty()) {
        assert_eq!(pool.snapshot().state, state);
        accepted = true;
    }
    accepted
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        include_str!("../../../clearing/tests/it/data/snapshot.v1.hex"),
        include_str!("../../../ledger/tests/it/golden/books.v1.hex"),
        include_str!("../../../risk/tests/it/golden/limits.v1.hex"),
        include_str!("../../../risk/tests/it/golden/velocity.v1.hex"),
    ]
    // Some end with the root of what they hold.
    .map(|text| bytes_of(text.split("root").next().unwrap()))
    .into()
}
