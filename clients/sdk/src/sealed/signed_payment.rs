//! Payments as the node delivers them, believed only as far as their senders have signed them.

use channel::{
    BatchProof, HeaderView, MessageKind, OrderRef, ParticipantId, PublicKey, order_digest,
};
use ledger::Hash;
use proto::v1;

use super::store::TrustStore;
use crate::Error;

/// A payment whose header and payload its sender has signed, and whose words are the header's.
///
/// What the operator says beside that is where the payment is on its way.
#[derive(Debug, Clone)]
pub struct SignedPayment<'a> {
    header: HeaderView<'a>,
    payload: &'a [u8],
    order: OrderRef,
    key: PublicKey,
}

impl<'a> SignedPayment<'a> {
    /// Checks a payment that came with its payload: that it is of this pool, that its sender, for
    /// whom a root vouches, has signed header and payload, and that whatever else the message says
    /// of it, in names and in words, is what the header says.
    ///
    /// # Errors
    /// [`Error::Unverified`] if it is not what its sender signed, or said to be something else;
    /// [`Error::Untrusted`] if nobody vouches for the sender.
    pub fn check(store: &TrustStore, payment: &'a v1::Payment) -> Result<Self, Error> {
        let (bytes, payload) = (payment.header.as_ref(), payment.payload.as_ref());
        let header = HeaderView::check(bytes)?;
        if header.pool() != store.file().pool || header.payload_len() != payload.len() {
            return Err(Error::Unverified("the order is another's, or not whole"));
        }
        let digest = order_digest(bytes, payload);
        let key = signer(store, header, &digest, &payment.proof)?;
        if !agrees(store, header, &digest, payment) {
            return Err(Error::Unverified("the payment is said to be another than its order"));
        }
        let order = OrderRef::of(header, digest).ok_or(Error::Malformed("message kind"))?;
        Ok(Self { header, payload, order, key })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> HeaderView<'a> {
        self.header
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Its name in statements.
    #[must_use]
    pub fn order(&self) -> OrderRef {
        self.order
    }

    /// The key by which its sender has signed it.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether its payload is sealed.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self.header.sealing(), Ok(Some(_)))
    }

    /// Whether it says in the open what the pool's policy would have had sealed: it was made when a
    /// policy was in effect. Instructions say nothing that would have to be.
    #[must_use]
    pub fn bypasses_policy(&self, store: &TrustStore) -> bool {
        let first = store.policies().next().map(|policy| policy.statement.effective_at_ms);
        let bound = first.is_some_and(|first_ms| self.header.created_at_ms() >= first_ms);
        let open = self.order.kind == MessageKind::FxInstruction && self.payload.is_empty();
        bound && !open && !self.is_sealed()
    }
}

/// The key of the order's sender, after it was checked that it signed the order.
fn signer(
    store: &TrustStore,
    header: HeaderView<'_>,
    digest: &Hash,
    proof: &[u8],
) -> Result<PublicKey, Error> {
    let mut reader = channel::Reader::new(proof);
    let proof = BatchProof::read(&mut reader).ok().filter(|_| reader.finish().is_ok());
    let proof = proof.ok_or(Error::Unverified("the order comes without its sender's signature"))?;
    let keys = sender_keys(store, header.sender(), header.created_at_ms())?;
    let signs = |key: &PublicKey| proof.verify(header.pool(), header.sender(), digest, key).is_ok();
    keys.into_iter().find(signs).ok_or(Error::Unverified("the sender's signature of the order"))
}

/// The keys by which somebody may have signed what is dated so.
pub(super) fn sender_keys(
    store: &TrustStore,
    sender: ParticipantId,
    made_at_ms: u64,
) -> Result<Vec<PublicKey>, Error> {
    let keys = store.keys_at(sender, made_at_ms);
    let error = match store.identity(sender) {
        None => channel::TrustError::NoIdentity,
        Some(_) => channel::TrustError::IdentityNotValid,
    };
    if keys.is_empty() { Err(super::store::untrusted("identity")(error)) } else { Ok(keys) }
}

/// Whether the message says of the order what its header says.
fn agrees(
    store: &TrustStore,
    header: HeaderView<'_>,
    digest: &Hash,
    payment: &v1::Payment,
) -> bool {
    let named = |id, name: &str| {
        store.identity(id).is_some_and(|identity| identity.participant.name == name)
    };
    let currency = header.currency_bytes();
    let amount = payment.amount.as_ref();
    payment.digest.as_ref() == digest
        && payment.uetr == header.uetr().to_string()
        && payment.message_kind == u32::from(header.kind_number())
        && named(header.sender(), &payment.sender)
        && named(header.receiver(), &payment.receiver)
        && payment.value_date == header.value_date_number()
        && amount.is_some_and(|it| {
            it.currency_code.as_bytes() == currency
                && u64::try_from(it.minor_units) == Ok(header.minor())
        })
}
