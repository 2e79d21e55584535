//! Sealed payments: what a bank, a regulator or a screener does with keys of its own.
//!
//! ```text
//! vault:   a participant's own folder, with all of:        files:  whole, private, durable
//!          keys (its KEM secrets), store (what the roots have signed), sent (what it sealed)
//! sealer:  orders to sealed orders, epochs on the way      sending: sealed, on disk, handed in
//! opener:  sealed orders to views, checked                 signed_payment: what a sender signed
//! desk:    payments read, and what is said about them      faults: the sender's answer
//! incoming: payments as they come, opened
//! ```
//! The protocol is `docs/reference/ppc1.md`. The node serves directory, policy and epochs, and
//! nothing that it serves is believed unless it is signed by a root that the user's trust file pins,
//! or by whom such a root vouches for. What was believed once is kept ([`TrustStore`]), so nothing
//! older is believed later.

mod desk;
mod faults;
mod files;
mod incoming;
mod keys;
mod opener;
mod sealer;
mod sending;
mod sent;
mod signed_payment;
mod store;
mod vault;

pub use channel::{
    AnyStatement, BatchProof, DisclosureFault, DisclosurePolicy, Envelope, Identity,
    KEM_KEY_LIFE_MAX_MS, KemKey, KeyId, OpeningRecord, OrderFacts, OrderRef, PolicyRule,
    ReceiverConfirmation, Requirement, Rewrap, RuleReader, ScreeningVerdict, Signed, SlotRole,
    Statement, Suite, TrustError, View, ViewMask,
};
pub use sealing::{Buffered, DisclosedView, Disclosure, OpenedOrder, OpenedView, Reader};

pub use self::desk::Desk;
pub(crate) use self::files::read_secret;
pub use self::files::write as write_file;
pub use self::incoming::{Incoming, IncomingWatch, Reading};
pub use self::keys::{KEEP_MS, KeyStore, OwnKey};
pub use self::opener::{Opener, Unopened};
pub use self::sealer::{Contents, Sealer, content_hash, requirement};
pub use self::sending::{Draft, Flushed, HandedIn};
pub use self::sent::{SentOrder, SentStore};
pub use self::signed_payment::SignedPayment;
pub use self::store::{SUCCESSION_MS, TrustFile, TrustStore};
pub use self::vault::Vault;

/// A generator of random bytes for keys: the operating system's, unless a test knows better.
pub type Random = Box<dyn rand_core::CryptoRng + Send>;

/// The operating system's generator, drawn from in blocks.
#[must_use]
pub fn system_random() -> Random {
    Box::new(Buffered::new(rand_core::UnwrapErr(getrandom::SysRng)))
}
