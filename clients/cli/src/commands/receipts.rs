//! Receipts kept on the bank's side: one JSON object a line, with all that a check needs
//! (`docs/reference/signing.md`, "Receipt").

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use sdk::{BatchAnswer, Order};
use serde_json::json;

use crate::failure::{Failure, at};
use crate::output::hex;

/// Appends the receipt of a batch and makes it durable.
pub(crate) fn keep(path: &Path, orders: &[Order], answer: &BatchAnswer) -> Result<(), Failure> {
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
    let append = || {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    };
    append().map_err(at(path))
}
