//! AES-GCM does not commit to its key: a ciphertext can be made that two keys open, to two
//! plaintexts. Here one is made; the key commitment is what refuses the second key.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use channel::SizeBucket;

use super::*;

/// Multiplication in the field of GHASH (NIST SP 800-38D section 6.3).
fn multiply(x: u128, y: u128) -> u128 {
    let (mut product, mut power) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= power;
        }
        power = if power & 1 == 1 { (power >> 1) ^ (0xe1 << 120) } else { power >> 1 };
    }
    product
}

/// `x^(2^128 − 2)`.
fn inverse(x: u128) -> u128 {
    let (mut power, mut out) = (x, 1 << 127);
    for _ in 1..128 {
        power = multiply(power, power);
        out = multiply(out, power);
    }
    out
}

/// What a tag is made of under one key with nonce zero: the GHASH key and the mask.
struct Gcm {
    hash_key: u128,
    mask: u128,
}

impl Gcm {
    fn new(key: &[u8]) -> Self {
        let aes = Aes256::new_from_slice(key).unwrap();
        let block = |counter: u128| {
            let mut bytes = counter.to_be_bytes().into();
            aes.encrypt_block(&mut bytes);
            u128::from_be_bytes(bytes.into())
        };
        Self { hash_key: block(0), mask: block(1) }
    }

    fn tag(&self, aad: &Hash, ciphertext: &[u8]) -> u128 {
        let blocks = |bytes: &[u8]| -> Vec<u128> {
            let padded = |chunk: &[u8]| {
                let mut block = [0; 16];
                block[..chunk.len()].copy_from_slice(chunk);
                u128::from_be_bytes(block)
            };
            bytes.chunks(16).map(padded).collect()
        };
        let lengths = (256 << 64) | (ciphertext.len() as u128 * 8);
        let all = [blocks(aad), blocks(ciphertext), vec![lengths]].concat();
        all.into_iter().fold(0, |hash, block| multiply(hash ^ block, self.hash_key)) ^ self.mask
    }
}

fn power(x: u128, exponent: usize) -> u128 {
    (0..exponent).fold(1 << 127, |out, _| multiply(out, x))
}

#[test]
fn a_ciphertext_that_two_keys_open_is_taken_from_one() {
    let (deks, aad): ([Dek; 2], Hash) = ([[1; 32], [2; 32]], [7; 32]);
    let keys = deks.map(|dek| ViewKeys::new(&dek, View::Parties));
    let gcm = [0, 1].map(|at: usize| Gcm::new(keys[at].parts().0));
    // A view of 200 bytes, sealed as it should be under the first key.
    let content = [b'c'; 200];
    let mut plain = vec![0; VIEW_PREFIX_LEN + 256 + TAG_LEN];
    plain[..2].copy_from_slice(&200_u16.to_be_bytes());
    plain[2..202].copy_from_slice(&content);
    let mut sealed = plain;
    keys[0].encrypt(&mut sealed, &aad).unwrap();
    let (text, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().unwrap();
    assert_eq!(u128::from_be_bytes(*tag), gcm[0].tag(&aad, text), "GHASH as the cipher does it");
    // One block of the content is chosen so that both tags are the same. Its weight in the hash is
    // the key to the power of the blocks from it to the end, lengths included.
    let block = 64..80;
    text[block.clone()].fill(0);
    let blocks_left = (text.len() - block.start).div_ceil(16) + 1;
    let weight = power(gcm[0].hash_key, blocks_left) ^ power(gcm[1].hash_key, blocks_left);
    let difference = gcm[0].tag(&aad, text) ^ gcm[1].tag(&aad, text);
    let chosen = multiply(difference, inverse(weight));
    text[block].copy_from_slice(&chosen.to_be_bytes());
    let common = gcm[0].tag(&aad, text);
    assert_eq!(common, gcm[1].tag(&aad, text));
    *tag = common.to_be_bytes();
    // AES-GCM by itself takes it from either key, with two different results.
    let opened = [0, 1].map(|at: usize| {
        let mut bytes = sealed.clone();
        decrypt(&cipher(keys[at].parts().0), &NONCE_ONCE, &aad, &mut bytes).unwrap();
        bytes
    });
    assert_ne!(opened[0], opened[1]);
    // A view takes it from the key that is committed to.
    let entry = |at: usize| ViewEntry {
        view: View::Parties,
        bucket: SizeBucket::B256,
        commitment: keys[at].commitment(),
        ciphertext: &sealed,
    };
    assert!(open(&entry(0), &deks[0], &aad).is_ok());
    assert!(open(&entry(0), &deks[1], &aad).is_err());
    assert!(open(&entry(1), &deks[0], &aad).is_err());
}
