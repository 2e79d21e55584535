//! Keys of a KEM, as they are sent: their length follows from the suite.

use crate::bytes::{DecodeError, Reader};
use crate::suite::Suite;

/// Bytes of which the suite fixes how many there are: 32 of X25519, or `X_WING` of X-Wing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KemBytes<const X_WING: usize> {
    /// Of suite 1: an X25519 public key (RFC 7748).
    X25519([u8; 32]),
    /// Of suite 2: an ML-KEM-768 part (FIPS 203) and an X25519 public key behind it.
    XWing(Box<[u8; X_WING]>),
}

/// A public key to which one seals.
pub type KemPublic = KemBytes<1_216>;
/// An encapsulated key (`enc` of RFC 9180), by which sender and reader agree on a key.
pub type Encapsulated = KemBytes<1_120>;

impl<const X_WING: usize> KemBytes<X_WING> {
    /// How many there are in a suite.
    #[must_use]
    pub const fn len_of(suite: Suite) -> usize {
        match suite {
            Suite::X25519Aes256Gcm => 32,
            Suite::XWingAes256Gcm => X_WING,
        }
    }

    /// From as many bytes as the suite says; with another number there are none.
    #[must_use]
    pub fn from_slice(suite: Suite, bytes: &[u8]) -> Option<Self> {
        match suite {
            Suite::X25519Aes256Gcm => Some(Self::X25519(bytes.try_into().ok()?)),
            Suite::XWingAes256Gcm => Some(Self::XWing(Box::<[u8]>::from(bytes).try_into().ok()?)),
        }
    }

    /// The suite that it is of.
    #[must_use]
    pub fn suite(&self) -> Suite {
        match self {
            Self::X25519(_) => Suite::X25519Aes256Gcm,
            Self::XWing(_) => Suite::XWingAes256Gcm,
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::X25519(bytes) => bytes,
            Self::XWing(bytes) => bytes.as_slice(),
        }
    }

    pub(crate) fn read(
        suite: Suite,
        reader: &mut Reader<'_>,
        field: &'static str,
    ) -> Result<Self, DecodeError> {
        let bytes = reader.raw(Self::len_of(suite), field)?;
        Self::from_slice(suite, bytes).ok_or(DecodeError::Range { field })
    }
}
