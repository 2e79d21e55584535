//! The payload of a sealed order (suites 1 and 2): what everybody sees of it, and may check without a key.
//!
//! ```text
//! payload    = views table ‖ slots table ‖ wraps ‖ ciphertexts
//! view       = view u8 ‖ bucket u8 ‖ key commitment [32]                           (34 bytes)
//! slot       = role u8 ‖ key id [8] ‖ view mask u16                                (11 bytes)
//! wrap       = 32 bytes for each view of the slot's mask, and 16 of a tag
//! ciphertext = length u16 ‖ content padded to the bucket, encrypted, and 16 of a tag
//! ```
//!
//! The header says how many views and slots there are; wraps stand in the order of the slots,
//! ciphertexts in that of the views. Every length follows from the two tables, and both tables are
//! ascending, so one order has one encoding.

use ledger::Hash;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::header::HeaderView;
use crate::suite::{Sealing, SizeBucket};

/// Bytes of an entry of the views table.
pub const VIEW_ENTRY_LEN: usize = 34;
/// Bytes of an entry of the slots table.
pub const SLOT_ENTRY_LEN: usize = 11;
/// Bytes of the key of one view (its DEK), which a wrap holds.
pub const DEK_LEN: usize = 32;
/// Bytes of an AES-GCM tag.
pub const TAG_LEN: usize = 16;
/// Bytes that stand before a view's content in its plaintext: the content's length.
pub const VIEW_PREFIX_LEN: usize = 2;

const AAD_LABEL: &[u8] = b"ppc/1 aad";

/// One part of a payment's details, sealed under a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum View {
    /// The parties' names and accounts, and what identifies the payment to them.
    Parties = 0,
    /// What is known about the originator.
    Originator = 1,
    /// What is known about the beneficiary.
    Beneficiary = 2,
    /// The purpose, and what is reported to authorities.
    Purpose = 3,
    /// The remittance information.
    Remittance = 4,
}

impl View {
    /// All of them, ascending.
    pub const ALL: [Self; 5] =
        [Self::Parties, Self::Originator, Self::Beneficiary, Self::Purpose, Self::Remittance];

    /// From its number on the wire.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A set of views: bit `1 << view`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewMask(u16);

impl ViewMask {
    /// No view.
    pub const NONE: Self = Self(0);
    /// Every view.
    pub const ALL: Self = Self(0b1_1111);

    /// From its bits on the wire; bits without a view are refused.
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Self> {
        (bits & !Self::ALL.0 == 0).then_some(Self(bits))
    }

    /// The set of these views.
    #[must_use]
    pub fn of(views: &[View]) -> Self {
        views.iter().fold(Self::NONE, |mask, view| mask.with(*view))
    }

    /// This set and `view`.
    #[must_use]
    pub fn with(self, view: View) -> Self {
        Self(self.0 | 1 << view as u8)
    }

    /// The views of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every view of `other` is in this set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether `view` is in it.
    #[must_use]
    pub fn has(self, view: View) -> bool {
        self.0 & 1 << view as u8 != 0
    }

    /// How many views are in it.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether no view is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits on the wire.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The views, ascending.
    pub fn views(self) -> impl Iterator<Item = View> {
        View::ALL.into_iter().filter(move |view| self.has(*view))
    }
}

/// In what capacity somebody reads views of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SlotRole {
    /// The creditor agent.
    Receiver = 1,
    /// The regulator of the sender's jurisdiction.
    SenderRegulator = 2,
    /// The regulator of the receiver's jurisdiction.
    ReceiverRegulator = 3,
    /// The central bank that issues the currency.
    CurrencyIssuer = 4,
    /// Who screens the parties.
    Screener = 5,
    /// The debtor agent itself, to read its own order again.
    Sender = 6,
}

impl SlotRole {
    /// From its number on the wire.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Receiver,
            2 => Self::SenderRegulator,
            3 => Self::ReceiverRegulator,
            4 => Self::CurrencyIssuer,
            5 => Self::Screener,
            6 => Self::Sender,
            _ => return None,
        })
    }
}

/// Names a KEM key: the first 8 bytes of a hash over its owner, suite and public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

/// A payload that is no envelope. Each names the part to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// The header says suite 0.
    #[error("suite: must be that of a sealed payload")]
    Suite,
    /// Views that are unknown, twice there or not ascending.
    #[error("views: must be known views, ascending")]
    Views,
    /// A bucket that is unknown, or not the header's for the largest view.
    #[error("size_bucket: must be the largest among the views'")]
    SizeBucket,
    /// Slots that are twice there or not ascending.
    #[error("slots: must be ascending by role and key")]
    Slots,
    /// A role without a meaning.
    #[error("slots: must have a known role")]
    SlotRole,
    /// A slot without views, or with views that the order has not.
    #[error("slots: must name views of this order")]
    SlotViews,
    /// The payload has another length than its tables say.
    #[error("payload: must be as long as its tables say")]
    Length,
}

/// One entry of the views table, with its ciphertext.
#[derive(Debug, Clone, Copy)]
pub struct ViewEntry<'a> {
    /// Which view.
    pub view: View,
    /// What its content is padded to.
    pub bucket: SizeBucket,
    /// Commits to the key: a key that opens the ciphertext to something else has another one.
    pub commitment: &'a [u8; 32],
    /// The encrypted view with its tag.
    pub ciphertext: &'a [u8],
}

/// One entry of the slots table, with its wrap.
#[derive(Debug, Clone, Copy)]
pub struct SlotEntry<'a> {
    /// Its place in the table.
    pub index: u8,
    /// In what capacity its reader reads.
    pub role: SlotRole,
    /// The reader's KEM key of the epoch.
    pub key: KeyId,
    /// What it may open.
    pub views: ViewMask,
    /// The keys of its views, ascending, encrypted for the reader, with a tag.
    pub wrap: &'a [u8],
}

/// A sealed payload read in place.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    header: HeaderView<'a>,
    sealing: Sealing,
    tables: &'a [u8],
    wraps: &'a [u8],
    ciphertexts: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Checks the shape of a sealed payload against its (checked) header. Needs no key, and says
    /// nothing about what is inside.
    ///
    /// # Errors
    /// The first [`EnvelopeError`] met.
    pub fn parse(header: HeaderView<'a>, payload: &'a [u8]) -> Result<Self, EnvelopeError> {
        let sealing = header.sealing().ok().flatten().ok_or(EnvelopeError::Suite)?;
        let tables_len = tables_len(sealing.views, sealing.slots);
        let (tables, rest) = payload.split_at_checked(tables_len).ok_or(EnvelopeError::Length)?;
        let (views, slots) = tables.split_at(usize::from(sealing.views) * VIEW_ENTRY_LEN);
        let (held, ciphertexts_len) = check_views(views, sealing.bucket)?;
        let wraps_len = check_slots(slots, held)?;
        if rest.len() != wraps_len + ciphertexts_len {
            return Err(EnvelopeError::Length);
        }
        let (wraps, ciphertexts) = rest.split_at(wraps_len);
        Ok(Self { header, sealing, tables, wraps, ciphertexts })
    }

    /// The order's header.
    #[must_use]
    pub fn header(&self) -> HeaderView<'a> {
        self.header
    }

    /// The header's fields about the sealing.
    #[must_use]
    pub fn sealing(&self) -> Sealing {
        self.sealing
    }

    /// `H`, to which every ciphertext and wrap is bound; see [`binding`].
    #[must_use]
    pub fn binding(&self) -> Hash {
        binding(self.header.bytes(), self.tables)
    }

    /// The views, ascending.
    pub fn views(&self) -> impl Iterator<Item = ViewEntry<'a>> {
        let mut rest = self.ciphertexts;
        let (entries, _) = self.tables().0.as_chunks::<VIEW_ENTRY_LEN>();
        entries.iter().filter_map(move |entry| {
            let (view, bucket) = view_head(entry).ok()?;
            let (ciphertext, tail) = rest.split_at_checked(ciphertext_len(bucket))?;
            rest = tail;
            Some(ViewEntry { view, bucket, commitment: entry[2..].first_chunk()?, ciphertext })
        })
    }

    /// The slots, ascending by role and key.
    pub fn slots(&self) -> impl Iterator<Item = SlotEntry<'a>> {
        let mut rest = self.wraps;
        let (entries, _) = self.tables().1.as_chunks::<SLOT_ENTRY_LEN>();
        (0..).zip(entries).filter_map(move |(index, entry)| {
            let (role, key, views) = slot_fields(entry).ok()?;
            let (wrap, tail) = rest.split_at_checked(wrap_len(views))?;
            rest = tail;
            Some(SlotEntry { index, role, key, views, wrap })
        })
    }

    /// The set of its views.
    #[must_use]
    pub fn view_mask(&self) -> ViewMask {
        self.views().fold(ViewMask::NONE, |mask, entry| mask.with(entry.view))
    }

    fn tables(&self) -> (&'a [u8], &'a [u8]) {
        self.tables.split_at(usize::from(self.sealing.views) * VIEW_ENTRY_LEN)
    }
}

/// Bytes of both tables.
#[must_use]
pub fn tables_len(views: u8, slots: u8) -> usize {
    usize::from(views) * VIEW_ENTRY_LEN + usize::from(slots) * SLOT_ENTRY_LEN
}

/// Bytes of the wrap of a slot with these views.
#[must_use]
pub fn wrap_len(views: ViewMask) -> usize {
    views.len() * DEK_LEN + TAG_LEN
}

/// Bytes of the ciphertext of a view padded to this bucket.
#[must_use]
pub fn ciphertext_len(bucket: SizeBucket) -> usize {
    VIEW_PREFIX_LEN + bucket.bytes() + TAG_LEN
}

/// `H = SHA-256("ppc/1 aad" ‖ header ‖ views table ‖ slots table)`.
#[must_use]
pub fn binding(header: &[u8], tables: &[u8]) -> Hash {
    binding_start(header).chain_update(tables).finalize().into()
}

/// The hash of which [`binding`] is the end, with the label and the header taken in.
#[must_use]
pub fn binding_start(header: &[u8]) -> Sha256 {
    Sha256::new().chain_update(AAD_LABEL).chain_update(header)
}

fn view_head(entry: &[u8; VIEW_ENTRY_LEN]) -> Result<(View, SizeBucket), EnvelopeError> {
    let view = View::from_number(entry[0]).ok_or(EnvelopeError::Views)?;
    let bucket = SizeBucket::from_number(entry[1]).ok_or(EnvelopeError::SizeBucket)?;
    Ok((view, bucket))
}

/// The set of the views and the bytes of their ciphertexts.
fn check_views(table: &[u8], largest: SizeBucket) -> Result<(ViewMask, usize), EnvelopeError> {
    let (mut held, mut bytes, mut most) = (ViewMask::NONE, 0, SizeBucket::B256);
    for entry in table.as_chunks().0 {
        let (view, bucket) = view_head(entry)?;
        if held.bits() >> view as u8 != 0 {
            return Err(EnvelopeError::Views);
        }
        held = held.with(view);
        bytes += ciphertext_len(bucket);
        most = most.max(bucket);
    }
    if most == largest { Ok((held, bytes)) } else { Err(EnvelopeError::SizeBucket) }
}

fn slot_fields(entry: &[u8; SLOT_ENTRY_LEN]) -> Result<(SlotRole, KeyId, ViewMask), EnvelopeError> {
    let [role, key @ .., high, low] = *entry;
    let role = SlotRole::from_number(role).ok_or(EnvelopeError::SlotRole)?;
    let views = ViewMask::from_bits(u16::from_be_bytes([high, low]));
    Ok((role, KeyId(key), views.ok_or(EnvelopeError::SlotViews)?))
}

/// The bytes of the wraps.
fn check_slots(table: &[u8], held: ViewMask) -> Result<usize, EnvelopeError> {
    let (mut bytes, mut before) = (0, None);
    for entry in table.as_chunks().0 {
        let (role, key, views) = slot_fields(entry)?;
        if before >= Some((role, key)) {
            return Err(EnvelopeError::Slots);
        }
        if views.is_empty() || !held.contains(views) {
            return Err(EnvelopeError::SlotViews);
        }
        before = Some((role, key));
        bytes += wrap_len(views);
    }
    Ok(bytes)
}
