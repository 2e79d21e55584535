//! AES-GCM does not commit to its key: a ciphertext can be made that two keys open, to two
//! plaintexts.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};

use crate::dishonest::Key;

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

fn power(x: u128, exponent: usize) -> u128 {
    (0..exponent).fold(1 << 127, |out, _| multiply(out, x))
}

fn block(aes: &Aes256, counter: u128) -> u128 {
    let mut bytes = counter.to_be_bytes().into();
    aes.encrypt_block(&mut bytes);
    u128::from_be_bytes(bytes.into())
}

/// What the first two bytes of a plaintext are encrypted with, nonce zero.
pub(crate) fn keystream_start(key: &Key) -> u128 {
    block(&Aes256::new(key.into()), 2) >> 112
}

/// What a tag is made of under one key with nonce zero: the GHASH key and the mask.
struct Gcm {
    hash_key: u128,
    mask: u128,
}

impl Gcm {
    fn new(key: &Key) -> Self {
        let aes = Aes256::new(key.into());
        Self { hash_key: block(&aes, 0), mask: block(&aes, 1) }
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> u128 {
        let blocks = |bytes: &[u8]| -> Vec<u128> {
            let padded = |chunk: &[u8]| {
                let mut block = [0; 16];
                block[..chunk.len()].copy_from_slice(chunk);
                u128::from_be_bytes(block)
            };
            bytes.chunks(16).map(padded).collect()
        };
        let lengths = (aad.len() as u128 * 8) << 64 | (ciphertext.len() as u128 * 8);
        let all = [blocks(aad), blocks(ciphertext), vec![lengths]].concat();
        all.into_iter().fold(0, |hash, block| multiply(hash ^ block, self.hash_key)) ^ self.mask
    }
}

/// Changes one block of a ciphertext, its fifth, and its tag, so that both keys open it.
pub(crate) fn for_both(keys: [&Key; 2], aad: &[u8], sealed: &[u8]) -> Vec<u8> {
    let mut sealed = sealed.to_vec();
    let gcm = keys.map(Gcm::new);
    let (text, tag) = sealed.split_last_chunk_mut::<16>().unwrap();
    assert_eq!(u128::from_be_bytes(*tag), gcm[0].tag(aad, text), "GHASH as the cipher does it");
    // The weight of a block in the hash is the key to the power of the blocks from it to the end,
    // lengths included.
    let block = 64..80;
    text[block.clone()].fill(0);
    let blocks_left = (text.len() - block.start).div_ceil(16) + 1;
    let weight = power(gcm[0].hash_key, blocks_left) ^ power(gcm[1].hash_key, blocks_left);
    let difference = gcm[0].tag(aad, text) ^ gcm[1].tag(aad, text);
    text[block].copy_from_slice(&multiply(difference, inverse(weight)).to_be_bytes());
    let common = gcm[0].tag(aad, text);
    assert_eq!(common, gcm[1].tag(aad, text));
    *tag = common.to_be_bytes();
    sealed
}
