//! Randomness in blocks: 32 bytes of the operating system's for every 4 KiB, since what one order
//! needs would cost as much to draw as to seal it.

use aes::Aes256;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

const BLOCK: usize = 4_096;

type Ctr = ctr::Ctr64BE<Aes256>;

/// Hands out what AES-256 in counter mode makes of fresh keys: each key, drawn from another
/// generator, makes one block of 4 KiB. Each byte is handed out once and wiped, so what was handed
/// out cannot be worked out afterwards.
pub struct Buffered<R> {
    source: R,
    block: Zeroizing<[u8; BLOCK]>,
    used: usize,
}

impl<R> core::fmt::Debug for Buffered<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Buffered(..)")
    }
}

impl<R: CryptoRng> Buffered<R> {
    /// Draws from `source`, the operating system's generator.
    #[must_use]
    pub fn new(source: R) -> Self {
        Self { source, block: Zeroizing::new([0; BLOCK]), used: BLOCK }
    }

    /// All of the block is used up, and so zeros: what is left of it is the bare keystream.
    fn refill(&mut self) {
        let mut key = Zeroizing::new([0; 32]);
        self.source.fill_bytes(&mut *key);
        let mut cipher = Ctr::new((&*key).into(), &[0; 16].into());
        cipher.apply_keystream(&mut *self.block);
        self.used = 0;
    }
}

impl<R: CryptoRng> TryRng for Buffered<R> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        let mut rest = out;
        while !rest.is_empty() {
            if self.used == BLOCK {
                self.refill();
            }
            let count = rest.len().min(BLOCK - self.used);
            let (head, tail) = rest.split_at_mut(count);
            let drawn = &mut self.block[self.used..self.used + count];
            head.copy_from_slice(drawn);
            drawn.fill(0);
            self.used += count;
            rest = tail;
        }
        Ok(())
    }
}

impl<R: CryptoRng> TryCryptoRng for Buffered<R> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of zeros, then of ones, and so on.
    struct Keys(u8);

    impl TryRng for Keys {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            assert_eq!(out.len(), 32);
            out.fill(self.0);
            self.0 += 1;
            Ok(())
        }
    }

    impl TryCryptoRng for Keys {}

    #[test]
    fn every_byte_is_handed_out_once() {
        let mut buffered = Buffered::new(Keys(0));
        let mut drawn = Vec::new();
        for length in (0..200).chain([5_000, 4_096]) {
            let mut bytes = vec![0; length];
            buffered.try_fill_bytes(&mut bytes).unwrap();
            drawn.extend(bytes);
        }
        let mut expected = Vec::new();
        for key in 0..drawn.len().div_ceil(BLOCK) {
            let mut block = [0; BLOCK];
            let key = [u8::try_from(key).unwrap(); 32];
            Ctr::new(&key.into(), &[0; 16].into()).apply_keystream(&mut block);
            expected.extend(block);
        }
        // AES-256 of a zero block under a zero key (NIST's known answer).
        assert_eq!(drawn[..4], [0xdc, 0x95, 0xc0, 0x78]);
        assert_eq!(drawn, expected[..drawn.len()]);
        assert!(buffered.block[..buffered.used].iter().all(|byte| *byte == 0));
    }
}
