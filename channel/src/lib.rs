//! What the parties sign, byte for byte: orders, batches, receipts, decisions, commands; and of
//! sealed orders (`ppc/1`) all that is seen and checked without a key that opens them: envelopes,
//! key directory, epochs, disclosure policies, findings. What opens them is the crate `sealing`.
//!
//! Every structure here has exactly one encoding (integers big-endian, reserved bytes zero), and
//! a signature is always over those bytes behind a label of its own, so a signature made for one
//! purpose never passes for another. A client in another language can build the same bytes from
//! `docs/reference/signing.md` alone.
//!
//! Pure: no I/O, no clock, no randomness. Feature `sign` adds Ed25519 (RFC 8032); without it the
//! crate is layouts and SHA-256, which is all the settlement core links.

mod answer;
mod any_statement;
mod batch;
mod bytes;
mod command;
mod digest;
mod directory;
mod envelope;
mod epoch;
mod finding;
mod fx;
mod genesis;
mod header;
mod kem;
mod link;
mod order_ref;
mod participant;
mod policy;
#[cfg(feature = "sign")]
mod proof;
mod rules;
#[cfg(feature = "sign")]
mod sign;
mod statement;
mod suite;
#[cfg(feature = "sign")]
mod trust;

pub use answer::{DECISION_LEN, Decision, Ruling, decisions_statement, receipt_statement};
pub use any_statement::{AnyStatement, STATEMENT_BYTES_MAX};
pub use batch::{BATCH_ORDERS_MAX, PLACE_INDEX_BITS, batch_statement, merkle_root};
pub use bytes::{DecodeError, Reader, Writer};
pub use command::{
    COMMAND_BYTES_MAX, Command, CommandBody, RequestId, SignedCommand, command_statement,
};
pub use digest::{order_digest, payload_digest, sha256};
pub use directory::{Identity, KEM_KEY_LIFE_MAX_MS, KemKey, KemRevocation};
pub use envelope::{
    DEK_LEN, Envelope, EnvelopeError, KeyId, SLOT_ENTRY_LEN, SlotEntry, SlotRole, TAG_LEN,
    VIEW_ENTRY_LEN, VIEW_PREFIX_LEN, View, ViewEntry, ViewMask, binding, binding_start,
    ciphertext_len, tables_len, wrap_len,
};
pub use epoch::{EPOCH_LIFE_MAX_MS, EpochOpen, EpochReader};
pub use finding::{
    DisclosureFault, OPENING_TEXT_MAX, OpeningRecord, ReceiverConfirmation, Rewrap,
    ScreeningVerdict,
};
pub use fx::{
    FxTerms, QUOTES_PER_COMMAND_MAX, Quote, RATE_MANTISSA_MAX, RATE_SCALE_MAX, Rate, Side,
};
pub use genesis::{Genesis, ROOTS_MAX};
pub use header::{
    CLASS_MAX, HEADER_LEN, HeaderError, HeaderView, LINK_MEMBERS_MAX, LINK_MEMBERS_MIN,
    MessageKind, OrderHeader, PAYLOAD_BYTES_MAX, Uetr, ValueDate,
};
pub use kem::{Encapsulated, KemBytes, KemPublic};
pub use link::{LINK_TERMS_LEN, LinkTerms, link_group};
pub use order_ref::OrderRef;
pub use participant::{NAME_BYTES_MAX, Participant, ParticipantId, Role, Status};
pub use policy::{
    DisclosureError, DisclosurePolicy, OrderFacts, POLICY_RULES_MAX, PolicyRule, RULE_READERS_MAX,
    RequiredSlot, Requirement, RuleReader, Uncovered,
};
#[cfg(feature = "sign")]
pub use proof::BatchProof;
pub use rules::{AGES, CLASS_WEIGHT_MAX, CURRENCY_WEIGHT_MAX, ClosePolicy, NettingMode, RuleBook};
#[cfg(feature = "sign")]
pub use sign::{KeyError, LocalSigner, PublicKey, Signature, SignatureError, Signer};
pub use statement::{Signed, Statement};
pub use suite::{EPOCH_ORDERS_MAX, EpochId, SLOTS_MAX, Sealing, SizeBucket, Suite, VIEWS_MAX};
#[cfg(feature = "sign")]
pub use trust::{Recipient, Trust, TrustError};
