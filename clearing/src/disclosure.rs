//! Sealed orders, as far as the engine has a say in them: who the parties are that roots vouch for,
//! and what parties state.
//!
//! Signatures are checked where statements come in, and by the verifier; here it counts whose key
//! signed.

mod statements;

use channel::{DecodeError, ROOTS_MAX, Reader, Writer};

use crate::state::bounded;

/// What is known about keys and statements.
#[derive(Debug, Default)]
pub(crate) struct Disclosure {
    /// The keys that may sign identities and policies, ascending.
    pub(crate) roots: Vec<[u8; 32]>,
}

impl Disclosure {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u8(self.roots.len() as u8).raw(self.roots.as_flattened());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = bounded(reader.u8("roots")?.into(), ROOTS_MAX, "roots")?;
        let roots = (0..count).map(|_| reader.array("root")).collect::<Result<_, _>>()?;
        Ok(Self { roots })
    }
}
