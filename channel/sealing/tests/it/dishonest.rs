//! A sender that has the keys of an epoch and seals as it is told, not as it should.
//!
//! Written from `docs/reference/ppc1.md` with AES-GCM alone, so it shares nothing with what opens.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Nonce, Tag};
use channel::{HEADER_LEN, KeyId, SizeBucket, SlotRole, View, ViewMask, binding, ciphertext_len};
use sealing::SealedOrder;
use sha2::{Digest as _, Sha256};

pub(crate) type Key = [u8; 32];

/// A view of the smallest bucket.
pub(crate) struct ToldView {
    pub(crate) view: View,
    /// The key that is committed to.
    pub(crate) dek: Key,
    /// Length, content and padding.
    pub(crate) plaintext: [u8; 258],
}

impl ToldView {
    /// As it should be.
    pub(crate) fn of(view: View, dek: Key, content: &[u8]) -> Self {
        let mut plaintext = [0; 258];
        plaintext[..2].copy_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
        plaintext[2..2 + content.len()].copy_from_slice(content);
        Self { view, dek, plaintext }
    }

    /// The ciphertext as it should be.
    pub(crate) fn encrypt(&self, binding: &[u8; 32]) -> Vec<u8> {
        encrypt(&derived(1, &self.dek, self.view), [0; 12], binding, &self.plaintext)
    }
}

/// A slot, with what its wrap holds.
pub(crate) struct ToldSlot {
    pub(crate) role: SlotRole,
    pub(crate) key: KeyId,
    pub(crate) kek: Key,
    pub(crate) views: ViewMask,
    pub(crate) deks: Vec<Key>,
}

/// Half of the keys of a view: 1 encrypts, 2 commits.
pub(crate) fn derived(half: u32, dek: &Key, view: View) -> Key {
    let hash = Sha256::new().chain_update(half.to_be_bytes()).chain_update(dek);
    hash.chain_update(b"ppc/1 view").chain_update([view as u8]).finalize().into()
}

fn encrypt(key: &Key, nonce: [u8; 12], binding: &[u8; 32], plaintext: &[u8]) -> Vec<u8> {
    let mut bytes = plaintext.to_vec();
    let buffer = InOutBuf::from(bytes.as_mut_slice());
    let cipher = Aes256Gcm::new(key.into());
    let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), binding, buffer).unwrap();
    bytes.extend(tag);
    bytes
}

/// What AES-GCM by itself takes a ciphertext for, under the key of this view.
pub(crate) fn decrypt(dek: &Key, view: View, binding: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<16>()?;
    let mut bytes = text.to_vec();
    let buffer = InOutBuf::from(bytes.as_mut_slice());
    let cipher = Aes256Gcm::new((&derived(1, dek, view)).into());
    let (nonce, tag) = (Nonce::from([0; 12]), Tag::from(*tag));
    cipher.decrypt_inout_detached(&nonce, binding, buffer, &tag).ok().map(|()| bytes)
}

/// An order under the epoch of another, with a sequence of its own. Its ciphertexts are what
/// `ciphertext` makes of `H` and each view.
pub(crate) fn seal(
    header: &[u8; HEADER_LEN],
    sequence: u8,
    views: &[ToldView],
    slots: &[ToldSlot],
    ciphertext: impl Fn(&[u8; 32], &ToldView) -> Vec<u8>,
) -> SealedOrder {
    let mut tables = Vec::new();
    for it in views {
        tables.extend([it.view as u8, SizeBucket::B256 as u8]);
        tables.extend(derived(2, &it.dek, it.view));
    }
    for it in slots {
        tables.push(it.role as u8);
        tables.extend(it.key.0);
        tables.extend(it.views.bits().to_be_bytes());
    }
    let wraps: usize = slots.iter().map(|it| it.deks.len() * 32 + 16).sum();
    let length = tables.len() + wraps + views.len() * ciphertext_len(SizeBucket::B256);
    let mut header = *header;
    header[39] = SizeBucket::B256 as u8;
    header[119] = sequence;
    header[164..168].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    header[190] = u8::try_from(views.len()).unwrap();
    header[191] = u8::try_from(slots.len()).unwrap();
    let binding = binding(&header, &tables);
    let nonce = *binding.first_chunk().unwrap();
    let mut payload = tables;
    for it in slots {
        payload.extend(encrypt(&it.kek, nonce, &binding, it.deks.as_flattened()));
    }
    for it in views {
        payload.extend(ciphertext(&binding, it));
    }
    assert_eq!(payload.len(), length);
    SealedOrder { header, payload }
}
