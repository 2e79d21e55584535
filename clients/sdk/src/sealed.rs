//! Sealed payments: what a bank, a regulator or a screener does with keys of its own.
//!
//! ```text
//! keys:    the owner's KEM secrets, on its own disk        store:  what the roots have signed
//! sealer:  orders to sealed orders, epochs on the way      sent:   what was sealed, to send again
//! opener:  sealed orders to views, checked                 files:  whole, private, durable
//! ```
//! The protocol is `docs/reference/ppc1.md`. The node serves directory, policy and epochs, and
//! nothing that it serves is believed unless it is signed by a root that the user's trust file pins,
//! or by whom such a root vouches for. What was believed once is kept ([`TrustStore`]), so nothing
//! older is believed later.

mod files;
mod keys;
mod opener;
mod sealer;
mod sent;
mod store;

pub use channel::{
    AnyStatement, BatchProof, DisclosureFault, DisclosurePolicy, Envelope, Identity, KemKey, KeyId,
    OpeningRecord, OrderFacts, OrderRef, PolicyRule, ReceiverConfirmation, Requirement, Rewrap,
    RuleReader, ScreeningVerdict, Signed, SlotRole, Statement, Suite, TrustError, View, ViewMask,
};
pub use sealing::{Buffered, DisclosedView, Disclosure, OpenedOrder, OpenedView, Reader};

pub use self::keys::{KEEP_MS, KeyStore, OwnKey};
pub use self::opener::{Opener, Unopened};
pub use self::sealer::{Contents, Sealer, content_hash, requirement};
pub use self::sent::{SentOrder, SentStore};
pub use self::store::{TrustFile, TrustStore};

/// A generator of random bytes for keys: the operating system's, unless a test knows better.
pub type Random = Box<dyn rand_core::CryptoRng + Send>;

/// The operating system's generator, drawn from in blocks.
#[must_use]
pub fn system_random() -> Random {
    Box::new(Buffered::new(rand_core::UnwrapErr(getrandom::SysRng)))
}
