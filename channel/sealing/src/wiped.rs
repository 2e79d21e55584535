//! Bytes that are wiped when dropped.

use core::ops::{Deref, DerefMut};

use zeroize::Zeroize as _;

/// As `Zeroizing`, for bytes: wiped as one slice. An array or a vector `zeroize` wipes byte by byte,
/// by writes that may not be joined, which for a view of 1 KiB takes as long as to hash it.
///
/// A vector inside must not grow or shrink: only what it holds at the end is wiped.
#[derive(Clone)]
pub(crate) struct Wiped<T: AsMut<[u8]>>(T);

impl<T: AsMut<[u8]>> Wiped<T> {
    pub(crate) fn new(bytes: T) -> Self {
        Self(bytes)
    }
}

impl<T: AsMut<[u8]>> Deref for Wiped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: AsMut<[u8]>> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: AsMut<[u8]>> Drop for Wiped<T> {
    fn drop(&mut self) {
        self.0.as_mut().zeroize();
    }
}
