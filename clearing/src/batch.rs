//! Batches: what happened in a range of positions, sealed under one hash.
//!
//! ```text
//! header, 252 bytes: "causeway/1 batch" [16] | pool u32 | number u64 | first u64 | last u64
//!                    | sealed at u64 ms | payments u32 | transfers u32 | orders root [32]
//!                    | nets [32] | transfers [32] | certificates [32] | previous [32] | state root [32]
//! nets:              SHA-256 of "causeway/1 nets"      and participant u32 | currency [3] | i128
//! transfers:         SHA-256 of "causeway/1 transfers" and place u64 | origin u64 | kind u8
//!                    | debit u32 | credit u32 | minor u64
//! hash of the batch: SHA-256 of the header
//! ```

use channel::{DecodeError, Reader, Writer};
use ledger::merkle::{leaf_hash, root_of_hashes};
use ledger::{AccountId, Hash, Ledger};
use sha2::{Digest, Sha256};

use crate::certificate::{Certificate, certificates_hash};
use crate::directory::Directory;
use crate::outcome::{BalanceAfter, Net, SealedBatch, Transfer};

const LABEL: &[u8; 16] = b"causeway/1 batch";
const NETS_LABEL: &[u8] = b"causeway/1 nets";
const TRANSFERS_LABEL: &[u8] = b"causeway/1 transfers";

/// Bytes of an encoded [`BatchHeader`].
pub const BATCH_HEADER_BYTES: usize = 252;

/// An open batch with more transfers than this is sealed before the next record.
pub const BATCH_TRANSFERS_SOFT_MAX: usize = 65_536;

/// What a batch's hash is over: the batch itself, its lists replaced by their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// The pool.
    pub pool: u32,
    /// The batch's number, from 1.
    pub number: u64,
    /// The first position it covers.
    pub first: u64,
    /// The last position it covers.
    pub last: u64,
    /// Logged time of the seal, ms.
    pub sealed_at_ms: u64,
    /// How many payments settled.
    pub payments: u32,
    /// How many transfers it has.
    pub transfers: u32,
    /// Merkle root over the digests of the settled orders.
    pub orders_root: Hash,
    /// Hash over the nets.
    pub nets_hash: Hash,
    /// Hash over the transfers.
    pub transfers_hash: Hash,
    /// Hash over the certificates; zeros if no cycle settled anything.
    pub certificates_hash: Hash,
    /// Hash of the batch before; zeros for the first.
    pub previous: Hash,
    /// Root of the whole state after the batch.
    pub state_root: Hash,
}

impl BatchHeader {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.raw(LABEL).u32(self.pool).u64(self.number).u64(self.first).u64(self.last);
        writer.u64(self.sealed_at_ms).u32(self.payments).u32(self.transfers);
        writer.raw(&self.orders_root).raw(&self.nets_hash).raw(&self.transfers_hash);
        writer.raw(&self.certificates_hash).raw(&self.previous).raw(&self.state_root);
        writer.into_bytes()
    }

    /// The inverse of [`BatchHeader::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<16>("label")? != *LABEL {
            return Err(DecodeError::Range { field: "label" });
        }
        let header = Self {
            pool: reader.u32("pool")?,
            number: reader.u64("number")?,
            first: reader.u64("first")?,
            last: reader.u64("last")?,
            sealed_at_ms: reader.u64("sealed_at")?,
            payments: reader.u32("payments")?,
            transfers: reader.u32("transfers")?,
            orders_root: reader.array("orders_root")?,
            nets_hash: reader.array("nets")?,
            transfers_hash: reader.array("transfers_hash")?,
            certificates_hash: reader.array("certificates_hash")?,
            previous: reader.array("previous")?,
            state_root: reader.array("state_root")?,
        };
        reader.finish()?;
        Ok(header)
    }

    /// The batch's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Sha256::digest(self.encode()).into()
    }
}

impl SealedBatch {
    /// The header, computed from the batch's fields.
    #[must_use]
    pub fn header(&self) -> BatchHeader {
        BatchHeader {
            pool: self.pool,
            number: self.number,
            first: self.first,
            last: self.last,
            sealed_at_ms: self.sealed_at_ms,
            payments: self.payments,
            transfers: self.transfers.len() as u32,
            orders_root: self.orders_root,
            nets_hash: nets_hash(&self.nets),
            transfers_hash: transfers_hash(&self.transfers),
            certificates_hash: certificates_hash(&self.certificates),
            previous: self.previous,
            state_root: self.state_root,
        }
    }

    /// What [`SealedBatch::hash`] must be.
    #[must_use]
    pub fn compute_hash(&self) -> Hash {
        self.header().hash()
    }
}

/// Hash over nets, in their order.
#[must_use]
pub fn nets_hash(nets: &[Net]) -> Hash {
    let mut hasher = Sha256::new_with_prefix(NETS_LABEL);
    for net in nets {
        hasher.update(net.participant.0.to_be_bytes());
        hasher.update(net.currency.to_bytes());
        hasher.update(net.minor.to_be_bytes());
    }
    hasher.finalize().into()
}

/// Hash over transfers, in their order.
#[must_use]
pub fn transfers_hash(transfers: &[Transfer]) -> Hash {
    /// Enough that the hash works on whole blocks.
    const CHUNK: usize = 64;
    let mut hasher = Sha256::new_with_prefix(TRANSFERS_LABEL);
    let mut bytes = [[0; TRANSFER_BYTES]; CHUNK];
    for chunk in transfers.chunks(CHUNK) {
        for (bytes, transfer) in bytes.iter_mut().zip(chunk) {
            *bytes = transfer_bytes(transfer);
        }
        hasher.update(bytes[..chunk.len()].as_flattened());
    }
    hasher.finalize().into()
}

const TRANSFER_BYTES: usize = 33;

/// `place u64 ‖ origin u64 ‖ kind u8 ‖ debit u32 ‖ credit u32 ‖ minor u64`.
pub(crate) fn transfer_bytes(transfer: &Transfer) -> [u8; TRANSFER_BYTES] {
    let mut bytes = [0; TRANSFER_BYTES];
    bytes[..8].copy_from_slice(&transfer.place.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&transfer.origin.0.to_be_bytes());
    bytes[16] = transfer.kind as u8;
    bytes[17..21].copy_from_slice(&transfer.debit.0.to_be_bytes());
    bytes[21..25].copy_from_slice(&transfer.credit.0.to_be_bytes());
    bytes[25..].copy_from_slice(&transfer.minor.to_be_bytes());
    bytes
}

/// The batch that is being filled.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    pub(crate) number: u64,
    pub(crate) first: u64,
    /// When something first happened in it; nothing has, if none.
    pub(crate) opened_at_ms: Option<u64>,
    pub(crate) previous: Hash,
    pub(crate) transfers: Vec<Transfer>,
    /// Leaf hashes of the settled orders' digests.
    pub(crate) leaves: Vec<Hash>,
    /// Of the cycles that settled within this record: with them the batch is sealed.
    pub(crate) certificates: Vec<Certificate>,
    /// By account: what the payments changed.
    pub(crate) nets: Vec<i128>,
    /// By account: whether a transfer touched it.
    pub(crate) touched: Vec<bool>,
}

impl Default for OpenBatch {
    fn default() -> Self {
        Self {
            number: 1,
            first: 0,
            opened_at_ms: None,
            previous: [0; 32],
            transfers: Vec::new(),
            leaves: Vec::new(),
            certificates: Vec::new(),
            nets: Vec::new(),
            touched: Vec::new(),
        }
    }
}

impl OpenBatch {
    /// Makes room for `accounts` accounts.
    pub(crate) fn grow(&mut self, accounts: usize) {
        self.nets.resize(accounts, 0);
        self.touched.resize(accounts, false);
    }

    /// Notes that something happened.
    pub(crate) fn open(&mut self, now_ms: u64) {
        self.opened_at_ms.get_or_insert(now_ms);
    }

    /// Adds a movement that is no payment.
    pub(crate) fn add(&mut self, transfer: Transfer) {
        self.count(&transfer);
        self.transfers.push(transfer);
    }

    /// Adds a payment.
    pub(crate) fn add_payment(&mut self, transfer: Transfer, digest: &Hash) {
        self.leaves.push(leaf_hash(digest));
        self.add(transfer);
    }

    /// Counts a movement in the accounts it touches, and in their nets if it is a payment.
    pub(crate) fn count(&mut self, transfer: &Transfer) {
        let (debit, credit) = (transfer.debit.0 as usize, transfer.credit.0 as usize);
        self.touched[debit] = true;
        self.touched[credit] = true;
        if transfer.kind.pays() {
            self.nets[debit] -= i128::from(transfer.minor);
            self.nets[credit] += i128::from(transfer.minor);
        }
    }

    /// Over what is in the batch so far; zeros if nothing is.
    pub(crate) fn digest(&self) -> Hash {
        if self.transfers.is_empty() && self.opened_at_ms.is_none() {
            return [0; 32];
        }
        let mut hasher = Sha256::new_with_prefix(b"causeway/1 open batch");
        hasher.update(self.opened_at_ms.unwrap_or(0).to_be_bytes());
        hasher.update(transfers_hash(&self.transfers));
        hasher.update(self.leaves.as_flattened());
        hasher.finalize().into()
    }

    /// Takes the content out and begins the next batch behind `last`. The state root and the hash
    /// are still to be filled in.
    pub(crate) fn close(
        &mut self,
        (pool, last, now_ms): (u32, u64, u64),
        ledger: &Ledger,
        directory: &Directory,
    ) -> SealedBatch {
        let sealed = SealedBatch {
            pool,
            number: self.number,
            first: self.first,
            last,
            sealed_at_ms: now_ms,
            payments: self.leaves.len() as u32,
            orders_root: root_of_hashes(&self.leaves),
            nets: self.take_nets(directory),
            balances: self.take_balances(ledger),
            certificates: std::mem::take(&mut self.certificates),
            transfers: std::mem::take(&mut self.transfers),
            previous: self.previous,
            state_root: [0; 32],
            hash: [0; 32],
        };
        self.transfers.reserve(sealed.transfers.len());
        self.leaves.clear();
        self.opened_at_ms = None;
        self.number += 1;
        self.first = last + 1;
        sealed
    }

    fn take_nets(&mut self, directory: &Directory) -> Vec<Net> {
        let mut nets = Vec::new();
        for (account, net) in (0..).zip(&mut self.nets) {
            let info = directory.info(AccountId(account));
            if let (true, Some(participant)) = (*net != 0, info.participant) {
                nets.push(Net { participant, currency: info.currency, minor: *net });
            }
            *net = 0;
        }
        nets.sort_unstable_by_key(|net| (net.participant, net.currency));
        nets
    }

    fn take_balances(&mut self, ledger: &Ledger) -> Vec<BalanceAfter> {
        let touched = ledger.accounts().zip(&mut self.touched);
        let taken = touched.filter_map(|((account, books), touched)| {
            std::mem::take(touched).then(|| balance_after(account, books))
        });
        taken.collect()
    }
}

/// An account's counters as an outcome carries them.
pub(crate) fn balance_after(account: AccountId, books: &ledger::Account) -> BalanceAfter {
    BalanceAfter {
        account,
        debits_posted: books.debits_posted(),
        credits_posted: books.credits_posted(),
        debits_pending: books.debits_pending(),
        credits_pending: books.credits_pending(),
    }
}
