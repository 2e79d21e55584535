//! One view: its keys, its plaintext, its encryption; and the wraps of its key.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Nonce, Tag};
use channel::{DEK_LEN, TAG_LEN, VIEW_PREFIX_LEN, View, ViewEntry};
use ledger::Hash;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::kem::{Gcm, cipher};
use crate::refused::Refused;
use crate::wiped::Wiped;

/// The key of one view.
pub(crate) type Dek = [u8; DEK_LEN];

const VIEW_LABEL: &[u8; 10] = b"ppc/1 view";
/// Counter, key, label and view.
const KDF_INPUT_LEN: usize = 4 + DEK_LEN + VIEW_LABEL.len() + 1;
/// Fine for keys that encrypt one single message.
const NONCE_ONCE: [u8; 12] = [0; 12];

/// `K ‖ C`: the key that encrypts, and what commits to it, by the one-step key derivation of NIST
/// SP 800-56C Rev. 2 section 4.1 with SHA-256:
/// `K = SHA-256(1 u32 ‖ DEK ‖ "ppc/1 view" ‖ view)`, `C` the same with 2. A DEK is uniform, and each
/// hash is one block; another DEK with the same `C` would be a collision of SHA-256.
fn derive(dek: &Dek, view: View) -> Wiped<[u8; 64]> {
    let mut input = Wiped::new([0; KDF_INPUT_LEN]);
    input[4..36].copy_from_slice(dek);
    input[36..KDF_INPUT_LEN - 1].copy_from_slice(VIEW_LABEL);
    input[KDF_INPUT_LEN - 1] = view as u8;
    let mut out = Wiped::new([0; 64]);
    for (counter, half) in (1..).zip(out.as_chunks_mut::<32>().0) {
        input[3] = counter;
        Sha256::new().chain_update(&input[..]).finalize_into(half.into());
    }
    out
}

/// The keys of a view that is being sealed.
pub(crate) struct ViewKeys(Wiped<[u8; 64]>);

impl ViewKeys {
    pub(crate) fn new(dek: &Dek, view: View) -> Self {
        Self(derive(dek, view))
    }

    fn parts(&self) -> (&[u8; 32], &[u8; 32]) {
        let (key, commitment) = self.0.split_at(32);
        (array(key), array(commitment))
    }

    /// What goes into the views table.
    pub(crate) fn commitment(&self) -> &[u8; 32] {
        self.parts().1
    }

    /// Encrypts a padded plaintext in place; the last 16 bytes become the tag.
    pub(crate) fn encrypt(&self, bytes: &mut [u8], aad: &Hash) -> Result<(), Refused> {
        encrypt(&cipher(self.parts().0), &NONCE_ONCE, aad, bytes)
    }
}

/// A view opened and checked: its content, in the padded plaintext.
pub(crate) struct Plaintext(Wiped<Vec<u8>>, usize);

impl Plaintext {
    pub(crate) fn content(&self) -> &[u8] {
        &self.0[VIEW_PREFIX_LEN..VIEW_PREFIX_LEN + self.1]
    }
}

/// Opens a view: the commitment is the key's, the ciphertext is whole, and behind the content are
/// zeros.
pub(crate) fn open(entry: &ViewEntry<'_>, dek: &Dek, aad: &Hash) -> Result<Plaintext, Refused> {
    let keys = ViewKeys::new(dek, entry.view);
    let (key, commitment) = keys.parts();
    let committed = commitment.ct_eq(entry.commitment);
    let mut bytes = Wiped::new(entry.ciphertext.to_vec());
    decrypt(&cipher(key), &NONCE_ONCE, aad, &mut bytes)?;
    let plain = bytes.len() - TAG_LEN;
    let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let inner = &bytes[VIEW_PREFIX_LEN..plain];
    let padding = inner.get(length..).ok_or(Refused)?;
    let padded = padding.iter().fold(0, |all, byte| all | byte).ct_eq(&0);
    if bool::from(committed & padded) { Ok(Plaintext(bytes, length)) } else { Err(Refused) }
}

/// The nonce of an order's wraps: the first 12 bytes of `H`, which is their associated data too.
///
/// `H` covers the order's sequence and, by the commitments, the keys inside the wraps. So two wraps
/// under one key have one nonce only if they are the same wrap: also when a restored snapshot of
/// the machine uses a sequence again.
pub(crate) fn wrap_nonce(binding: &Hash) -> [u8; 12] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *binding;
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

/// Encrypts all but the last 16 bytes in place, which become the tag.
pub(crate) fn encrypt(
    cipher: &Gcm,
    nonce: &[u8; 12],
    aad: &[u8],
    bytes: &mut [u8],
) -> Result<(), Refused> {
    let (plain, tag) = bytes.split_last_chunk_mut::<TAG_LEN>().ok_or(Refused)?;
    let made = cipher.encrypt_inout_detached(&Nonce::from(*nonce), aad, InOutBuf::from(plain));
    *tag = made.map_err(|_| Refused)?.into();
    Ok(())
}

/// The inverse of [`encrypt`]; leaves the tag.
pub(crate) fn decrypt(
    cipher: &Gcm,
    nonce: &[u8; 12],
    aad: &[u8],
    bytes: &mut [u8],
) -> Result<(), Refused> {
    let (sealed, tag) = bytes.split_last_chunk_mut::<TAG_LEN>().ok_or(Refused)?;
    let (nonce, tag) = (Nonce::from(*nonce), Tag::from(*tag));
    let opened = cipher.decrypt_inout_detached(&nonce, aad, InOutBuf::from(sealed), &tag);
    opened.map_err(|_| Refused)
}

/// The first 32 of at least 32 bytes.
fn array(bytes: &[u8]) -> &[u8; 32] {
    const NONE: &[u8; 32] = &[0; 32];
    bytes.first_chunk().unwrap_or(NONE)
}
