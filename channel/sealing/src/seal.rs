//! Sealing one order.

use channel::{
    DEK_LEN, HEADER_LEN, KeyId, OrderHeader, PAYLOAD_BYTES_MAX, Recipient, SLOT_ENTRY_LEN,
    SLOTS_MAX, Sealing, SizeBucket, SlotRole, VIEW_ENTRY_LEN, VIEW_PREFIX_LEN, VIEWS_MAX, View,
    ViewMask, binding_start, ciphertext_len, order_digest, wrap_len,
};
use ledger::Hash;
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::epoch::Epoch;
use crate::refused::Refused;
use crate::view::{Dek, ViewKeys, encrypt, wrap_nonce};
use crate::wiped::Wiped;

/// The content of one view.
#[derive(Clone, Copy)]
pub struct Content<'a> {
    /// Which view.
    pub view: View,
    /// At most 8,192 bytes; may be empty.
    pub bytes: &'a [u8],
}

impl core::fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Content").field("view", &self.view).finish_non_exhaustive()
    }
}

/// A sealed order. Sealing the same details again gives other bytes: keep these, send these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedOrder {
    /// The order's header.
    pub header: [u8; HEADER_LEN],
    /// The sealed payload.
    pub payload: Vec<u8>,
}

impl SealedOrder {
    /// The digest that the batch signature covers.
    #[must_use]
    pub fn digest(&self) -> Hash {
        order_digest(&self.header, &self.payload)
    }
}

/// An order that cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The header is for another pool or by another sender than the epoch's.
    #[error("header: must have the pool and the sender of the epoch")]
    OtherEpoch,
    /// The epoch is over, or full.
    #[error("epoch: is over; open a new one")]
    EpochOver,
    /// No view, one twice, or not ascending.
    #[error("views: must be 1 to 5, ascending")]
    Views,
    /// More than 8,192 bytes in one view, or 65,536 in all.
    #[error("views: must have at most 8192 bytes each, and the payload 65536")]
    TooLong,
    /// No recipient, too many, not ascending, unknown to the epoch, or with views that are not there.
    #[error(
        "recipients: must be 1 to 16 of the epoch, ascending by role and key, with views of the order"
    )]
    Recipients,
    /// The keys cannot be used.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Where the parts of a payload are.
struct Layout {
    views: ViewMask,
    buckets: [SizeBucket; VIEWS_MAX as usize],
    largest: SizeBucket,
    slots: u8,
    wraps_at: usize,
    ciphertexts_at: usize,
    len: usize,
}

impl Layout {
    fn plan(
        epoch: &Epoch,
        contents: &[Content<'_>],
        recipients: &[Recipient],
    ) -> Result<Self, SealError> {
        let mut views = ViewMask::NONE;
        let (mut buckets, mut largest) = ([SizeBucket::B256; VIEWS_MAX as usize], SizeBucket::B256);
        let mut ciphertexts_len = 0;
        for (content, slot) in contents.iter().zip(&mut buckets) {
            if views.bits() >> content.view as u8 != 0 {
                return Err(SealError::Views);
            }
            views = views.with(content.view);
            *slot = SizeBucket::for_content(content.bytes.len()).ok_or(SealError::TooLong)?;
            largest = largest.max(*slot);
            ciphertexts_len += ciphertext_len(*slot);
        }
        if views.len() != contents.len() || views.is_empty() {
            return Err(SealError::Views);
        }
        let slots = u8::try_from(recipients.len()).unwrap_or(u8::MAX);
        let known = |it: &Recipient| {
            !it.views.is_empty() && views.contains(it.views) && epoch.kek(it.role, it.key).is_some()
        };
        let name = |it: &Recipient| -> (SlotRole, KeyId) { (it.role, it.key) };
        let ascending = recipients.windows(2).all(|two| name(&two[0]) < name(&two[1]));
        if !(1..=SLOTS_MAX).contains(&slots) || !ascending || !recipients.iter().all(known) {
            return Err(SealError::Recipients);
        }
        let wraps_at = contents.len() * VIEW_ENTRY_LEN + recipients.len() * SLOT_ENTRY_LEN;
        let wraps_len: usize = recipients.iter().map(|it| wrap_len(it.views)).sum();
        let ciphertexts_at = wraps_at + wraps_len;
        let len = ciphertexts_at + ciphertexts_len;
        if len > PAYLOAD_BYTES_MAX {
            return Err(SealError::TooLong);
        }
        Ok(Self { views, buckets, largest, slots, wraps_at, ciphertexts_at, len })
    }
}

impl Epoch {
    /// Seals one order: `contents`, ascending by view, for `recipients`, ascending by role and key
    /// (as `channel::Trust` gives them), who are among those the epoch was opened for. The header's
    /// fields about the sealing, its policy version and its payload length are filled in.
    ///
    /// Each view's key comes from fresh randomness and from the header. Should a restored snapshot
    /// of the machine hand out the same randomness again, two orders still have different keys: at
    /// least their UETRs differ.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &mut self,
        header: &OrderHeader,
        contents: &[Content<'_>],
        recipients: &[Recipient],
        random: &mut impl CryptoRng,
    ) -> Result<SealedOrder, SealError> {
        if header.pool != self.terms.pool || header.sender != self.terms.sender {
            return Err(SealError::OtherEpoch);
        }
        if !self.has_room(header.created_at_ms) {
            return Err(SealError::EpochOver);
        }
        let layout = Layout::plan(self, contents, recipients)?;
        let header = self.header(header, &layout);
        let mut payload = vec![0; layout.len];
        let mut secret = Wiped::new([0; 32]);
        random.fill_bytes(&mut *secret);
        let (tables, rest) = payload.split_at_mut(layout.wraps_at);
        let (wraps, ciphertexts) = rest.split_at_mut(layout.ciphertexts_at - layout.wraps_at);
        write_slots(&mut tables[contents.len() * VIEW_ENTRY_LEN..], recipients);
        write_plaintexts(tables, ciphertexts, contents, &layout.buckets);
        let start = binding_start(&header);
        let keys = derive_keys(&start, &secret, contents, tables);
        let aad: Hash = start.chain_update(&*tables).finalize().into();
        let mut rest = ciphertexts;
        for (keys, bucket) in keys.views.iter().flatten().zip(&layout.buckets) {
            let (bytes, tail) = rest.split_at_mut(ciphertext_len(*bucket));
            keys.encrypt(bytes, &aad)?;
            rest = tail;
        }
        self.wrap(wraps, recipients, &keys, &aad)?;
        Ok(SealedOrder { header, payload })
    }

    fn header(&mut self, header: &OrderHeader, layout: &Layout) -> [u8; HEADER_LEN] {
        let sealing = Sealing {
            suite: self.terms.suite,
            epoch: self.id,
            sequence: self.take_sequence(),
            bucket: layout.largest,
            views: layout.views.len() as u8,
            slots: layout.slots,
        };
        OrderHeader {
            sealing: Some(sealing),
            policy_version: self.terms.policy_version,
            payload_len: layout.len as u32,
            ..*header
        }
        .encode()
    }

    fn wrap(
        &self,
        wraps: &mut [u8],
        recipients: &[Recipient],
        keys: &Keys,
        aad: &Hash,
    ) -> Result<(), Refused> {
        let nonce = wrap_nonce(aad);
        let mut rest = wraps;
        for recipient in recipients {
            let kek = self.kek(recipient.role, recipient.key).ok_or(Refused)?;
            let (bytes, tail) = rest.split_at_mut(wrap_len(recipient.views));
            for (slot, view) in bytes.chunks_exact_mut(DEK_LEN).zip(recipient.views.views()) {
                slot.copy_from_slice(&*keys.deks[view as usize]);
            }
            encrypt(&kek.cipher, &nonce, aad, bytes)?;
            rest = tail;
        }
        Ok(())
    }
}

fn write_slots(table: &mut [u8], recipients: &[Recipient]) {
    for (entry, recipient) in table.as_chunks_mut::<SLOT_ENTRY_LEN>().0.iter_mut().zip(recipients) {
        entry[0] = recipient.role as u8;
        entry[1..9].copy_from_slice(&recipient.key.0);
        entry[9..].copy_from_slice(&recipient.views.bits().to_be_bytes());
    }
}

/// Writes view numbers and buckets into the views table, and every padded plaintext where its
/// ciphertext will be.
fn write_plaintexts(
    tables: &mut [u8],
    ciphertexts: &mut [u8],
    contents: &[Content<'_>],
    buckets: &[SizeBucket],
) {
    let entries = tables.as_chunks_mut::<VIEW_ENTRY_LEN>().0;
    let mut rest = ciphertexts;
    for ((entry, content), bucket) in entries.iter_mut().zip(contents).zip(buckets) {
        let (bytes, tail) = rest.split_at_mut(ciphertext_len(*bucket));
        let length = content.bytes.len();
        bytes[..VIEW_PREFIX_LEN].copy_from_slice(&(length as u16).to_be_bytes());
        bytes[VIEW_PREFIX_LEN..VIEW_PREFIX_LEN + length].copy_from_slice(content.bytes);
        entry[0] = content.view as u8;
        entry[1] = *bucket as u8;
        rest = tail;
    }
}

/// The keys of an order's views.
struct Keys {
    /// By view number.
    deks: [Wiped<Dek>; VIEWS_MAX as usize],
    /// In the order of the views table.
    views: [Option<ViewKeys>; VIEWS_MAX as usize],
}

/// Makes the keys and writes their commitments into the views table. Each key is
/// `SHA-256(start ‖ secret ‖ view)`, `start` being how the binding starts, with the header.
fn derive_keys(
    start: &Sha256,
    secret: &[u8; 32],
    contents: &[Content<'_>],
    tables: &mut [u8],
) -> Keys {
    let hedge = start.clone().chain_update(secret);
    let mut keys = Keys {
        deks: core::array::from_fn(|_| Wiped::new([0; DEK_LEN])),
        views: [const { None }; 5],
    };
    let entries = tables.as_chunks_mut::<VIEW_ENTRY_LEN>().0;
    for ((entry, content), view_keys) in entries.iter_mut().zip(contents).zip(&mut keys.views) {
        let dek = &mut keys.deks[content.view as usize];
        hedge.clone().chain_update([content.view as u8]).finalize_into((&mut **dek).into());
        let made = ViewKeys::new(dek, content.view);
        entry[2..34].copy_from_slice(made.commitment());
        *view_keys = Some(made);
    }
    keys
}
