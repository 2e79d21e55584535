//! One view: its keys, its plaintext, its encryption; and the wraps of its key.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, Nonce, Tag};
use channel::{DEK_LEN, TAG_LEN, VIEW_PREFIX_LEN, View, ViewEntry, salted_leaf};
use hkdf::Hkdf;
use ledger::Hash;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::kem::cipher;
use crate::refused::Refused;

/// The key of one view.
pub(crate) type Dek = [u8; DEK_LEN];

const VIEW_LABEL: &[u8] = b"ppc/1 view";
/// Fine for keys that encrypt one single message.
const NONCE_ONCE: [u8; 12] = [0; 12];

/// `K ‖ C = HKDF-Expand(SHA-256, PRK = DEK, "ppc/1 view" ‖ view, 64)` (RFC 5869; a DEK is uniform,
/// so there is nothing to extract): the key that encrypts, and what commits to it.
fn derive(dek: &Dek, view: View) -> Result<Zeroizing<[u8; 64]>, Refused> {
    let mut out = Zeroizing::new([0; 64]);
    let hkdf = Hkdf::<Sha256>::from_prk(dek).map_err(|_| Refused)?;
    hkdf.expand_multi_info(&[VIEW_LABEL, &[view as u8]], &mut *out).map_err(|_| Refused)?;
    Ok(out)
}

/// The keys of a view that is being sealed.
pub(crate) struct ViewKeys(Zeroizing<[u8; 64]>);

impl ViewKeys {
    pub(crate) fn new(dek: &Dek, view: View) -> Result<Self, Refused> {
        derive(dek, view).map(Self)
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

/// A view opened and checked: salt and content, in the padded plaintext.
pub(crate) struct Plaintext(Zeroizing<Vec<u8>>, usize);

impl Plaintext {
    pub(crate) fn salt(&self) -> &[u8; 32] {
        array(&self.0[..32])
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.0[VIEW_PREFIX_LEN..VIEW_PREFIX_LEN + self.1]
    }
}

/// Opens a view: the commitment is the key's, the ciphertext is whole, the padding is zeros, and
/// the leaf is the content's.
pub(crate) fn open(entry: &ViewEntry<'_>, dek: &Dek, aad: &Hash) -> Result<Plaintext, Refused> {
    let keys = ViewKeys::new(dek, entry.view)?;
    let (key, commitment) = keys.parts();
    let committed = commitment.ct_eq(entry.commitment);
    let mut bytes = Zeroizing::new(entry.ciphertext.to_vec());
    decrypt(&cipher(key), &NONCE_ONCE, aad, &mut bytes)?;
    let plain = bytes.len() - TAG_LEN;
    bytes.truncate(plain);
    let length = usize::from(u16::from_be_bytes([bytes[32], bytes[33]]));
    let content = bytes.get(VIEW_PREFIX_LEN..VIEW_PREFIX_LEN + length).ok_or(Refused)?;
    let padding = &bytes[VIEW_PREFIX_LEN + length..];
    let padded = padding.iter().fold(0, |all, byte| all | byte).ct_eq(&0);
    let leaf = salted_leaf(entry.view, array(&bytes[..32]), content).ct_eq(entry.leaf);
    if bool::from(committed & padded & leaf) { Ok(Plaintext(bytes, length)) } else { Err(Refused) }
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
    cipher: &Aes256Gcm,
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
    cipher: &Aes256Gcm,
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

#[cfg(test)]
mod tests;
