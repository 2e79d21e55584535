//! What was sealed, as it was sealed: to be sent again, to be shown in a dispute, to be wrapped
//! again for a reader who could not open it.

use std::path::{Path, PathBuf};

use channel::{BatchProof, HEADER_LEN, HeaderView, MessageKind, OrderRef, Reader, Uetr, Writer};
use ledger::Hash;

use super::files;
use crate::{Error, Order, SignedBatch};

const VERSION: u8 = 1;

/// A sealed order of this participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentOrder {
    /// The order, sealed.
    pub order: Order,
    /// That its sender signed it: the batch it was signed in.
    pub proof: BatchProof,
    /// What it says, as [`super::content_hash`] has it.
    pub content: Hash,
}

/// A folder with one file per sealed order.
#[derive(Debug, Clone)]
pub struct SentStore {
    folder: PathBuf,
}

impl SentStore {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Config`] if it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        files::make_folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Keeps the orders of a batch, with what they say; they are durable when this returns. Do not
    /// send the batch before.
    ///
    /// # Errors
    /// [`Error::Config`] if a file cannot be written.
    pub fn put(&self, batch: &SignedBatch, contents: &[Hash]) -> Result<(), Error> {
        let digests: Vec<Hash> = batch.orders().iter().map(|order| *order.digest()).collect();
        for (index, (order, content)) in batch.orders().iter().zip(contents).enumerate() {
            let proof = BatchProof::new(&digests, index, *batch.signature());
            let proof = proof.ok_or_else(|| Error::config("orders", "too many in a batch"))?;
            let sent = SentOrder { order: order.clone(), proof, content: *content };
            let fields = order.fields();
            let path = self.path(fields.kind_number(), fields.uetr());
            files::write(&path, &sent.encode())?;
        }
        Ok(())
    }

    /// The order of this kind and reference, if it was sealed here.
    ///
    /// # Errors
    /// [`Error::Config`] if its file is damaged.
    pub fn get(&self, kind: MessageKind, uetr: Uetr) -> Result<Option<SentOrder>, Error> {
        let path = self.path(kind as u16, uetr);
        let Some(bytes) = files::read(&path)? else { return Ok(None) };
        let sent = SentOrder::decode(&bytes);
        sent.map(Some).ok_or_else(|| Error::config(path.display().to_string(), "is damaged"))
    }

    /// The orders of this reference, whatever their kind.
    ///
    /// # Errors
    /// As [`SentStore::get`].
    pub fn find(&self, uetr: Uetr) -> Result<Vec<SentOrder>, Error> {
        let kinds = (1..=u16::from(u8::MAX)).map_while(MessageKind::from_number);
        kinds.filter_map(|kind| self.get(kind, uetr).transpose()).collect()
    }

    /// Forgets an order that the pool has not taken: it may be sealed anew under its reference. What
    /// another process has sealed anew meanwhile stays.
    ///
    /// # Errors
    /// As [`SentStore::get`]; [`Error::Config`] if its file cannot be removed.
    pub fn remove(&self, order: &Order) -> Result<(), Error> {
        let fields = order.fields();
        let kind = fields.kind().ok_or(Error::Malformed("message kind"))?;
        let kept = self.get(kind, fields.uetr())?;
        if kept.is_none_or(|kept| kept.order.digest() != order.digest()) {
            return Ok(());
        }
        files::remove(&self.path(fields.kind_number(), fields.uetr()))
    }

    fn path(&self, kind: u16, uetr: Uetr) -> PathBuf {
        self.folder.join(format!("{uetr}-{kind}.order"))
    }
}

impl SentOrder {
    /// Its name in statements.
    #[must_use]
    pub fn name(&self) -> Option<OrderRef> {
        OrderRef::of(self.order.fields(), *self.order.digest())
    }

    /// `version u8 ‖ header ‖ content hash ‖ proof ‖ payload`.
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).raw(self.order.header()).raw(&self.content);
        self.proof.write(&mut writer);
        writer.raw(self.order.payload());
        writer.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8("version").ok()?;
        let header: [u8; HEADER_LEN] = reader.array("header").ok()?;
        let content = reader.array("content").ok()?;
        let proof = BatchProof::read(&mut reader).ok()?;
        let length = HeaderView::check(&header).ok()?.payload_len();
        let payload = reader.raw(length, "payload").ok()?.to_vec();
        reader.finish().ok()?;
        let order = Order::from_bytes(&header, payload.into()).ok()?;
        (version == VERSION).then_some(Self { order, proof, content })
    }
}
