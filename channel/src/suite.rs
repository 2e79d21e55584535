//! Suites of sealing, and the fields of an order header that a sealed order fills.

use crate::header::HeaderError;

/// Orders sealed in one epoch, at most: sequences are below this.
pub const EPOCH_ORDERS_MAX: u64 = 1 << 24;
/// Views of a sealed order, at most.
pub const VIEWS_MAX: u8 = 5;
/// Recipient slots of a sealed order, at most.
pub const SLOTS_MAX: u8 = 16;

/// How a payload is sealed; a later one is not weaker. Suite 0, an opaque payload, is the absence
/// of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Suite {
    /// HPKE (RFC 9180) Base with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM.
    X25519Aes256Gcm = 1,
    /// The same with X-Wing (ML-KEM-768 and X25519, draft-connolly-cfrg-xwing-kem-10), so that who
    /// keeps what was sealed does not read it with a quantum computer later.
    XWingAes256Gcm = 2,
}

impl Suite {
    /// From its number on the wire.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::X25519Aes256Gcm),
            2 => Some(Self::XWingAes256Gcm),
            _ => None,
        }
    }

    /// Readers of one epoch, at most: of suite 2 as many as an order has slots, since each takes
    /// more than a kilobyte. Who pays more banks opens more epochs.
    #[must_use]
    pub const fn epoch_readers_max(self) -> usize {
        match self {
            Self::X25519Aes256Gcm => 64,
            Self::XWingAes256Gcm => SLOTS_MAX as usize,
        }
    }
}

/// The number of one epoch of one sender: 16 random bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochId(pub [u8; 16]);

/// What a view's content is padded to, so that its length tells little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SizeBucket {
    /// 256 bytes.
    B256 = 1,
    /// 512 bytes.
    B512 = 2,
    /// 1,024 bytes.
    B1024 = 3,
    /// 2,048 bytes.
    B2048 = 4,
    /// 4,096 bytes.
    B4096 = 5,
    /// 8,192 bytes.
    B8192 = 6,
}

impl SizeBucket {
    /// All of them, ascending.
    pub const ALL: [Self; 6] =
        [Self::B256, Self::B512, Self::B1024, Self::B2048, Self::B4096, Self::B8192];

    /// From its number on the wire.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The smallest that holds `length` bytes of content; none above 8,192.
    #[must_use]
    pub fn for_content(length: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| length <= bucket.bytes())
    }

    /// Bytes of content it holds.
    #[must_use]
    pub fn bytes(self) -> usize {
        128 << (self as u8)
    }
}

/// The header fields of a sealed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealing {
    /// How it is sealed.
    pub suite: Suite,
    /// Under which epoch of the sender.
    pub epoch: EpochId,
    /// Its number in the epoch, below [`EPOCH_ORDERS_MAX`], used once.
    pub sequence: u64,
    /// The largest bucket among its views.
    pub bucket: SizeBucket,
    /// Entries of its views table, 1 to [`VIEWS_MAX`].
    pub views: u8,
    /// Entries of its slots table, 1 to [`SLOTS_MAX`].
    pub slots: u8,
}

impl Sealing {
    /// From the header's fields; suite 0 has none and leaves them all zero.
    pub(crate) fn from_fields(
        suite: u16,
        epoch: [u8; 16],
        sequence: u64,
        [bucket, views, slots]: [u8; 3],
    ) -> Result<Option<Self>, HeaderError> {
        if suite == 0 {
            let zero = epoch == [0; 16] && sequence == 0 && [bucket, views, slots] == [0; 3];
            return if zero { Ok(None) } else { Err(HeaderError::Reserved) };
        }
        let ensure = |held: bool, error: HeaderError| if held { Ok(()) } else { Err(error) };
        let suite = Suite::from_number(suite).ok_or(HeaderError::Suite)?;
        let bucket = SizeBucket::from_number(bucket).ok_or(HeaderError::SizeBucket)?;
        ensure(epoch != [0; 16], HeaderError::Epoch)?;
        ensure(sequence < EPOCH_ORDERS_MAX, HeaderError::Sequence)?;
        ensure((1..=VIEWS_MAX).contains(&views), HeaderError::Views)?;
        ensure((1..=SLOTS_MAX).contains(&slots), HeaderError::Slots)?;
        Ok(Some(Self { suite, epoch: EpochId(epoch), sequence, bucket, views, slots }))
    }
}
