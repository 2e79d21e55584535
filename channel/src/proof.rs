//! That an order was signed by its sender, for somebody who was not there.

use ledger::Hash;
use ledger::merkle::{inclusion_proof, leaf_hash, verify_inclusion};

use crate::batch::{BATCH_ORDERS_MAX, batch_statement, merkle_root};
use crate::bytes::{DecodeError, Reader, Writer};
use crate::participant::ParticipantId;
use crate::sign::{PublicKey, SignatureError};

/// The depth of the largest batch's tree.
const PATH_MAX: usize = BATCH_ORDERS_MAX.ilog2() as usize;

/// A batch signature, and where in the batch an order's digest stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchProof {
    /// Orders in the batch, 1 to [`BATCH_ORDERS_MAX`].
    pub count: u32,
    /// The order's index.
    pub index: u32,
    /// The root that was signed.
    pub root: Hash,
    /// The siblings from the leaf to the root (RFC 9162 section 2.1.3).
    pub path: Vec<Hash>,
    /// The sender's signature of the batch statement.
    pub signature: [u8; 64],
}

impl BatchProof {
    /// The proof for one order of a batch; `None` if the batch has no such order.
    #[must_use]
    pub fn new(digests: &[Hash], index: usize, signature: [u8; 64]) -> Option<Self> {
        let leaves: Vec<Hash> = digests.iter().map(|digest| leaf_hash(digest)).collect();
        Some(Self {
            count: u32::try_from(digests.len()).ok()?,
            index: u32::try_from(index).ok()?,
            root: merkle_root(digests.iter().map(<[u8; 32]>::as_slice)),
            path: inclusion_proof(&leaves, index)?,
            signature,
        })
    }

    /// `count u32 ‖ index u32 ‖ root [32] ‖ length u8 ‖ path ‖ signature [64]`.
    pub fn write(&self, writer: &mut Writer) {
        writer.u32(self.count).u32(self.index).raw(&self.root);
        writer.u8(u8::try_from(self.path.len()).unwrap_or(u8::MAX));
        writer.raw(self.path.as_flattened()).raw(&self.signature);
    }

    /// The inverse of [`BatchProof::write`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.u32("count")?;
        let index = reader.u32("index")?;
        let root = reader.array("root")?;
        let length = usize::from(reader.u8("path")?);
        if count as usize > BATCH_ORDERS_MAX || index >= count {
            return Err(DecodeError::Range { field: "index" });
        }
        if length > PATH_MAX {
            return Err(DecodeError::Range { field: "path" });
        }
        let path = (0..length).map(|_| reader.array("path")).collect::<Result<_, _>>()?;
        Ok(Self { count, index, root, path, signature: reader.array("signature")? })
    }

    /// Checks that `sender`, whose key is `key`, signed a batch with this order in it.
    ///
    /// # Errors
    /// [`SignatureError`], whatever does not hold.
    pub fn verify(
        &self,
        pool: u32,
        sender: ParticipantId,
        digest: &Hash,
        key: &PublicKey,
    ) -> Result<(), SignatureError> {
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        if !verify_inclusion(&leaf_hash(digest), index, count, &self.path, &self.root) {
            return Err(SignatureError);
        }
        key.verify(&batch_statement(pool, sender, self.count, &self.root), &self.signature)
    }
}
