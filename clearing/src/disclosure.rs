//! Sealed orders, as far as the engine has a say in them: who the parties are that roots vouch for,
//! and what parties state.
//!
//! Signatures are checked where statements come in, and by the verifier; here it counts whose key
//! signed.

mod statements;

/// What is known about keys and statements.
#[derive(Debug, Default)]
pub(crate) struct Disclosure {
    /// The keys that may sign identities and policies, ascending.
    pub(crate) roots: Vec<[u8; 32]>,
}
