//! Receipts kept on the bank's side: one JSON object a line, with all that a check needs
//! (`docs/reference/signing.md`, "Receipt").

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sdk::{BatchAnswer, Order};
use serde_json::json;

use crate::failure::{Failure, at};
use crate::output::hex;

/// A file that receipts are appended to.
pub(crate) struct Receipts {
    file: File,
    path: PathBuf,
}

impl Receipts {
    /// Opens the file: before anything is sent, so that a receipt has a place to go.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(at(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends the receipt of a batch and makes it durable.
    pub(crate) fn keep(&mut self, orders: &[Order], answer: &BatchAnswer) -> Result<(), Failure> {
        let receipt = &answer.receipt;
        let digests: Vec<String> = orders.iter().map(|order| hex(order.digest())).collect();
        let line = json!({
            "pool": receipt.pool,
            "position": receipt.position.to_string(),
            "received_at_ms": receipt.received_at_ms.to_string(),
            "rules_hash": hex(&receipt.rules_hash),
            "uetrs": orders.iter().map(|order| order.uetr().to_string()).collect::<Vec<_>>(),
            "order_digests": digests,
            "signature": hex(&receipt.signature),
        });
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        written.and_then(|()| self.file.sync_all()).map_err(at(&self.path))
    }
}
