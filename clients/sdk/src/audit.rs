//! Following the sealed batches, recomputing their chain.

use bytes::Bytes;
use channel::{DecodeError, Reader, Writer, sha256};
use ledger::Hash;
use proto::v1;
use proto::v1::audit_service_client::AuditServiceClient;

use crate::client::MESSAGE_BYTES_MAX;
use crate::resume::Resumed;
use crate::{Client, Error};

const LABEL: &[u8; 16] = b"causeway/1 batch";

/// What a batch's hash is over, as far as the chain needs it.
struct Header {
    pool: u32,
    number: u64,
    first: u64,
    last: u64,
    sealed_at_ms: u64,
    payments: u32,
    transfers: u32,
    orders_root: Hash,
    certificates_hash: Hash,
    previous: Hash,
    state_root: Hash,
}

impl Header {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<16>("label")? != *LABEL {
            return Err(DecodeError::Range { field: "label" });
        }
        let pool = reader.u32("pool")?;
        let (number, first) = (reader.u64("number")?, reader.u64("first")?);
        let (last, sealed_at_ms) = (reader.u64("last")?, reader.u64("sealed_at")?);
        let (payments, transfers) = (reader.u32("payments")?, reader.u32("transfers")?);
        let orders_root = reader.array("orders_root")?;
        reader.array::<32>("nets")?;
        reader.array::<32>("transfers_hash")?;
        let certificates_hash = reader.array("certificates_hash")?;
        let (previous, state_root) = (reader.array("previous")?, reader.array("state_root")?);
        reader.finish()?;
        Ok(Self {
            pool,
            number,
            first,
            last,
            sealed_at_ms,
            payments,
            transfers,
            orders_root,
            certificates_hash,
            previous,
            state_root,
        })
    }

    /// Whether the fields beside the header say the same as the header.
    fn says(&self, batch: &v1::Batch) -> bool {
        (self.pool, self.number, self.first, self.last, self.sealed_at_ms)
            == (
                batch.pool,
                batch.number,
                batch.first_position,
                batch.last_position,
                batch.sealed_at_ms,
            )
            && (self.payments, self.transfers) == (batch.payment_count, batch.transfer_count)
            && self.orders_root[..] == batch.orders_root[..]
            && certificates_hash(&batch.certificates) == Some(self.certificates_hash)
            && self.previous[..] == batch.previous_hash[..]
            && self.state_root[..] == batch.state_root[..]
    }
}

/// Over a batch's certificates as their canonical bytes; none if one does not read.
fn certificates_hash(certificates: &[v1::Certificate]) -> Option<Hash> {
    if certificates.is_empty() {
        return Some([0; 32]);
    }
    let mut writer = Writer::new();
    writer.raw(b"causeway/1 certificates");
    for it in certificates {
        writer.u64(it.cycle).u8(u8::try_from(it.basis).ok()?);
        writer.u32(it.candidate_count).u32(it.settled_count);
        for sum in [&it.value, &it.fifo_value, &it.bound].into_iter().chain(&it.value_by_class) {
            writer.raw(&sum.parse::<u128>().ok()?.to_be_bytes());
        }
        writer.u16(u16::try_from(it.solver).ok()?).u64(it.steps).raw(&it.prices_hash);
    }
    Some(sha256(&writer.into_bytes()))
}

/// Checks batches one by one: each header's hash, its fields, and that it follows the one before
/// without a gap.
#[derive(Debug, Clone, Default)]
pub struct BatchChain {
    last: Option<Link>,
}

#[derive(Debug, Clone)]
struct Link {
    number: u64,
    last_position: u64,
    hash: Hash,
}

impl BatchChain {
    /// A chain that begins with the first batch it is given.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next batch.
    ///
    /// # Errors
    /// [`Error::Unverified`] if it is not what its hash says, or does not follow. The chain stays
    /// as it was.
    pub fn check(&mut self, batch: &v1::Batch) -> Result<(), Error> {
        let header = Header::decode(&batch.header)
            .map_err(|_| Error::Unverified("batch header does not decode"))?;
        let hash = sha256(&batch.header);
        if hash[..] != batch.hash[..] {
            return Err(Error::Unverified("hash of the batch"));
        }
        if !header.says(batch) {
            return Err(Error::Unverified("batch says something else than its header"));
        }
        let follows = match &self.last {
            Some(last) => {
                header.number == last.number + 1
                    && header.first == last.last_position + 1
                    && header.previous == last.hash
            }
            None => header.number != 1 || header.previous == [0; 32],
        };
        if !follows {
            return Err(Error::Unverified("batch does not follow the one before"));
        }
        self.last = Some(Link { number: header.number, last_position: header.last, hash });
        Ok(())
    }
}

/// Every sealed batch in order, without gaps, its chain of hashes checked.
///
/// Dropping the feed ends it.
pub struct BatchFeed {
    stream: Resumed<v1::SubscribeBatchesResponse>,
    chain: BatchChain,
}

impl Client {
    /// Subscribes from `resume_token` on ([`BatchFeed::token`]; empty: from the first batch).
    #[must_use]
    pub fn subscribe_batches(&self, resume_token: impl Into<Bytes>) -> BatchFeed {
        let client = AuditServiceClient::new(self.0.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let open = move |resume_token: Bytes| {
            let mut client = client.clone();
            let message = v1::SubscribeBatchesRequest { resume_token };
            Box::pin(async move { client.subscribe_batches(message).await.map(|r| r.into_inner()) })
                as _
        };
        let place = (self.0.address.clone(), self.0.limits.deadline);
        let token_of = |message: &v1::SubscribeBatchesResponse| message.resume_token.clone();
        let stream = Resumed::new(place, resume_token.into(), token_of, Box::new(open));
        BatchFeed { stream, chain: BatchChain::new() }
    }
}

impl BatchFeed {
    /// The next batch, or `None` for a heartbeat.
    ///
    /// # Errors
    /// [`Error::Unverified`] if the chain does not hold: the operator's books are not what was
    /// said before. [`Error::Unavailable`] as for any call; calling again tries again.
    pub async fn next(&mut self) -> Result<Option<v1::Batch>, Error> {
        let message = self.stream.next().await?;
        if let Some(batch) = &message.batch {
            self.chain.check(batch)?;
        }
        Ok(message.batch)
    }

    /// Where to resume: everything up to the last message of [`BatchFeed::next`] was delivered.
    #[must_use]
    pub fn token(&self) -> &Bytes {
        self.stream.token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(number: u64, first: u64, previous: Hash) -> v1::Batch {
        let mut writer = Writer::new();
        writer.raw(LABEL).u32(1).u64(number).u64(first).u64(first + 4).u64(77).u32(2).u32(3);
        writer.raw(&[1; 32]).raw(&[2; 32]).raw(&[3; 32]);
        writer.raw(&[0; 32]).raw(&previous).raw(&[5; 32]);
        let header = writer.into_bytes();
        v1::Batch {
            pool: 1,
            number,
            first_position: first,
            last_position: first + 4,
            sealed_at_ms: 77,
            transfer_count: 3,
            payment_count: 2,
            orders_root: Bytes::copy_from_slice(&[1; 32]),
            previous_hash: Bytes::copy_from_slice(&previous),
            state_root: Bytes::copy_from_slice(&[5; 32]),
            hash: Bytes::copy_from_slice(&sha256(&header)),
            header: Bytes::from(header),
            nets: Vec::new(),
            certificates: Vec::new(),
        }
    }

    fn hash(batch: &v1::Batch) -> Hash {
        batch.hash.as_ref().try_into().unwrap()
    }

    #[test]
    fn a_chain_holds() {
        let first = batch(1, 0, [0; 32]);
        let second = batch(2, 5, hash(&first));
        let mut chain = BatchChain::new();
        chain.check(&first).unwrap();
        chain.check(&second).unwrap();
        chain.check(&batch(3, 10, hash(&second))).unwrap();
    }

    #[test]
    fn a_chain_may_be_taken_up_in_the_middle() {
        let mut chain = BatchChain::new();
        chain.check(&batch(7, 50, [9; 32])).unwrap();
        assert!(chain.check(&batch(9, 55, [9; 32])).is_err());
    }

    #[test]
    fn gaps_and_changes_are_noticed() {
        let first = batch(1, 0, [0; 32]);
        let fits = batch(2, 5, hash(&first));
        let mut wrong =
            vec![batch(3, 5, hash(&first)), batch(2, 6, hash(&first)), batch(2, 5, [1; 32])];
        let mut change = |change: fn(&mut v1::Batch)| {
            let mut batch = fits.clone();
            change(&mut batch);
            wrong.push(batch);
        };
        change(|batch| batch.payment_count += 1);
        change(|batch| batch.certificates.push(v1::Certificate::default()));
        change(|batch| batch.state_root = Bytes::copy_from_slice(&[6; 32]));
        change(|batch| batch.hash = Bytes::copy_from_slice(&[6; 32]));
        change(|batch| batch.header = batch.header.slice(1..));
        for (at, batch) in wrong.iter().enumerate() {
            let mut chain = BatchChain::new();
            chain.check(&first).unwrap();
            assert!(matches!(chain.check(batch), Err(Error::Unverified(_))), "{at}");
            chain.check(&fits).unwrap();
        }
    }

    #[test]
    fn the_first_batch_has_none_before_it() {
        assert!(BatchChain::new().check(&batch(1, 0, [1; 32])).is_err());
    }
}
