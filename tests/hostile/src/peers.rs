//! What settlers of a pool tell each other.

/// A message.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Ok(written) = settler::canonical_message(bytes) else { return false };
    assert_eq!(written, bytes);
    true
}

/// One of each kind, as `settler` describes them: of pool 3, settler 7, term 5.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let message = |kind: u8, body: &[u8]| {
        let (pool, settler, term) = (3_u32, 7_u64, 5_u64);
        let head = [b"causeway/1 peers".as_slice(), &[0, 1, kind], &pool.to_be_bytes()].concat();
        [&head[..], &settler.to_be_bytes(), &term.to_be_bytes(), body].concat()
    };
    vec![message(1, &[]), message(2, &[]), message(3, &[]), message(4, &[9; 80])]
}
