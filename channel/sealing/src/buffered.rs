//! Randomness drawn in blocks, since a call into the operating system for 32 bytes costs as much as
//! sealing them.

use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

const BLOCK: usize = 4_096;

/// Hands out the bytes of another generator, which it asks for 4 KiB at a time. Each byte is
/// handed out once and wiped.
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
                self.source.fill_bytes(&mut *self.block);
                self.used = 0;
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

    /// Counts up, byte by byte.
    struct Counting(u8);

    impl TryRng for Counting {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            for byte in out {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
            Ok(())
        }
    }

    impl TryCryptoRng for Counting {}

    #[test]
    fn every_byte_is_handed_out_once() {
        let mut buffered = Buffered::new(Counting(0));
        let mut drawn = Vec::new();
        for length in (0..200).chain([5_000, 4_096]) {
            let mut bytes = vec![0; length];
            buffered.try_fill_bytes(&mut bytes).unwrap();
            drawn.extend(bytes);
        }
        let mut expected = vec![0; drawn.len()];
        Counting(0).try_fill_bytes(&mut expected).unwrap();
        assert_eq!(drawn, expected);
        assert!(buffered.block[..buffered.used].iter().all(|byte| *byte == 0));
    }
}
