//! Ed25519 (RFC 8032): the seam for signers and the strict check of signatures.

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{SigningKey, VerifyingKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// A 64-byte Ed25519 signature.
pub type Signature = [u8; 64];

/// Signs canonical statements. A hardware module implements this beside [`LocalSigner`].
pub trait Signer: Send + Sync {
    /// The 32-byte public key that checks what [`Signer::sign`] makes.
    fn public_key(&self) -> [u8; 32];

    /// Signs one statement.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be used now (a hardware module that is away).
    fn sign(&self, statement: &[u8]) -> Result<Signature, KeyError>;
}

/// The key could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("signing key unavailable: {reason}")]
pub struct KeyError {
    /// What the key's holder reported.
    pub reason: String,
}

/// A private key held in this process; wiped when dropped.
pub struct LocalSigner(SigningKey);

impl LocalSigner {
    /// From the 32-byte secret seed of RFC 8032 section 5.1.5.
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
}

impl LocalSigner {
    /// From a PKCS#8 PEM private key (RFC 8410), as `openssl genpkey -algorithm ed25519` makes it.
    ///
    /// # Errors
    /// [`KeyError`] if the text is no Ed25519 private key. Never echoes the text.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let refused = |_| KeyError { reason: "not an Ed25519 PKCS#8 PEM key".to_owned() };
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(refused)
    }

    /// The PKCS#8 PEM form, wiped when dropped. Without the public key, which OpenSSL does not read
    /// in this form.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be encoded.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let refused = |_| KeyError { reason: "key does not encode".to_owned() };
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).map_err(refused)
    }
}

impl core::fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LocalSigner(..)")
    }
}

impl Signer for LocalSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, statement: &[u8]) -> Result<Signature, KeyError> {
        Ok(self.0.sign(statement).to_bytes())
    }
}

/// The signature does not hold. Says no more: the reason would help only an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("signature does not verify")]
pub struct SignatureError;

/// A public key, decompressed once and kept.
#[derive(Debug, Clone)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Takes a 32-byte encoded key; refuses non-canonical encodings and points of small order.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn new(bytes: &[u8; 32]) -> Result<Self, SignatureError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| SignatureError)?;
        if key.is_weak() || !is_reduced(bytes) {
            return Err(SignatureError);
        }
        Ok(Self(key))
    }

    /// The 32-byte encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Checks strictly (no malleable or mixed-order signatures).
    ///
    /// # Errors
    /// [`SignatureError`] if it does not hold.
    pub fn verify(&self, statement: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(statement, &signature).map_err(|_| SignatureError)
    }
}

/// Whether the y coordinate of an encoded point is below p = 2^255 - 19. The other way to encode a
/// point twice, a sign for x = 0, is left to points of small order.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8032_test_1() {
        let seed = Zeroizing::new([
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ]);
        let signer = LocalSigner::from_seed(&seed);
        assert_eq!(signer.public_key()[..4], [0xd7, 0x5a, 0x98, 0x01]);
        let signature = signer.sign(b"").unwrap();
        assert_eq!(signature[..4], [0xe5, 0x56, 0x43, 0x00]);
        let key = PublicKey::new(&signer.public_key()).unwrap();
        assert_eq!(key.verify(b"", &signature), Ok(()));
        for bit in 0..512 {
            let mut forged = signature;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.verify(b"", &forged), Err(SignatureError));
        }
    }

    #[test]
    fn keys_survive_pem() {
        let signer = LocalSigner::from_seed(&Zeroizing::new([7; 32]));
        let pem = signer.to_pem().unwrap();
        // PKCS#8 version 1: the one that OpenSSL reads.
        assert!(pem.contains("MC4CAQAwBQYDK2VwBCIEI"));
        let again = LocalSigner::from_pem(&pem).unwrap();
        assert_eq!(again.public_key(), signer.public_key());
        assert!(LocalSigner::from_pem("-----BEGIN PRIVATE KEY-----").is_err());
    }

    /// The eight points of small order, and the six other ways to encode some of them.
    fn small_order() -> Vec<[u8; 32]> {
        let order_8 = [
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ];
        let byte = |text: &str, at: usize| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16);
        let order_8 = order_8.map(|text| std::array::from_fn(|at| byte(text, at).unwrap()));
        let [mut one, mut minus_one, mut p, mut p_and_1] =
            [[0; 32], [0xff; 32], [0xff; 32], [0xff; 32]];
        one[0] = 1;
        (minus_one[0], p[0], p_and_1[0]) = (0xec, 0xed, 0xee);
        let mut points = vec![[0; 32], one, minus_one, p, p_and_1, order_8[0], order_8[1]];
        for point in &mut points {
            point[31] &= 0x7f;
        }
        let signed = points.clone().into_iter().map(|mut point| {
            point[31] |= 0x80;
            point
        });
        points.extend(signed);
        points
    }

    #[test]
    fn a_point_of_small_order_is_no_key_and_no_part_of_a_signature() {
        let signer = LocalSigner::from_seed(&Zeroizing::new([7; 32]));
        let key = PublicKey::new(&signer.public_key()).unwrap();
        let mut signature = signer.sign(b"").unwrap();
        for point in small_order() {
            assert!(PublicKey::new(&point).is_err(), "{point:02x?}");
            signature[..32].copy_from_slice(&point);
            assert_eq!(key.verify(b"", &signature), Err(SignatureError));
            signature[32..].fill(0);
            assert_eq!(key.verify(b"", &signature), Err(SignatureError));
        }
    }

    #[test]
    fn a_point_that_is_not_reduced_is_no_key_and_no_part_of_a_signature() {
        let signer = LocalSigner::from_seed(&Zeroizing::new([7; 32]));
        let key = PublicKey::new(&signer.public_key()).unwrap();
        let mut signature = signer.sign(b"").unwrap();
        let mut points = 0;
        for above in 0..19 {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (0xed + above, 0x7f);
            // The same point, reduced, may well be one.
            let mut reduced = [0; 32];
            reduced[0] = above;
            points += u32::from(PublicKey::new(&reduced).is_ok());
            assert!(PublicKey::new(&point).is_err(), "{above}");
            signature[..32].copy_from_slice(&point);
            assert_eq!(key.verify(b"", &signature), Err(SignatureError));
        }
        assert!(points > 0);
    }
}
