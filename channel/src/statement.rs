//! Statements: what somebody asserts over their signature, with one encoding.
//!
//! Signed are the statement's label and its body, so no statement passes for one of another kind.
//! Sent and logged are the body, the signer's public key and the signature. The key only says which
//! one to try: whether it may sign such a statement is for the reader to know.

use crate::bytes::{DecodeError, Reader, Writer};
#[cfg(feature = "sign")]
use crate::sign::{KeyError, PublicKey, SignatureError, Signer};

/// A kind of statement.
pub trait Statement: Sized {
    /// What its signed bytes begin with; no two kinds have the same.
    const LABEL: &'static str;

    /// Appends the body's canonical bytes.
    fn write(&self, writer: &mut Writer);

    /// Reads and checks a body.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// What is signed: the label and the body.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.raw(Self::LABEL.as_bytes());
        self.write(&mut writer);
        writer.into_bytes()
    }
}

/// A statement with its signature, which is not checked by decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<S> {
    /// What is said.
    pub statement: S,
    /// The Ed25519 public key that is said to have signed.
    pub signer: [u8; 32],
    /// The signature.
    pub signature: [u8; 64],
}

impl<S: Statement> Signed<S> {
    /// `body ‖ signer [32] ‖ signature [64]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.statement.write(&mut writer);
        writer.raw(&self.signer).raw(&self.signature);
        writer.into_bytes()
    }

    /// The inverse of [`Signed::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let statement = S::read(&mut reader)?;
        let signer = reader.array("signer")?;
        let signature = reader.array("signature")?;
        reader.finish()?;
        Ok(Self { statement, signer, signature })
    }

    /// Signs a statement.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be used now.
    #[cfg(feature = "sign")]
    pub fn sign(statement: S, signer: &dyn Signer) -> Result<Self, KeyError> {
        let signature = signer.sign(&statement.signed_bytes())?;
        Ok(Self { statement, signer: signer.public_key(), signature })
    }

    /// Checks that `key` is the signer and has signed.
    ///
    /// # Errors
    /// [`SignatureError`].
    #[cfg(feature = "sign")]
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        if key.to_bytes() != self.signer {
            return Err(SignatureError);
        }
        key.verify(&self.statement.signed_bytes(), &self.signature)
    }
}

/// A byte that is 0 or 1.
pub(crate) fn read_bool(reader: &mut Reader<'_>, field: &'static str) -> Result<bool, DecodeError> {
    match reader.u8(field)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Range { field }),
    }
}
