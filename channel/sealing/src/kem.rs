//! Key agreement: HPKE Base, HKDF-SHA256, export only; with DHKEM(X25519, HKDF-SHA256) in suite 1
//! and X-Wing in suite 2.
//!
//! Nothing is encrypted by HPKE itself; both sides export a key for AES-256-GCM. So there is no
//! counter that a restored snapshot of the machine could set back.

use aes::Aes256Enc;
use aes_gcm::aead::consts::U12;
use aes_gcm::{AesGcm, KeyInit as _};
use channel::{Encapsulated, KemKey, KemPublic, Suite};
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Kem, OpModeR, OpModeS, Serializable as _};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::refused::Refused;

/// AES-256-GCM with a 12-byte nonce. GCM runs its cipher forwards only, also to decrypt, so the other
/// half of the key schedule is left out.
pub(crate) type Gcm = AesGcm<Aes256Enc, U12>;

/// The private half of a KEM key. Made by its owner, never sent; wiped when dropped.
#[derive(Clone)]
pub struct KemSecret(Secret);

#[derive(Clone)]
enum Secret {
    X25519(x25519_dalek::StaticSecret),
    XWing(Box<<XWing as Kem>::PrivateKey>),
}

impl core::fmt::Debug for KemSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KemSecret(..)")
    }
}

impl KemSecret {
    /// A new one.
    #[must_use]
    pub fn generate(suite: Suite, random: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill_bytes(&mut *bytes);
        Self(match suite {
            Suite::X25519Aes256Gcm => Secret::X25519(x25519_dalek::StaticSecret::from(*bytes)),
            Suite::XWingAes256Gcm => Secret::XWing(Box::new(XWing::derive_keypair(&*bytes).0)),
        })
    }

    /// From its 32 bytes, as [`KemSecret::to_bytes`] gives them: a scalar of X25519 (RFC 7748), or
    /// the seed of X-Wing.
    ///
    /// # Errors
    /// [`Refused`] if the suite takes no such bytes; both take any.
    pub fn from_bytes(suite: Suite, bytes: &Zeroizing<[u8; 32]>) -> Result<Self, Refused> {
        Ok(Self(match suite {
            Suite::X25519Aes256Gcm => Secret::X25519(x25519_dalek::StaticSecret::from(**bytes)),
            Suite::XWingAes256Gcm => Secret::XWing(Box::new(taken(&**bytes)?)),
        }))
    }

    /// Its bytes, for the owner's own key store.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        match &self.0 {
            Secret::X25519(secret) => *bytes = secret.to_bytes(),
            Secret::XWing(secret) => secret.write_exact(&mut *bytes),
        }
        bytes
    }

    /// The public key that goes into the directory.
    #[must_use]
    pub fn public(&self) -> KemPublic {
        match &self.0 {
            Secret::X25519(secret) => {
                KemPublic::X25519(x25519_dalek::PublicKey::from(secret).to_bytes())
            }
            Secret::XWing(secret) => {
                let mut bytes = Box::new([0; KemPublic::len_of(Suite::XWingAes256Gcm)]);
                XWing::sk_to_pk(secret).write_exact(&mut *bytes);
                KemPublic::XWing(bytes)
            }
        }
    }

    /// Whether `key` is its public half.
    #[must_use]
    pub fn belongs_to(&self, key: &KemKey) -> bool {
        self.public() == key.public
    }
}

/// The sender's side: what to send to the reader, and the cipher that both have then.
///
/// Refuses points of small order (RFC 9180 section 7.1.4), also in the X25519 half of X-Wing.
pub(crate) fn agree(
    public: &KemPublic,
    info: &[u8],
    label: &[u8],
    random: &mut impl CryptoRng,
) -> Result<(Encapsulated, Gcm), Refused> {
    let suite = public.suite();
    let (encapsulated, cipher) = match public {
        KemPublic::X25519(public) => send::<X25519HkdfSha256>(taken(public)?, info, label, random)?,
        KemPublic::XWing(public) => {
            check_point(public.as_slice())?;
            send::<XWing>(taken(public.as_slice())?, info, label, random)?
        }
    };
    Ok((Encapsulated::from_slice(suite, &encapsulated).ok_or(Refused)?, cipher))
}

/// The reader's side of [`agree`].
pub(crate) fn agreed(
    secret: &KemSecret,
    encapsulated: &Encapsulated,
    info: &[u8],
    label: &[u8],
) -> Result<Gcm, Refused> {
    match (&secret.0, encapsulated) {
        (Secret::X25519(secret), Encapsulated::X25519(encapsulated)) => {
            let secret = taken(Zeroizing::new(secret.to_bytes()).as_slice())?;
            receive::<X25519HkdfSha256>(&secret, taken(encapsulated)?, info, label)
        }
        (Secret::XWing(secret), Encapsulated::XWing(encapsulated)) => {
            check_point(encapsulated.as_slice())?;
            receive::<XWing>(secret, taken(encapsulated.as_slice())?, info, label)
        }
        _ => Err(Refused),
    }
}

fn send<K: Kem>(
    public: K::PublicKey,
    info: &[u8],
    label: &[u8],
    random: &mut impl CryptoRng,
) -> Result<(Vec<u8>, Gcm), Refused> {
    let mode = OpModeS::Base;
    let (encapsulated, context) =
        hpke::setup_sender_with_rng::<ExportOnlyAead, HkdfSha256, K>(&mode, &public, info, random)
            .map_err(|_| Refused)?;
    let mut key = Zeroizing::new([0; 32]);
    context.export(label, &mut *key).map_err(|_| Refused)?;
    Ok((encapsulated.to_bytes().to_vec(), cipher(&key)))
}

fn receive<K: Kem>(
    secret: &K::PrivateKey,
    encapsulated: K::EncappedKey,
    info: &[u8],
    label: &[u8],
) -> Result<Gcm, Refused> {
    let mode = OpModeR::Base;
    let context =
        hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, K>(&mode, secret, &encapsulated, info)
            .map_err(|_| Refused)?;
    let mut key = Zeroizing::new([0; 32]);
    context.export(label, &mut *key).map_err(|_| Refused)?;
    Ok(cipher(&key))
}

/// Reads one of HPKE's keys, as strictly as it is defined.
fn taken<T: hpke::Deserializable>(bytes: &[u8]) -> Result<T, Refused> {
    T::from_bytes(bytes).map_err(|_| Refused)
}

/// Refuses an X25519 point of small order at the end of these bytes. X-Wing leaves it open whether
/// to; such a point would leave the secret to ML-KEM alone. The order divides 8, as the clamped
/// scalar is a multiple of, so the product is zero then and otherwise not.
fn check_point(bytes: &[u8]) -> Result<(), Refused> {
    let point = bytes.last_chunk::<32>().ok_or(Refused)?;
    let any = x25519_dalek::StaticSecret::from([0; 32]);
    let product = any.diffie_hellman(&x25519_dalek::PublicKey::from(*point));
    if product.was_contributory() { Ok(()) } else { Err(Refused) }
}

pub(crate) fn cipher(key: &[u8; 32]) -> Gcm {
    Gcm::new(key.into())
}
