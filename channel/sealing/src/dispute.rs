//! Showing one view of one order to a third party.
//!
//! Disclosed is the view's own key, which opens this view and nothing else: no other view of the
//! order, no other order. The third party checks that the sender signed the order, that the key is
//! the one committed to, and reads what the view says.

use channel::{
    BatchProof, DEK_LEN, DecodeError, Envelope, HEADER_LEN, HeaderView, PublicKey, View, Writer,
    order_digest,
};
use ledger::Hash;
use zeroize::Zeroizing;

use crate::reader::OpenedView;
use crate::refused::Refused;
use crate::view;

const VERSION: u8 = 1;

/// One view with its key, and the proof that the sender signed the order it is in. The key is wiped
/// when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosure {
    header: [u8; HEADER_LEN],
    payload: Vec<u8>,
    view: View,
    dek: Zeroizing<[u8; DEK_LEN]>,
    proof: BatchProof,
}

impl core::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Disclosure").field("view", &self.view).finish_non_exhaustive()
    }
}

/// What a disclosure shows.
#[derive(Clone, PartialEq, Eq)]
pub struct DisclosedView {
    /// The order.
    pub digest: Hash,
    /// Which view.
    pub view: View,
    /// What it says.
    pub content: Vec<u8>,
}

impl core::fmt::Debug for DisclosedView {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DisclosedView").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Disclosure {
    /// Discloses one opened view of an order. With that its content is not secret any more.
    #[must_use]
    pub fn new(
        header: &[u8; HEADER_LEN],
        payload: &[u8],
        opened: &OpenedView,
        proof: BatchProof,
    ) -> Self {
        let (view, dek) = (opened.view(), Zeroizing::new(*opened.dek));
        Self { header: *header, payload: payload.to_vec(), view, dek, proof }
    }

    /// The header of the order, by which the third party finds the sender's identity.
    #[must_use]
    pub fn header(&self) -> &[u8; HEADER_LEN] {
        &self.header
    }

    /// Checks everything against the identity key of the sender that the header names.
    ///
    /// # Errors
    /// [`Refused`], whatever does not hold.
    pub fn verify(&self, sender: &PublicKey) -> Result<DisclosedView, Refused> {
        let header = HeaderView::check(&self.header).map_err(|_| Refused)?;
        if header.payload_len() != self.payload.len() {
            return Err(Refused);
        }
        let digest = order_digest(&self.header, &self.payload);
        let signed = self.proof.verify(header.pool(), header.sender(), &digest, sender);
        signed.map_err(|_| Refused)?;
        let envelope = Envelope::parse(header, &self.payload).map_err(|_| Refused)?;
        let entry = envelope.views().find(|entry| entry.view == self.view).ok_or(Refused)?;
        let plaintext = view::open(&entry, &self.dek, &envelope.binding())?;
        Ok(DisclosedView { digest, view: self.view, content: plaintext.content().to_vec() })
    }

    /// `version u8 = 1 ‖ header [192] ‖ payload ‖ view u8 ‖ key [32] ‖ proof`.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::new();
        writer.u8(VERSION).raw(&self.header).raw(&self.payload);
        writer.u8(self.view as u8).raw(&*self.dek);
        self.proof.write(&mut writer);
        Zeroizing::new(writer.into_bytes())
    }

    /// The inverse of [`Disclosure::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = channel::Reader::new(bytes);
        let version = reader.u8("version")?;
        if version != VERSION {
            return Err(DecodeError::Unknown { field: "version", value: version.into() });
        }
        let header: [u8; HEADER_LEN] = reader.array("header")?;
        let length = HeaderView::check(&header).map(HeaderView::payload_len);
        let length = length.map_err(|_| DecodeError::Range { field: "header" })?;
        let payload = reader.raw(length, "payload")?.to_vec();
        let view = reader.u8("view")?;
        let view = View::from_number(view)
            .ok_or(DecodeError::Unknown { field: "view", value: view.into() })?;
        let dek = Zeroizing::new(reader.array("key")?);
        let proof = BatchProof::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { header, payload, view, dek, proof })
    }
}
