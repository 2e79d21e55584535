//! Digests of an order: what a batch signature, a receipt and the core's index all refer to.

use ledger::Hash;
use sha2::{Digest, Sha256};

const HEADER_LABEL: &[u8] = b"ppc/1 hdr";
const ORDER_LABEL: &[u8] = b"ppc/1 order";

/// SHA-256 of nothing: what stands for the wraps of an opaque payload (suite 0 has none).
const EMPTY: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// SHA-256 (FIPS 180-4) of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// The digest of the payload alone: SHA-256 of its bytes.
#[must_use]
pub fn payload_digest(payload: &[u8]) -> Hash {
    sha256(payload)
}

/// The digest of a whole order of suite 0:
/// `SHA-256("ppc/1 order" ‖ H ‖ SHA-256(payload) ‖ SHA-256(""))` with
/// `H = SHA-256("ppc/1 hdr" ‖ header)`.
#[must_use]
pub fn order_digest(header: &[u8], payload: &[u8]) -> Hash {
    let header = Sha256::new().chain_update(HEADER_LABEL).chain_update(header).finalize();
    Sha256::new()
        .chain_update(ORDER_LABEL)
        .chain_update(header)
        .chain_update(payload_digest(payload))
        .chain_update(EMPTY)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_the_hash_of_nothing() {
        assert_eq!(sha256(b""), EMPTY);
    }

    #[test]
    fn every_byte_counts() {
        let header = [7_u8; 192];
        let payload = [9_u8; 64];
        let digest = order_digest(&header, &payload);
        for at in 0..header.len() {
            let mut other = header;
            other[at] ^= 1;
            assert_ne!(order_digest(&other, &payload), digest);
        }
        for at in 0..payload.len() {
            let mut other = payload;
            other[at] ^= 1;
            assert_ne!(order_digest(&header, &other), digest);
        }
    }
}
