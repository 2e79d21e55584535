//! Seals orders and opens them: the protocol `ppc/1`.
//!
//! Only clients link this crate: banks, screeners and regulators, each in a process of their own.
//! What the engine needs of sealed orders is in `channel`, which holds no key that opens anything.
//! The bytes are written down in `docs/reference/ppc1.md`.
//!
//! A sender opens an [`Epoch`] for some readers: one HPKE key agreement (RFC 9180) with each, of
//! which nothing is kept but a key that wraps. An order's details are split into views; each view
//! is encrypted once, under a key of its own that is used for nothing else; and that key is wrapped
//! for each reader who may read the view. A [`Reader`] unwraps and checks everything.
//!
//! Pure: no I/O and no clock. Randomness comes from a generator that the caller hands in, and must
//! be that of the operating system.

mod buffered;
mod dispute;
mod epoch;
mod kem;
mod reader;
mod refused;
mod rewrap;
mod seal;
mod seen;
mod slots;
mod view;
mod wiped;

pub use buffered::Buffered;
pub use dispute::{DisclosedView, Disclosure};
pub use epoch::{Epoch, EpochError, EpochTerms};
pub use kem::KemSecret;
pub use reader::{OpenedOrder, OpenedView, Reader};
pub use refused::Refused;
pub use rewrap::RewrapError;
pub use seal::{Content, SealError, SealedOrder};
pub use slots::Unread;
