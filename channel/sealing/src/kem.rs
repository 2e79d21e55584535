//! Key agreement: HPKE Base with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, export only.
//!
//! Nothing is encrypted by HPKE itself; both sides export a key for AES-256-GCM. So there is no
//! counter that a restored snapshot of the machine could set back.

use aes_gcm::{Aes256Gcm, KeyInit as _};
use channel::KemKey;
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::refused::Refused;

type Kem = X25519HkdfSha256;

/// The private half of a KEM key. Made by its owner, never sent; wiped when dropped.
#[derive(Clone)]
pub struct KemSecret(x25519_dalek::StaticSecret);

impl core::fmt::Debug for KemSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KemSecret(..)")
    }
}

impl KemSecret {
    /// A new one.
    #[must_use]
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill_bytes(&mut *bytes);
        Self::from_bytes(&bytes)
    }

    /// From its 32 bytes (RFC 7748), as [`KemSecret::to_bytes`] gives them.
    #[must_use]
    pub fn from_bytes(bytes: &Zeroizing<[u8; 32]>) -> Self {
        Self(x25519_dalek::StaticSecret::from(**bytes))
    }

    /// Its bytes, for the owner's own key store.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key that goes into the directory.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        x25519_dalek::PublicKey::from(&self.0).to_bytes()
    }

    /// Whether `key` is its public half.
    #[must_use]
    pub fn belongs_to(&self, key: &KemKey) -> bool {
        self.public() == key.public
    }
}

/// The sender's side: what to send to the reader, and the cipher that both have then.
///
/// Refuses points of small order (RFC 9180 section 7.1.4).
pub(crate) fn agree(
    public: &[u8; 32],
    info: &[u8],
    label: &[u8],
    random: &mut impl CryptoRng,
) -> Result<([u8; 32], Aes256Gcm), Refused> {
    let public = <Kem as hpke::Kem>::PublicKey::from_bytes(public).map_err(|_| Refused)?;
    let (encapsulated, context) = hpke::setup_sender_with_rng::<ExportOnlyAead, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        info,
        random,
    )
    .map_err(|_| Refused)?;
    let mut key = Zeroizing::new([0; 32]);
    context.export(label, &mut *key).map_err(|_| Refused)?;
    Ok((encapsulated.to_bytes().into(), cipher(&key)))
}

/// The reader's side of [`agree`].
pub(crate) fn agreed(
    secret: &KemSecret,
    encapsulated: &[u8; 32],
    info: &[u8],
    label: &[u8],
) -> Result<Aes256Gcm, Refused> {
    let bytes = secret.to_bytes();
    let secret = <Kem as hpke::Kem>::PrivateKey::from_bytes(&*bytes).map_err(|_| Refused)?;
    let encapsulated =
        <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| Refused)?;
    let context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, Kem>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        info,
    )
    .map_err(|_| Refused)?;
    let mut key = Zeroizing::new([0; 32]);
    context.export(label, &mut *key).map_err(|_| Refused)?;
    Ok(cipher(&key))
}

pub(crate) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}
